"""The user's databases where nothing can be written: read-only and full disks, size limits, other processes."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, make_read_only, small_disk
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import JournalError, LibraryError
from dalip_index import Journal, Library
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database

EARLIER = Path(__file__).parent / "earlier"


def put(name: str, path: Path) -> Path:
    """Copy a file from an earlier version to its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(EARLIER / name, path))


@pytest.fixture
def read_only(encoder: Encoder) -> Iterator[Path]:
    """A read-only folder, even for root."""
    encoder.encode_text(["red"])  # opens the model files while root can still read the folder of the tests
    if sys.platform == "win32":
        pytest.skip("Windows has other permissions")
    root, folder = os.geteuid() == 0, Path(tempfile.mkdtemp())
    try:
        for name in ("library-1.db", "library-2.db"):
            put(name, folder / name / "library" / "library.db")
        put("journal-1.db", folder / "journal.db")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if root:
            os.seteuid(65534)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_a_read_only_disk(read_only: Path, encoder: Encoder) -> None:
    with pytest.raises(OSError, match="denied"):
        (read_only / "x").mkdir()
    library = Library(read_only / "library-2.db")
    assert library.search_text("red", encoder).hits[0].path.stem == "red"
    journal = Journal(read_only)
    assert len(journal.observations()) == 2
    with refuses(
        LibraryError, match=r"nothing can be saved here: you may not write to .*; change its permissions"
    ):
        library.remove(Path("/photos"))
    earlier = Library(read_only / "library-1.db")  # migrated in memory
    assert len(earlier) == 3
    assert earlier.search_text("red", encoder).hits[0].path.stem == "red"
    with refuses(LibraryError, match="nothing can be saved here: you may not write to"):
        earlier.remove(Path("/photos"))


_KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from dalip.errors import LibraryError
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database

with Database(Path(sys.argv[1]), MIGRATIONS, LibraryError, "library").connect() as connection:
    connection.execute("INSERT INTO folders VALUES ('/kept')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("lost", [[], ["-shm"]])
def test_a_read_only_disk_with_the_log_of_a_killed_writer(tmp_path: Path, lost: list[str]) -> None:
    path = tmp_path / "before" / "library.db"
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", _KILLED_WRITER, str(path)], check=False)
    assert path.with_name("library.db-wal").stat().st_size > 0
    with small_disk(tmp_path / "disk") as disk:
        for left in path.parent.iterdir():
            if not left.name.endswith(tuple(lost)) or not lost:
                shutil.copy(left, disk)
        make_read_only(disk)
        database = Database(disk / "library.db", MIGRATIONS, LibraryError, "library")
        with database.connect() as connection:
            assert connection.execute("SELECT path FROM folders").fetchall() == [("/kept",)]
        with (
            refuses(LibraryError, match=r"nothing can be saved here: the file system of .* is read-only"),
            database.connect() as connection,
        ):
            connection.execute("DELETE FROM folders")


def test_a_full_disk_can_be_read_and_used_again_when_there_is_space(tmp_path: Path) -> None:
    path = put("journal-1.db", tmp_path / "journal.db")
    Journal(tmp_path).change("a1b2", notes="seen again")
    with small_disk(tmp_path / "disk") as disk:
        shutil.copy(path, disk)
        filler = fill(disk)
        journal = Journal(disk)
        assert [o.notes for o in journal.observations("doubt")] == ["", "seen again"]
        assert len(journal.photos("a1b2")) == 2
        with refuses(
            JournalError, match=r"nothing can be saved here: the disk of .* is full \(0 MB free\); free"
        ):
            journal.change("a1b2", notes="lost")
        (disk / "new").mkdir()
        new = Journal(disk / "new")
        with refuses(JournalError, match=r"the data folder cannot be written: the disk of .* is full"):
            new.add(journal.get("a1b2"), [])
        assert list((disk / "new").iterdir()) == []
        filler.unlink()
        assert journal.change("a1b2", notes="kept").notes == "kept"
        assert new.add(journal.get("a1b2"), [])


_LIMITED = """
import resource, sys
from pathlib import Path
from dalip_index import Journal, Observation

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
journal = Journal(Path(sys.argv[1]))
for number in range(1000):
    one = Observation(f"{number:08}", "2024-05-31", "Rosa", "genus", "Rosaceae", 0.5, "sure")
    try:
        journal.add(one, [bytes(50_000)])
    except Exception as error:
        print(number, len(journal.observations()), type(error).__name__, error)
        break
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of files")
def test_a_file_that_cannot_grow_is_one_error_and_keeps_what_was_saved(tmp_path: Path) -> None:
    for limit in (100_000, 1_000_000, 2_000_000):
        folder = tmp_path / str(limit)
        command = [sys.executable, "-c", _LIMITED, str(folder), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        saved, found, error, message = done.stdout.split(maxsplit=3)
        assert (saved, error) == (found, "JournalError")
        assert "database-not-written" in message
        assert "file-size-limit" in message
        assert len(Journal(folder)) == int(saved)


_WRITER = """
import sys
from pathlib import Path
from dalip.errors import LibraryError
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database, transaction

with Database(Path(sys.argv[1]), MIGRATIONS, LibraryError, "library").connect() as connection:
    with transaction(connection):
        print("writing", flush=True)
        sys.stdin.read()
"""


def test_a_wait_for_another_process_ends_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        database = Database(path, MIGRATIONS, LibraryError, "library", wait=0.1)
        holder = f"process {process.pid}" if sys.platform == "linux" else "another process"
        match = f"{holder} has been writing to the database for more than .* seconds; wait until"
        with refuses(LibraryError, match=match), database.connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
        assert process.stdin
        process.stdin.close()
    with database.connect() as connection:
        connection.execute("BEGIN IMMEDIATE")
