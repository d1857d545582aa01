"""The output folder of a packed set: whether DALIP made it, writes to it now, or has completed it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dalip.datasets.pack.datasheet import FILES
from dalip.errors import DataError
from dalip.files import atomic_write, from_json, hold_lock, to_json

__all__ = ["DOWNLOADS", "WORK", "alone", "begin", "end", "is_finished", "require_ours"]

DOWNLOADS = ".downloads"
"""Where photos from the web lie."""

WORK = ".work"
"""What a run has done so far; gone when it has ended."""

_MARK = ".packed.json"  # written last: what the set was made of, and how long its files are


@dataclass(frozen=True)
class _Mark:
    """What is written when a set is complete."""

    of: str
    """What it was made of."""
    bytes: Mapping[str, int]
    """Sizes of its files."""


def _is_ours(name: str) -> bool:
    if name.endswith(".draft"):  # hidden, except for those of earlier versions
        name = name.removesuffix(".draft")
        return _is_ours(name) or _is_ours(name.removeprefix("."))
    is_shard = name.startswith("photos-") and name.endswith(".tar")
    return is_shard or name in (*FILES, WORK, _MARK, DOWNLOADS)


def require_ours(out: Path) -> None:
    """Make sure that nothing in a folder is lost.

    Raises:
        DataError: It holds files of others, or is no folder.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError("pack-folder-file", source=out)
    names = sorted(path.name for path in out.iterdir())
    foreign = [name for name in names if not _is_ours(name)]
    if names and not {WORK, _MARK, DOWNLOADS} & set(names):
        foreign = names
    if foreign:
        raise DataError("pack-folder-foreign", source=out, name=foreign[0])


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a second run out of a folder."""
    (out / WORK).mkdir(parents=True, exist_ok=True)
    with hold_lock(out / WORK / "lock", DataError("pack-folder-busy", source=out)):
        yield


def _sizes(out: Path) -> dict[str, int]:
    paths = [path for path in out.iterdir() if path.suffix == ".tar" or path.name in FILES]
    return {path.name: path.stat().st_size for path in sorted(paths)}


def is_finished(out: Path, wanted: str) -> bool:
    """Say whether a folder holds the whole set that is wanted."""
    try:
        return from_json((out / _MARK).read_bytes(), _Mark) == _Mark(wanted, _sizes(out))
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
    with atomic_write(out / _MARK) as draft:
        draft.write_text(to_json(_Mark(wanted, _sizes(out))), encoding="utf-8")
