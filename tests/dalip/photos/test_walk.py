"""Listing a folder finds its photos by their content, and counts or reports everything else."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_images import photo
from wording import refuses, said

from dalip.errors import ImageError
from dalip.photos import open_file, open_image
from dalip.photos.formats.signatures import READABLE, image_format
from dalip.photos.walk import PACKED_MARK, Listing, is_photo_name, list_files, unused_files


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
    assert list_files(tmp_path, photos_only=True).others == [tmp_path / "a" / "notes.txt"]
    (status,) = [s for path, s in list_files(tmp_path).files.items() if path.name == "3.tiff"]
    assert status.st_size == len("a/c/3.tiff")


SYSTEM = [
    *(
        "@eaDir/a.jpg",
        "#recycle/b.jpg",
        "$RECYCLE.BIN/c.jpg",
        "System Volume Information/d.jpg",
        "lost+found/e.jpg",
    ),
    *(".thumbnails/f.jpg", ".Trash-1000/files/g.jpg", ".Trashes/h.jpg", ".@__thumb/i.jpg", "@Recycle/j.jpg"),
    *("in/@eaDir/k.jpg/SYNOPHOTO_THUMB_XL.jpg", "._l.jpg", ".m.jpg", "in/.n/o.jpg"),
]


def test_the_mark_of_a_packed_dataset_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / PACKED_MARK).touch()
    assert list_files(tmp_path).left_out == []


def test_hidden_and_system_files_are_left_out_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, *SYSTEM, "p.jpg", "in/q.jpg", "recycle/r.jpg")
    listing = list_files(tmp_path, photos_only=True)
    assert [path.name for path in listing.files] == ["q.jpg", "p.jpg", "r.jpg"]
    assert len(listing.left_out) == len(SYSTEM)
    assert (list(listing.skipped), list(listing.unlisted), listing.others) == ([], [], [])
    assert found(tmp_path / "@eaDir") == ["a.jpg"], "the folder that was asked for is listed"
    (note,) = unused_files(tmp_path, listing.others, listing.left_out)
    assert said(note) == f"{tmp_path}: {len(SYSTEM)} hidden or system files and folders were left out"
    (note,) = unused_files(tmp_path, [Path("a.txt"), Path("README"), Path("b.TXT")], [])
    assert said(note) == f"{tmp_path}: 3 files are not photos (1 without extension, 2 .txt)"
    each = [
        said(note)
        for note in unused_files(tmp_path, [tmp_path / "x.txt"], listing.left_out[:1], verbose=True)
    ]
    assert each == [
        f"{tmp_path}/x.txt: this file is not a photo",
        f"{tmp_path}/#recycle: this is a hidden or system file or folder, and was left out",
    ]


STARTS = {
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "WebP": b"RIFF\0\0\0\0WEBP",
    "HEIC": b"\0\0\0\x18ftypheic",
    "AVIF": b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1",
    "TIFF": b"MM\0*",
    "GIF": b"GIF89a",
    "BMP": b"BM" + bytes(12) + b"\x28\0\0\0",
    "Canon raw": b"II*\0\x10\0\0\0CR\x02",
    "Fujifilm raw": b"FUJIFILMCCD-RAW 0201",
    "JPEG XL": b"\xff\x0a",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "Photoshop": b"8BPS",
    "Panasonic raw": b"IIU\0",
}
OTHERS = [
    b"",
    b"BMW and other cars",
    b"\0\0\0\x18ftypmp42",
    b"%PDF-1.7",
    b"RIFF\0\0\0\0WAVE",
    b"\xff\xfb\x90",
    b"{}",
]


def test_photos_are_found_by_their_content(tmp_path: Path) -> None:
    assert {form: image_format(start) for form, start in STARTS.items()} == {form: form for form in STARTS}
    assert [image_format(start) for start in OTHERS] == [""] * len(OTHERS)
    assert {*READABLE} <= {*STARTS}
    for form, start in STARTS.items():
        (tmp_path / form).write_bytes(start)
    for number, start in enumerate(OTHERS):
        (tmp_path / f"other {number}.dat").write_bytes(start)
    for name in ("a.jfif", "b.jpe", "c.HIF", "d.MPO"):
        photo().save(tmp_path / name, "JPEG")
    listing = list_files(tmp_path, photos_only=True)
    assert {path.name for path in listing.files} == {*STARTS, "a.jfif", "b.jpe", "c.HIF", "d.MPO"}
    assert len(listing.others) == len(OTHERS)
    assert open_image(tmp_path / "c.HIF").size == photo().size
    for form in STARTS.keys() - {*READABLE}:
        with refuses(
            ImageError, match=rf"a format that cannot be read \({form}\); export it as one of JPEG, PNG"
        ):
            open_image(tmp_path / form)


def test_a_known_photo_is_not_opened(tmp_path: Path) -> None:
    touch(tmp_path, "known", "unknown")
    listing = list_files(tmp_path, photos_only=True, known=lambda path, status: path.name == "known")
    assert [path.name for path in listing.files] == ["known"]
    assert [path.name for path in listing.others] == ["unknown"]


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


def names(listing: Listing, root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in listing.files]


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "in/below/b.jpg", "out/c.jpg", "out/d/e.jpg")
    root = tmp_path / "in"
    (root / "twice").symlink_to(root / "below")
    (root / "below" / "circle").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "out")
    (root / "out again").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "back").symlink_to(root / "below")
    (root / "loop").symlink_to(root / "loop")
    listing = list_files(root, photos_only=True, follow_links=True)
    assert names(listing, root) == ["a.jpg", "below/b.jpg", "out/c.jpg", "out/d/e.jpg"]
    assert [Path(s.source).name for s in listing.skipped] == ["loop"]
    (root / "above").symlink_to(tmp_path)
    listing = list_files(root, photos_only=True, follow_links=True)
    assert names(listing, root) == ["a.jpg", "below/b.jpg", "out/c.jpg", "out/d/e.jpg"]
    assert {Path(s.source).name: s.error.kind for s in listing.skipped}["above"] == "link-to-parent"


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """1,500 nested folders, whose path is longer than Linux permits, with a photo at the top and one at the bottom."""
    touch(tmp_path, "a.jpg")
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("nested", dir_fd=handle)
        inner = os.open("nested", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("b.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    yield tmp_path
    subprocess.run(["rm", "-rf", str(tmp_path / "nested")], check=True)


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="such a folder cannot be made here")
def test_very_deep_folders(deep: Path) -> None:
    listing = list_files(deep, photos_only=True, follow_links=True)
    assert deep / "a.jpg" in listing.files
    if len(listing.files) == 1:
        (skipped,) = listing.skipped
        assert "longer than this system permits; move the folder up" in said(skipped.error)
        assert len(listing.unlisted) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_files_that_are_not_regular_are_never_opened(tmp_path: Path) -> None:
    for name in ("pipe", "pipe.jpg"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "link.jpg").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket must be short
        server.bind("socket")
        os.chdir(here)
        listing = list_files(tmp_path, photos_only=True)
        assert not listing.files
        assert sorted(Path(s.source).name for s in listing.skipped) == ["link.jpg", "pipe.jpg"]
        assert sorted(path.name for path in listing.others) == ["pipe", "socket"]
        for path in (*tmp_path.iterdir(), Path(os.devnull)):
            with refuses(ImageError, match="this is a pipe or a device, not a file"):
                open_file(path)
    with refuses(ImageError, match="this is a folder"):
        open_file(tmp_path)


def test_a_file_that_becomes_a_pipe_between_two_steps_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes here")
    touch(tmp_path, "a.jpg")
    opened = os.open

    def swap(path: Path, *arguments: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", swap)
    with refuses(ImageError, match="this is a pipe or a device, not a file"):
        open_file(tmp_path / "a.jpg")


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
    (tmp_path / "new\nline \x1b[31m.jpg").write_bytes(b"x")
    for path in list_files(tmp_path).files:
        assert path.read_bytes() == b"x"
    assert len(list_files(tmp_path, photos_only=True, follow_links=True).files) == 2


def test_photos_are_recognised_by_file_extension() -> None:
    assert all(map(is_photo_name, ("a.jpg", "a.b.HEIC", "folder/a.Tif")))
    assert not any(map(is_photo_name, ("a", "a.txt", "jpg", ".jpg", "a.jpg/b")))
