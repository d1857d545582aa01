"""Limits on decoding photos: the memory that decoding takes is estimated from the header and checked before it starts.

The estimates were measured: `python benchmarks/decode_memory.py` prints them beside the peak memory of each format.
"""

from dataclasses import dataclass

from PIL import Image

from dalip.errors import ImageError
from dalip.photos.formats.containers import Contents

__all__ = [
    "HEAVY",
    "OWN",
    "STRANGERS",
    "TOO_HEAVY",
    "Limits",
    "check_cost",
    "current_limits",
    "decoding_bytes",
    "reducing_factor",
    "set_limits",
]


@dataclass(frozen=True)
class Limits:
    """What decoding one photo may take."""

    memory: int
    """Bytes, beyond what the process takes anyway."""
    pixels: int = 200_000_000
    """Width times height; phone cameras reach just under 200 megapixels."""


OWN = Limits(2_000_000_000)
"""Limits for photos that people decode on their own computer."""

STRANGERS = Limits(512_000_000)
"""Limits for photos of the visitors of a public page."""

HEAVY = Limits(200_000_000, 40_000_000)
"""A photo beyond these limits is heavy: such photos are decoded one at a time, so that other photos do not wait."""

TOO_HEAVY = frozenset({"image-too-large", "image-costly"})
"""Kinds of the errors that `check_cost` raises."""

_limits = OWN


def current_limits() -> Limits:
    """Return the limits that hold in this process."""
    return _limits


def set_limits(limits: Limits) -> None:
    """Set the limits for the whole process; only a program or a worker process may do that."""
    global _limits
    _limits = limits


def check_cost(size: tuple[int, int], needed: float = 0.0, kind: str = "") -> None:
    """Refuse a photo whose decoding would exceed the limits.

    Args:
        size: Width and height of the whole photo, whatever the size it will be decoded at.
        needed: Result of `decoding_bytes`.
        kind: The format, for the message.

    Raises:
        ImageError: A limit is exceeded.
    """
    limits, (width, height) = current_limits(), size
    if width * height > limits.pixels:
        raise ImageError("image-too-large", width=width, height=height, million=limits.pixels // 10**6)
    if needed > limits.memory:
        facts = {"needed": round(needed / 10**6), "limit": limits.memory // 10**6}
        raise ImageError("image-costly", width=width, height=height, format=kind, **facts)


def decoding_bytes(image: Image.Image, contents: Contents, size: tuple[int, int], least: int | None) -> float:
    """Estimate the peak memory of decoding an image and converting it to RGB, in bytes.

    Args:
        image: Not decoded yet; its size is that at which it will be decoded.
        contents: Of the same file.
        size: Width and height of the whole photo.
        least: Length that the short side must keep when it is reduced after decoding; `None` to keep its size.
    """
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    stored = _stored(image.mode)
    converted: float = 16 if transparent else _converted(image.mode)
    turned = 4 * (contents.orientation != 1) + 4 * bool(contents.profile)
    factor = reducing_factor(image, least)
    if factor > 1:
        # Transparency is multiplied in before pixels are averaged, which takes a copy.
        converted = 4 * transparent + (stored + converted + turned) / factor**2
    else:
        converted += turned
    decoded = image.width * image.height * (stored + converted)
    return decoded + size[0] * size[1] * contents.extra + contents.fixed


def reducing_factor(image: Image.Image, least: int | None) -> int:
    """Return by which factor an image is reduced after decoding; 1 in modes whose pixels cannot be averaged."""
    if least is None or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
        return 1
    return max(min(image.size) // least, 1)


def _stored(mode: str) -> int:
    """Return the bytes per pixel of a decoded image."""
    return 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;") else 4


def _converted(mode: str) -> int:
    """Return the bytes per pixel that converting an opaque image to RGB takes in addition."""
    if mode == "RGB":
        return 0
    return 5 if mode.startswith("I;") else 17 if mode in ("I", "F") else 4
