"""The library and its files: what counts as a photo, when it was taken, and files that change while they are read."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from tiny_bundle import COLOURS
from wording import refuses, said

from dalip.encoder import Encoder
from dalip.errors import LibraryError
from dalip_index import Library, PhotoFilter

NOVEMBER = 1_700_000_000  # 2023-11-14


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data")


def save(path: Path, colour: str = "red", side: int = 20, **exif: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = Image.Exif()
    if exif:
        fields[ExifTags.IFD.Exif] = {ExifTags.Base[tag]: value for tag, value in exif.items()}
    Image.new("RGB", (side, side), COLOURS[colour]).save(path, "PNG", exif=fields)
    os.utime(path, (NOVEMBER, NOVEMBER))
    return path


def dates(library: Library) -> dict[str, tuple[str, str]]:
    return {hit.path.name: (hit.date[:16], hit.date_source) for hit in library.newest(99).hits}


def test_dates_from_all_sources_and_their_filter(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number, (name, value) in enumerate(
        {
            "dashes": "2023-05-31 12:00:00",
            "zeros": "0000:00:00 00:00:00",
            "old": "2002:12:08 12:00:00",
        }.items()
    ):
        save(folder / f"{name}.png", side=20 + number, DateTimeOriginal=value)
    save(folder / "IMG-20230531-WA0007.png", side=30)
    save(folder / "takeout.png", side=31)
    taken = {"photoTakenTime": {"timestamp": "1685534400"}}
    (folder / "takeout.png.supplemental-metadata.json").write_text(json.dumps(taken))
    report = library.add(folder, encoder)
    assert report.counts == {"added": 5}
    assert dates(library) | {"zeros.png": ("", "")} == {
        "dashes.png": ("2023-05-31T12:00", "DateTimeOriginal"),
        "takeout.png": ("2023-05-31T12:00", "Google Takeout"),
        "IMG-20230531-WA0007.png": ("2023-05-31", "file name"),
        "old.png": ("2002-12-08T12:00", "DateTimeOriginal"),
        "zeros.png": ("", ""),
    }
    assert dates(library)["zeros.png"][1] == "file time"
    assert dates(library)["zeros.png"][0][:10] in ("2023-11-14", "2023-11-15")
    assert library.newest(only=PhotoFilter(since="2023-05-31", until="2023-05-31")).total == 3
    assert library.newest(only=PhotoFilter(since="2023-11")).total == 1


def test_copies_of_a_photo_may_have_different_dates(
    library: Library, encoder: Encoder, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copy(save(folder / "IMG_20230531_120000.png"), folder / "IMG_20240102_030405.png")
    shutil.copy(folder / "IMG_20230531_120000.png", folder / "copy.png")
    library.add(folder, encoder)
    assert dates(library)["IMG_20230531_120000.png"] == ("2023-05-31T12:00", "file name")
    assert dates(library)["IMG_20240102_030405.png"] == ("2024-01-02T03:04", "file name")
    assert dates(library)["copy.png"][1] == "file time"


def test_a_new_or_changed_sidecar_gives_a_new_date_without_encoding(
    library: Library, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "b.png", "blue")
    library.add(path.parent, encoder)
    monkeypatch.setattr(Encoder, "encode_files", lambda self, sources, **options: iter(sources and [None]))
    sidecar = path.with_name("a.png.json")
    for stamp, day in (("1685534400", "2023-05-31"), ("1577836800", "2020-01-01")):
        sidecar.write_text(json.dumps({"photoTakenTime": {"timestamp": stamp}, "title": day}))
        assert library.add(path.parent, encoder).counts == {"changed": 1, "unchanged": 1}
        assert dates(library)["a.png"] == (day + "T" + dates(library)["a.png"][0][11:], "Google Takeout")
        assert library.add(path.parent, encoder).counts == {"unchanged": 2}
    sidecar.unlink()
    library.add(path.parent, encoder)
    assert dates(library)["a.png"][1] == "file time"


@pytest.mark.parametrize("seconds", [0, -(10**9), 13_000_000_000, 2**33])
def test_a_file_time_that_cannot_be_right_is_no_date(
    library: Library, encoder: Encoder, tmp_path: Path, seconds: int
) -> None:
    path = save(tmp_path / "photos" / "a.png")
    os.utime(path, (seconds, seconds))
    for what in ("added", "unchanged"):
        assert library.add(path.parent, encoder).counts == {what: 1}
    (hit,) = library.newest().hits
    assert (hit.date, hit.date_source) == ("", "")
    assert library.newest(only=PhotoFilter(since="1900")).total == 0
    assert library.newest(only=PhotoFilter(until="2900")).total == 0


def test_what_is_not_used_is_counted_and_only_faults_count_as_skipped(
    library: Library, encoder: Encoder, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    for name in ("a.jfif", "b", "c.HIF", "d.txt"):
        save(folder / name, side=20 + ord(name[0]))
    save(folder / "@eaDir" / "e.png")
    (folder / "notes.txt").write_text("BMW")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    report = library.add(folder, encoder)
    pipes = int(hasattr(os, "mkfifo"))
    assert report.counts == {"added": 4, "not photos": 2 + pipes, "hidden or system": 1}
    assert report.skipped == ()
    assert {path.name for path in report.others} - {"pipe"} == {"film.mp4", "notes.txt"}
    (folder / "raw.CR3").write_bytes(b"\0\0\0\x18ftypcrx ")
    (folder / "damaged.jpg").write_text("no photo")
    report = library.add(folder, encoder)
    assert {Path(s.source).name: s.error.kind for s in report.skipped} == {
        "raw.CR3": "image-format",
        "damaged.jpg": "image-unknown",
    }
    assert report.counts["unreadable"] == 2


def test_links_to_folders_are_part_of_the_library(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    save(tmp_path / "disk" / "a.png")
    save(tmp_path / "photos" / "b.png", "blue")
    (tmp_path / "photos" / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "back").symlink_to(tmp_path / "photos")
    assert library.add(tmp_path / "photos", encoder).counts == {"added": 2}
    assert library.add(tmp_path / "photos", encoder).counts == {"unchanged": 2}
    assert library.folders() == {str(tmp_path / "photos"): 2}
    (tmp_path / "disk").rename(tmp_path / "not connected")
    assert library.add(tmp_path / "photos", encoder).counts == {"unchanged": 1, "not photos": 1}
    assert len(library) == 2, "the photos on a disk that is not connected are kept"
    (tmp_path / "photos" / "disk").unlink()
    assert library.add(tmp_path / "photos", encoder).counts == {"removed": 1, "unchanged": 1}


def test_folders_that_cannot_be_added(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    for name in ("absent", "x" * 5000, "a\0b", "\ud800"):
        with refuses(LibraryError, match="no such folder; choose a folder"):
            library.add(tmp_path / name, encoder)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gar\xe9"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    with refuses(LibraryError, match="the file name is not valid UTF-8; rename the file"):
        library.add(odd, encoder)


def stored(data: Path, encoder: Encoder) -> dict[str, np.ndarray[Any, Any]]:
    """Return the stored embeddings by hash."""
    with closing(sqlite3.connect(data / "library" / "library.db")) as connection:
        rows = connection.execute("SELECT sha256, vector FROM contents WHERE vector IS NOT NULL").fetchall()
    return {sha256: np.frombuffer(vector, "<f2").astype(np.float32) for sha256, vector in rows}


def expected(path: Path, encoder: Encoder) -> tuple[str, np.ndarray[Any, Any]]:
    ((_, row),) = encoder.encode_files([path.read_bytes()])
    assert isinstance(row, np.ndarray)
    return hashlib.sha256(path.read_bytes()).hexdigest(), row


def test_a_photo_replaced_between_hashing_and_decoding_is_read_again(
    library: Library, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = save(tmp_path / "photos" / "a.png", "red"), save(tmp_path / "new.png", "blue")
    shutil.copy(path, path.with_name("copy.png"))
    encode = Encoder.encode_files

    def replacing(self: Encoder, sources: list[Any], **options: Any) -> Iterator[Any]:
        if new.exists():
            new.replace(path)
        return encode(self, sources, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "encode_files", replacing)
        assert library.add(path.parent, encoder).counts == {"added": 2}
    found = stored(tmp_path / "data", encoder)
    for file in (path, path.with_name("copy.png")):
        sha256, row = expected(file, encoder)
        np.testing.assert_allclose(found[sha256], row, atol=2e-3)
        assert library.path_of(sha256) == file
    assert library.add(path.parent, encoder).counts == {"unchanged": 2}


def test_a_photo_of_an_earlier_version_that_was_replaced_without_a_trace_is_read_again(
    library: Library, encoder: Encoder, tmp_path: Path
) -> None:
    """Its date is read again by content, and its size and time are those of the old content."""
    path = save(tmp_path / "photos" / "a.png", "red")
    library.add(path.parent, encoder)
    save(path, "blue")
    with closing(sqlite3.connect(tmp_path / "data" / "library" / "library.db")) as connection, connection:
        connection.execute("UPDATE looks SET date_source = NULL")
        connection.execute("UPDATE photos SET size = ?", (path.stat().st_size,))
    assert library.add(path.parent, encoder).counts == {"changed": 1}
    sha256, row = expected(path, encoder)
    np.testing.assert_allclose(stored(tmp_path / "data", encoder)[sha256], row, atol=2e-3)
    assert library.add(path.parent, encoder).counts == {"unchanged": 1}


def test_a_photo_that_vanishes_or_always_changes_is_reported_and_the_others_are_added(
    library: Library, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, gone = save(tmp_path / "photos" / "a.png", "red"), save(tmp_path / "photos" / "gone.png", "green")
    save(tmp_path / "photos" / "b.png", "blue")
    encode = Encoder.encode_files

    def changing(self: Encoder, sources: list[Any], **options: Any) -> Iterator[Any]:
        gone.unlink(missing_ok=True)
        path.write_bytes(path.read_bytes() + b"x")
        return encode(self, sources, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "encode_files", changing)
        report = library.add(path.parent, encoder)
    assert report.counts == {"added": 1, "unreadable": 2}
    assert {Path(s.source).name: s.error.kind for s in report.skipped} == {
        "a.png": "file-changing",
        "gone.png": "image-missing",
    }
    assert any("add the folder again when nothing writes" in said(s.error) for s in report.skipped)
    assert library.add(path.parent, encoder).counts == {"added": 1, "unchanged": 1, "removed": 1}


_SWAP = """
import os, sys
one, other, path = sys.argv[1:]
contents = [open(name, "rb").read() for name in (one, other)]
print("ready", flush=True)
while True:
    for content in contents:
        with open(path + ".new", "wb") as file:
            file.write(content)
        os.replace(path + ".new", path)
        with open(path, "r+b") as file:  # in place
            file.write(contents[0])
            file.truncate()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not replace open files")
def test_a_photo_that_another_process_replaces_all_the_time_never_has_the_vector_of_another(
    library: Library, encoder: Encoder, tmp_path: Path
) -> None:
    pair = [save(tmp_path / f"{colour}.png", colour) for colour in ("red", "blue")]
    path = save(tmp_path / "photos" / "a.png", "red")
    swapping = subprocess.Popen(
        [sys.executable, "-c", _SWAP, *map(str, pair), str(path)], stdout=subprocess.PIPE, text=True
    )
    right = dict(expected(file, encoder) for file in pair)
    try:
        assert swapping.stdout
        assert swapping.stdout.readline() == "ready\n"
        for _ in range(20):
            library.add(path.parent, encoder)
            for sha256, vector in stored(tmp_path / "data", encoder).items():
                if sha256 in right:
                    np.testing.assert_allclose(vector, right[sha256], atol=2e-3)
    finally:
        swapping.send_signal(signal.SIGKILL)
        swapping.wait()
    path.with_name("a.png.new").unlink(missing_ok=True)
    shutil.copy(pair[1], path)
    library.add(path.parent, encoder)
    assert [hit.path for hit in library.search_text("blue", encoder).hits] == [path]
    assert library.search_image(path, encoder).hits[0].similarity == pytest.approx(1, abs=2e-3)
