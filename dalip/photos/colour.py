"""Convert decoded images to sRGB: any mode, transparency, deep channels and ICC profiles."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from dalip.errors import ImageError

__all__ = ["reduce", "to_8_bits", "to_rgb", "to_srgb"]

_SAME = 3  # levels of 255: a profile that changes no colour by more describes sRGB
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB, with transparent parts on white and deep channels scaled to 8 bits.

    Raises:
        ImageError: The mode cannot be converted to RGB.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return to_8_bits(image).convert("RGB")
    try:
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
            layer = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(white, layer).convert("RGB")
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError("image-mode", mode=image.mode) from error


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image of any mode to RGB as `to_rgb` does, and its colours from an ICC profile to sRGB.

    Where the profile describes sRGB, does not fit the image or is damaged, the colours stay as they are.

    Args:
        image: The image.
        profile: An ICC profile; empty if there is none.

    Raises:
        ImageError: The mode cannot be converted to RGB.
    """
    space = _space_to_convert(profile) if profile else ""
    if space == "CMYK" and image.mode != "CMYK":
        space = ""
    if not space:
        return to_rgb(image)
    source = image if space == "CMYK" else to_rgb(image)
    if space == "L":
        red, green, blue = source.split()
        if red.tobytes() != green.tobytes() or green.tobytes() != blue.tobytes():
            return source  # a profile for grey in a file with colours
        source = red
    try:
        return _converted(source, profile)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return to_rgb(image)


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert colours to sRGB. Each call builds its own transform, so that threads share nothing."""
    here = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, here, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    converted.info.pop("icc_profile", None)
    return converted


@lru_cache(maxsize=16)
def _space_to_convert(profile: bytes) -> str:
    """Return the mode of the images that a profile is for; empty if it is damaged or describes sRGB."""
    try:
        space = _SPACES.get(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space, "")
        if space != "RGB":
            return space
        levels = np.array([0, 32, 96, 160, 224, 255], np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
        converted = np.asarray(_converted(Image.fromarray(cube), profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return ""
    return space if np.abs(converted.astype(int) - cube).max() > _SAME else ""


def reduce(image: Image.Image, factor: int) -> Image.Image:
    """Average blocks of `factor` x `factor` pixels, in a mode in which averaging makes sense."""
    small = image.reduce(factor)
    small.info.update(image.info)  # it records a transparent colour
    return small


def to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit or 32-bit grey values to 8 bits, by the range of their type if known, otherwise of the values."""
    values = np.asarray(image)
    if values.dtype.itemsize == 2:
        return Image.fromarray((values >> 8).astype(np.uint8))
    levels = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(levels.min()), float(levels.max())
    # 32-bit integers also store images of 8 or 16 bits, unscaled.
    known = 1.0 if values.dtype.kind == "f" else 255.0 if high <= 255 else 65535.0
    start, span = (low, max(high - low, 1e-30)) if low < 0 or high > known else (0.0, known)
    return Image.fromarray(((levels - start) * (255 / span) + 0.5).astype(np.uint8))
