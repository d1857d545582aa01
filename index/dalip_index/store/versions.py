"""Versions of a flora on disk, with atomic updates: a new one is written completely, then `CURRENT` is set to it.

```
FLORA/
├── CURRENT      name of the live version
├── .lock        locked by the writing process
├── photos/      files shared by the versions, if the flora keeps photos; they never change
├── v000001/     the previous version
└── v000002/     the live version
```

A new version is written next to the others under a name that readers ignore, flushed to disk, and renamed. Only then is
`CURRENT` updated. If the process is killed at any time, the flora is either the old or the new version, and the next
writer cleans up.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dalip.disk import write_fault
from dalip.errors import FloraError
from dalip.files import atomic_write, flush_to_disk, hold_lock
from dalip_index.store.manifest import FloraManifest

__all__ = [
    "CURRENT",
    "SHARED",
    "TEXT_VECTORS",
    "check_target",
    "current_version",
    "flora_or_start",
    "new_version",
    "undo_change",
]

CURRENT = "CURRENT"
"""Name of the file that contains the name of the live version."""

KEPT_VERSIONS = 2
"""Number of versions kept after a change: the live one and the one before it."""

SHARED = "photos"
"""Name of the folder for files shared by the versions; a version's manifest lists the files that it needs."""

TEXT_VECTORS = ".texts-"
"""Prefix of the name of a file with vectors of texts, which a killed build of a large flora leaves for the next one."""

_DRAFT = ".draft-"
"""Prefix of the names of files and folders that are being written."""

_LOCK = ".lock"
_POINTER_DRAFT = f".{CURRENT}.draft"
_VERSION = re.compile(r"v(\d{6})")
_SHARED_FILE = re.compile(r"[0-9a-f]{16}\.(tar|[0-9a-f]{12}\.npy)")
_SHARED_DRAFT = re.compile(rf"\.({_SHARED_FILE.pattern})\.draft")


def current_version(root: Path) -> Path:
    """Return the folder of the live version.

    Args:
        root: The flora.

    Raises:
        FloraError: There is no flora, or `CURRENT` does not contain the name of a version.
    """
    if not root.is_dir():
        raise FloraError("flora-missing", source=root)
    try:
        name = (root / CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise FloraError("flora-without-pointer", source=root, pointer=CURRENT) from None
    if not _VERSION.fullmatch(name) or not (root / name).is_dir():
        raise FloraError("flora-pointer-astray", source=root / CURRENT, name=name)
    return root / name


def flora_or_start(root: Path, start: Path | None) -> Path:
    """Return a flora or, if there is none at this path yet, the one that it will be a copy of."""
    return root if start is None or (root / CURRENT).exists() else start


@contextmanager
def new_version(root: Path) -> Iterator[tuple[Path, str]]:
    """Write a new version of a flora; it goes live when the block ends without an error.

    Args:
        root: The flora; created if it does not exist.

    Yields:
        An empty folder to write the version into, and the name that the version will have.

    Raises:
        FloraError: The folder contains something else, cannot be written, or another process is writing to it.
    """
    created = not root.exists()
    check_target(root)
    with _locked(root):
        _remove_leftovers(root)
        name = f"v{max(_versions(root), default=0) + 1:06d}"
        draft = root / f"{_DRAFT}{name}"
        draft.mkdir()
        try:
            yield draft, name
            _publish(root, draft, name)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            with suppress(OSError):  # it does not exist, or is not empty
                (root / SHARED).rmdir()
            if created and [path.name for path in root.iterdir()] == [_LOCK]:
                with suppress(OSError):  # Windows does not remove open files
                    (root / _LOCK).unlink()
                    root.rmdir()
            raise


def undo_change(root: Path) -> str:
    """Go back to the version before the live one. The undone version is deleted.

    Args:
        root: The flora.

    Returns:
        The name of the version that is live now.

    Raises:
        FloraError: There is no flora, no earlier version, or another process is writing to it.
    """
    live = current_version(root)
    with _locked(root):
        before = [number for number in _versions(root) if number < int(live.name[1:])]
        if not before or current_version(root) != live:
            raise FloraError("flora-nothing-to-undo", source=root, version=live.name)
        name = f"v{before[-1]:06d}"
        _point(root, name)
        _remove_leftovers(root)
        _remove_unshared(root)
    return name


def check_target(root: Path) -> None:
    """Make sure that a flora can be written to a path: it does not exist, is empty, or is a flora.

    Raises:
        FloraError: It is a file, or a folder with other content.
    """
    if root.is_file():
        raise FloraError("flora-is-file", source=root)
    if not root.is_dir() or (root / CURRENT).exists():
        return
    ours = (CURRENT, _LOCK, SHARED, _POINTER_DRAFT)  # another writer may have published in the meantime
    foreign = [
        p.name
        for p in root.iterdir()
        if not (p.name in ours or p.name.startswith((_DRAFT, TEXT_VECTORS)) or _VERSION.fullmatch(p.name))
    ]
    if (root / SHARED).exists():  # it may be the user's own photo folder
        own = (p.name for p in (root / SHARED).iterdir())
        foreign += [f"{SHARED}/{name}" for name in own if not _is_shared(name)]
    if foreign:
        raise FloraError("flora-folder-taken", source=root, name=min(foreign))


def _is_shared(name: str) -> bool:
    """Return whether a file in the shared folder was written by DALIP."""
    return bool(_SHARED_FILE.fullmatch(name) or _SHARED_DRAFT.fullmatch(name) or name.startswith(_DRAFT))


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Lock a flora against other writers; its folder is created if needed.

    Raises:
        FloraError: Another process or thread holds the lock, or writing to disk fails in the block.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with hold_lock(root / _LOCK, lambda holder: FloraError("flora-busy", source=root, holder=holder)):
            yield
    except (OSError, sqlite3.OperationalError) as error:  # a full disk raises either one
        raise FloraError("flora-not-written", source=root, cause=write_fault(root, error)) from error


def _versions(root: Path) -> list[int]:
    matches = (_VERSION.fullmatch(p.name) for p in root.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def _remove_leftovers(root: Path) -> None:
    """Remove leftovers of a killed writer: drafts, and versions that never went live."""
    for draft in (*root.glob(f"{_DRAFT}*"), *root.glob(_POINTER_DRAFT), *root.glob(f"{SHARED}/.*")):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        elif draft.parent == root or _is_shared(draft.name):
            draft.unlink()
    with suppress(FloraError):
        live = int(current_version(root).name[1:])
        for number in _versions(root):
            if number > live:
                shutil.rmtree(root / f"v{number:06d}", ignore_errors=True)


def _publish(root: Path, draft: Path, name: str) -> None:
    for path in draft.iterdir():
        flush_to_disk(path)
    flush_to_disk(draft)
    draft.rename(root / name)
    _point(root, name)
    for number in _versions(root)[:-KEPT_VERSIONS]:
        shutil.rmtree(root / f"v{number:06d}", ignore_errors=True)
    for file in root.glob(f"{TEXT_VECTORS}*"):
        file.unlink()
    _remove_unshared(root)


def _point(root: Path, name: str) -> None:
    with atomic_write(root / CURRENT, durable=True) as pointer:
        pointer.write_text(name + "\n", encoding="utf-8")


def _remove_unshared(root: Path) -> None:
    """Remove shared files that no version needs: from removed versions, or from a killed change."""
    shared = root / SHARED
    if not shared.is_dir():
        return
    needed: set[str] = set()
    for number in _versions(root):
        with suppress(FloraError):  # an unreadable version needs no files
            needed |= FloraManifest.load(root / f"v{number:06d}").photos.keys()
    for path in shared.iterdir():
        if _SHARED_FILE.fullmatch(path.name) and path.name not in needed:
            path.unlink()
    with suppress(OSError):  # not empty
        shared.rmdir()
