"""Limits of the import: a small file must not become large in memory or on disk."""

import os
import re
import struct
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from warm import fork
from wording import refuses

from dalip.errors import JournalError
from dalip_index import OWN_LIMITS, VISITOR_LIMITS, ImportLimits, Journal, import_journal
from tests.index.journal.exported import COLUMNS, ROW, csv_line, jpeg, write_json, write_zip

SMALL = ImportLimits(
    file_bytes=50_000,
    table_bytes=20_000,
    photo_bytes=10_000,
    total_bytes=25_000,
    stored_bytes=8_000,
    observations=5,
    photos_each=3,
)
PADDED = jpeg() + bytes(9_000)


def named(*names: str, of: str = "a1") -> str:
    return "".join(f"{of},,,{name}\n" for name in names)


def test_a_photo_named_often_is_stored_once(tmp_path: Path) -> None:
    photo = jpeg() + bytes(19_900_000)
    path = write_zip(tmp_path / "bomb.zip", csv_line(), named(*["a.jpg"] * 30), {"a.jpg": photo})
    assert path.stat().st_size < 30_000
    journal = Journal(tmp_path / "data")
    assert import_journal(journal, path).added == 1
    assert sum(map(len, journal.photos("a1"))) < 2_000
    assert sum(p.stat().st_size for p in journal.path.parent.iterdir()) < 100_000
    names = [f"{number}.jpg" for number in range(30)]
    path = write_zip(tmp_path / "names.zip", csv_line(), named(*names), dict.fromkeys(names, photo))
    with refuses(JournalError, match=r"0\.jpg: the file is larger than 10 MB"):
        import_journal(Journal(tmp_path / "visit"), path, VISITOR_LIMITS)


def test_each_limit_is_enforced_before_anything_is_stored(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(4)]
    photos = dict.fromkeys(names, PADDED)
    lines = [csv_line(occurrenceID=f"a{number}") for number in range(6)]
    many = {"file": write_zip(tmp_path / "file.zip", "", "", {"a": b"x" * 60_000}, zipfile.ZIP_STORED)}
    many["table"] = write_zip(tmp_path / "table.zip", csv_line(occurrenceRemarks="x" * 20_000))
    many["json"] = write_json(tmp_path / "table.json", ROW | {"occurrenceRemarks": "x" * 20_000})
    many["photo"] = write_zip(tmp_path / "photo.zip", csv_line(), named("a"), {"a": jpeg() + bytes(10_000)})
    many["total"] = write_zip(tmp_path / "total.zip", csv_line(), named(*names[:3]), photos)
    many["photos"] = write_zip(
        tmp_path / "photos.zip", csv_line(), named(*names), dict.fromkeys(names, jpeg())
    )
    many["rows"] = write_zip(tmp_path / "rows.zip", "".join(lines))
    many["owners"] = write_zip(
        tmp_path / "owners.zip", "", "".join(named("a", of=f"{n}") for n in range(16)), {"a": jpeg()}
    )
    many["stored"] = write_json(
        tmp_path / "stored.json",
        *(ROW | {"occurrenceID": f"{n}", "occurrenceRemarks": "x" * 3_000} for n in range(3)),
    )
    with zipfile.ZipFile(tmp_path / "directory.zip", "w") as archive:
        for number in range(400):
            archive.writestr(f"{number}", b"")
    many["directory"] = tmp_path / "directory.zip"
    for name, words in {
        "file": r"the file is larger than 0\.05 MB",
        "table": r"occurrence\.csv: the file is larger than 0\.02 MB",
        "json": r"the file is larger than 0\.02 MB",
        "photo": r"a: the file is larger than 0\.01 MB",
        "total": r"multimedia\.csv, row 3: the photos are larger than 0\.025 MB",
        "photos": r"multimedia\.csv, row 4: an observation has more than 3 photos",
        "rows": "row 6: there are more than 5 rows",
        "owners": r"multimedia\.csv, row 16: there are more than 15 rows",
        "stored": r"the observations and photos take more than 0\.008 MB",
        "directory": r"the list of files in the archive is larger than 0\.01 MB",
    }.items():
        with refuses(JournalError, match=words):
            import_journal(Journal(tmp_path / name), many[name], SMALL)
        assert len(Journal(tmp_path / name)) == 0
        if name != "file":
            assert not [p for p in (tmp_path / name).glob("*") if p.stat().st_size], name
    with refuses(JournalError, match="the import took longer than 0 seconds"):
        import_journal(Journal(tmp_path / "late"), many["photo"], replace(OWN_LIMITS, seconds=0.0))


def test_visitors_have_lower_limits() -> None:
    for name in ImportLimits.__annotations__:
        assert getattr(VISITOR_LIMITS, name) < getattr(OWN_LIMITS, name)


HEADER = COLUMNS + "\n"
BOMBS = {
    "quoted.csv": (HEADER + '"' + "\n" * 3_900_000, "row 1: the row is longer than 500,000 characters"),
    "quoted-cells.csv": (HEADER + '"\n",' * 900_000, "row 1: the row is longer than 500,000 characters"),
    "commas.csv": (HEADER + "," * 3_900_000, "row 1: the row is longer than 500,000 characters"),
    "some-commas.csv": (HEADER + "," * 400_000, "row 1: the row has 400,001 cells"),
    "header.csv": ("," * 3_900_000, "row 0: the row is longer than 500,000 characters"),
    "lines.csv": (HEADER + "\n" * 3_900_000, "row 1: there are more than 1,000 rows"),
    "string.json": (
        '[{"occurrenceID": "' + "x" * 3_900_000,
        "row 1: the row is longer than 500,000 characters",
    ),
    "objects.json": ("[" + "{}," * 1_300_000 + "{}]", "row 1, [a-zA-Z]+: the field is missing"),
    "lists.json": (
        '[{"a": [' + "[]," * 1_300_000 + "[]]}]",
        "row 1: the row is longer than 500,000 characters",
    ),
    "digits.json": (
        '[{"occurrenceID": ' + "1" * 400_000 + "}]",
        "row 1, occurrenceID: expected text, not inf",
    ),
    "nested.json": ('{"a":' * 700_000, "row 1: this is not the JSON of an exported journal"),
    "space.json": ("[" + " " * 3_900_000, "row 1: expected a JSON object"),
}


_IMPORT = """
import resource, sys
from pathlib import Path
from dalip.errors import DalipError
from dalip_app.messages.errors import describe
from dalip_index import VISITOR_LIMITS, Journal, import_journal
describe(DalipError("no-journal"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        said = import_journal(Journal(Path(sys.argv[2])), path, VISITOR_LIMITS)
    except DalipError as error:
        said = describe(error)
    print(path.name, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, said, sep="\\t")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems measure memory in other units")
def test_a_table_uses_little_memory_whatever_it_contains(tmp_path: Path) -> None:
    (tmp_path / "bombs").mkdir()
    for name, (text, _) in BOMBS.items():
        (tmp_path / "bombs" / name).write_text(text, newline="")
    with tempfile.TemporaryFile("w+") as errors:
        arguments = [str(tmp_path / "bombs"), str(tmp_path / "data")]
        modules = ("dalip_index", "dalip_app.messages.errors")
        process = fork(_IMPORT, arguments, os.environ, modules=modules, stderr=errors)
        assert process.stdout is not None
        lines = [line.rstrip("\n").split("\t") for line in process.stdout]
        assert process.wait() == 0
    assert {name for name, _, _ in lines} == {*BOMBS}
    for name, megabytes, said in lines:
        assert int(megabytes) < 60, name
        assert re.search(BOMBS[name][1], said), said


def test_an_archive_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lies.zip", csv_line(), named("a.jpg"), {"a.jpg": PADDED * 1_000})
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # the unpacked size of the first member
    content[place : place + 4] = struct.pack("<I", 700)
    path.write_bytes(content)
    with refuses(JournalError, match=r"a\.jpg: "):
        import_journal(Journal(tmp_path / "data"), path)
    small = write_zip(tmp_path / "small.zip", csv_line(), "")
    content = bytearray(small.read_bytes())
    place = content.index(b"PK\x05\x06") + 12  # the size of the directory
    content[place : place + 4] = struct.pack("<I", 2**32 - 2)
    small.write_bytes(content)
    with refuses(JournalError, match="the list of files in the archive is larger"):
        import_journal(Journal(tmp_path / "data"), small)
