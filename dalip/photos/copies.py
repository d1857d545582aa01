"""Make smaller copies of photos, without EXIF data or any other metadata."""

import io
import re
from typing import Literal

from PIL import Image

from dalip.photos.decode import open_image

__all__ = ["encode", "is_plain_jpeg", "is_plain_webp", "shrink", "small_copy"]

_SIDE = 1600  # pixels
_LARGEST = 3  # bytes per pixel, as many as an image that is not compressed
_TABLES = 10_000  # bytes
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_CHANNELS = (b"\x01", b"\x03")
_PLAIN_SEGMENTS = _FRAMES | {0xC4, 0xDA, 0xDB, 0xDD}  # with tables, scans and restart intervals
_JFIF = re.compile(rb"\xff\xd8\xff\xe0\0\x10JFIF\0.{7}\0\0", re.DOTALL)  # without a thumbnail
_SCAN_END = re.compile(rb"\xff[^\0\xd0-\xd7]", re.DOTALL)
_QUALITY = 88


def shrink(
    image: Image.Image,
    *,
    short_side: int | None = None,
    long_side: int | None = None,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
    reducing_gap: float | None = 2.0,
) -> Image.Image:
    """Shrink an image, keeping its aspect ratio; one that is small enough is returned unchanged.

    Args:
        image: Of any size.
        short_side: Maximum length of the short side, in pixels.
        long_side: Maximum length of the long side, in pixels.
        resample: Pillow's filter.
        reducing_gap: An image more than this many times larger than needed is first shrunk to that size cheaply;
            `None` filters the full image.
    """
    short, long = sorted(image.size)
    scale = min(1.0, (short_side or short) / short, (long_side or long) / long)
    if scale == 1:
        return image
    width, height = (max(round(length * scale), 1) for length in image.size)
    return image.resize((width, height), resample, reducing_gap=reducing_gap)


def encode(image: Image.Image, kind: Literal["JPEG", "WEBP"], quality: int, *, effort: int = 4) -> bytes:
    """Encode an image without the metadata of its file.

    Args:
        image: In mode RGB.
        kind: The format.
        quality: Compression quality, from 1 to 100.
        effort: WebP compression effort, from 0 (fast) to 6 (small).
    """
    file = io.BytesIO()
    # A comment is the only metadata that stays with an image and would be written again.
    image.save(file, kind, quality=quality, method=effort, comment=b"")
    return file.getvalue()


def small_copy(photo: bytes) -> bytes:
    """Make an upright JPEG of at most 1,600 pixels per side, without metadata.

    Args:
        photo: The bytes of an image file. A JPEG that is already so is returned unchanged, so that copies of copies
            lose nothing.

    Raises:
        ImageError: It cannot be read.
    """
    image = open_image(photo, target=_SIDE // 2)
    most = _LARGEST * image.width * image.height + _TABLES
    if max(image.size) <= _SIDE and len(photo) <= most and is_plain_jpeg(photo):
        return photo
    return encode(shrink(image, long_side=_SIDE, resample=Image.Resampling.LANCZOS), "JPEG", _QUALITY)


def is_plain_jpeg(content: bytes) -> bool:
    """Return whether a JPEG file contains nothing but an image in RGB or grey: no metadata, profile or thumbnail.

    Args:
        content: The content of the file.

    Source: ITU-T T.81, annex B, for the segments; T.871 for JFIF.
    """
    if not (start := _JFIF.match(content)):
        return False
    place = start.end()
    while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != b"\xd9":
        kind = content[place + 1]
        if kind not in _PLAIN_SEGMENTS or (
            kind in _FRAMES and content[place + 9 : place + 10] not in _CHANNELS
        ):
            return False
        place += 2 + max(int.from_bytes(content[place + 2 : place + 4], "big"), 2)
        if kind == 0xDA:
            end = _SCAN_END.search(content, place)
            place = end.start() if end else len(content)
    return content[place:] == b"\xff\xd9"


def is_plain_webp(content: bytes, *, lossless: bool = True) -> bool:
    """Return whether an image file is a WebP without metadata, which re-encoding would only degrade.

    Args:
        content: The content of the file.
        lossless: Whether lossless WebP counts.
    """
    kinds = (b"WEBPVP8 ", b"WEBPVP8L") if lossless else (b"WEBPVP8 ",)
    return (
        content[:4] == b"RIFF"
        and content[8:16] in kinds
        and int.from_bytes(content[4:8], "little") + 8 == len(content)
        and (int.from_bytes(content[16:20], "little") + 1) // 2 * 2 + 20 == len(content)
    )
