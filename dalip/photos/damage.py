"""Read photos whose end is missing, if next to nothing of the picture is: the end marker, or a few blocks of pixels."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFile

from dalip.photos.jpeg import all_scans_begun
from dalip.photos.pieces import Pieces
from dalip.photos.png import missing_share

__all__ = ["LITTLE", "load"]

LITTLE = 1 / 200
"""Share of the pixels that may be missing at the end of a photo; they are grey or black."""

_LEAST = 1024  # pixels that may always be missing: a few blocks of a small photo
_BLOCK = 16  # pixels on the side of the largest JPEG block
_END = b"\xff\xd9"
_NOISE = bytes(range(1, 255)) * 258  # stands for any content; it has no marker


def load(image: ImageFile.ImageFile, stream: io.BufferedIOBase | Pieces, again: Callable[..., ImageFile.ImageFile]) -> Image.Image:
    """Decode an image, also if it lacks up to `LITTLE` of its pixels at the end.

    Args:
        image: Opened, not decoded.
        stream: Of the image.
        again: Opens another stream as the image was opened.

    Raises:
        Exception: Of any kind if more is missing, or the image is damaged.
    """
    try:
        image.load()
    except OSError:
        if image.format == "JPEG" and all_scans_begun(stream):
            return _without_end(stream, again)
        if image.format != "PNG" or missing_share(stream) > LITTLE:
            raise
        image.tile = []  # the decoded rows stay
        image.load()
    return image


def _without_end(stream: io.BufferedIOBase | Pieces, again: Callable[..., ImageFile.ImageFile]) -> Image.Image:
    """Decode a JPEG without an end marker.

    libjpeg does not report how much it had to fill in. So it is decoded twice, followed by the end marker and by
    noise: the first pixel that differs shows where the data end.

    Raises:
        OSError: Too much is missing.
    """
    end = stream.seek(0, io.SEEK_END)
    image, other = (
        again(Pieces(stream, [(0, end), more, _END])) for more in (b"", _NOISE)  # type: ignore[arg-type]
    )
    image.load()
    other.load()
    block = max(-(-_BLOCK * image.height // (again(stream).height or 1)), 1)
    differs = (np.asarray(image) != np.asarray(other)).reshape(image.height, image.width, -1).any(axis=2)
    rows = np.flatnonzero(differs.any(axis=1))
    if rows.size:
        # Chroma is interpolated, so the row above the first missing block may differ too.
        top = min(int(rows[0]) + 1, image.height - 1) // block * block
        left = int(np.flatnonzero(differs[top : top + block].any(axis=0))[0]) if differs[top:].any() else 0
        missing = image.width * (image.height - top) - left * min(block, image.height - top)
        if missing > max(LITTLE * image.width * image.height, _LEAST * (block / _BLOCK) ** 2):
            raise OSError("the photo is truncated")
    return image
