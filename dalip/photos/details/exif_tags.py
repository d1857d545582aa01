"""Read single fields of EXIF data, or of a TIFF file, without loading the others.

A reader that loads every field can be made to take gigabytes: thousands of fields may refer to the same bytes.

Source: TIFF 6.0, BigTIFF, and Exif 2.32 (CIPA DC-008).
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["ExifTags", "Value", "read_tags"]

Value = bytes | tuple[float, ...]
"""Text and undefined values are bytes; numbers are always in a tuple, with NaN for a division by zero."""

_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
_BYTES = frozenset({1, 2, 6, 7, 129})  # types that are returned as bytes; 129 is UTF-8, new in Exif 3.0
_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_RATIONALS = {5: "II", 10: "ii"}
_LONGEST = 256  # bytes of a value
_MOST_ENTRIES = 65_535


@dataclass(frozen=True)
class ExifTags:
    """Short values by tag, in the main directory, and in those of EXIF and GPS."""

    main: Mapping[int, Value] = field(default_factory=dict)
    details: Mapping[int, Value] = field(default_factory=dict)
    place: Mapping[int, Value] = field(default_factory=dict)


def read_tags(file: BinaryIO) -> ExifTags:
    """Read the fields of EXIF data that have at most 256 bytes; damaged ones are left out.

    Args:
        file: A TIFF file, or EXIF data without its identifier.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    if not order or len(head) < 8:
        return ExifTags()
    big = head[2:4] in (b"+\0", b"\0+")
    if big and len(head) < 16:
        return ExifTags()
    (first,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
    main = _read_directory(file, first, order, big)
    below = (_read_directory(file, main.get(tag), order, big) for tag in (_EXIF_DIRECTORY, _GPS_DIRECTORY))
    return ExifTags(main, *below)


def _read_directory(file: BinaryIO, start: object, order: str, big: bool) -> dict[int, Value]:
    offset = start[0] if isinstance(start, tuple) and start else start
    if not isinstance(offset, int) or offset <= 0:
        return {}
    count_form, entry_form, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    entry = struct.Struct(order + entry_form)
    found: dict[int, Value] = {}
    try:
        file.seek(offset)
        (count,) = struct.unpack(order + count_form, file.read(struct.calcsize(order + count_form)))
        entries = file.read(min(count, _MOST_ENTRIES) * entry.size)
    except (OSError, ValueError, struct.error, OverflowError):
        return {}
    for position in range(0, len(entries) - entry.size + 1, entry.size):
        tag, kind, number, content = entry.unpack_from(entries, position)
        size = _size_of(kind) * number
        if tag in found or not 0 < size <= _LONGEST:
            continue
        if size > inline:
            try:
                file.seek(struct.unpack(order + ("Q" if big else "I"), content)[0])
                content = file.read(size)
            except (OSError, ValueError, OverflowError):
                continue
        if len(content) >= size:
            found[tag] = _value(kind, order, content[:size])
    return found


def _size_of(kind: int) -> int:
    """Return the size in bytes of one value; 0 for an unknown type."""
    if kind in _BYTES:
        return 1
    form = _NUMBERS.get(kind) or _RATIONALS.get(kind) or ""
    return struct.calcsize("<" + form)


def _value(kind: int, order: str, content: bytes) -> Value:
    if kind in _BYTES:
        return content
    if kind in _NUMBERS:
        return tuple(number for (number,) in struct.iter_unpack(order + _NUMBERS[kind], content))
    pairs = struct.iter_unpack(order + _RATIONALS[kind], content)
    return tuple(above / below if below else math.nan for above, below in pairs)
