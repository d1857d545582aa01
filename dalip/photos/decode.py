"""Decode photos in every common format, upright and in RGB; anything else is rejected with a clear error."""

import ctypes
import io
import os
import threading
from contextlib import nullcontext, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile

from dalip.errors import ImageError
from dalip.files import printable
from dalip.photos.open_file import open_file
from dalip.photos.signatures import HEAD, READABLE, image_format

__all__ = ["HUGE", "MAX_PIXELS", "ImageSource", "open_header", "open_image", "to_rgb"]

ImageSource = Path | str | bytes | BinaryIO
"""A file path, the bytes of an encoded image, or a binary stream of one."""

MAX_PIXELS = 200_000_000
"""Photos with more pixels are rejected based on their header; phone cameras reach just under 200 megapixels."""

HUGE = 40_000_000
"""Photos with more pixels are decoded one at a time, because each may take 800 MB."""

_PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIC": ("pillow_heif", "HeifImageFile"),
}
"""Module and class that read each of the `READABLE` formats."""

_one_huge_photo_at_a_time = threading.Lock()

_JPEG_START = b"\xff\xd8"
_JPEG_SCANS = frozenset({-1, 0xD9, 0xDA})  # the end of the file or image, and the start of a scan
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {
    0xC4,
    0xC8,
    0xCC,
}  # SOF0 to SOF15; the excluded codes are not frames
_SCALABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # SOF0 to SOF2: baseline, extended and progressive

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(source: ImageSource, *, target: int | None = None) -> Image.Image:
    """Read a photo: the first frame, upright, in RGB, transparent parts on white.

    The format is detected from the content, never from the file name.

    Args:
        source: A path, the bytes of an image file, or a binary stream, which is read to its end.
        target: Side in pixels of the square that the photo will be resized to. A larger photo is then decoded at a
            fraction of its size, never less than twice `target`, which is several times faster.

    Returns:
        An image in mode RGB.

    Raises:
        ImageError: The photo is missing, empty, not an image, damaged, truncated or too large; the message is one line.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _read(io.BytesIO(source), "", target)
    if not isinstance(source, str | os.PathLike):
        return _read(io.BytesIO(source.read()), printable(getattr(source, "name", "")), target)
    name = printable(source)
    with open_file(source) as file:
        return _read(file, name, target)


def _read(file: BinaryIO, name: str, target: int | None) -> Image.Image:
    try:
        return _decode(file, target)
    except ImageError as error:
        raise (error.about(name) if name else error) from error.__cause__
    except MemoryError as error:
        raise ImageError("image-memory", source=name) from error
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged images
        raise ImageError("image-damaged", source=name) from error


def open_header(file: BinaryIO) -> ImageFile.ImageFile:
    """Open an image without decoding its pixels.

    Args:
        file: Positioned at its start; it must stay open.

    Raises:
        ImageError: The file is empty, not a readable image, or too large.
        Exception: Of any kind if the image is damaged: Pillow's plugins raise nearly anything.
    """
    head = file.read(HEAD)
    if not head:
        raise ImageError("image-empty")
    file.seek(0)
    image: ImageFile.ImageFile = _plugin_for(head)(file)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError("image-too-large", width=width, height=height, million=MAX_PIXELS // 10**6)
    return image


def _decode(file: BinaryIO, target: int | None) -> Image.Image:
    image = open_header(file)
    width, height = image.size
    with _one_huge_photo_at_a_time if width * height > HUGE else nullcontext():
        if target is not None and _can_be_scaled(file):
            image.draft(None, (2 * target, 2 * target))  # None keeps the mode
        image.load()
        transpose = _UPRIGHT.get(_orientation(image))
        rgb = to_rgb(image if target is None else _shrink(image, 2 * target))
        return rgb if transpose is None else rgb.transpose(transpose)


def _plugin_for(head: bytes) -> Any:
    """Return the Pillow class that reads an image with these first bytes.

    Using the class directly avoids importing forty plugins, and makes those that no photo needs unreachable: the one
    for PostScript would start another program.
    """
    found = image_format(head)
    if found not in _PLUGINS:
        raise ImageError("image-format" if found else "image-unknown", format=found, readable=READABLE)
    module, name = _PLUGINS[found]
    try:
        if module == "PIL.TiffImagePlugin":
            _silence_libtiff()
        return getattr(import_module(module), name)
    except ImportError as error:
        raise ImageError("image-unsupported", plugin=name) from error


def _can_be_scaled(file: BinaryIO) -> bool:
    """Return whether libjpeg can decode an image at a fraction of its size, which only works for DCT-based JPEGs.

    For a lossless JPEG (SOF3), libjpeg returns all pixels whatever size is requested, but `draft` has allocated memory
    for fewer, so they would be written out of bounds. The file position is restored.

    Source: ITU-T T.81, tables B.1 and B.2, for the markers.
    """
    position = file.tell()
    try:
        file.seek(0)
        if file.read(2) != _JPEG_START:
            return False
        frames: set[int] = set()
        while (marker := _next_jpeg_marker(file)) not in _JPEG_SCANS:
            length = int.from_bytes(file.read(2), "big")
            if marker in _JPEG_FRAMES:
                frames.add(marker)
            if length < 2:
                return False
            file.seek(length - 2, io.SEEK_CUR)
        return bool(frames) and frames <= _SCALABLE_FRAMES
    finally:
        file.seek(position)


def _next_jpeg_marker(file: BinaryIO) -> int:
    """Skip to the next marker and return its code, or -1 at the end of the file."""
    while (byte := file.read(1)) and byte != b"\xff":
        pass
    while byte == b"\xff":  # any number of these may precede the code
        byte = file.read(1)
    return byte[0] if byte else -1


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to stderr about damaged files, if its functions are accessible."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(import_module("PIL._imaging").__file__).TIFFSetErrorHandler(None)


def _shrink(image: Image.Image, least: int) -> Image.Image:
    """Average blocks of pixels, keeping the short side at `least` or more, in modes where averaging makes sense."""
    if image.mode.startswith(("I", "F")):
        image = _to_8_bits(image)
    factor = min(image.size) // least
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
        return image
    small = image.reduce(factor)
    small.info.update(image.info)  # it records a transparent colour
    return small


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF data is broken in many ways; the photo is still usable
        return 1
    return value if isinstance(value, int) else 1


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB, with transparent parts on white and deep channels scaled to 8 bits.

    Raises:
        ImageError: The mode cannot be converted to RGB.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _to_8_bits(image).convert("RGB")
    try:
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
            layer = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(white, layer).convert("RGB")
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError("image-mode", mode=image.mode) from error


def _to_8_bits(image: Image.Image) -> Image.Image:
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
