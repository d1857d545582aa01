"""Make smaller copies of photos, without EXIF data or any other metadata."""

import io
from typing import Literal

from PIL import Image

from dalip.photos.decode import open_image

__all__ = ["encode", "is_plain_webp", "shrink", "small_copy"]

_SIDE = 1600  # pixels
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
        photo: The bytes of an image file.

    Raises:
        ImageError: It cannot be read.
    """
    image = open_image(photo, target=_SIDE // 2)
    return encode(shrink(image, long_side=_SIDE, resample=Image.Resampling.LANCZOS), "JPEG", _QUALITY)


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
