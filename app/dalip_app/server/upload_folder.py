"""The folder where uploads lie while a server runs, and its emptying."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["KEPT", "forget_old", "held_bytes", "upload_folder"]

KEPT = 540
"""Seconds from which an upload is deleted; whatever happens, it is gone after ten minutes."""

_LOOKS = 30  # seconds between looks for such
_PREFIX = "dalip-serve-"
_LOCK = "lock"


@contextmanager
def upload_folder() -> Iterator[Path]:
    """Make a folder for everything that visitors send, and delete it in the end.

    All temporary files of the process go there. Folders that servers left behind that were killed are deleted first.

    Yields:
        The folder; only this user can look into it.
    """
    parent = Path(tempfile.gettempdir())
    _delete_abandoned(parent)
    place, lock = _take_place(parent)
    uploads, before, done = place / "uploads", tempfile.tempdir, threading.Event()
    uploads.mkdir()
    tempfile.tempdir = str(uploads)
    threading.Thread(target=_keep_empty, args=(uploads, done), daemon=True).start()
    try:
        yield uploads
    finally:
        done.set()
        tempfile.tempdir = before
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def _take_place(parent: Path) -> tuple[Path, FileLock]:
    while True:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = FileLock(place / _LOCK)
        with suppress(Timeout, OSError):  # another server took it for abandoned between these two lines
            lock.acquire(blocking=False)
            if (place / _LOCK).exists():
                return place, lock


def _delete_abandoned(parent: Path) -> None:
    """Delete the folders of servers that run no more: the system gave back their locks, however they ended."""
    for place in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            status = place.lstat()
            mine = os.name != "posix" or status.st_uid == os.getuid()
            if place.is_symlink() or not place.is_dir() or not mine:
                continue
            with FileLock(place / _LOCK).acquire(blocking=False):
                shutil.rmtree(place, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)  # Windows keeps a lock that is held


def _keep_empty(folder: Path, done: threading.Event) -> None:
    while not done.wait(_LOOKS):
        forget_old(folder, KEPT)


def forget_old(folder: Path, age: float) -> None:
    """Delete files that were written long ago, and folders in which nothing is left.

    Args:
        folder: Where to look; itself it stays.
        age: In seconds.
    """
    latest = time.time() - age
    for root, folders, files in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in files):
            with suppress(OSError):
                if path.lstat().st_mtime < latest:
                    path.unlink()
        for path in (Path(root, name) for name in folders):
            with suppress(OSError):  # there is something in it
                if path.lstat().st_mtime < latest:
                    path.rmdir()


def held_bytes(folder: Path) -> int:
    """Add up the sizes of the files in a folder and below it."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total
