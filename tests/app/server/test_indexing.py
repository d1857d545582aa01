"""Indexing of folders in the background of a running server."""

import time
from pathlib import Path

import pytest
from wording import refuses, said

from dalip.encoder import Encoder
from dalip.errors import LibraryError
from dalip_app.server.floras import LiveFlora
from dalip_app.server.indexing import Indexing, IndexingState
from dalip_index import Library
from tests.app.conftest import World, paint, run


@pytest.fixture
def indexing(world: World, tmp_path: Path) -> Indexing:
    live = LiveFlora(world.flora, tmp_path / "data", Encoder.load(world.bundle))
    return Indexing(Library(tmp_path / "data"), live)


def garden(folder: Path, photos: int = 3) -> Path:
    for number in range(photos):
        paint(folder / f"{number}.png", "red", number)
    return folder


def wait(indexing: Indexing) -> IndexingState:
    while indexing.state.running:
        time.sleep(0.01)
    return indexing.state


def test_folders_are_added_one_by_one_and_their_photos_identified(indexing: Indexing, tmp_path: Path) -> None:
    indexing.add(garden(tmp_path / "a"))
    indexing.add(garden(tmp_path / "b"))
    state = wait(indexing)
    assert (state.finished, state.folder, state.error) == (2, str(tmp_path / "b"), None)
    assert state.report is not None
    assert len(indexing.library) == 6
    assert {taxon.scientific_name: taxon.photos for taxon in indexing.library.taxa()}["Flos red"] == 6


def test_a_missing_folder_is_rejected_immediately_and_one_without_photos_later(
    indexing: Indexing, tmp_path: Path
) -> None:
    with refuses(LibraryError, match="no such folder"):
        indexing.add(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    indexing.add(tmp_path / "empty")
    indexing.add(garden(tmp_path / "a"))
    state = wait(indexing)
    assert (state.finished, state.error) == (2, None)
    indexing.add(tmp_path / "empty")
    state = wait(indexing)
    assert state.error is not None
    assert "contains no photos" in said(state.error)


def test_updates_follow_changes_in_the_folders_and_the_flora(
    indexing: Indexing, world: World, tmp_path: Path
) -> None:
    indexing.update()
    assert wait(indexing).finished == 0  # no folder has been added yet
    indexing.add(garden(tmp_path / "a"))
    wait(indexing)
    (tmp_path / "a" / "0.png").unlink()
    paint(tmp_path / "a" / "new.png", "blue", 9)
    indexing.update()
    state = wait(indexing)
    assert state.finished == 2
    assert len(indexing.library) == 3
    indexing.name()
    assert wait(indexing).finished == 2  # the flora has not changed
    other = LiveFlora(bare(world, tmp_path), tmp_path / "data", Encoder.load(world.bundle))
    renamed = Indexing(indexing.library, other)
    renamed.name()
    assert wait(renamed).finished == 1
    assert indexing.library.verdicts() == {"uncalibrated": 3}


def bare(world: World, folder: Path) -> Path:
    done = run(["dalip", "index", "build", *world.encoder, "--taxa", world.taxa, folder / "bare"])
    assert done.status == 0
    return folder / "bare"


def test_cancelled_indexing_keeps_what_was_read_and_resumes_later(
    indexing: Indexing, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Encoder.encode_files

    def cancelling(self: Encoder, sources: object, **options: bool) -> object:
        for number, found in enumerate(encode(self, sources, **options)):  # type: ignore[type-var]
            if number == 20:
                indexing.cancel()
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "encode_files", cancelling)
        indexing.add(world.photos)
        indexing.add(garden(tmp_path / "a"))
        state = wait(indexing)
    assert state.finished == 1
    assert state.report is not None
    assert state.report.stopped
    assert 0 < len(indexing.library) < 240
    indexing.add(world.photos)
    state = wait(indexing)
    assert state.report is not None
    assert not state.report.stopped
    assert len(indexing.library) == 240


def test_closing_waits_for_photos_in_progress(indexing: Indexing, world: World) -> None:
    indexing.add(world.photos)
    indexing.close()
    assert not indexing.state.running
    assert len(indexing.library) < 240


def test_an_unexpected_error_is_reported_and_the_next_folder_is_indexed(
    indexing: Indexing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Library.add

    def failing(self: Library, folder: Path, *arguments: object, **options: object) -> object:
        if folder.name == "a":
            raise RuntimeError("out of luck")
        return add(self, folder, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Library, "add", failing)
    indexing.add(garden(tmp_path / "a"))
    state = wait(indexing)
    assert state.error is not None
    assert said(state.error) == (
        "an unexpected error occurred: RuntimeError (out of luck); "
        "run the command again with --debug and report the output"
    )
    indexing.add(garden(tmp_path / "b"))
    assert wait(indexing).error is None
    assert len(indexing.library) == 3
