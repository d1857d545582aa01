"""Versions of a flora on disk: a new one is written whole, then `CURRENT` is set to it.

```
FLORA/
├── CURRENT      the name of the live version
├── photos/      what versions share, if the flora keeps photos: files that never change
├── v000001/     the one before
└── v000002/     the live one
```

A new version is written beside the others under a name that nobody reads, flushed to disk, renamed, and only
then pointed at. Killed at any moment, the flora is the old one or the new one; the next writer tidies up.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dalip.errors import FloraError
from dalip_index.store.manifest import FloraManifest

__all__ = [
    "CURRENT",
    "DRAFT",
    "SHARED",
    "check_target",
    "current_version",
    "flush",
    "new_version",
    "undo_change",
]

CURRENT = "CURRENT"
"""Name of the file that names the live version."""

KEPT_VERSIONS = 2
"""Versions left after a change: the live one and the one before it."""

SHARED = "photos"
"""Name of the folder of files that versions share; a version's manifest names those that it needs."""

DRAFT = ".draft-"
"""Beginning of the names of files and folders that are being written."""

_LOCK = ".lock"
_VERSION = re.compile(r"v(\d{6})")
_SHARED_FILE = re.compile(r"[0-9a-f]{16}\.(tar|[0-9a-f]{12}\.npy)")


def current_version(root: Path) -> Path:
    """Find the folder of the live version.

    Args:
        root: The flora.

    Raises:
        FloraError: There is no flora there, or its pointer leads nowhere.
    """
    if not root.is_dir():
        raise FloraError(f"{root}: no such flora; `dalip index build` makes one")
    try:
        name = (root / CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise FloraError(
            f"{root}: not a flora, it has no readable file {CURRENT}; `dalip index build` makes one"
        ) from None
    if not _VERSION.fullmatch(name) or not (root / name).is_dir():
        raise FloraError(f"{root / CURRENT}: points to {name!r}, which is not there; build the flora again")
    return root / name


@contextmanager
def new_version(root: Path) -> Iterator[tuple[Path, str]]:
    """Write a new version of a flora; it goes live when the block ends without an error.

    Args:
        root: The flora; created where it does not exist.

    Yields:
        An empty folder to write the version into, and the name that the version will have.

    Raises:
        FloraError: The folder holds something else, cannot be written, or another process is writing to it.
    """
    created = not root.exists()
    check_target(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            _remove_leftovers(root)
            name = f"v{max(_versions(root), default=0) + 1:06d}"
            draft = root / f"{DRAFT}{name}"
            draft.mkdir()
            try:
                yield draft, name
                _publish(root, draft, name)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
    except (OSError, sqlite3.OperationalError) as error:  # a full disk, as files and as SQLite see it
        raise FloraError(f"{root}: cannot be written ({error})") from error
    finally:
        if created:
            with suppress(OSError):  # still empty only if nothing was published
                root.rmdir()


def undo_change(root: Path) -> str:
    """Make the version before the live one live again; the change that is undone is gone.

    Args:
        root: The flora.

    Returns:
        The name of the version that is live now.

    Raises:
        FloraError: There is no flora, no version before, or another process is writing to it.
    """
    live = current_version(root)
    with _locked(root):
        before = [number for number in _versions(root) if number < int(live.name[1:])]
        if not before or current_version(root) != live:
            raise FloraError(
                f"{root}: holds no version before {live.name}; only the last change can be undone"
            )
        name = f"v{before[-1]:06d}"
        _point(root, name)
        _remove_leftovers(root)
        _remove_unshared(root)
    return name


def check_target(root: Path) -> None:
    """Make sure that a flora may be written to a place: nothing is there yet, or a flora.

    Raises:
        FloraError: A file, or a folder with other things in it.
    """
    if root.is_file():
        raise FloraError(f"{root}: is a file; name a folder for the flora")
    if not root.is_dir() or (root / CURRENT).exists():
        return
    foreign = [
        p.name
        for p in root.iterdir()
        if not (p.name in (_LOCK, SHARED) or p.name.startswith(DRAFT) or _VERSION.fullmatch(p.name))
    ]
    if (root / SHARED).exists():  # it may be somebody's own folder of photos
        own = (p.name for p in (root / SHARED).iterdir())
        foreign += [f"{SHARED}/{n}" for n in own if not (n.startswith(DRAFT) or _SHARED_FILE.fullmatch(n))]
    if foreign:
        raise FloraError(
            f"{root}: is not empty and not a flora (it holds {min(foreign)}); name another folder"
        )


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the flora against other writers; SQLite's lock works everywhere and dies with its process."""
    path = root / _LOCK
    try:
        sqlite3.connect(path).close()  # makes it, where it is not there
        before = _identity(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise FloraError(f"{root}: cannot be written ({error})") from None
    try:
        connection.execute(
            "PRAGMA journal_mode = OFF"
        )  # nothing is written: a journal would only be left over
        connection.execute("BEGIN EXCLUSIVE")
        # Was it taken away by its last holder, and perhaps made again by the next, before it was locked here?
        if before is None or _identity(path) != before:
            raise sqlite3.OperationalError("locked")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" not in str(error):
            raise FloraError(f"{root}: cannot be written ({error})") from None
        raise FloraError(f"{root}: another process is changing this flora; wait until it is done") from None
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        connection.close()


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Tell a file from another of the same name, without opening it, which would end this process's locks on it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _versions(root: Path) -> list[int]:
    matches = (_VERSION.fullmatch(p.name) for p in root.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def _remove_leftovers(root: Path) -> None:
    """Remove what a killed writer left: drafts, and versions that never went live."""
    for draft in (*root.glob(f"{DRAFT}*"), *root.glob(f"{SHARED}/{DRAFT}*")):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink()
    with suppress(FloraError):
        live = int(current_version(root).name[1:])
        for number in _versions(root):
            if number > live:
                shutil.rmtree(root / f"v{number:06d}", ignore_errors=True)


def _publish(root: Path, draft: Path, name: str) -> None:
    for path in draft.iterdir():
        flush(path)
    flush(draft)
    if (root / SHARED).is_dir():
        flush(root / SHARED)
    draft.rename(root / name)
    _point(root, name)
    for number in _versions(root)[:-KEPT_VERSIONS]:
        shutil.rmtree(root / f"v{number:06d}", ignore_errors=True)
    _remove_unshared(root)


def _point(root: Path, name: str) -> None:
    # The pointer's own draft carries the prefix, too, so that the next writer removes it after a kill.
    pointer = root / f"{DRAFT}{CURRENT}"
    pointer.write_text(name + "\n", encoding="utf-8")
    flush(pointer)
    pointer.replace(root / CURRENT)
    flush(root)


def _remove_unshared(root: Path) -> None:
    """Remove what no version needs any more, or needs yet: what a change left that was killed and never done again."""
    shared = root / SHARED
    if not shared.is_dir():
        return
    needed: set[str] = set()
    for number in _versions(root):
        with suppress(FloraError):  # a version that cannot be read needs nothing
            needed |= FloraManifest.load(root / f"v{number:06d}").photos.keys()
    for path in shared.iterdir():
        if _SHARED_FILE.fullmatch(path.name) and path.name not in needed:
            path.unlink()
    with suppress(OSError):  # not empty
        shared.rmdir()


def flush(path: Path) -> None:
    """Make sure that a file or folder has reached the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot flush folders
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
