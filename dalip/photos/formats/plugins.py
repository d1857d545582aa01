"""The image formats that can be read: recognise them by content, and open them without decoding pixels."""

import ctypes
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, BinaryIO

from PIL import ImageFile

from dalip.errors import ImageError
from dalip.photos.formats.containers import MOST_METADATA, Contents
from dalip.photos.formats.cost import check_cost
from dalip.photos.formats.jpeg import read_jpeg
from dalip.photos.formats.png import read_png
from dalip.photos.formats.signatures import HEAD, READABLE, image_format
from dalip.photos.formats.tiff import size_of_exif
from dalip.photos.formats.tiff_images import read_tiff
from dalip.photos.formats.webp import read_webp

__all__ = ["open_contents", "open_header", "use_one_thread"]

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

_HEIF_EXTRA, _AVIF_EXTRA, _AVIF_DEEP_EXTRA = 5.5, 8, 14  # bytes per pixel, measured
_EXIF_START = re.compile(rb"(?:Exif\0\0|\0\0\0[\0\6])(?=II\*\0|MM\0\*)")
_LOOKED_AT = 1 << 24  # bytes of EXIF data
_MOST_PLACES = 16  # of EXIF data in a file
_REPEATED = "EXIF data that refer to the same bytes many times"
_MOST_EXIF = 64_000_000  # bytes that the directory of EXIF data may refer to


def _plugin_for(head: bytes) -> Any:
    """Return the Pillow class that reads an image with these first bytes.

    Using the class directly avoids importing forty plugins, and makes those that no photo needs unreachable: the one
    for PostScript would start another program.

    Raises:
        ImageError: The format is unknown, or the installed Pillow cannot read it.
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


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to stderr about damaged files, if its functions are accessible."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(import_module("PIL._imaging").__file__).TIFFSetErrorHandler(None)


def use_one_thread() -> None:
    """Import all decoders, and let each use one thread, in the whole process; only for worker processes."""
    for name in ("Jpeg", "Png", "WebP", "Gif", "Tiff", "Bmp"):
        import_module(f"PIL.{name}ImagePlugin")
    for module, option in (
        ("PIL.AvifImagePlugin", "DEFAULT_MAX_THREADS"),
        ("pillow_heif.options", "DECODE_THREADS"),
    ):
        with suppress(ImportError):
            setattr(import_module(module), option, 1)


def open_contents(file: BinaryIO) -> tuple[ImageFile.ImageFile, Contents]:
    """Open an image without its metadata and without decoding its pixels.

    Args:
        file: Positioned at its start; it must stay open.

    Raises:
        ImageError: The file is empty, not a readable image, or too large.
        Exception: Of any kind if the image is damaged: Pillow's plugins raise nearly anything.
    """
    plugin, contents = _look(file)
    image = _opened(plugin, contents.stream)
    if not contents.exif:
        contents.exif = image.info.get("exif") or b""
    profile = contents.profile or image.info.get("icc_profile") or b""
    contents.profile = profile if len(profile) <= MOST_METADATA else b""
    return image, contents


def open_header(file: BinaryIO) -> tuple[ImageFile.ImageFile, Contents]:
    """Open an image with its metadata, without decoding its pixels.

    Args:
        file: Positioned at its start; it must stay open.

    Raises:
        ImageError: The file is empty, not a readable image, or too large.
        Exception: Of any kind if the image is damaged: Pillow's plugins raise nearly anything.
    """
    plugin, contents = _look(file)
    if size_of_exif(contents.exif) > _MOST_EXIF:
        raise ValueError(_REPEATED)
    return _opened(plugin, file), contents


def _opened(plugin: Any, stream: Any) -> ImageFile.ImageFile:
    stream.seek(0)
    image: ImageFile.ImageFile = plugin(stream)
    check_cost(image.size)
    return image


def _look(file: BinaryIO) -> tuple[Any, Contents]:
    """Recognise the format, read what a file contains besides its pixels, and check what opening it takes."""
    head = file.read(HEAD)
    if not head:
        raise ImageError("image-empty")
    plugin = _plugin_for(head)
    readers: dict[str, Callable[[BinaryIO], Contents]]
    readers = {"JPEG": read_jpeg, "PNG": read_png, "WEBP": read_webp, "TIFF": read_tiff}
    readers |= {"AVIF": _read_avif, "HEIF": _read_heif}
    contents = readers.get(plugin.format, Contents)(file)
    if contents.size:  # the decoder allocates memory when it is created
        width, height = contents.size
        per_pixel = contents.extra + 4 if contents.extra else 0
        check_cost(contents.size, width * height * per_pixel + contents.fixed, plugin.format)
    return plugin, contents


def _read_avif(file: BinaryIO) -> Contents:
    contents = _read_heif(file)
    file.seek(0)
    start = file.read(1 << 16)
    at = start.find(b"av1C")
    deep = at >= 0 and start[at + 6 : at + 7] and start[at + 6] & 0x40
    contents.extra = _AVIF_DEEP_EXTRA if deep else _AVIF_EXTRA
    return contents


def _read_heif(file: BinaryIO) -> Contents:
    """Check EXIF data in any place, because the decoders load all values that its directory refers to.

    Raises:
        ValueError: The values take too much memory.
    """
    content = file.read()
    starts = [found.end() for found in islice(_EXIF_START.finditer(content), _MOST_PLACES)]
    if len(starts) == _MOST_PLACES or any(
        size_of_exif(content[start : start + _LOOKED_AT]) > _MOST_EXIF for start in starts
    ):
        raise ValueError(_REPEATED)
    return Contents(file, extra=_HEIF_EXTRA, fixed=2 * len(content))
