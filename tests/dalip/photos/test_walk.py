"""Listing a folder finds its files, and reports entries that cannot be read or are not followed."""

import os
from pathlib import Path

import pytest
from wording import said

from dalip.photos.walk import is_photo_name, list_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * len(name))


def found(folder: Path, *, photos_only: bool = False) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_files(folder, photos_only=photos_only).files]


def test_files_are_listed_in_folder_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a b/1.jpg", "a/2.JPG", "a/c/3.tiff", "a/notes.txt")
    assert found(tmp_path) == ["a/2.JPG", "a/c/3.tiff", "a/notes.txt", "a b/1.jpg", "b.jpg"]
    assert found(tmp_path, photos_only=True) == ["a/2.JPG", "a/c/3.tiff", "a b/1.jpg", "b.jpg"]
    (status,) = [s for path, s in list_files(tmp_path).files.items() if path.name == "3.tiff"]
    assert status.st_size == len("a/c/3.tiff")


def test_hidden_files_are_skipped(tmp_path: Path) -> None:
    touch(tmp_path, ".a.jpg", ".thumbnails/b.jpg", "c/.d/e.jpg", "f.jpg")
    listing = list_files(tmp_path)
    assert [path.name for path in listing.files] == ["f.jpg"]
    assert (list(listing.skipped), list(listing.unlisted)) == ([], [])


def test_links_to_files_are_followed_and_others_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "elsewhere/b.jpg")
    folder = tmp_path / "in"
    (folder / "link.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    (folder / "broken.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "circle").symlink_to(folder)
    (folder / "broken.txt").symlink_to(folder / "nowhere.txt")
    listing = list_files(folder, photos_only=True)
    assert [path.name for path in listing.files] == ["a.jpg", "link.jpg"]
    assert sorted(said(skipped.error).partition(" (")[0] for skipped in listing.skipped) == [
        f"{folder}/broken.jpg: this is a broken link: the file that it points to does not exist; "
        "restore the file or remove the link",
        f"{folder}/circle: this is a link to a folder, and such links are not followed; copy the folder here",
    ]
    assert len(list_files(folder).skipped) == 3, "without photos_only the broken text counts, too"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    listing = list_files(tmp_path)
    assert not listing.files
    assert [skipped.error.kind for skipped in listing.skipped] == ["image-pipe"]


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "open/a.jpg", "shut/b.jpg")
    scandir = os.scandir

    def refuse(
        path: object,
    ) -> object:  # simulated, because tests may run as root, who can read everything
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_files(tmp_path)
    assert [path.name for path in listing.files] == ["a.jpg"]
    assert list(listing.unlisted) == [tmp_path / "shut"]
    assert [said(skipped.error) for skipped in listing.skipped] == [
        f"{tmp_path}/shut: the contents of the folder cannot be read (Permission denied); check its permissions"
    ]
    absent = list_files(tmp_path / "absent")
    assert list(absent.unlisted) == [tmp_path / "absent"]


def test_a_file_may_be_called_anything(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9d.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    (path,) = list_files(tmp_path).files
    assert path.read_bytes() == b"x"


def test_photos_are_recognised_by_file_extension() -> None:
    assert all(map(is_photo_name, ("a.jpg", "a.b.HEIC", "folder/a.Tif")))
    assert not any(map(is_photo_name, ("a", "a.txt", "jpg", ".jpg", "a.jpg/b")))
