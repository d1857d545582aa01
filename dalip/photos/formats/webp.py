"""Read the chunks of a WebP: its size, its metadata, and its first frame.

Source: https://developers.google.com/speed/webp/docs/riff_container.
"""

import io
from typing import BinaryIO

from dalip.photos.formats.containers import MOST_METADATA, Contents
from dalip.photos.formats.pieces import Pieces

__all__ = ["read_webp"]

_MOST_CHUNKS = 1000
_CANVASES = 12  # bytes per pixel: libwebp's two canvases and the frame that it returns
_EXTENDED = b"VP8X"
_IMAGE = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_KEPT = frozenset({_EXTENDED, b"ANIM", b"ALPH"}) | _IMAGE
_WITHOUT_METADATA = 0x12  # of the flags of VP8X, those for transparency and animation


def read_webp(file: BinaryIO) -> Contents:
    """Read the chunks up to the first frame, and the metadata after it.

    The decoder is given the first frame only. What is missing after it does not matter.

    Raises:
        ValueError: It has more than 1,000 chunks before its first frame or after it.
    """
    contents = Contents(file, extra=_CANVASES)
    kept: list[bytes | tuple[int, int]] = []
    end = file.seek(0, io.SEEK_END)
    position, framed, total = 12, False, 4
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        after = position + 8 + length + length % 2
        if kind in _KEPT and not (framed and kind in _IMAGE):
            framed = framed or kind in _IMAGE
            start = file.read(16)
            contents.size = contents.size or _size(kind, start)
            if kind == _EXTENDED:
                kept.append(head + bytes([start[0] & _WITHOUT_METADATA]) if start else head)
                kept.append((position + 9, min(after, end)))
            else:
                kept.append((position, min(after, end)))
            if after == end + 1:  # the padding byte is missing
                kept.append(b"\0")
            total += after - position
        elif length <= MOST_METADATA:
            _note(contents, kind, file.read(length))
        position = after
    else:
        if not framed:
            raise ValueError("too many chunks")
    contents.stream = Pieces(file, [b"RIFF" + total.to_bytes(4, "little") + b"WEBP", *kept])
    return contents


def _size(kind: bytes, start: bytes) -> tuple[int, int] | None:
    """Return width and height from the start of a chunk, if it has them."""
    if kind == _EXTENDED and len(start) >= 10:
        return int.from_bytes(start[4:7], "little") + 1, int.from_bytes(start[7:10], "little") + 1
    if kind == b"VP8 " and len(start) >= 10:
        return int.from_bytes(start[6:8], "little") & 0x3FFF, int.from_bytes(start[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and len(start) >= 5:
        bits = int.from_bytes(start[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _note(contents: Contents, kind: bytes, content: bytes) -> None:
    if kind == b"EXIF":
        contents.exif = content
    elif kind == b"XMP ":
        contents.xmp = content
    elif kind == b"ICCP":
        contents.profile = content
