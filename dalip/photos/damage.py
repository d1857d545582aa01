"""Read photos whose end is missing, if next to nothing of the picture is: the end marker, or a few blocks of pixels."""

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageFile

from dalip.photos.formats.jpeg import all_scans_begun
from dalip.photos.formats.pieces import Pieces, Stream
from dalip.photos.formats.png import missing_share

__all__ = ["load"]

_LITTLE = 1 / 200
"""Share of the pixels that may be missing at the end of a photo; they are grey or black."""

_LEAST = 2  # blocks that may always be missing
_MOST = 25_000_000  # pixels; a larger JPEG without an end is refused, because two are held at once
_BLOCK = 16  # pixels on the side of the largest JPEG block
_END = b"\xff\xd9"
_NOISE = bytes(range(1, 255)) * 258  # stands for any content; it has no marker


def load(
    image: ImageFile.ImageFile,
    stream: Stream,
    again: Callable[[Stream], ImageFile.ImageFile],
    scale: float,
) -> Image.Image:
    """Decode an image, also if it lacks up to 0.5 % of its pixels at the end.

    Args:
        image: Opened, not decoded.
        stream: Of the image.
        again: Opens another stream as the image was opened.
        scale: Height of the image divided by that in the file, from 1/8 to 1.

    Raises:
        Exception: Of any kind if more is missing, or the image is damaged.
    """
    try:
        image.load()
    except OSError:
        if image.format == "JPEG" and image.width * image.height <= _MOST and all_scans_begun(stream):
            return _without_end(stream, again, max(round(_BLOCK * scale), 1))
        # Uncompressed, so as much of the file is missing as of the pixels.
        if image.format in ("BMP", "TIFF"):
            end = stream.seek(0, io.SEEK_END)
            padded = again(Pieces(stream, [(0, end), bytes(int(end * _LITTLE))]))
            padded.load()
            return padded
        if image.format != "PNG" or missing_share(stream) > _LITTLE:
            raise
        image.tile = []  # the decoded rows stay
        image.load()
    return image


def _without_end(stream: Stream, again: Callable[[Stream], ImageFile.ImageFile], block: int) -> Image.Image:
    """Decode a JPEG without an end marker.

    libjpeg does not report how much it had to fill in. So it is decoded twice, followed by the end marker and by
    noise: the first pixel that differs shows where the data end.

    Args:
        stream: Of the image.
        again: Opens it.
        block: Side of the largest block of pixels, at the scale at which it is opened.

    Raises:
        OSError: Too much is missing.
    """
    end = stream.seek(0, io.SEEK_END)
    image, other = (again(Pieces(stream, [(0, end), more, _END])) for more in (b"", _NOISE))
    image.load()
    other.load()
    width, height = image.size
    box = ImageChops.difference(image, other).getbbox()
    if box:
        # Chroma is interpolated, so the row above the first missing block may differ too.
        top = min(box[1] + 1, height - 1) // block * block
        rows = min(block, height - top)
        strips = [picture.crop((0, top, width, top + rows)) for picture in (image, other)]
        left = (ImageChops.difference(*strips).getbbox() or (0,))[0] // block * block
        if width * (height - top) - left * rows > max(_LITTLE * width * height, _LEAST * block**2):
            raise OSError("the photo is truncated")
    return image
