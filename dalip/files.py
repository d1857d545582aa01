"""Write files atomically, hold locks, and read JSON into dataclasses with checks."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dalip.disk import process_using
from dalip.errors import DalipError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["as_utf8", "atomic_write", "flush_to_disk", "from_json", "hold_lock", "printable", "to_json"]

T = TypeVar("T")


def as_utf8(name: object) -> str:
    r"""Return a name that UTF-8 can encode: bytes in file names that are not UTF-8 become `\udcff` and the like."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def printable(name: object) -> str:
    r"""Return a printable name on one line: line breaks and the like become `\n`; otherwise as `as_utf8`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in as_utf8(name))


@contextmanager
def atomic_write(path: Path, *, durable: bool = False, rivals: bool = False) -> Iterator[Path]:
    """Write a file atomically: completely or not at all.

    Args:
        path: The file, which is replaced when the block ends without an error and is otherwise left unchanged.
        durable: Whether to flush the file to disk when the block ends, so that it survives a power cut.
        rivals: Whether other processes may write the same file at the same time; a killed process then leaves its
            draft behind.

    Yields:
        The path to write to, in the same folder.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}{f'.{os.getpid()}' if rivals else ''}.draft")
    try:
        yield draft
        if durable:
            flush_to_disk(draft)
        draft.replace(path)
        if durable:
            flush_to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def flush_to_disk(path: Path) -> None:
    """Make sure that a file or folder has reached the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot flush folders
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def hold_lock(path: Path, busy: Callable[[int], DalipError]) -> Iterator[None]:
    """Hold a lock until the block ends; the system releases it if the process ends in any way, even if killed.

    Args:
        path: The lock file, which is created if missing and kept afterwards.
        busy: Makes the error to raise if another process, or another thread of this one, holds the lock. Called with
            the ID of the process, or 0 if it is unknown or this one.

    Raises:
        OSError: The file cannot be created.
    """
    from filelock import FileLock, Timeout  # slow to import, and most commands need no lock

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise busy(process_using(path)) from None
    try:
        yield
    finally:
        lock.release()


def to_json(value: "DataclassInstance | Mapping[str, Any]", *, indent: int = 2) -> str:
    """Return a dataclass or a mapping as the content of a JSON file.

    Raises:
        ValueError: It contains a number that is not finite, which JSON cannot represent.
    """
    content = value if isinstance(value, Mapping) else asdict(value)
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Read a dataclass from JSON, checked against its annotations; fields that it does not have are ignored.

    Args:
        text: The content of a file.
        kind: The dataclass, or a plain type such as `dict`.

    Raises:
        ValueError: Not JSON, or a field is missing or has a wrong type or value; the message says which.
        DalipError: The dataclass itself rejects a value.
    """
    import msgspec

    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.DecodeError as error:  # the base class of `ValidationError`
        raise ValueError(str(error)) from None
