"""Export and import: every text survives, other programs can read the files, and a bad file adds nothing."""

import csv
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from wording import refuses, said

from dalip.errors import JournalError, Skipped
from dalip.photos import open_image, read_details, small_copy
from dalip_index import Journal, Observation, export_journal, import_journal
from tests.index.journal.exported import ROW, csv_line, jpeg, observed, write_json, write_zip

FORMS = ("zip", "csv", "json")
HARD = "=+-@\t\r\n\x0b\x1f\x7f\x85\u2028\u2029'\"`,;| \xa0\ufeff\u202e\u200d\u0301\uff1d\U0001f33a1.5e"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.text(
    HARD, max_size=6
)
dates = st.datetimes().map(lambda date: date.isoformat())
places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def any_observation(draw: st.DrawFn) -> Observation:
    answered = draw(texts.filter(bool))
    place = draw(places) or (None, None)
    return Observation(
        draw(texts.filter(bool)),
        draw(dates),
        answered,
        draw(st.sampled_from(["order", "genus", "species", "cultivar"])),
        draw(texts),
        draw(st.none() | st.floats(0, 1)),
        draw(st.sampled_from(["sure", "unsure", "not in flora", "not a plant", "uncalibrated"])),
        draw(st.just("") | st.just(answered) | texts),
        draw(st.just("") | dates),
        *place,
        draw(texts),
    )


@pytest.mark.parametrize("form", FORMS)
@given(observations=st.lists(any_observation(), max_size=3, unique_by=lambda seen: seen.id))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_survives_export_and_import(
    tmp_path_factory: pytest.TempPathFactory, form: str, observations: list[Observation]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    journal, again = Journal(folder / "one"), Journal(folder / "two")
    for number, observation in enumerate(observations):
        journal.add(observation, [jpeg(), jpeg("blue")][:number])
    first, second = folder / f"first.{form}", folder / f"second.{form}"
    assert export_journal(journal, first) == len(observations)
    done = import_journal(again, first)
    assert (done.added, done.there, done.skipped) == (len(observations), 0, ())
    assert again.observations() == journal.observations()
    for observation in observations if form == "zip" else ():
        assert again.photos(observation.id) == journal.photos(observation.id)
    done = import_journal(again, first)
    assert (done.added, done.there, done.skipped) == (0, len(observations), ())
    export_journal(again if form == "zip" else journal, second)
    assert second.read_bytes() == first.read_bytes()
    assert {p.name for p in folder.iterdir()} <= {first.name, second.name, "one", "two"}


def test_an_export_is_the_same_at_another_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    journal.add(observed(), [jpeg()])
    export_journal(journal, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_rows_that_earlier_versions_wrote(tmp_path: Path) -> None:
    """They left a lone carriage return without quotes, and named photos after the observation."""
    line = (
        ",".join(map(str, ROW.values()))
        .replace('{"verdict"', '"{""verdict""')
        .replace(' "sure", "probability": 0.9}', ' ""sure"", ""probability"": 0.9}"')
    )
    photo = jpeg()
    write_zip(
        tmp_path / "old.zip",
        f"{line}old\rmac\n",
        "a1,StillImage,image/jpeg,media/a1-0.jpg\n",
        {"media/a1-0.jpg": photo},
    )
    journal = Journal(tmp_path / "data")
    assert import_journal(journal, tmp_path / "old.zip").added == 1
    assert journal.observations() == [observed(notes="old\rmac")]
    assert journal.photos("a1") == [photo]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_that_a_spreadsheet_saved_again(tmp_path: Path, end: str) -> None:
    text = (
        ",".join(ROW) + "\n" + csv_line(occurrenceRemarks="two\nlines") + "\n" + csv_line(occurrenceID="a2")
    )
    (tmp_path / "mine.csv").write_text("\ufeff" + text, encoding="utf-8", newline=end)
    journal = Journal(tmp_path / "data")
    assert import_journal(journal, tmp_path / "mine.csv").added == 2
    assert [seen.notes for seen in journal.observations()] == [f"two{end}lines", ""]


def test_json_from_other_programs_can_have_numbers_and_more_fields(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    more = {"individualCount": 1, "habitat": None, "decimalLatitude": 1.5, "decimalLongitude": 2}
    for number, changes in enumerate((more, more | {"decimalLatitude": None, "decimalLongitude": None})):
        path = write_json(tmp_path / "more.json", ROW | changes | {"occurrenceID": f"{number}"})
        assert import_journal(journal, path).added == 1
    assert {(o.latitude, o.longitude) for o in journal.observations()} == {(1.5, 2.0), (None, None)}


def test_the_export_is_a_darwin_core_archive(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(observed(name="Rosa pink", notes='=a "rose", red\nor pink'), [jpeg(), jpeg("blue")])
    export_journal(journal, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        meta = ElementTree.fromstring(archive.read("meta.xml"))
        names = archive.namelist()
        tables = {name: archive.read(name).decode() for name in names if name.endswith(".csv")}
    space = {"t": "http://rs.tdwg.org/dwc/text/"}
    for kind in ("core", "extension"):
        location = meta.find(f"t:{kind}/t:files/t:location", space)
        assert location is not None
        header = tables[str(location.text)].splitlines()[0].split(",")
        fields = meta.findall(f"t:{kind}/t:field", space)
        terms = [field.attrib["term"].rpartition("/")[2] for field in fields]
        assert terms == header[-len(terms) :]
    (row,) = csv.DictReader(io.StringIO(tables["occurrence.csv"], newline=""))
    assert row["occurrenceRemarks"] == '=a "rose", red\nor pink', "an archive is for programs, and exact"
    assert row["identificationVerificationStatus"] == "corrected"
    photos = [row["identifier"] for row in csv.DictReader(io.StringIO(tables["multimedia.csv"]))]
    assert photos == [name for name in names if name.startswith("media/")]


def test_a_spreadsheet_runs_no_cell_of_the_csv(tmp_path: Path) -> None:
    formula = {"scientificName": "=cmd|'/C calc'!A0", "family": "@SUM(1)", "verbatimIdentification": "+1+1"}
    place = {"decimalLatitude": -36.9, "decimalLongitude": -122.0}
    notes = {"occurrenceRemarks": '=HYPERLINK("http://evil","x")'}
    path = write_json(tmp_path / "formula.json", ROW | formula | place | notes)
    journal = Journal(tmp_path / "data")
    import_journal(journal, path)
    export_journal(journal, tmp_path / "mine.csv")
    (row,) = csv.DictReader((tmp_path / "mine.csv").open(encoding="utf-8", newline=""))
    assert not [value for value in row.values() if value.startswith(("=", "+", "@"))]
    assert row["scientificName"] == "'=cmd|'/C calc'!A0"
    assert (row["decimalLatitude"], row["decimalLongitude"]) == ("-36.9", "-122.0")
    import_journal(Journal(tmp_path / "again"), tmp_path / "mine.csv")
    assert Journal(tmp_path / "again").observations() == journal.observations()


SLIPS = (
    "../../../../tmp/evil",
    "/etc/passwd",
    "C:\\Windows\\evil",
    "\\\\server\\share\\evil",
    "..",
    "CON",
    "nul.jpg",
    "a/b",
    "a:b",
    "trailing. ",
    "\u202egpj.evil",
    "x" * 1_000,
)


def test_an_identifier_never_becomes_a_path(tmp_path: Path) -> None:
    journal, photo = Journal(tmp_path / "data"), jpeg()
    ids = [*SLIPS, "same", "SAME"]
    rows = [ROW | {"occurrenceID": identifier} for identifier in ids]
    assert import_journal(journal, write_json(tmp_path / "slip.json", *rows)).added == len(ids)
    path = write_zip(
        tmp_path / "slip.zip",
        "".join(csv_line(occurrenceID=f"z{identifier}") for identifier in SLIPS[:5]),
        "".join(f'"z{identifier}",,,../evil.jpg\n' for identifier in SLIPS[:5]),
        {"../evil.jpg": photo},
    )
    assert import_journal(journal, path).added == 5
    export_journal(journal, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert archive.namelist() == [
            *(f"media/{number:06}.jpg" for number in range(1, 6)),
            "occurrence.csv",
            "multimedia.csv",
            "meta.xml",
        ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "mine.zip", "slip.json", "slip.zip"]
    again = Journal(tmp_path / "again")
    assert import_journal(again, tmp_path / "mine.zip").added == len(journal)
    assert again.observations() == journal.observations()


def spoilt_photo(folder: Path) -> Iterator[tuple[str, bytes]]:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (36.0, 58.0, 12.0), 3: "W", 4: (122.0, 1.0, 30.0)})
    exif[ExifTags.Base.Artist] = "SECRET"
    yield "exif", jpeg(exif=exif)
    yield "comment", jpeg(comment=b"SECRET")
    yield "trailing data", jpeg() + b"SECRET"
    yield "application data", jpeg()[:2] + b"\xff\xed\0\x08SECRET" + jpeg()[2:]
    yield "XMP", jpeg(xmp=b"<x:xmpmeta>SECRET</x:xmpmeta>")
    yield "profile", jpeg(icc_profile=b"SECRET" * 50)
    yield "before the end", jpeg()[:-2] + b"\xff\xfe\0\x08SECRET\xff\xd9"
    image = Image.new("RGB", (64, 48), "red")
    image.save(folder / "photo.png", pnginfo=None, exif=exif)
    yield "PNG", (folder / "photo.png").read_bytes()


def test_photos_lose_what_a_saved_photo_loses(tmp_path: Path) -> None:
    for name, photo in spoilt_photo(tmp_path):
        journal = Journal(tmp_path / name)
        path = write_zip(tmp_path / "gps.zip", csv_line(), "a1,,,media/a.jpg\n", {"media/a.jpg": photo})
        import_journal(journal, path)
        (kept,) = journal.photos("a1")
        assert b"SECRET" not in kept, name
        assert read_details(kept).latitude is None
        assert not Image.open(io.BytesIO(kept)).getexif()
        assert open_image(kept).size == (64, 48)
        assert small_copy(kept) == kept, "a copy of the copy loses nothing"


BAD = {
    "created-int": ({"dateIdentified": 0}, "row 2, dateIdentified: expected text, not 0"),
    "name-list": ({"scientificName": ["x"]}, r"row 2, scientificName: expected text, not \['x'\]"),
    "notes-surrogate": ({"occurrenceRemarks": "\ud800x"}, "row 2, occurrenceRemarks: .* half a Unicode"),
    "notes-null": ({"occurrenceRemarks": "a\0"}, "row 2, occurrenceRemarks: .* a null character"),
    "notes-long": ({"occurrenceRemarks": "a" * 50_001}, "row 2, occurrenceRemarks: .* 50,001 characters"),
    "id-bigint": ({"occurrenceID": 10**30}, r"row 2, occurrenceID: expected text, not 1e\+30"),
    "id-object": ({"occurrenceID": {"x": 1}}, "row 2, occurrenceID: expected text"),
    "id-empty": ({"occurrenceID": ""}, "row 2, occurrenceID: expected text, but the field is empty"),
    "id-long": (
        {"occurrenceID": "x" * 10_000},
        "row 2, occurrenceID: .*10,000 characters; use at most 1,000",
    ),
    "date": ({"eventDate": "soon"}, "row 2, eventDate: soon is not a date"),
    "date-number": ({"eventDate": 2026}, "row 2, eventDate: expected text, not 2026"),
    "date-none": ({"dateIdentified": ""}, "row 2, dateIdentified: expected text, but"),
    "date-null": ({"dateIdentified": None}, "row 2, dateIdentified: expected text, not None"),
    "date-control": ({"eventDate": "2026-05-31\n10:00"}, "row 2, eventDate: .* is not a date"),
    "north": ({"decimalLatitude": "north"}, "row 2, decimalLatitude: expected a number .*, not north"),
    "range": ({"decimalLongitude": 181}, "row 2, decimalLongitude: expected a number from -180 to 180"),
    "nan": ({"decimalLatitude": "nan"}, "row 2, decimalLatitude: expected a number"),
    "bool": ({"decimalLatitude": True}, "row 2, decimalLatitude: expected a number"),
    "half a place": ({"decimalLatitude": "1"}, "row 2: a location needs both"),
    "rank": ({"taxonRank": "clan"}, "row 2, taxonRank: expected one of order, .*, not clan"),
    "no rank": ({"taxonRank": ""}, "row 2, taxonRank: expected one of"),
    "status": (
        {"identificationVerificationStatus": "x"},
        "row 2, identificationVerificationStatus: expected one",
    ),
    "remarks": (
        {"identificationRemarks": "{}"},
        "row 2, identificationRemarks: .* missing required field `verdict`",
    ),
    "verdict": (
        {"identificationRemarks": '{"verdict": "x", "probability": 1}'},
        "row 2, identificationRemarks: .*verdict",
    ),
    "share": (
        {"identificationRemarks": '{"verdict": "sure", "probability": 2}'},
        "row 2, identificationRemarks: .*probability",
    ),
    "remarks-deep": ({"identificationRemarks": "[" * 40_000}, "row 2, identificationRemarks: "),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_value_adds_nothing_and_is_named(tmp_path: Path, name: str) -> None:
    changes, words = BAD[name]
    journal = Journal(tmp_path)
    journal.add(observed("kept"), [])
    path = write_json(tmp_path / "bad.json", ROW, ROW | {"occurrenceID": "a2"} | changes)
    with refuses(JournalError, match=rf"bad\.json: nothing was imported, .* \({words}"):
        import_journal(journal, path)
    with refuses(JournalError, match=words):
        import_journal(Journal(tmp_path / "nowhere"), path)
    assert journal.observations() == [observed("kept")]
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_not_an_export_adds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    named = "a1,,,media/a.jpg\n"
    photo = {"media/a.jpg": jpeg()}
    cut = write_zip(tmp_path / "cut.zip", csv_line(), named, {"media/a.jpg": jpeg() * 2}, zipfile.ZIP_STORED)
    content = bytearray(cut.read_bytes())
    content[300:320] = bytes(20)
    cut.write_bytes(content)
    with zipfile.ZipFile(tmp_path / "lacks.zip", "w") as archive:
        archive.writestr("occurrence.csv", "")
    write_zip(tmp_path / "script.zip", csv_line(), named, {"media/a.jpg": b"<svg/>"})
    write_zip(tmp_path / "gone.zip", csv_line(), named)
    write_zip(tmp_path / "web.zip", csv_line(), "a1,,,https://example.org/a.jpg\n", photo)
    write_zip(tmp_path / "lzma.zip", csv_line(), named, photo, zipfile.ZIP_LZMA)
    write_zip(tmp_path / "nameless.zip", csv_line(), "a1,,,\n", photo)
    write_zip(tmp_path / "latin.zip", csv_line().encode() + b"\xe9\n", named, photo)
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "empty.zip").write_bytes(b"")
    for name, text in {
        "list.json": "[1, null]",
        "object.json": '{"occurrenceID": "1"}',
        "deep.json": "[" * 100_000,
        "deeper.json": '[{"a": ' + "[" * 100_000,
        "cut.json": '[{"occurrenceID": "1"',
        "more.json": "[] []",
        "short.json": '[{"occurrenceID": "1"}]',
        "other.csv": "a,b\n1,2\n",
        "wide.csv": ",".join(ROW) + "\n" + csv_line().strip() + ",more\n",
        "stray.csv": ",".join(ROW) + '\n"a"b' + "," * 13 + "\n",
        "image.png": "",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.csv").write_bytes(b"occurrenceID\n\xe9\n")
    (tmp_path / "folder.zip").mkdir()
    for name, words in {
        "lacks.zip": r"the archive does not contain multimedia\.csv",
        "script.zip": r"media/a\.jpg: ",
        "gone.zip": r"the archive does not contain media/a\.jpg",
        "web.zip": "the archive does not contain https://example.org",
        "lzma.zip": r"multimedia\.csv: the file in the archive is encrypted or compressed in an unusual way",
        "nameless.zip": r"multimedia\.csv, row 1, identifier: the field is missing",
        "latin.zip": r"occurrence\.csv: the text is not UTF-8",
        "cut.zip": r"media/a\.jpg: ",
        "text.zip": r"the \.zip archive is damaged: File is not a zip file",
        "empty.zip": r"the \.zip archive is damaged: File is not a zip file",
        "folder.zip": "this is a folder, pipe or device",
        "list.json": "row 1: expected a JSON object",
        "object.json": "row 1: this is not the JSON of an exported journal: expected",
        "deep.json": "row 1: expected a JSON object",
        "deeper.json": "row 1: this is not the JSON of an exported journal: nested too deeply",
        "cut.json": "row 1: this is not the JSON of an exported journal",
        "more.json": "after the end",
        "short.json": "row 1, [a-zA-Z]+: the field is missing",
        "other.csv": "row 1, occurrenceID: the field is missing",
        "latin.csv": "the text is not UTF-8",
        "wide.csv": "row 1: the row has 15 cells, but the table has 14 columns",
        "stray.csv": "row 1: quotation marks inside a cell must be doubled",
        "image.png": r"a journal file must end in \.zip, \.csv or \.json; use one",
        "nowhere.csv": "No such file",
    }.items():
        with refuses(
            JournalError, match=rf"{name}: nothing was imported, .* \(.*{words}.*\); choose a \.zip"
        ):
            import_journal(journal, tmp_path / name)
    assert len(journal) == 0


def test_an_export_that_cannot_be_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(observed(), [])
    with refuses(
        JournalError, match=r"nowhere/mine\.zip cannot be written \(No such file .*check the disk and the"
    ):
        export_journal(journal, tmp_path / "nowhere" / "mine.zip")
    with refuses(
        JournalError, match=r"mine\.txt: a journal file must end in \.zip, \.csv or \.json; use one"
    ):
        export_journal(journal, tmp_path / "mine.txt")


def test_what_differs_from_the_journal_or_has_no_observation_is_listed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    journal.add(observed("a1", notes="mine"), [])
    rows = [ROW, ROW | {"occurrenceID": "a2"}, ROW | {"occurrenceID": "a2"}, ROW | {"occurrenceID": "a3"}]
    rows.append(ROW | {"occurrenceID": "a3", "occurrenceRemarks": "other"})
    done = import_journal(journal, write_json(tmp_path / "more.json", *rows))
    assert (done.added, done.there) == (2, 3)
    assert [said(skipped.error) for skipped in done.skipped] == [
        "row 1: the observation a1 is already in the journal with other content, which was kept",
        "row 5: the observation a3 is already in the journal with other content, which was kept",
    ]
    assert journal.get("a1").notes == "mine"
    assert journal.get("a3").notes == ""
    path = write_zip(tmp_path / "x.zip", csv_line(), "b9,,,media/a.jpg\n", {"media/a.jpg": jpeg()})
    (skipped,) = import_journal(Journal(tmp_path / "new"), path).skipped
    assert said(skipped.error) == "multimedia.csv: there is no observation b9; its photos (1) were left out"


def spoil(journal: Journal, identifier: str, column: str, value: object) -> None:
    """Store what an earlier version could import."""
    with sqlite3.connect(journal.path) as connection:
        connection.execute(f"UPDATE observations SET {column} = {value} WHERE id = ?", (identifier,))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created", "0"),
        ("event_date", "'soon'"),
        ("latitude", "3"),
        ("probability", "7"),
        ("notes", "CAST(x'ff' AS TEXT)"),
    ],
)
def test_an_observation_that_cannot_be_used_does_not_hide_the_others(
    tmp_path: Path, column: str, value: str
) -> None:
    journal = Journal(tmp_path / "data")
    for identifier in ("a1", "a2", "a3"):
        journal.add(observed(identifier), [jpeg()])
    spoil(journal, "a2", column, value)
    skipped: list[Skipped] = []
    assert [seen.id for seen in journal.observations(on_skip=skipped.append)] == ["a1", "a3"]
    assert [seen.source for seen in skipped] == ["a2"]
    assert "the observation a2 cannot be used (" in said(skipped[0].error)
    assert "move the file" not in said(skipped[0].error)
    for form in FORMS:
        path = tmp_path / f"mine.{form}"
        assert export_journal(journal, path, on_skip=skipped.append) == 2
        assert import_journal(Journal(tmp_path / form), path).added == 2
    assert len(skipped) == 4
    done = import_journal(journal, write_json(tmp_path / "good.json", ROW | {"occurrenceID": "a2"}))
    assert (done.added, len(done.skipped)) == (0, 1)
    with refuses(JournalError, match="the observation a2 cannot be used"):
        journal.get("a2")
    journal.remove("a2")
    assert len(journal) == 2


def test_what_earlier_versions_saved_and_new_observations_must_not_have_stays_usable(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(observed(), [])
    spoil(journal, "a1", "verdict", "'perhaps'")
    spoil(journal, "a1", "notes", f"'{'long ' * 20_000}'")
    (seen,) = journal.observations()
    assert (seen.verdict, len(seen.notes)) == ("perhaps", 100_000)
    assert journal.change("a1", name="Rosa").name == "Rosa"


def test_two_exports_to_one_file_do_not_mix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    for number in range(20):
        journal.add(observed(f"{number}"), [])
    (tmp_path / f".mine.csv.{os.getpid() + 1}.draft").write_text("of another process")
    export_journal(journal, tmp_path / "mine.csv")
    assert len((tmp_path / "mine.csv").read_text().splitlines()) == 21


def test_an_export_from_here_reads_as_json(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    export_journal(journal, tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []
    journal.add(observed(), [])
    journal.add(observed("a2"), [])
    export_journal(journal, tmp_path / "two.json")
    rows: list[dict[str, Any]] = json.loads((tmp_path / "two.json").read_text())
    assert [row["occurrenceID"] for row in rows] == ["a1", "a2"]
