"""Decode photos in every common format, upright and in sRGB; anything else is rejected with a clear error."""

import io
import os
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from dalip.errors import ImageError
from dalip.files import printable
from dalip.photos.colour import reduce, to_8_bits, to_srgb
from dalip.photos.damage import load
from dalip.photos.formats.containers import Contents
from dalip.photos.formats.cost import HEAVY, TOO_HEAVY, check_cost, decoding_bytes, reducing_factor
from dalip.photos.formats.plugins import open_contents
from dalip.photos.formats.signatures import HEAD, image_format
from dalip.photos.formats.tiff_images import read_tiff
from dalip.photos.open_file import open_file
from dalip.photos.workers import in_worker

__all__ = ["ImageSource", "caution_about", "is_heavy", "memory_needed", "open_image"]

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
    `dalip.photos.formats.cost`. On a public page, photos are decoded in worker processes.

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
    return in_worker(_open_path, Path(source), target)


def _open_bytes(content: bytes, name: str, target: int | None) -> Image.Image:
    return _read(io.BytesIO(content), name, target)


def _open_path(source: Path, target: int | None) -> Image.Image:
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


def caution_about(source: Path | bytes) -> ImageError | None:
    """Return what limits the use of a photo that can be read, such as that its file holds only a preview of it.

    Args:
        source: A path or the bytes of an image file.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_file(source) as file:
            caution = read_tiff(file).caution if image_format(file.read(HEAD)) == "TIFF" else None
    except (ImageError, OSError, ValueError):  # `open_image` reports what is wrong
        return None
    return caution.about(printable(source)) if caution and isinstance(source, Path) else caution


@dataclass(frozen=True)
class _Opened:
    """A photo that is ready to be decoded."""

    image: ImageFile.ImageFile
    contents: Contents
    size: tuple[int, int]
    """Width and height in the file."""
    least: int | None
    """What the short side must keep when it is reduced."""

    @classmethod
    def of(cls, file: BinaryIO, target: int | None) -> "_Opened":
        image, contents = open_contents(file)
        opened = cls(image, contents, image.size, None if target is None else 2 * target)
        opened.scale(image)
        return opened

    @property
    def needed(self) -> float:
        """Bytes that decoding takes at its peak."""
        return decoding_bytes(self.image, self.contents, self.size, self.least)

    @property
    def heavy(self) -> bool:
        """Whether it is decoded alone, because it takes much memory or time."""
        width, height = self.size
        return self.needed > HEAVY.memory or width * height > HEAVY.pixels

    def scale(self, image: ImageFile.ImageFile) -> None:
        """Have the decoder reduce the image, if it can."""
        if self.contents.scalable and self.least:
            image.draft(None, (self.least, self.least))  # None keeps the mode

    def again(self, stream: Any) -> ImageFile.ImageFile:
        """Open another stream in the same way."""
        stream.seek(0)
        image: ImageFile.ImageFile = type(self.image)(stream)
        self.scale(image)
        return image


def is_heavy(photo: bytes, target: int | None = None) -> bool:
    """Return whether decoding a photo takes so much memory or time that such photos are decoded one at a time.

    Args:
        photo: The bytes of an image file; one that cannot be read is not heavy.
        target: As in `open_image`.
    """
    return in_worker(_is_heavy, photo, target)


def _is_heavy(photo: bytes, target: int | None) -> bool:
    try:
        return _Opened.of(io.BytesIO(photo), target).heavy
    except ImageError as error:
        return error.kind in TOO_HEAVY
    except Exception:  # Pillow's plugins raise nearly anything on damaged images
        return False


def memory_needed(source: Path, target: int | None = None) -> float:
    """Return the estimated peak memory of decoding a photo, in bytes, which is what the limits are compared with.

    Args:
        source: Its path.
        target: As in `open_image`.
    """
    with open_file(source) as file:
        return _Opened.of(file, target).needed


def _decode(file: BinaryIO, target: int | None) -> Image.Image:
    photo = _Opened.of(file, target)
    check_cost(photo.size, photo.needed, photo.image.format or "")
    with _one_heavy_photo_at_a_time if photo.heavy else nullcontext():
        image = load(photo.image, photo.contents.stream, photo.again, photo.image.height / photo.size[1])
        return _converted(image, photo.contents, photo.least, photo.size)


def _converted(
    image: Image.Image, contents: Contents, least: int | None, size: tuple[int, int]
) -> Image.Image:
    """Reduce a decoded image, convert it to sRGB and set it upright."""
    if least is not None and image.mode.startswith(("I", "F")):
        image = to_8_bits(image)
    factor = reducing_factor(image, least)
    if factor > 1:
        image = reduce(image, factor)
    rgb = to_srgb(image, contents.profile)
    factor = reducing_factor(rgb, least)  # it was 1 in a mode that cannot be averaged, such as a palette
    if factor > 1:
        rgb = reduce(rgb, factor)
    transpose = _UPRIGHT.get(contents.orientation)
    upright = rgb if transpose is None else rgb.transpose(transpose)
    upright.info = {"size": size}
    return upright
