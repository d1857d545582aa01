"""Decode photos in every common format, upright and in sRGB; anything else is rejected with a clear error."""

import io
import os
import stat
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from dalip.errors import ImageError
from dalip.files import printable
from dalip.photos.colour import reduce, to_8_bits, to_srgb
from dalip.photos.containers import Contents
from dalip.photos.cost import HEAVY, check_cost, decoding_bytes, reducing_factor
from dalip.photos.damage import load
from dalip.photos.formats import look, open_contents, plugin_for
from dalip.photos.workers import in_worker

__all__ = ["ImageSource", "caution_about", "open_header", "open_image"]

ImageSource = Path | str | bytes | BinaryIO
"""A file path, the bytes of an encoded image, or a binary stream of one."""

_one_heavy_photo_at_a_time = threading.Lock()

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
    """Read a photo: the first frame, upright, in sRGB, transparent parts on white.

    The format is detected from the content, never from the file name. What decoding may take is limited; see
    `dalip.photos.cost`. On a public page, photos are decoded in worker processes.

    Args:
        source: A path, the bytes of an image file, or a binary stream, which is read to its end.
        target: Side in pixels of the square that the photo will be resized to. A larger photo is then decoded at a
            fraction of its size, never less than twice `target`, which is several times faster and takes less memory.

    Returns:
        An image in mode RGB. Its `info` has only `size`, the width and height of the photo in the file.

    Raises:
        ImageError: The photo is missing, empty, not an image, damaged, truncated, or takes too much memory or time; the
            message is one line.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return in_worker(_open_bytes, bytes(source), "", target)
    if not isinstance(source, str | os.PathLike):
        return in_worker(_open_bytes, source.read(), printable(getattr(source, "name", "")), target)
    return in_worker(_open_path, source, target)


def _open_bytes(content: bytes, name: str, target: int | None) -> Image.Image:
    return _read(io.BytesIO(content), name, target)


def _open_path(source: str | os.PathLike[str], target: int | None) -> Image.Image:
    name = printable(source)
    _check_file(Path(source), name)
    try:
        with Path(source).open("rb") as file:
            return _read(file, name, target)
    except OSError as error:
        raise ImageError("image-not-opened", source=name, cause=error.strerror) from error


def _check_file(path: Path, name: str) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("image-missing", source=name) from None
    except (OSError, ValueError) as error:  # a name that is too long or contains a null byte
        cause = getattr(error, "strerror", None) or error
        raise ImageError("image-not-opened", source=name, cause=cause) from error
    if stat.S_ISDIR(mode):
        raise ImageError("image-folder", source=name)
    if not stat.S_ISREG(mode):  # opening a pipe would wait for its writer
        raise ImageError("image-pipe", source=name)


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
    """Open an image with its metadata, without decoding its pixels.

    Args:
        file: Positioned at its start; it must stay open.

    Raises:
        ImageError: The file is empty, not a readable image, or too large.
        Exception: Of any kind if the image is damaged: Pillow's plugins raise nearly anything.
    """
    head = file.read(64)
    if not head:
        raise ImageError("image-empty")
    file.seek(0)
    image: ImageFile.ImageFile = plugin_for(head)(file)
    check_cost(image.size)
    return image


def caution_about(source: ImageSource) -> ImageError | None:
    """Return what limits the use of a photo that can be read, such as that its file holds only a preview of it.

    Args:
        source: A path or the bytes of an image file.
    """
    return in_worker(_caution_about, source)


def _caution_about(source: ImageSource) -> ImageError | None:
    name = "" if isinstance(source, bytes) else printable(str(source))
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else Path(str(source)).open("rb") as file:
            caution = look(file)[1].caution
    except Exception:  # `open_image` reports what is wrong
        return None
    return caution.about(name) if caution and name else caution


def _decode(file: BinaryIO, target: int | None) -> Image.Image:
    image, contents = open_contents(file)
    size, least = image.size, None if target is None else 2 * target
    scaled = (least, least) if contents.scalable and least else None

    def again(stream: Any) -> ImageFile.ImageFile:
        stream.seek(0)
        other: ImageFile.ImageFile = type(image)(stream)
        if scaled:
            other.draft(None, scaled)
        return other

    if scaled:
        image.draft(None, scaled)  # None keeps the mode
    needed = decoding_bytes(image, contents, size, least)
    check_cost(size, needed, image.format or "")
    with _one_heavy_photo_at_a_time if needed > HEAVY.memory or size[0] * size[1] > HEAVY.pixels else nullcontext():
        return _converted(load(image, contents.stream, again), contents, least, size)


def _converted(image: Image.Image, contents: Contents, least: int | None, size: tuple[int, int]) -> Image.Image:
    """Reduce a decoded image, convert it to sRGB and set it upright."""
    if least is not None and image.mode.startswith(("I", "F")):
        image = to_8_bits(image)
    factor = reducing_factor(image, least)
    if factor > 1:
        image = reduce(image, factor)
    rgb = to_srgb(image, contents.profile)
    transpose = _UPRIGHT.get(contents.orientation)
    upright = rgb if transpose is None else rgb.transpose(transpose)
    upright.info = {"size": size}
    return upright
