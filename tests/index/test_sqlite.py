"""Migrations of the user's databases, from files written by earlier versions."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from warm import fork
from wording import refuses

from dalip.datasets import read_records
from dalip.encoder import Encoder
from dalip.errors import LibraryError
from dalip_index import Identification, Journal, Library, PhotoFilter, add_photos, load_flora, verify_flora
from dalip_index.library import database
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database, Migration
from tests.index.conftest import paint

EARLIER = Path(__file__).parent / "earlier"


def put(name: str, path: Path) -> Path:
    """Copy a file from an earlier version to its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(EARLIER / name, path))


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def version(path: Path) -> int:
    return int(rows(path, "pragma_user_version")[0][0])  # type: ignore[call-overload]


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the columns of each table."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {n: connection.execute(f"PRAGMA table_info({n})").fetchall() for (n,) in names.fetchall()}


def test_a_version_1_library_can_be_searched_and_is_then_completed(tmp_path: Path, encoder: Encoder) -> None:
    path = put("library-1.db", tmp_path / "library" / "library.db")
    path.chmod(0o600)
    before = {table: rows(path, table) for table in ("state", "folders", "contents", "photos")}
    library = Library(tmp_path)
    for colour in ("red", "green", "blue"):
        assert library.search_text(colour, encoder).hits[0].path.stem == colour
    assert len(library) == library.newest().total == 3
    after = {table: rows(path, table) for table in before}
    assert {table: [row[: len(old[0])] for row in after[table]] for table, old in before.items()} == before
    assert version(path) == len(MIGRATIONS)
    assert sorted(p.name for p in path.parent.iterdir()) == ["library.db", "library.db.v1.bak"]
    copy = path.with_name("library.db.v1.bak")
    assert (version(copy), copy.stat().st_mode & 0o777) == (1, path.stat().st_mode & 0o777)
    assert {table: rows(copy, table) for table in before} == before
    photos = tmp_path / "photos"
    with closing(sqlite3.connect(path)) as connection, connection:  # its folder exists again
        for table in ("folders", "photos"):
            connection.execute(f"UPDATE {table} SET path = replace(path, '/photos', ?)", (str(photos),))
    for colour in ("red", "green", "blue"):
        paint(photos / f"{colour}.png", colour, 1)
    flora = load_flora(EARLIER / "flora-3", encoder)
    assert library.name(flora) == 0  # identifying needs the appearances
    assert library.update(encoder, flora=flora).counts == {"changed": 3}
    assert library.named_otherwise(flora) == 0


def test_a_version_2_library_gets_the_source_of_its_dates(tmp_path: Path, encoder: Encoder) -> None:
    path = put("library-2.db", tmp_path / "library" / "library.db")
    library = Library(tmp_path)
    assert library.search_text("red", encoder).hits[0].path == Path("/photos/red.png")
    (found,) = library.newest(only=PhotoFilter(taxon="Rosa blue")).hits
    assert (found.date, library.thumbnail(found.content) is not None) == ("2024-05-23T10:00:00", True)
    assert found.date_source == "EXIF", "the earlier version did not store the tag"
    assert library.named_otherwise(load_flora(EARLIER / "flora-3", encoder)) == 0
    assert version(path) == 3 == len(MIGRATIONS)
    assert sorted(p.name for p in path.parent.iterdir()) == ["library.db", "library.db.v2.bak"]


def test_dates_read_by_an_earlier_version_are_read_again_without_encoding(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    for number, colour in enumerate(("red", "green", "blue")):
        paint(photos / f"{colour}.png", colour, number)
    taken = Image.Exif()
    taken[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeDigitized: "2019-07-08 09:10:11"}
    with Image.open(photos / "red.png") as photo:
        photo.save(photos / "red.png", exif=taken)
    library = Library(tmp_path)
    library.add(photos, encoder)
    with closing(sqlite3.connect(tmp_path / "library" / "library.db")) as connection, connection:
        connection.execute("UPDATE looks SET event_date = '', date_source = NULL")  # as after the migration
        connection.execute("UPDATE photos SET event_date = '', date_source = ''")

    def encode_none(self: Encoder, sources: list[object], **options: object) -> Iterator[object]:
        assert not sources
        return iter(())

    monkeypatch.setattr(Encoder, "encode_files", encode_none)
    assert library.add(photos, encoder).counts == {"changed": 3}
    found = {hit.path.stem: (hit.date, hit.date_source) for hit in library.newest().hits}
    assert found["red"] == ("2019-07-08T09:10:11", "DateTimeDigitized")
    assert found["blue"][1] == "file time"
    assert library.add(photos, encoder).counts == {"unchanged": 3}


def test_a_new_library_has_the_same_tables_as_a_migrated_one(tmp_path: Path, encoder: Encoder) -> None:
    paint(tmp_path / "photos" / "red.png", "red", 1)
    Library(tmp_path / "new").add(tmp_path / "photos", encoder)
    new = tmp_path / "new" / "library" / "library.db"
    assert [p.name for p in new.parent.iterdir()] == ["library.db"]  # no backup copy, because the file is new
    for name in ("library-1.db", "library-2.db"):
        path = put(name, tmp_path / name / "library" / "library.db")
        assert len(Library(tmp_path / name)) == 3
        assert tables(path) == tables(new)


def test_a_version_1_journal(tmp_path: Path) -> None:
    put("journal-1.db", tmp_path / "journal.db")
    journal = Journal(tmp_path)
    first, second = journal.observations("doubt")[::-1]
    assert (first.id, first.name, first.latitude, first.notes) == ("a1b2", "Rosa red", 47.5, "on the wall")
    assert (second.id, second.answered, second.probability) == ("c3d4", "Rosa green", None)
    assert [len(journal.photos(o.id)) for o in (first, second)] == [2, 0]
    assert journal.change("c3d4", notes="again").notes == "again"
    journal.remove("a1b2")
    assert len(Journal(tmp_path)) == 1


def test_a_format_3_flora_answers_and_can_be_changed(tmp_path: Path, encoder: Encoder) -> None:
    path = shutil.copytree(EARLIER / "flora-3", tmp_path / "flora")
    verify_flora(path)
    photo = paint(tmp_path / "Rosa red" / "new.png", "red", 5)
    (answer,) = load_flora(path, encoder).identify([photo])
    assert isinstance(answer, Identification)
    assert answer.predictions[0].taxon.scientific_name == "Rosa red"
    assert add_photos(path, encoder, read_records(photo.parents[1]), test_too=True).counts.kept_photos == 19
    verify_flora(path)


def later(connection: sqlite3.Connection) -> None:
    """A possible next migration: a new column, and a value for the existing rows."""
    connection.execute("ALTER TABLE contents ADD COLUMN stars INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE contents SET stars = id")


@pytest.mark.parametrize("first", [1, 2])
def test_the_next_migration_reaches_every_file(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, later))
    path = put(f"library-{first}.db", tmp_path / "library" / "library.db")
    assert Library(tmp_path).search_text("red", encoder).hits[0].path.stem == "red"
    assert version(path) == 4
    assert [row[-1] for row in rows(path, "contents")] == [1, 2, 3]
    assert [p.name for p in path.parent.glob("*.bak")] == [f"library.db.v{first}.bak"]
    monkeypatch.undo()  # back to the earlier DALIP, with the backup copy
    with refuses(
        LibraryError, match="the database has version 4, but .* supports only up to 3; upgrade DALIP"
    ):
        len(Library(tmp_path))
    path.with_name(f"library.db.v{first}.bak").replace(path)
    assert len(Library(tmp_path)) == 3


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        later(connection)
        connection.execute("DELETE FROM no_table")

    path = put("library-1.db", tmp_path / "library.db")
    with refuses(LibraryError, match=r"library\.db: the database cannot be used \(no such table: no_table\)"):
        connect(path, *MIGRATIONS, fails)
    assert version(path) == 3  # the migration before it was applied
    assert "stars" not in str(tables(path))
    connect(path, *MIGRATIONS, later)
    assert version(path) == 4


def connect(path: Path, *migrations: Migration) -> None:
    with Database(path, migrations, LibraryError, "library").connect():
        pass


def test_without_room_for_a_copy_nothing_is_changed(tmp_path: Path) -> None:
    path = put("library-1.db", tmp_path / "library.db")
    (tmp_path / "library.db.v1.bak").mkdir()
    with refuses(
        LibraryError,
        match=r"v1\.bak: this backup copy of 1 MB, .*, cannot be written: .* \(Is a directory\); check the disk",
    ):
        connect(path, *MIGRATIONS)
    assert version(path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["library.db", "library.db.v1.bak"]


_USED = ("dalip_index.library.library_schema", "dalip_index.sqlite")
_MIGRATE = """
import os, signal, sqlite3, sys, time
from pathlib import Path
from dalip.errors import LibraryError
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database

moment, moments = int(sys.argv[2]), 0

def pass_by():
    global moments
    moments += 1
    if moments == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def later(connection):
    pass_by()
    connection.execute("ALTER TABLE contents ADD COLUMN stars INTEGER NOT NULL DEFAULT 0")
    pass_by()
    time.sleep(float(sys.argv[3]))
    connection.execute("UPDATE contents SET stars = stars + 1")
    pass_by()

def deadly(function):
    def passed(*arguments, **options):
        pass_by()
        result = function(*arguments, **options)
        pass_by()
        return result
    return passed

Path.replace, Path.unlink, os.fsync = deadly(Path.replace), deadly(Path.unlink), deadly(os.fsync)
print("ready", flush=True)
sys.stdin.readline()
with Database(Path(sys.argv[1]), (*MIGRATIONS, later), LibraryError, "library").connect() as connection:
    pass_by()
print(moments)
"""


def migrate(path: Path, moment: int = 0, pause: float = 0.0) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _MIGRATE, str(path), str(moment), str(pause)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def killed(path: Path, moment: int) -> int:
    """Migrate in a process that dies at a moment, and return its status."""
    with tempfile.TemporaryFile("w+") as out:
        arguments = [str(path), str(moment), "0"]
        process = fork(_MIGRATE, arguments, os.environ, modules=_USED, stdout=out, stderr=out)
        return process.wait()


def stars(connection: sqlite3.Connection) -> None:
    """Migrate as the process that dies does."""
    connection.execute("ALTER TABLE contents ADD COLUMN stars INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE contents SET stars = stars + 1")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_migration_killed_at_any_moment_leaves_one_valid_version(tmp_path: Path) -> None:
    output, _ = migrate(put("library-1.db", tmp_path / "survivor" / "library.db")).communicate("\n")
    moments = int(output)
    assert moments >= 10
    for moment in range(1, moments + 1):
        path = put("library-1.db", tmp_path / str(moment) / "library.db")
        contents = rows(path, "contents")
        assert killed(path, moment) == -signal.SIGKILL
        reached = version(path)
        assert reached in (1, 2, 3, 4)
        assert ("stars" in str(tables(path))) == (reached == 4)
        assert [row[:3] for row in rows(path, "contents")] == contents
        connect(path, *MIGRATIONS, stars)
        assert [row[-1] for row in rows(path, "contents")] == [1, 1, 1]
        copies = {p.name: version(p) for p in path.parent.glob("*.bak")}
        assert copies["library.db.v1.bak"] == 1
        assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize("name", ["library-1.db", "library-2.db", ""])
def test_processes_that_open_a_file_concurrently_migrate_it_once(tmp_path: Path, name: str) -> None:
    path = put(name, tmp_path / "library.db") if name else tmp_path / "library.db"
    processes = [migrate(path, pause=0.3) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert all(process.communicate()[0] and process.returncode == 0 for process in processes)
    assert version(path) == 4
    assert rows(path, "pragma_journal_mode") == [("wal",)]
    assert {row[-1] for row in rows(path, "contents")} == ({1} if name else set())
    if name:
        assert len(list(tmp_path.glob("*.bak"))) == 1
