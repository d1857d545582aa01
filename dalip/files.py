"""Write files whole or not at all, hold locks, and read JSON into dataclasses with checks."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dalip.errors import DalipError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["as_utf8", "atomic_write", "flush_to_disk", "from_json", "hold_lock", "printable", "to_json"]

T = TypeVar("T")


def as_utf8(name: object) -> str:
    r"""Give a name so that UTF-8 can write it: names of files may hold bytes that it cannot, which become `\udcff`."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def printable(name: object) -> str:
    r"""Give a name on one line that can be printed: line breaks and the like become `\n`, and what `as_utf8` says."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in as_utf8(name))


@contextmanager
def atomic_write(path: Path, *, durable: bool = False, rivals: bool = False) -> Iterator[Path]:
    """Write a file whole or not at all.

    Args:
        path: The file, which is replaced when the block ends without an error, and else stays as it was.
        durable: Whether the file has reached the disk when the block ends, so that it survives a power cut.
        rivals: Whether other processes may write the same file meanwhile; what one leaves that is killed then stays.

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
def hold_lock(path: Path, busy: DalipError) -> Iterator[None]:
    """Hold a lock until the block ends; the system takes it back from a process that ends, however it does.

    Args:
        path: The lock's file, which is made where it is not there, and stays.
        busy: Raised where another process, or another thread of this one, holds the lock.

    Raises:
        OSError: The file cannot be made.
    """
    from filelock import FileLock, Timeout  # takes a while to import, and most commands lock nothing

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


def to_json(value: "DataclassInstance | Mapping[str, Any]", *, indent: int = 2) -> str:
    """Give the text of a JSON file that holds a dataclass, or a dict.

    Raises:
        ValueError: A number in it is not finite, which JSON has no way to write.
    """
    content = value if isinstance(value, Mapping) else asdict(value)
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Read a dataclass from JSON, checked against its annotations; fields that it does not have are ignored.

    Args:
        text: The content of a file.
        kind: The dataclass, or a plain type such as `dict`.

    Raises:
        ValueError: Not JSON, or a field is missing, of another type or of an impossible value; says which.
        DalipError: What the dataclass itself refuses.
    """
    import msgspec

    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.DecodeError as error:  # a `ValidationError` is one
        raise ValueError(str(error)) from None
