"""Read the chunks of a PNG: its metadata, and how many of its rows are there.

Source: the PNG specification, third edition, https://www.w3.org/TR/png-3/.
"""

import binascii
import zlib
from collections.abc import Iterator

from dalip.photos.formats.containers import MOST_METADATA, Contents
from dalip.photos.formats.pieces import Pieces, Stream

__all__ = ["missing_share", "read_png"]

_MOST_CHUNKS = 200_000
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_XMP = b"XML:com.adobe.xmp\0\0\0"  # not compressed
_RAW_EXIF = (b"Raw profile type exif\0", b"Raw profile type APP1\0")  # where older programs put it
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_BLOCK = 1 << 20


def read_png(file: Stream) -> Contents:
    """Read the chunks; of texts and other metadata only what decoding needs is kept, and their size does not matter.

    Raises:
        ValueError: It has more than 200,000 chunks.
    """
    contents = Contents(file)
    kept: list[bytes | tuple[int, int]] = [(0, 8)]
    for kind, start, length in _chunks(file):
        if kind in _NEEDED:
            end = start + length + 4
            before = kept[-1]
            if isinstance(before, tuple) and before[1] == start - 8:
                kept[-1] = before[0], end
            else:
                kept.append((start - 8, end))
        elif length <= MOST_METADATA:
            file.seek(start)
            _note(contents, kind, file.read(length))
    contents.stream = Pieces(file, kept)
    return contents


def _chunks(file: Stream) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, where its content starts, and its length; the last one may be truncated."""
    position = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        yield head[4:], position + 8, length
        if head[4:] == b"IEND":
            return
        position += length + 12
    raise ValueError("too many chunks")


def _note(contents: Contents, kind: bytes, content: bytes) -> None:
    """Keep the metadata of a chunk that decoding needs: orientation and colour profile."""
    _, _, rest = content.partition(b"\0")
    if kind == b"eXIf":
        contents.exif = content
    elif kind == b"iCCP":
        contents.profile = _inflated(rest[1:])
    elif kind == b"iTXt" and content.startswith(_XMP):
        contents.xmp = content.split(b"\0", 5)[-1]  # after the language, and the name in that language
    elif kind in (b"tEXt", b"zTXt") and content.startswith(_RAW_EXIF) and not contents.exif:
        text = _inflated(rest[1:]) if kind == b"zTXt" else rest
        # An empty line, the name and the length come before the hexadecimal digits.
        try:
            contents.exif = binascii.unhexlify(b"".join(text.split(b"\n", 3)[-1].split()))
        except binascii.Error:
            contents.exif = b""


def _inflated(content: bytes) -> bytes:
    """Decompress metadata; nothing is returned if they are damaged or too large."""
    try:
        found = zlib.decompressobj().decompress(content, MOST_METADATA + 1)
    except zlib.error:
        return b""
    return found if len(found) <= MOST_METADATA else b""


def missing_share(file: Stream) -> float:
    """Return the share of the pixel data of a PNG that is missing at its end, from 0 to 1; 1 if they are damaged.

    Args:
        file: Positioned anywhere.
    """
    total = done = 0
    inflate = zlib.decompressobj()
    for kind, start, length in _chunks(file):
        file.seek(start)
        if kind == b"IHDR":
            total = _filtered_size(file.read(length))
        elif kind == b"IDAT":
            try:
                while length and (block := file.read(min(length, _BLOCK))):
                    length -= len(block)
                    while block and done <= total:
                        done += len(inflate.decompress(block, _BLOCK))
                        block = inflate.unconsumed_tail
            except zlib.error:
                return 1.0
    return max(1 - done / total, 0.0) if total else 1.0


def _filtered_size(header: bytes) -> int:
    """Return the size in bytes of all rows with their filter bytes, given the content of IHDR."""
    if len(header) < 13:
        return 0
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _CHANNELS.get(header[9], 1)
    steps = _PASSES if header[12] else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in steps:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total
