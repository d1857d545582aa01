"""Read, check and resize one photo for packing, and hash it so that its duplicates are found."""

import hashlib
import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.datasets.photo_location import Location
from dalip.errors import DataError
from dalip.photos import encode, is_plain_webp, open_image, shrink

__all__ = ["HASH_BYTES", "THUMB_SIDE", "PerceptualHash", "PhotoSettings", "perceptual_hash", "prepare"]

_MIN_SIDE = 64
"""Pixels; a photo with a shorter side shows too little of a plant."""

_MAX_SIDE = 800
MAX_ASPECT = 20
"""How many times as long as wide a photo may be."""

THUMB_SIDE = 32
"""Side of the grey thumbnail that a second look at two similar photos compares."""

_SAMPLES, _FREQUENCIES = 64, 16
_HEADERS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP")

HASH_BYTES = _FREQUENCIES**2 // 8
"""Length of a perceptual hash."""

_WAVES = np.cos(
    np.pi * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_SAMPLES) + 1) / (2 * _SAMPLES)
)
_MIRROR = np.where(np.arange(1, _FREQUENCIES + 1) % 2, -1, 1)
"""What mirroring a photo does to the amplitudes of its horizontal waves."""


@dataclass(frozen=True)
class PhotoSettings:
    """What photos become."""

    size: int = 256
    """Pixels of the short side; smaller photos stay as they are."""
    quality: int = 90
    """Of the WebP compression."""

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            DataError: A value is out of range.
        """
        if not _MIN_SIDE <= self.size <= _MAX_SIDE:
            raise DataError(
                "pack-setting-range", name="size", value=self.size, least=_MIN_SIDE, most=_MAX_SIDE
            )
        if not 1 <= self.quality <= 100:
            raise DataError("pack-setting-range", name="quality", value=self.quality, least=1, most=100)


class PerceptualHash(NamedTuple):
    """What a photo looks like, in few bytes."""

    code: NDArray[np.uint8]
    """Perceptual hash, `HASH_BYTES` bytes: which of the photo's lowest 16 x 16 waves are above their median."""
    mirrored: NDArray[np.uint8]
    """The same of its mirror image."""
    thumb: NDArray[np.uint8]
    """`THUMB_SIDE` x `THUMB_SIDE` grey values."""


@dataclass(frozen=True)
class Prepared:
    """A photo that is ready to be packed."""

    content: bytes
    """WebP without any metadata."""
    sha256: str
    """Of the file that it was read from."""
    pixels: str
    """SHA-256 of what is seen, so that a copy with other metadata has the same."""
    area: int
    """Pixels of the photo that was read."""
    appearance: PerceptualHash


def prepare(location: Location, settings: PhotoSettings) -> Prepared:
    """Read a photo, check it and make it small.

    Raises:
        DataError: It is too small, or cannot be got at.
        ImageError: It cannot be read.
    """
    content = location.read()
    image = open_image(content, target=settings.size)
    short, long = sorted(image.size)
    if short < _MIN_SIDE:
        raise DataError("photo-too-small", width=image.width, height=image.height)
    if long > MAX_ASPECT * short:
        raise DataError("photo-too-narrow", width=image.width, height=image.height)
    area = _area(content, image)
    image = shrink(image, short_side=settings.size, reducing_gap=3)
    pixels = hashlib.sha256(f"{image.width}x{image.height}:".encode() + image.tobytes()).hexdigest()
    small = (
        content
        if short <= settings.size and is_plain_webp(content, lossless=False)
        else encode(image, "WEBP", settings.quality)
    )
    return Prepared(small, hashlib.sha256(content).hexdigest(), pixels, area, perceptual_hash(image))


def perceptual_hash(image: Image.Image) -> PerceptualHash:
    """Describe what a photo looks like; hardly anything that keeps its picture changes that."""
    grey = image.convert("L")
    samples = np.asarray(grey.resize((_SAMPLES, _SAMPLES), Image.Resampling.BILINEAR), dtype=np.float64)
    waves = _WAVES @ samples @ _WAVES.T
    thumb = np.asarray(grey.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BILINEAR))
    return PerceptualHash(_above_median(waves), _above_median(waves * _MIRROR), thumb)


def _area(content: bytes, image: Image.Image) -> int:
    """Count the pixels of a photo by its header, for of a large one `image` has a part only."""
    try:
        with Image.open(io.BytesIO(content), formats=_HEADERS) as header:
            return header.width * header.height
    except (OSError, ValueError, Image.DecompressionBombError):  # HEIC, say
        return image.width * image.height


def _above_median(waves: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.packbits((waves > np.median(waves)).ravel())
