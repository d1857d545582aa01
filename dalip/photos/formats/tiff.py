"""Read the directories of a TIFF file or of EXIF data without loading what they refer to."""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Directory", "directories", "orientation_of", "size_of_exif"]

_MOST_ENTRIES = 65_535  # of all directories together
_MOST_DIRECTORIES = 64
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of non-negative integers
_ORIENTATION, _SUB_DIRECTORIES = 0x0112, 330


@dataclass(frozen=True)
class Directory:
    """An image file directory (IFD)."""

    numbers: Mapping[int, int]
    """The first value of each tag whose values are non-negative integers."""
    counts: Mapping[int, int]
    """The number of values of each tag."""
    size: int
    """Bytes that its values take outside the directory."""
    following: int
    """Offset of the next directory; 0 after the last."""
    below: tuple[int, ...]
    """Offsets of its sub-directories."""


def directories(file: BinaryIO) -> Iterator[tuple[int, Directory]]:
    """Yield the first directory, its sub-directories, and the directories that follow, with their offsets.

    Args:
        file: A TIFF file, or EXIF data. At most 64 directories are read, each of them once.

    Raises:
        ValueError: The first directory is damaged or has more than 65,535 entries. Later ones are left out.
    """
    big, order = _form(file)
    file.seek(8 if big else 4)
    waiting = [_number(file.read(8 if big else 4), order)]
    seen: set[int] = set()
    entries = 0
    while waiting and len(seen) < _MOST_DIRECTORIES and entries < _MOST_ENTRIES:
        offset = waiting.pop(0)
        if not offset or offset in seen:
            continue
        try:
            found = _read_directory(file, offset, big=big, order=order)
        except ValueError:
            if not seen:
                raise
            continue
        seen.add(offset)
        entries += len(found.counts)
        yield offset, found
        waiting += [*found.below, found.following]


def _read_directory(file: BinaryIO, offset: int, *, big: bool, order: str) -> Directory:
    """Read one directory.

    Args:
        file: The file.
        offset: Where the directory starts.
        big: Whether the file is a BigTIFF.
        order: The byte order for `struct`, "<" or ">".

    Raises:
        ValueError: It is damaged, or has more than 65,535 entries.
    """
    width, counter, inline = (20, 8, 8) if big else (12, 2, 4)
    number = _number(_at(file, offset, counter), order)
    if number > _MOST_ENTRIES:
        raise ValueError(f"{number} entries")
    content = file.read(number * width + inline)
    if len(content) < number * width:
        raise ValueError("the directory is truncated")
    numbers: dict[int, int] = {}
    counts: dict[int, int] = {}
    below: tuple[int, ...] = ()
    size = 0
    for start in range(0, number * width, width):
        tag, kind = struct.unpack_from(f"{order}HH", content, start)
        count = _number(content[start + 4 : start + width - inline], order)
        held = content[start + width - inline : start + width]
        length = count * _SIZES.get(kind, 1)
        counts[tag] = count
        if length > inline:
            size += length
            held = _at(file, _number(held, order), 8 * _MOST_DIRECTORIES)
        letter = _WHOLE.get(kind)
        if letter and count:
            values = _values(held[:length], letter, order)
            numbers |= {tag: values[0]} if values else {}
            below = values[:_MOST_DIRECTORIES] if tag == _SUB_DIRECTORIES else below
    rest = content[number * width :]
    return Directory(numbers, counts, size, _number(rest, order) if len(rest) == inline else 0, below)


def orientation_of(exif: bytes) -> int:
    """Return the orientation that EXIF data record, from 1 to 8; 1 if they are damaged or record none."""
    try:
        first = next(directories(io.BytesIO(exif.removeprefix(b"Exif\0\0"))), None)
    except ValueError:
        return 1
    value = first[1].numbers.get(_ORIENTATION, 1) if first else 1
    return value if 1 <= value <= 8 else 1


def size_of_exif(exif: bytes) -> int:
    """Return how many bytes the values of EXIF data take, which may be more than the data; 0 if they are damaged."""
    try:
        return sum(found.size for _, found in directories(io.BytesIO(exif.removeprefix(b"Exif\0\0"))))
    except ValueError:
        return 0


def _form(file: BinaryIO) -> tuple[bool, str]:
    """Return whether a file is a BigTIFF, and its byte order.

    Raises:
        ValueError: It is no TIFF.
    """
    file.seek(0)
    head = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    version = _number(head[2:], order or "<") if len(head) == 4 else 0
    if not order or version not in (42, 43):
        raise ValueError("not a TIFF")
    return version == 43, order


def _number(content: bytes, order: str) -> int:
    if not content:
        raise ValueError("the file is truncated")
    return int.from_bytes(content, "little" if order == "<" else "big")


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    if offset >= 1 << 62:  # more than a file position can be
        raise ValueError("an offset is beyond the end of the file")
    file.seek(offset)
    return file.read(size)


def _values(content: bytes, letter: str, order: str) -> tuple[int, ...]:
    whole = len(content) // struct.calcsize(f"{order}{letter}")
    return struct.unpack_from(f"{order}{whole}{letter}", content)
