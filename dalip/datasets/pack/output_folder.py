"""The output folder of a packed dataset: protect other files in it, lock it, and mark it as complete."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dalip.datasets.pack.datasheet import FILES
from dalip.errors import DataError
from dalip.files import atomic_write, from_json, hold_lock, to_json
from dalip.photos.walk import PACKED_MARK

__all__ = ["DOWNLOADS", "WORK", "alone", "begin", "end", "is_finished", "require_ours"]

DOWNLOADS = ".downloads"
"""Subfolder for downloaded photos."""

WORK = ".work"
"""Subfolder for the intermediate results of a run; removed when the dataset is complete."""


@dataclass(frozen=True)
class _Mark:
    """Content of `PACKED_MARK`, which is written last: what the dataset was made from, and the sizes of its files."""

    of: str
    """Identifies what it was made from."""
    bytes: Mapping[str, int]
    """Sizes of its files."""


def _is_ours(name: str) -> bool:
    if name.endswith(".draft"):  # drafts are hidden, except those of earlier versions
        name = name.removesuffix(".draft")
        return _is_ours(name) or _is_ours(name.removeprefix("."))
    is_shard = name.startswith("photos-") and name.endswith(".tar")
    return is_shard or name in (*FILES, WORK, PACKED_MARK, DOWNLOADS)


def require_ours(out: Path) -> None:
    """Make sure that packing into a folder cannot destroy other files.

    Raises:
        DataError: It contains files that DALIP did not write, or is not a folder.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError("pack-folder-file", source=out)
    names = sorted(path.name for path in out.iterdir())
    foreign = [name for name in names if not _is_ours(name)]
    if names and not {WORK, PACKED_MARK, DOWNLOADS} & set(names):
        foreign = names
    if foreign:
        raise DataError("pack-folder-foreign", source=out, name=foreign[0])


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Lock a folder against a second run until the block ends."""
    (out / WORK).mkdir(parents=True, exist_ok=True)
    with hold_lock(
        out / WORK / "lock", lambda holder: DataError("pack-folder-busy", source=out, holder=holder)
    ):
        yield


def _sizes(out: Path) -> dict[str, int]:
    paths = [path for path in out.iterdir() if path.suffix == ".tar" or path.name in FILES]
    return {path.name: path.stat().st_size for path in sorted(paths)}


def is_finished(out: Path, wanted: str) -> bool:
    """Return whether a folder already contains the complete dataset that is requested."""
    try:
        return from_json((out / PACKED_MARK).read_bytes(), _Mark) == _Mark(wanted, _sizes(out))
    except (OSError, ValueError):
        return False


def begin(out: Path) -> None:
    """Mark a dataset as incomplete, until `end` is called."""
    (out / PACKED_MARK).unlink(missing_ok=True)


def end(out: Path, wanted: str, shards: Iterable[str]) -> None:
    """Remove leftovers of an earlier dataset, and mark this one as complete."""
    names = set(shards)
    for path in out.iterdir():
        if path.suffix == ".draft" or (path.suffix == ".tar" and path.name not in names):
            path.unlink()
    with atomic_write(out / PACKED_MARK) as draft:
        draft.write_text(to_json(_Mark(wanted, _sizes(out))), encoding="utf-8")
