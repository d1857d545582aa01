"""Reading datasets: the layout is detected from the content; problems are reported by file or row, the rest is read."""

import contextlib
import gzip
import random
import stat
import zipfile
from pathlib import Path

import pytest
from wording import refuses

from dalip.datasets import read_named, read_records
from dalip.datasets.photo_location import FilePart, WebPhoto, ZipMember
from dalip.errors import DataError
from dalip.taxonomy import Taxon, VernacularName
from tests.dalip.heard import PHOTO, Heard, write, write_zip
from tests.dalip.made import fields, write_tar


@pytest.fixture
def heard() -> Heard:
    return Heard()


CLASSES = {"Rosa_canina/1.jpg": PHOTO, "Rosa_canina/bud/2.JPG": PHOTO, "Viola/3.png": PHOTO}


def test_a_folder_per_plant_on_disk_and_in_an_archive(tmp_path: Path, heard: Heard) -> None:
    folder = write(tmp_path / "garden", {**CLASSES, "Viola/.hidden.jpg": PHOTO, "Viola/read.me": "x"})
    found = heard.read(folder)
    assert {key: record.fields["scientificName"] for key, record in found.items()} == {
        "Rosa_canina/1.jpg": "Rosa canina",
        "Rosa_canina/bud/2.JPG": "Rosa canina",
        "Viola/3.png": "Viola",
    }
    assert {record.fields["source"] for record in found.values()} == {"garden"}
    assert heard.faults == []
    assert heard.notes == [
        f"{folder}: 1 hidden or system file or folder was left out",
        f"{folder}: 1 file is not a photo (1 .me)",
    ]
    plain = write_zip(tmp_path / "plain.zip", CLASSES)
    nested = write_zip(tmp_path / "nested", {f"garden/{name}": PHOTO for name in CLASSES})
    for archive in (plain, nested):  # the second is recognised by its content
        zipped = heard.read(archive)
        assert list(zipped) == list(found)
        assert all(isinstance(i.location, ZipMember) and i.location.read() == PHOTO for i in zipped.values())
    assert set(heard.read(write_zip(tmp_path / "one.zip", {"Rosa/1.jpg": PHOTO}))) == {"Rosa/1.jpg"}


def test_a_training_table_may_list_photos_anywhere(tmp_path: Path, heard: Heard) -> None:
    """For example, lists of absolute paths. A table in a folder of photos may not, nor a table that is to be packed."""
    photo = write(tmp_path / "elsewhere", {"1.jpg": PHOTO}) / "1.jpg"
    names = str(photo), "../elsewhere/1.jpg", "x" * 300, "no\0 name"
    rows = "".join(f"{name},Viola\n" for name in names)
    lists = write(tmp_path / "lists", {"photos.csv": f"file,scientificName\n{rows}"})
    found = read_named(lists / "photos.csv", report=heard.report)
    assert [record.key for record in found] == [*names[:2]]
    assert all(record.read_bytes() == PHOTO for record in found)
    assert len(heard.faults) == 2
    linked = write(tmp_path / "linked", {"Viola/own.jpg": PHOTO, "Viola/b\udcff\t.jpg": PHOTO})
    (linked / "Viola/link.jpg").symlink_to(photo)
    assert [r.key for r in read_named(linked)] == [r"Viola/b\udcff\t.jpg", "Viola/link.jpg", "Viola/own.jpg"]
    for source, read in ((lists, read_named), (lists / "photos.csv", read_records)):
        with refuses(DataError, match="points outside the folder"):
            read(source)


def test_unusable_files_in_a_folder_are_reported(tmp_path: Path, heard: Heard) -> None:
    folder = write(tmp_path / "garden", {**CLASSES, "stray.jpg": PHOTO, "Rosa\x07/4.jpg": PHOTO})
    elsewhere = write(tmp_path / "elsewhere", {"secret.jpg": PHOTO})
    (folder / "Viola/out.jpg").symlink_to(elsewhere / "secret.jpg")
    (folder / "Viola/in.jpg").symlink_to(folder / "Viola/3.png")
    (folder / "Viola/loop.jpg").symlink_to(folder / "Viola/loop.jpg")
    (folder / "Linked").symlink_to(elsewhere)
    found = heard.read(folder)
    assert set(found) == {*CLASSES, "Viola/in.jpg"}
    said = "\n".join(sorted(heard.faults))
    assert len(heard.faults) == 5
    assert "Linked: this is a link to a folder" in said
    assert "'Viola/out.jpg' is a link that points outside" in said
    assert "Viola/loop.jpg: the file cannot be read" in said
    assert "stray.jpg: the photo is not in a plant folder" in said
    assert "contains control characters" in said


def test_archives_with_paths_outside_themselves(tmp_path: Path, heard: Heard) -> None:
    path = write_zip(tmp_path / "bad.zip", {**CLASSES, "../up.jpg": PHOTO, "/etc/root.jpg": PHOTO})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a\\..\\..\\up.jpg", PHOTO)
        archive.writestr("C:/windows.jpg", PHOTO)
        link = zipfile.ZipInfo("Viola/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("Viola/lzma.jpg", PHOTO, zipfile.ZIP_LZMA)
    found = heard.read(path)
    assert set(found) == set(CLASSES)
    assert len(heard.faults) == 6
    assert sum("points outside the archive" in line for line in heard.faults) == 4
    assert any("link.jpg: this is a link" in line for line in heard.faults)
    assert any("lzma.jpg: the compression method is not supported" in line for line in heard.faults)


def test_bombs_are_not_unpacked(tmp_path: Path, heard: Heard) -> None:
    zeros = bytes(101_000_000)
    path = write_zip(tmp_path / "bomb.zip", {"Rosa/1.jpg": zeros})
    record = heard.read(path)["Rosa/1.jpg"]
    with refuses(DataError, match="the limit for a photo"):
        record.location.read()  # type: ignore[union-attr]
    table = write_zip(tmp_path / "table.zip", {"photos.csv": zeros, "Viola/1.jpg": PHOTO})
    assert set(heard.read(table)) == {"Viola/1.jpg"}
    assert any("'photos.csv' would unpack from" in line for line in heard.notes)


def test_damaged_archives_never_end_in_a_traceback(tmp_path: Path) -> None:
    rows = "".join(f"{i}.jpg,Rosa canina\n" for i in range(50))
    files = {"photos.csv": "file,scientificName\n" + rows, **{f"{i}.jpg": PHOTO * 9 for i in range(50)}}
    whole = write_zip(tmp_path / "whole.zip", files).read_bytes()
    chance = random.Random(0)
    for number in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        bad = tmp_path / f"{number}.zip"
        bad.write_bytes(content[: chance.choice((len(content), chance.randrange(len(content))))])
        with contextlib.suppress(DataError):
            for record in Heard().read(bad).values():
                with contextlib.suppress(DataError):
                    record.location.read()  # type: ignore[union-attr]


def test_a_table_lists_its_photos(tmp_path: Path, heard: Heard) -> None:
    table = (
        "File;scientific_name;licence;Photographer;decimalLatitude;GPS;occurrenceID;caption\n"
        "a.jpg;Rosa canina L.;CC0;Ada;36.9;x;o1;a rose\n"
        "a.jpg;Rosa canina L.;CC0;Ada;36.9;x;o1;a red rose\n"
        'sub\\b.jpg;"Viola\n odorata";;;;;o1\n'
        "https://example.org/c.jpg;Viola;;;;;;\n"
        "https://example.org/d.jpg;Viola;;;;;;\n"
    )
    folder = write(tmp_path / "set", {"photos.csv": table, "a.jpg": PHOTO, "sub/b.jpg": PHOTO})
    elsewhere = write(tmp_path / "elsewhere", {"d.jpg": PHOTO})
    found = heard.read(folder / "photos.csv", photos=elsewhere)
    assert heard.faults == []
    a, b, c, d = found.values()
    assert a.fields == {
        "scientificName": "Rosa canina L.",
        "license": "CC0",
        "rightsHolder": "Ada",
        "occurrenceID": "o1",
        "caption": ["a rose", "a red rose"],
    }
    assert b.fields["scientificName"] == "Viola odorata"
    assert a.observation == b.observation == "o1"
    assert b.where == f"{folder}/photos.csv, line 4"
    assert c.location == WebPhoto("https://example.org/c.jpg")
    assert d.location == FilePart(elsewhere / "d.jpg")
    assert heard.notes == []
    assert heard.read(folder, photos=elsewhere) == found
    zipped = write_zip(tmp_path / "set.zip", {"photos.csv": table, "a.jpg": PHOTO, "sub/b.jpg": PHOTO})
    assert list(heard.read(zipped)) == list(found)


def test_bad_rows_are_reported_by_line_and_the_rest_is_read(tmp_path: Path, heard: Heard) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(PHOTO)
    rows = [
        b"file,scientificName,notes",
        b"good.jpg,Rosa canina,first",
        b"gone.jpg,Rosa canina,",  # 3
        b"../outside.jpg,Rosa canina,",
        str(outside).encode() + b",Rosa canina,",
        b"file:///etc/passwd,Rosa canina,",
        b"https:///nowhere,Rosa canina,",  # 7
        b"good2.jpg,Rosa canina,a,b,c",
        b"good2.jpg," + b"R" * 201 + b",",
        b"good2.jpg,Rosa\x00canina,",
        b"good2.jpg," + b"R" * 10_000_000 + b",",  # 11
        b'good2.jpg,"Rosa canina,never closed',
        b"good2.jpg,Viola odorata,ok",
        b"good.jpg,Rosa canina,again",
        b",Rosa canina,",
        b'good2.jpg,"Rosa" x,',  # 16
        b"",
        b"good3.jpg,Echium plantagineum,caf\xe9",
        b",,,,",
    ]
    folder = write(tmp_path / "set", dict.fromkeys(["good.jpg", "good2.jpg", "good3.jpg"], PHOTO))
    (folder / "t.csv").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(rows))
    found = heard.read(folder / "t.csv")
    assert list(found) == ["good.jpg", "good2.jpg", "good3.jpg"]
    assert found["good3.jpg"].fields["notes"] == "café"
    lines = [int(line.split(", line ")[1].split(":")[0]) for line in heard.faults]
    assert sorted(lines) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16]
    assert max(map(len, heard.faults)) < 500
    assert heard.notes[0].startswith(
        f"{folder}/t.csv, line 18: the line is not valid UTF-8 and was read as Windows-1252"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings(tmp_path: Path, heard: Heard, encoding: str, end: str) -> None:
    text = end.join(["file\tscientificName", "é.jpg\tAesculus × carnea", ""])
    folder = write(tmp_path, {"é.jpg": PHOTO, "t.tsv": text.encode(encoding)})
    (record,) = heard.read(folder / "t.tsv").values()
    assert record.fields["scientificName"] == "Aesculus × carnea"
    assert sum("Windows-1252" in line for line in heard.notes) == (encoding == "cp1252")


def test_shards_and_their_problems(tmp_path: Path, heard: Heard) -> None:
    deep = ("[" * 100_000).encode()
    write_tar(
        tmp_path / "a.tar",
        {
            "one.jpg": PHOTO,
            "one.json": fields(scientificName="Rosa", splitGroup="g", latitude=1, plant=False, more={"a": 1}),
            "two.jpg": PHOTO,
            "two.json": fields(scientificName="R" * 10_000_000),
            "three.jpg": PHOTO,
            "three.json": deep,
            "four.jpg": PHOTO,
            "four.json": b"[]",
            "five.txt": b"no photo",
        },
    )
    write_tar(tmp_path / "b.tar", {"one.jpg": PHOTO, "six.jpg": PHOTO, "six.txt": b"a dog"})
    (tmp_path / "c.tar").write_bytes(b"not a shard")
    found = heard.read(tmp_path)
    assert set(found) == {"one", "b.tar/one", "six"}
    assert found["one"].fields == {
        "scientificName": "Rosa",
        "splitGroup": "g",
        "plant": False,
        "source": tmp_path.name,
    }
    assert found["one"].observation == "g"
    assert found["one"].location.read() == PHOTO  # type: ignore[union-attr]
    assert found["six"].fields["text"] == "a dog"
    said = "\n".join(heard.faults)
    assert len(heard.faults) == 5
    for part in (
        "a.tar:two: the .json or .txt file next to the photo is larger than 10 MB",
        "a.tar:three: the .json",
        "a.tar:four: the .json",
        "a.tar:five: the record has no",
    ):
        assert part in said
    assert "c.tar: this is not a complete, readable" in said


def test_unusable_sources(tmp_path: Path, heard: Heard) -> None:
    write(
        tmp_path,
        {"a.csv": "id,name\n1,Rosa\n", "b.txt": "x", "b.doc": "x", "c.zip": "x", "empty/x": "", "d.csv": ""},
    )
    for name, cause in {
        "a.csv": r"a\.csv: there is no column `file` .*\(columns found: id, name\)",
        "b.txt": "there is no column `file`",
        "b.doc": r"b\.doc: this is neither a folder nor a",
        "c.zip": "not a valid ZIP archive",
        "d.csv": "there is no column `file`",
        "empty": r"empty: the source contains no photos; looked for \.avif",
        "gone": "no such file or folder",
    }.items():
        with refuses(DataError, match=cause):
            heard.read(tmp_path / name)
    with refuses(DataError, match="no such photo folder"):
        heard.read(tmp_path, photos=tmp_path / "gone")


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_a_folder_with_a_table(tmp_path: Path, suffix: str, separator: str) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    rows = [
        ["file", "scientificName", "captions"],
        ["photos/a.jpg", "Rosa canina", "one rose"],
        ["photos/b.jpg", "", ""],
    ]
    (tmp_path / f"table.{suffix}").write_text("\n".join(separator.join(row) for row in rows))
    one, two = read_records(tmp_path)
    assert (one.key, two.key) == ("photos/a.jpg", "photos/b.jpg")
    assert one.read_bytes() == b"a.jpg"
    assert one.taxon is not None
    assert one.captions == ("one rose",)
    assert two.taxon is None
    assert two.captions == ()


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        ("name\na.jpg\n", r"column `file` .*\(columns found: name\)"),
        ("file\nb.jpg\n", "line 2: 'b.jpg' is not a file"),
        ("scientificName,file\nRosa\n", "line 2: the row does not specify a photo"),
        ("file\n", "contains no photos"),
        ("file\na.jpg\na.jpg\n", "line 3: 'a.jpg' is already on an earlier line"),
        ("file,caption\n" + "x" * 200_000, "line 2: the row is malformed"),
    ],
)
def test_wrong_tables(tmp_path: Path, table: str, cause: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "table.csv").write_text(table)
    with refuses(DataError, match=cause):
        read_records(tmp_path)


def test_a_photo_with_several_captions_has_a_line_for_each(tmp_path: Path, heard: Heard) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    lines = ["file,scientificName,caption", *(f"a.jpg,Rosa canina,{n}" for n in ("one", "two", "three"))]
    (tmp_path / "table.csv").write_text("\n".join([*lines, "a.jpg,Viola,four", "a.jpg,Rosa canina,"]))
    (record,) = heard.read(tmp_path).values()
    assert record.captions == ("one", "two", "three")
    assert [fault.split(": ", 1)[0][-6:] for fault in heard.faults] == ["line 5", "line 6"]


def test_all_tables_in_a_folder_are_read(tmp_path: Path, heard: Heard) -> None:
    write(tmp_path, {"photo.jpg": PHOTO, "other.jpg": PHOTO, "c.csv": "name\nRosa\n"})
    (tmp_path / "a.csv").write_text("file,caption\nphoto.jpg,one\n")
    (tmp_path / "b.TSV").write_text("file\tcaption\nphoto.jpg\ttwo\nother.jpg\tthree\n")
    one, other = heard.read(tmp_path).values()
    assert (one.captions, other.captions) == (("one",), ("three",))
    assert heard.faults == [
        f"{tmp_path}/b.TSV, line 2: the key 'photo.jpg' is also the key of {tmp_path}/a.csv, line 2; "
        "rename one of the photos"
    ]
    assert f"{tmp_path}/c.csv: there is no column `file`" in heard.notes[0]
    assert list(heard.read(tmp_path / "a.csv").values()) == [one]  # given as a folder or as a file


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in (
        "Viola/b.JPG",
        "Rosa_canina/deep/er/a.heic",
        "Rosa_canina/notes.txt",
        "Rosa_canina/.hidden.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    rose, violet = read_records(tmp_path)
    assert (rose.key, violet.key) == ("Rosa_canina/deep/er/a.heic", "Viola/b.JPG")
    assert rose.taxon is not None
    assert rose.taxon.scientific_name == "Rosa canina"


@pytest.mark.parametrize(
    ("name", "header", "separator"),
    [
        ("caps.csv", "File|Scientific Name|family|LICENSE", ","),
        ("snake.csv", "file_name|scientific_name|Family|licence", ","),
        ("filename.csv", "filename|species|family|license", ","),
        ("semicolon.csv", "image_path|dwc:scientificName|dwc:family|license", ";"),
        ("sep.csv", "sep=;\nphoto|Latin name|familia|license", ";"),
        ("spaces.csv", "path|taxon|family|license", ", "),
        ("tabs_in_csv.csv", "image|taxon_name|family|license", "\t"),
        ("pipes.txt", "IMAGE|SCIENTIFICNAME|FAMILY|LICENSE", "|"),
        ("packed.tsv.gz", "img|scientificName|family|license", "\t"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "cp1252"])
def test_photo_tables_of_every_program(
    tmp_path: Path, heard: Heard, name: str, header: str, separator: str, encoding: str
) -> None:
    rows = ["a.jpg|Iris germanica|Iridaceae|CC0", 'b é.jpg|Dahlia|"Asteraceae"|CC0']
    content = "\r\n".join([header, *rows]).replace("|", separator).encode(encoding)
    write(
        tmp_path,
        {"a.jpg": PHOTO, "b é.jpg": PHOTO, name: gzip.compress(content) if ".gz" in name else content},
    )
    found = heard.read(tmp_path / name)
    assert {
        key: (r.fields["scientificName"], r.fields["family"], r.fields["license"]) for key, r in found.items()
    } == {
        "a.jpg": ("Iris germanica", "Iridaceae", "CC0"),
        "b é.jpg": ("Dahlia", "Asteraceae", "CC0"),
    }
    assert heard.faults == []


def test_a_photo_table_with_names_in_parts_and_in_several_languages(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": PHOTO, "b.jpg": PHOTO})
    header = "file,genus,specific epithet,rank,vernacularName_de,common name,status,rank of photo"
    (tmp_path / "t.csv").write_text(
        f"{header}\na.jpg,Iris,germanica,Art,Schwertlilie,iris,LC,1\nb.jpg,Iris,,3,,,,\n"
    )
    one, two = read_records(tmp_path / "t.csv")
    assert one.taxon == Taxon(
        "Iris germanica",
        vernacular_names=(VernacularName("iris"), VernacularName("Schwertlilie", "de")),
        genus="Iris",
    )
    assert (one.fields["status"], two.fields["rank"]) == (
        "LC",
        "3",
    )  # what is no rank of a taxon is kept as it is
    assert two.taxon is None
