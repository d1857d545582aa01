"""Uploads: the routes that receive them, and the folder that stores them until they are deleted.

Gradio's own route would accept a thousand files of any total size, leave parts of aborted uploads on disk, and keep the
file names of visitors, which end up in messages.
"""

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from filelock import FileLock, Timeout
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from dalip_app.messages.language import LANGUAGES

__all__ = [
    "KEPT",
    "LOOK_EVERY",
    "MAX_FILE",
    "MAX_FILES",
    "UPLOAD",
    "add_uploads",
    "forget_old",
    "held_bytes",
    "upload_folder",
]

KEPT = 540
"""Age in seconds from which an upload is deleted, so that it is always gone after ten minutes."""

LOOK_EVERY = 30
"""Seconds between checks for uploads to delete."""

MAX_FILE = 60_000_000
"""Maximum size of one file in bytes."""

MAX_FILES = 50
"""Maximum number of files in one request."""

UPLOAD = "/gradio_api/upload"
"""Upload path below the page of each language; it is Gradio's path, which the page and `gradio_client` use."""

_FIELDS = 20  # maximum number of fields that are not files; they are ignored
_PREFIX = "dalip-serve-"
_LOCK = "lock"


@contextmanager
def upload_folder(look_every: float = LOOK_EVERY) -> Iterator[Path]:
    """Create a folder for uploads, delete old files in it regularly, and delete the folder at the end.

    Folders left behind by killed servers are deleted first.

    Args:
        look_every: Seconds between checks for uploads to delete.

    Yields:
        The folder; only this user can access it.
    """
    parent = Path(tempfile.gettempdir())
    _delete_abandoned(parent)
    place, lock = _take_place(parent)
    uploads, done = place / "uploads", threading.Event()
    uploads.mkdir()
    threading.Thread(target=_keep_empty, args=(uploads, done, look_every), daemon=True).start()
    try:
        yield uploads
    finally:
        done.set()
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def _take_place(parent: Path) -> tuple[Path, FileLock]:
    while True:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = FileLock(place / _LOCK)
        with suppress(Timeout, OSError):  # meanwhile another server may have deleted it as abandoned
            lock.acquire(blocking=False)
            if (place / _LOCK).exists():
                return place, lock


def _delete_abandoned(parent: Path) -> None:
    """Delete the folders of servers that no longer run; the system released their locks, however they ended."""
    for place in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            status = place.lstat()
            mine = os.name != "posix" or status.st_uid == os.getuid()
            if place.is_symlink() or not place.is_dir() or not mine:
                continue
            with FileLock(place / _LOCK).acquire(blocking=False):
                shutil.rmtree(place, ignore_errors=True)
            shutil.rmtree(place, ignore_errors=True)  # Windows does not delete a lock file that is held


def _keep_empty(folder: Path, done: threading.Event, look_every: float) -> None:
    while not done.wait(look_every):
        forget_old(folder, KEPT)


def forget_old(folder: Path, age: float) -> None:
    """Delete old files and empty old folders.

    Args:
        folder: Folder to search; it is not deleted itself.
        age: Minimum age in seconds.
    """
    latest = time.time() - age
    for root, folders, files in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in files):
            with suppress(OSError):
                if path.lstat().st_mtime < latest:
                    path.unlink()
        for path in (Path(root, name) for name in folders):
            with suppress(OSError):  # not empty
                if path.lstat().st_mtime < latest:
                    path.rmdir()


def held_bytes(folder: Path) -> int:
    """Return the total size in bytes of all files in a folder and below it."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total


def add_uploads(app: FastAPI, folder: Path) -> None:
    """Add the upload routes; this must happen before Gradio is mounted.

    Args:
        app: The application.
        folder: Upload folder.
    """

    async def progress() -> Response:
        # The page asks for upload progress but shows only that an upload is running.
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    async def upload(request: Request) -> list[str]:
        async with request.form(max_files=MAX_FILES, max_fields=_FIELDS) as form:
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
            if not files:
                raise HTTPException(400, "files: no file was sent")
            if any((file.size or 0) > MAX_FILE for file in files):
                raise HTTPException(
                    413, f"a file is larger than {MAX_FILE // 1_000_000} MB; send a smaller one"
                )
            return [await to_thread.run_sync(_keep, file, folder) for file in files]

    for place in ("", *(f"/{code}" for code in LANGUAGES)):
        app.add_api_route(f"{place}{UPLOAD}_progress", progress, include_in_schema=False)
        for end in ("", "/"):
            app.add_api_route(f"{place}{UPLOAD}{end}", upload, methods=["POST"], include_in_schema=False)


def _keep(file: UploadFile, folder: Path) -> str:
    """Store a file under an unguessable name; only the extension of its original name is kept."""
    suffix = re.search(r"\.[a-z0-9]{1,8}$", (file.filename or "").lower())
    place = folder / token_hex(16)
    place.mkdir(parents=True)
    path = place / f"upload{suffix[0] if suffix else ''}"
    try:
        with path.open("wb") as kept:
            shutil.copyfileobj(file.file, kept)
    except OSError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return str(path)
