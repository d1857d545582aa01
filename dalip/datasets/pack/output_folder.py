"""The output folder of a packed set: whether DALIP made it, writes to it now, or has completed it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dalip.datasets.pack.datasheet import FILES
from dalip.errors import DataError

__all__ = ["DOWNLOADS", "WORK", "alone", "begin", "end", "is_finished", "require_ours"]

DOWNLOADS = ".downloads"
"""Where photos from the web lie."""

WORK = ".work"
"""What a run has done so far; gone when it has ended."""

_MARK = ".packed.json"  # written last: what the set was made of, and how long its files are


def _is_ours(name: str) -> bool:
    return (
        name in (*FILES, WORK, _MARK, DOWNLOADS)
        or (name.startswith("photos-") and name.endswith((".tar", ".tar.draft")))
        or name.removesuffix(".draft") in FILES
    )


def require_ours(out: Path) -> None:
    """Make sure that nothing in a folder is lost.

    Raises:
        DataError: It holds files of others, or is none.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out}: is a file; name a folder for the shards")
    names = sorted(path.name for path in out.iterdir())
    foreign = [name for name in names if not _is_ours(name)]
    if names and not {WORK, _MARK, DOWNLOADS} & set(names):
        foreign = names
    if foreign:
        raise DataError(
            f"{out}: holds {foreign[0]}, which was not packed here; name an empty or a new folder"
        )


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a second run out of a folder."""
    (out / WORK).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / WORK / "lock", timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"{out}: another run is packing there; wait until it ends") from error


def _sizes(out: Path) -> dict[str, int]:
    paths = [path for path in out.iterdir() if path.suffix == ".tar" or path.name in FILES]
    return {path.name: path.stat().st_size for path in sorted(paths)}


def is_finished(out: Path, wanted: str) -> bool:
    """Say whether a folder holds the whole set that is wanted."""
    try:
        mark = json.loads((out / _MARK).read_text(encoding="utf-8"))
        return bool(mark == {"of": wanted, "bytes": _sizes(out)})
    except (OSError, ValueError):
        return False


def begin(out: Path) -> None:
    """Say that a set is being written: until its end it counts for none."""
    (out / _MARK).unlink(missing_ok=True)


def end(out: Path, wanted: str, shards: Iterable[str]) -> None:
    """Remove what an earlier set left, and say that all is written."""
    names = set(shards)
    for path in out.iterdir():
        if path.suffix == ".draft" or (path.suffix == ".tar" and path.name not in names):
            path.unlink()
    (out / _MARK).write_text(json.dumps({"of": wanted, "bytes": _sizes(out)}), encoding="utf-8")
