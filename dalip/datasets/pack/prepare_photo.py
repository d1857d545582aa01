"""Read, check and resize one photo for packing, and compute the hashes that detect its duplicates."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.datasets.photo_location import Location
from dalip.errors import DataError
from dalip.photos import caution_about, encode, is_plain_webp, open_image, shrink

__all__ = ["HASH_BYTES", "THUMB_SIDE", "PerceptualHash", "PhotoSettings", "perceptual_hash", "prepare"]

_MIN_SIDE = 64
"""Pixels; a photo with a shorter side shows too little of a plant."""

_MAX_SIDE = 800
MAX_ASPECT = 20
"""Maximum ratio of the long side to the short side."""

THUMB_SIDE = 32
"""Side of the grey thumbnail with which two similar photos are compared."""

_SAMPLES, _FREQUENCIES = 64, 16

HASH_BYTES = _FREQUENCIES**2 // 8
"""Length of a perceptual hash, in bytes."""

_WAVES = np.cos(
    np.pi * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_SAMPLES) + 1) / (2 * _SAMPLES)
)
_MIRROR = np.where(np.arange(1, _FREQUENCIES + 1) % 2, -1, 1)
"""The effect of mirroring a photo on the amplitudes of its horizontal frequencies."""


@dataclass(frozen=True)
class PhotoSettings:
    """How photos are resized and compressed."""

    size: int = 256
    """Length of the short side in pixels; smaller photos are not enlarged."""
    quality: int = 90
    """WebP compression quality, from 1 to 100."""

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
    """A compact description of what a photo looks like."""

    code: NDArray[np.uint8]
    """Perceptual hash, `HASH_BYTES` bytes: which of the photo's lowest 16 x 16 frequencies are above their median."""
    mirrored: NDArray[np.uint8]
    """The hash of its mirror image."""
    thumb: NDArray[np.uint8]
    """`THUMB_SIDE` x `THUMB_SIDE` grey values."""


@dataclass(frozen=True)
class Prepared:
    """A photo that is ready to be packed."""

    content: bytes
    """WebP without any metadata."""
    sha256: str
    """SHA-256 of the original file."""
    pixels: str
    """SHA-256 of the resized pixels; equal for a copy with different metadata."""
    area: int
    """Number of pixels of the original photo."""
    appearance: PerceptualHash


def prepare(location: Location, settings: PhotoSettings) -> Prepared:
    """Read, check and shrink a photo.

    Raises:
        DataError: It is too small or too narrow, or its file cannot be read.
        ImageError: It cannot be decoded, or only a preview of it that is too small.
    """
    content = location.read()
    image = open_image(content, target=settings.size)
    short, long = sorted(image.size)
    if short < _MIN_SIDE:
        raise DataError("photo-too-small", width=image.width, height=image.height)
    if long > MAX_ASPECT * short:
        raise DataError("photo-too-narrow", width=image.width, height=image.height)
    if short < settings.size and (caution := caution_about(content)):
        raise caution
    width, height = image.info["size"]
    image = shrink(image, short_side=settings.size, reducing_gap=3)
    pixels = hashlib.sha256(f"{image.width}x{image.height}:".encode() + image.tobytes()).hexdigest()
    small = (
        content
        if short <= settings.size and is_plain_webp(content, lossless=False)
        else encode(image, "WEBP", settings.quality)
    )
    return Prepared(
        small, hashlib.sha256(content).hexdigest(), pixels, width * height, perceptual_hash(image)
    )


def perceptual_hash(image: Image.Image) -> PerceptualHash:
    """Compute the perceptual hash of a photo, which hardly changes if the photo is resized or recompressed."""
    grey = image.convert("L")
    samples = np.asarray(grey.resize((_SAMPLES, _SAMPLES), Image.Resampling.BILINEAR), dtype=np.float64)
    waves = _WAVES @ samples @ _WAVES.T
    thumb = np.asarray(grey.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BILINEAR))
    return PerceptualHash(_above_median(waves), _above_median(waves * _MIRROR), thumb)


def _above_median(waves: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.packbits((waves > np.median(waves)).ravel())
