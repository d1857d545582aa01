"""Preprocess photos for the image encoder: resize, crop, normalise."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.encoder.manifest import ImageSettings
from dalip.errors import ImageError
from dalip.photos import to_rgb

__all__ = ["preprocess", "visible_box"]

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "bilinear-float": Image.Resampling.BILINEAR,
}

# Pillow first shrinks a large photo cheaply to this many times the needed size, then filters. At 3 the result is
# indistinguishable from filtering the full photo.
_REDUCING_GAP = 3.0


def preprocess(image: Image.Image, settings: ImageSettings) -> NDArray[np.float32]:
    """Resize, crop and normalise a photo.

    Args:
        image: Of any mode and size, upright.
        settings: The `image` section of the encoder's manifest.

    Returns:
        Array (3, size, size), float32: red, green and blue as (value - mean) / std, value from 0 to 1.

    Raises:
        ImageError: The image has no pixels, or a mode that cannot be converted to RGB.
    """
    size = settings.size
    width, height = image.size
    if not (width and height):
        raise ImageError("image-no-pixels", width=width, height=height)
    box = visible_box(width, height, settings)
    rgb, method = to_rgb(image), _FILTERS[settings.interpolation]
    if settings.interpolation == "bilinear-float":
        channels = [channel.convert("F") for channel in rgb.split()]
        resized = [channel.resize((size, size), method, box, _REDUCING_GAP) for channel in channels]
        pixels = np.stack([np.asarray(channel, dtype=np.float32) for channel in resized], axis=2)
    else:
        pixels = np.asarray(rgb.resize((size, size), method, box, _REDUCING_GAP), dtype=np.float32)
    pixels = pixels / np.float32(255)
    pixels -= np.asarray(settings.mean, dtype=np.float32)
    pixels /= np.asarray(settings.std, dtype=np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def visible_box(width: int, height: int, settings: ImageSettings) -> tuple[float, float, float, float]:
    """Return the part of a photo that the encoder sees.

    Args:
        width: Width of the photo, in pixels.
        height: Height of the photo, in pixels.
        settings: The `image` section of the encoder's manifest.

    Returns:
        Left, top, right and bottom, in pixels of the photo.
    """
    if settings.resize_mode == "shortest":
        return _centre_box(width, height, settings.size)
    return 0.0, 0.0, float(width), float(height)


def _centre_box(width: int, height: int, size: int) -> tuple[float, float, float, float]:
    """Return the part that remains after resizing the short side to `size` and cropping the centre, in original pixels.

    Intermediate sizes are rounded as in torchvision's `Resize` and `CenterCrop`, because encoders are trained with
    those. Cropping first avoids enlarging a panorama of 1 x 10,000 pixels before it is cropped.
    """
    short, long = min(width, height), max(width, height)
    resized_long = int(size * long / short)
    start = round((resized_long - size) / 2)
    low, high = start * long / resized_long, (start + size) * long / resized_long
    return (low, 0.0, high, float(height)) if width >= height else (0.0, low, float(width), high)
