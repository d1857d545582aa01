import os
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import COLOURS

from dalip.encoder import Encoder
from dalip.errors import ImageError, LibraryError
from dalip_index import Library, LibraryReport


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photo of each colour, some in a sub-folder."""
    root = tmp_path / "my photos"
    for i, (colour, rgb) in enumerate(COLOURS.items()):
        path = root / ("früher" if i % 2 else ".") / f"{colour}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), rgb).save(path)
    (root / "notes.txt").write_text("no photo")
    (root / ".trash").mkdir()
    Image.new("RGB", (5, 5)).save(root / ".trash" / "old.png")
    return root


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data")


def counts(report: LibraryReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.moved, report.removed, report.unchanged


def test_words_and_photos_find_photos(library: Library, folder: Path, encoder: Encoder) -> None:
    steps: list[tuple[str, int, int]] = []
    report = library.add(folder, encoder, lambda *step: steps.append(step))
    assert counts(report) == (10, 0, 0, 0, 0)
    assert report.unreadable == ()
    assert steps[-1] == ("photos", 10, 10)
    for colour in COLOURS:
        hits = library.search_text(f"{colour}", encoder, top_k=3)
        assert hits[0].path.stem == colour
        assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
        assert library.search_image(hits[0].path, encoder)[0].path == hits[0].path
    assert len(library.search_text("red", encoder, top_k=99)) == len(library) == 10


def test_similarities_are_those_of_the_encoder(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    query = encoder.encode_text(["a red plant"])[0]
    hits = library.search_text("a red plant", encoder)
    exact = [float(next(iter(encoder.encode_files([h.path])))[1] @ query) for h in hits]
    np.testing.assert_allclose([h.similarity for h in hits], exact, atol=2e-3)  # stored in half precision


def test_adding_again_follows_what_happened(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    assert counts(library.add(folder, encoder)) == (0, 0, 0, 0, 10)
    (folder / "red.png").rename(folder / "früher" / "rouge.png")
    (folder / "blue.png").unlink()
    Image.new("RGB", (9, 9), COLOURS["yellow"]).save(folder / "früher" / "green.png")
    shutil.copy(folder / "pink.png", folder / "copy.png")
    os.utime(folder / "white.png", (0, 0)) if (folder / "white.png").exists() else None
    report = library.add(folder, encoder)
    assert report.moved == 1
    assert report.removed == 1
    assert report.added == 1
    assert len(library) == 10
    assert library.search_text("red", encoder)[0].path == (folder / "früher" / "rouge.png").resolve()
    assert {h.path.name for h in library.search_text("pink", encoder, 2)} == {"pink.png", "copy.png"}
    assert "green.png" in {h.path.name for h in library.search_text("yellow", encoder, 2)}


def test_a_moved_photo_is_not_encoded_again(
    library: Library, folder: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(folder, encoder)
    encoded: list[object] = []
    encode = Encoder.encode_files

    def counting(self: Encoder, sources: list[Path]) -> object:
        encoded.extend(sources)
        return encode(self, sources)

    monkeypatch.setattr(Encoder, "encode_files", counting)
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / "red.png").rename(elsewhere / "red.png")
    report = library.add(elsewhere, encoder)
    assert counts(report) == (0, 0, 1, 0, 0)
    assert encoded == []
    assert len(library) == 10


def test_unreadable_files_are_reported_each_time_and_do_not_stop_the_rest(
    library: Library, folder: Path, encoder: Encoder
) -> None:
    (folder / "broken.jpg").write_bytes(b"text")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    for added in (10, 0):
        report = library.add(folder, encoder)
        assert report.added == added
        assert sorted(Path(u.image).name for u in report.unreadable) == [
            "broken.jpg",
            "dangling.jpg",
            "empty.jpg",
        ]
        assert all(Path(u.image).name in u.error for u in report.unreadable)
    Image.new("RGB", (9, 9), COLOURS["red"]).save(folder / "broken.jpg")
    assert library.add(folder, encoder).added == 1
    assert len(library) == 11


def test_a_photo_that_breaks_can_no_longer_be_found(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    (folder / "red.png").write_bytes(b"overwritten")
    report = library.add(folder, encoder)
    assert counts(report) == (0, 0, 0, 0, 9)
    assert len(report.unreadable) == 1
    assert "red.png" not in {h.path.name for h in library.search_text("red", encoder)}


def test_a_file_name_that_is_not_utf8(library: Library, folder: Path, encoder: Encoder) -> None:
    try:
        shutil.copy(folder / "red.png", os.fsencode(folder) + b"/r\xe9d.png")
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    report = library.add(folder, encoder)
    assert report.added == 10
    assert [u.error.split(": ")[1] for u in report.unreadable] == ["its name is not valid UTF-8; rename it"]


def test_another_encoder_is_refused_until_the_folders_are_added_again(
    library: Library, folder: Path, encoder: Encoder, other_encoder: Encoder, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    Image.new("RGB", (9, 9), COLOURS["red"]).resize((40, 40)).save(second / "r.png")
    library.add(folder, encoder)
    library.add(second, encoder)
    with pytest.raises(LibraryError, match="made with another encoder; run `dalip library add`"):
        library.search_text("red", other_encoder)
    report = library.add(second, other_encoder)
    assert counts(report) == (0, 11, 0, 0, 0)
    assert len(library) == 11
    assert {h.path.name for h in library.search_text("red", other_encoder, 2)} == {"r.png", "red.png"}
    with pytest.raises(LibraryError, match="another encoder"):
        library.search_text("red", encoder)


def test_what_cannot_be_searched_or_added(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="the library is empty"):
        library.search_text("red", encoder)
    with pytest.raises(LibraryError, match="nothing to search for"):
        library.search_text(" ", encoder)
    with pytest.raises(ImageError, match="nothing here"):
        library.search_image(tmp_path / "nothing here", encoder)
    with pytest.raises(LibraryError, match="no such folder"):
        library.add(tmp_path / "absent", encoder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LibraryError, match="holds no photo"):
        library.add(tmp_path / "empty", encoder)
    assert not (tmp_path / "data").exists()
    assert len(library) == 0


def test_a_folder_that_lost_its_photos(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    for path in folder.rglob("*.png"):
        path.unlink()
    assert counts(library.add(folder, encoder)) == (0, 0, 0, 10, 0)
    with pytest.raises(LibraryError, match="the library is empty"):
        library.search_text("red", encoder)


@pytest.mark.parametrize("damage", ["header", "vector"])
def test_a_damaged_database_is_named(
    library: Library, folder: Path, encoder: Encoder, tmp_path: Path, damage: str
) -> None:
    library.add(folder, encoder)
    path = tmp_path / "data" / "library" / "library.db"
    if damage == "header":
        path.write_bytes(b"no database" * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE contents SET vector = x'00' WHERE id = 3")
    with pytest.raises(LibraryError, match=r"library\.db: damaged"):
        Library(tmp_path / "data").search_text("red", encoder)


def test_a_newer_database_is_refused(
    library: Library, folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    library.add(folder, encoder)
    with sqlite3.connect(tmp_path / "data" / "library" / "library.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LibraryError, match="newer DALIP"):
        library.search_text("red", encoder)


def test_threads_search_while_photos_are_added(
    library: Library, folder: Path, encoder: Encoder, photos: Path
) -> None:
    library.add(folder, encoder)
    failures: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                assert library.search_text("red", encoder, 200)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        library.add(photos, encoder)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(library.search_text("red", encoder, 200)) == len(library) == 160
