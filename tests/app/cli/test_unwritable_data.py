"""Commands and the page with a data folder that cannot be written: reading works, writing says what it needs."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from disks import fill, make_read_only, small_disk

from dalip_index import Journal, Observation
from tests.app.conftest import CODE, Done, World, paint, run
from tests.app.serving import serving


@pytest.fixture(scope="module")
def data(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a library and a journal, and a flora."""
    root = tmp_path_factory.mktemp("unwritable")
    paint(root / "photos" / "red.png", "red")
    done = run(["dalip", "library", "add", root / "photos", *world.options, "--data-dir", root / "data"])
    assert done.status == 0, done.err
    seen = Observation("a1", "2026-05-31", "Flos red", "species", "Coloraceae", 0.9, "sure")
    Journal(root / "data").add(seen, [paint(root / "red.jpg", "red").read_bytes()])
    shutil.copytree(world.flora, root / "data" / "garden")
    return root


@contextmanager
def read_only(data: Path, place: Path) -> Iterator[Path]:
    with small_disk(place, 8) as disk:
        shutil.copytree(data / "data", disk / "data")
        make_read_only(disk)
        yield disk / "data"


@contextmanager
def full(data: Path, place: Path) -> Iterator[Path]:
    with small_disk(place, 8) as disk:
        shutil.copytree(data / "data", disk / "data")
        fill(disk)
        yield disk / "data"


CAUSES: dict[Callable[[Path, Path], AbstractContextManager[Path]], str] = {
    read_only: r"is read-only; choose another folder",
    full: "is full (0 MB free); free some space",
}


def dalip(place: Path, *arguments: object) -> Done:
    """Run `dalip` with a data folder."""
    done = run(["dalip", *arguments], DALIP_DATA_DIR=str(place))
    assert "Traceback" not in done.err
    return done


def names(place: Path) -> list[str]:
    """List the files, without locks and the files that SQLite shares between processes."""
    return sorted(str(path) for path in place.rglob("*") if not path.name.endswith(("-shm", "-wal", ".lock")))


@pytest.mark.parametrize("disk", CAUSES, ids=lambda disk: disk.__name__)
def test_reading_works_and_writing_says_what_it_needs(
    disk: Callable[[Path, Path], AbstractContextManager[Path]], data: Path, world: World, tmp_path: Path
) -> None:
    with disk(data, tmp_path / "disk") as place:
        before = names(place)
        garden = ["--flora", place / "garden", *world.encoder]
        for arguments, shown in (
            (["library", "info"], "1 photo\n"),
            (["search", "red", *world.encoder, "--all"], "red.png"),
            (["search", "--taxon", "Flos"], "red.png"),
            (["journal", "list"], "Flos red"),
            (["journal", "export", tmp_path / "journal.zip"], "1 observations"),
            (["identify", data / "red.jpg", *garden], "Flos red"),
            (["index", "info", place / "garden"], "taxa          10"),
        ):
            done = dalip(place, *arguments)
            assert (done.status, done.err) == (0, ""), arguments
            assert shown in done.out
        paint(tmp_path / "new" / "blue.png", "blue")
        for arguments in (
            ["library", "add", tmp_path / "new", *garden],
            ["library", "remove", data / "photos"],
            ["index", "add", "--taxon", "Flos novus", "--family", "Coloraceae", tmp_path / "new", *garden],
            ["index", "build", "--taxa", world.taxa, *world.encoder, place / "new flora"],
        ):
            done = dalip(place, *arguments)
            assert (done.status, done.out) == (1, ""), arguments
            assert CAUSES[disk] in done.err
            assert len(done.err.splitlines()) == 1
        assert names(place) == before


def test_a_journal_cannot_be_imported_or_exported_to_a_full_disk(data: Path, tmp_path: Path) -> None:
    assert dalip(data / "data", "journal", "export", tmp_path / "journal.zip").status == 0
    with full(data, tmp_path / "disk") as place:
        done = dalip(place, "journal", "export", place / "journal.zip")
        assert done.status == 1
        assert "journal.zip: the export cannot be written: the disk of" in done.err
        assert not [path for path in place.iterdir() if "zip" in path.name]
        done = dalip(place.parent / "other", "journal", "import", tmp_path / "journal.zip")
        assert (done.status, len(done.err.splitlines())) == (1, 1)
        assert "is full (0 MB free)" in done.err


def test_output_to_a_full_disk_is_one_line(data: Path, world: World) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-c", CODE["dalip"], "identify", data / "red.jpg", *world.options]
    with Path("/dev/full").open("w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "is full" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_the_page_works_and_says_that_nothing_can_be_saved(data: Path, world: World, tmp_path: Path) -> None:
    with (
        read_only(data, tmp_path / "disk") as place,
        serving(world, tmp_path, "--data-dir", str(place)) as served,
        served.client() as client,
    ):
        page = client.get("/").text
        assert "Nothing can be saved" in page
        assert "is read-only" in page
        answer = client.post("/v2/identify/all", files={"images": (data / "red.jpg").read_bytes()})
        assert answer.json()["bestMatch"] == "Flos red"
        assert client.get("/journal.zip").status_code == 200
        (line,) = served.errors().splitlines()
        assert "the page works, but nothing can be saved: the file system of" in line
