"""The journal: observations survive kills, export and import."""

import dataclasses
import io
import json
import os
import random
import signal
import sqlite3
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from warm import fork
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import JournalError
from dalip.photos import PhotoDetails, open_image, read_details, small_copy
from dalip_index import Identification, Journal, Observation, export_journal, import_journal, load_flora
from tests.index.conftest import paint


def photo(colour: str = "red", size: tuple[int, int] = (64, 48), **more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", **more)
    return buffer.getvalue()


def seen(number: int = 0, **more: Any) -> Observation:
    plain = Observation(
        f"{number:032x}", f"2026-05-{1 + number % 28:02}", "Rosa red", "species", "Rosaceae", 0.5, "unsure"
    )
    return dataclasses.replace(plain, **more)


def test_an_answer_is_saved_changed_and_removed(flora_path: Path, encoder: Encoder, tmp_path: Path) -> None:
    (answer,) = load_flora(flora_path, encoder).identify([paint(tmp_path / "red.png", "red", 99)])
    assert isinstance(answer, Identification)
    journal = Journal(tmp_path / "data")
    assert (len(journal), journal.observations()) == (0, [])
    assert not (tmp_path / "data").exists()
    observation = Observation.of(answer, notes="by the path")
    assert (observation.answered, observation.accepted, observation.family) == (
        "Rosa red",
        "Rosa red",
        "Rosaceae",
    )
    assert journal.add(observation, [photo(), photo("blue")])
    assert not journal.add(observation, [])  # already saved
    assert Journal(tmp_path / "data").observations() == [observation]
    assert [open_image(jpeg).size for jpeg in journal.photos(observation.id)] == [(64, 48)] * 2
    changed = journal.change(observation.id, name="Rosa pink", latitude=36.9, longitude=-122.0)
    assert changed == journal.get(observation.id)
    assert (changed.accepted, changed.notes) == ("Rosa pink", "by the path")
    journal.remove(observation.id)
    assert len(journal) == 0
    assert journal.photos(observation.id) == []
    for change in (journal.remove, journal.get, journal.change):
        with refuses(JournalError, match="this observation no longer exists"):
            change(observation.id)


def test_invalid_observations_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with refuses(JournalError, match="no journal yet"):
        journal.get("x")
    journal.add(seen(), [])
    for changes, message in (
        ({"latitude": 91.0, "longitude": 0.0}, "not a location on Earth"),
        ({"latitude": float("nan"), "longitude": 0.0}, "not a location on Earth"),
        ({"latitude": 1.0}, "both a latitude and a longitude"),
        ({"event_date": "last May"}, "is not a date"),
    ):
        with refuses(JournalError, match=message):
            journal.change(seen().id, **changes)
    with pytest.raises(ValueError, match="can be changed"):
        journal.change(seen().id, answered="Rosa blue")
    assert journal.observations() == [seen()]
    with refuses(JournalError, match="not a probability"):
        seen(probability=2.0)


def test_sorting_by_doubt_or_by_date(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for observation in (
        seen(1, probability=0.9),
        seen(2, probability=0.2, name="Rosa red"),
        seen(3, probability=None),
        seen(4, probability=0.4, event_date="2020-01-01"),
    ):
        journal.add(observation, [b"a photo"])
    journal.add(seen(5, probability=0.99, name="Rosa red", event_date="2019-01-01"), [])
    assert [int(o.id, 16) for o in journal.observations("doubt")] == [3, 4, 1, 2, 5]
    assert [int(o.id, 16) for o in journal.observations("date")] == [3, 2, 1, 4, 5]
    assert [int(o.id, 16) for o in journal.observations("date", limit=2, offset=1)] == [2, 1]
    journal.change(seen(1).id, name="Rosa blue")
    by_name = {name: [int(i, 16) for i in ids] for name, ids in journal.photographed(2).items()}
    assert by_name == {"Rosa red": [3, 2], "Rosa blue": [1]}


_SAVE = """
import sys
from pathlib import Path
from dalip_index import Journal, Observation
journal = Journal(Path(sys.argv[1]))
for number in range(100):
    observation = Observation(f"{sys.argv[2]}-{number}", "2026-05-01", "Rosa red", "species", "Rosaceae", 0.5, "sure")
    journal.add(observation, [bytes(20_000)])
    print(observation.id, flush=True)
"""


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_every_acknowledged_save_survives_a_kill(tmp_path: Path, kills: int) -> None:
    chance = random.Random(0)
    told: list[str] = []
    for round_ in range(kills):
        with tempfile.TemporaryFile("w+") as errors:
            arguments = [str(tmp_path), str(round_)]
            process = fork(_SAVE, arguments, os.environ, modules=("dalip_index",), stderr=errors)
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(chance.randint(3, 6))]
        time.sleep(chance.uniform(0, 0.02))  # kill it at a random moment during one of the next saves
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
    assert len(told) > 2 * kills
    journal = Journal(tmp_path)
    kept = {observation.id for observation in journal.observations()}
    assert set(told) <= kept
    assert len(kept) <= len(told) + kills  # one more may have been saved before it was reported
    assert {len(journal.photos(identifier)) for identifier in kept} == {1}
    with sqlite3.connect(journal.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
notes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40)
shares = st.none() | st.floats(0, 1)
places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def observed(draw: st.DrawFn, number: int) -> Observation:
    answered = draw(words.filter(bool))
    place = draw(places) or (None, None)
    return Observation(
        f"{number:032x}",
        f"2026-05-01T10:00:{number:02}.000+00:00",
        answered,
        "species",
        draw(words),
        draw(shares),
        "unsure",
        draw(st.sampled_from(["", answered, "Rosa blue"])),
        draw(st.sampled_from(["", "2026-05-01", "2026-05-01T14:30:00+02:00"])),
        *place,
        draw(notes),
    )


@pytest.mark.parametrize("ending", ["zip", "csv", "json"])
@given(found=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_export_round_trip(tmp_path_factory: Any, ending: str, found: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("export")
    journal, again = Journal(folder / "one"), Journal(folder / "two")
    observations = [found.draw(observed(number)) for number in range(3)]
    for observation in observations:
        journal.add(observation, [photo()])
    path = folder / f"mine.{ending}"
    assert export_journal(journal, path) == 3
    assert import_journal(again, path) == (3, 0)
    assert again.observations() == journal.observations()
    assert import_journal(again, path) == (0, 3)
    kept = [photo()] if ending == "zip" else []
    assert [again.photos(o.id) for o in observations] == [kept] * 3
    assert sorted(p.name for p in folder.iterdir()) == sorted([path.name, "one", "two"])


def test_json_from_other_programs_can_have_numbers_and_more_fields(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    good = Journal(tmp_path / "good")
    good.add(seen(1), [])
    export_journal(good, tmp_path / "good.json")
    (row,) = json.loads((tmp_path / "good.json").read_text())
    more = {"individualCount": 1, "habitat": None, "decimalLatitude": 1.5, "decimalLongitude": 2}
    for number, changes in enumerate((more, more | {"decimalLatitude": None, "decimalLongitude": None})):
        (tmp_path / "more.json").write_text(json.dumps([row | changes | {"occurrenceID": f"{number}"}]))
        assert import_journal(journal, tmp_path / "more.json") == (1, 0)
    places = {(o.latitude, o.longitude) for o in journal.observations()}
    assert places == {(1.5, 2.0), (None, None)}


def test_the_export_is_a_darwin_core_archive(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(seen(1, name="Rosa pink", notes='a "rose", red\nor pink'), [photo(), photo("blue")])
    export_journal(journal, tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        meta = ElementTree.fromstring(archive.read("meta.xml"))
        names = archive.namelist()
        core, media = archive.read("occurrence.csv").decode(), archive.read("multimedia.csv").decode()
    space = {"t": "http://rs.tdwg.org/dwc/text/"}
    for kind, table in (("core", core), ("extension", media)):
        terms = [
            field.attrib["term"].rpartition("/")[2] for field in meta.findall(f"t:{kind}/t:field", space)
        ]
        columns = table.splitlines()[0].split(",")
        assert terms == columns[-len(terms) :]
        assert meta.find(f"t:{kind}/t:files/t:location", space).text in names  # type: ignore[union-attr]
    assert "corrected" in core
    assert f"media/{seen(1).id}-1.jpg" in media


def test_a_file_that_is_not_an_export_adds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    good = Journal(tmp_path / "good")
    good.add(seen(1), [photo()])
    export_journal(good, tmp_path / "good.zip")
    export_journal(good, tmp_path / "good.json")
    rows = json.loads((tmp_path / "good.json").read_text())
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def write_zip(name: str, **changes: bytes | None) -> None:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in (members | {k.replace("_", "."): v for k, v in changes.items()}).items():
                if content is not None:
                    archive.writestr(member, content)

    photo_name = next(name for name in members if name.endswith(".jpg"))
    write_zip("lacks.zip", multimedia_csv=None)
    write_zip("bomb.zip", occurrence_csv=bytes(250_000_000))
    members[photo_name] = b"<svg/>"
    write_zip("script.zip")
    (tmp_path / "text.zip").write_text("no archive")
    cut = bytearray((tmp_path / "good.zip").read_bytes())
    cut[cut.index(photo()) + 50 : cut.index(photo()) + 60] = bytes(10)
    (tmp_path / "cut.zip").write_bytes(cut)
    (tmp_path / "list.json").write_text("[1, null]")
    for name, changes in (
        ("half", {"decimalLatitude": "north"}),
        ("number", {"eventDate": 2026}),
        ("bare", {"identificationRemarks": "{}"}),
        ("remarks", {"identificationRemarks": '{"verdict": "sure", "probability": "much"}'}),
        ("share", {"identificationRemarks": '{"verdict": "sure", "probability": 2}'}),
        ("day", {"eventDate": "soon"}),
        ("place", {"decimalLatitude": "1"}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps([rows[0], rows[0] | changes]))
    (tmp_path / "short.json").write_text(json.dumps([{"occurrenceID": "1"}]))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "latin.csv").write_bytes(b"occurrenceID\n\xe9\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "image.png").write_bytes(photo())
    for name in (
        *(
            "lacks.zip",
            "bomb.zip",
            "script.zip",
            "text.zip",
            "cut.zip",
            "list.json",
            "half.json",
            "number.json",
        ),
        *("bare.json", "remarks.json", "share.json", "day.json", "place.json", "short.json", "deep.json"),
        *("latin.csv", "other.csv", "image.png", "nowhere.csv"),
    ):
        with refuses(
            JournalError,
            match=rf"{name}: the file cannot be read as a journal \(.*\); choose a \.zip, \.csv or \.json",
        ):
            import_journal(journal, tmp_path / name)
    for name, words in (
        ("half.json", "row 2: decimalLatitude is north, which is not a number"),
        ("number.json", "row 2: eventDate is 2026, which is not a string"),
        (
            "bare.json",
            "row 2: identificationRemarks does not have the content .* missing required field `verdict`",
        ),
        ("remarks.json", r"row 2: identificationRemarks does not have the content .* at `\$\.probability`"),
        ("share.json", "row 2: 2.0 is not a probability"),
        ("day.json", "row 2: soon is not a date"),
        ("place.json", "row 2: a location needs both"),
        ("short.json", "row 1: the field identificationRemarks is missing"),
        ("other.csv", "row 1: the field identificationRemarks is missing"),
        ("lacks.zip", r"the archive does not contain multimedia\.csv"),
        ("bomb.zip", r"occurrence\.csv: the file is larger than 200,000,000 bytes"),
        ("script.zip", r"media/.*\.jpg: the photo is not a JPEG file"),
        ("nowhere.csv", "No such file"),
    ):
        with refuses(JournalError, match=words):
            import_journal(journal, tmp_path / name)
    with refuses(JournalError, match="choose another file"):
        export_journal(good, tmp_path / "nowhere" / "mine.zip")
    with refuses(
        JournalError, match=r"mine\.txt: a journal file must end in \.zip, \.csv or \.json; use one"
    ):
        export_journal(good, tmp_path / "mine.txt")
    assert len(journal) == 0


def exif(**parts: Any) -> Image.Exif:
    found = Image.Exif()
    found[ExifTags.Base.Orientation] = 6
    found.get_ifd(ExifTags.IFD.Exif).update(parts.get("details", {}))
    found.get_ifd(ExifTags.IFD.GPSInfo).update(parts.get("place", {}))
    return found


def test_date_and_place_are_read_from_a_photo_and_removed_from_its_copy() -> None:
    details = {
        ExifTags.Base.DateTimeOriginal: "2026:05:31 14:30:00",
        ExifTags.Base.OffsetTimeOriginal: "+02:00",
    }
    place = {1: "S", 2: (36.0, 58.0, 12.0), 3: "W", 4: (122.0, 1.0, 30.5)}
    taken = photo(size=(2000, 1000), exif=exif(details=details, place=place))
    when = ("2026-05-31T14:30:00+02:00", "DateTimeOriginal")
    assert read_details(taken) == PhotoDetails(when[0], -36.97, -122.025139, when[1])
    copy = small_copy(taken)
    assert read_details(copy) == PhotoDetails()
    with Image.open(io.BytesIO(copy)) as image:
        assert image.size == (800, 1600)  # upright
        assert not image.getexif()
    for odd in (
        {"place": {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}},
        {"place": {1: "N", 2: (5.0, 0.0, 0.0)}},
        {"details": {ExifTags.Base.DateTimeOriginal: "0000:00:00 00:00:00"}},
    ):
        assert read_details(photo(exif=exif(**odd))) == PhotoDetails()
    assert read_details(b"no photo") == PhotoDetails()


@pytest.mark.parametrize("suffix", ["heic", "avif", "jpg", "png", "webp"])
def test_the_date_is_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    found = Image.Exif()
    found[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2026:05:31 14:30:00"}
    path = tmp_path / f"photo.{suffix}"
    Image.new("RGB", (64, 64), "green").save(path, exif=found)
    assert read_details(path).event_date == "2026-05-31T14:30:00"


def test_journals_from_later_versions_and_other_databases_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(seen(), [])
    with sqlite3.connect(journal.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    with refuses(
        JournalError,
        match=r"journal\.db: the database has version 9, but .* supports only up to 1; upgrade DALIP",
    ):
        journal.observations()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "journal.db").write_bytes(b"no database" * 100)
    with refuses(
        JournalError, match="the database is damaged .*; move the file elsewhere and import your last export"
    ):
        Journal(tmp_path / "other").observations()
