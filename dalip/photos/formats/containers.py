"""What an image file contains besides its pixels, read without Pillow: `Contents`, the parts that the formats share."""

import re
from dataclasses import dataclass

from dalip.errors import ImageError
from dalip.photos.formats.pieces import Stream
from dalip.photos.formats.tiff import orientation_of

__all__ = ["MOST_METADATA", "Contents"]

MOST_METADATA = 4_000_000
"""Bytes of EXIF data, XMP or a colour profile; larger ones are ignored, as if the file had none."""

_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])")


@dataclass
class Contents:
    """The parts of an image file that decoding needs."""

    stream: Stream
    """What the decoder reads: the file without its metadata."""
    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""
    """ICC profile."""
    extra: float = 0.0
    """Bytes per pixel that the decoder holds in addition to its result."""
    fixed: int = 0
    """Bytes that the decoder holds, whatever the number of pixels."""
    scalable: bool = False
    """Whether the decoder can read the image at a fraction of its size."""
    size: tuple[int, int] | None = None
    """Width and height, where they must be known before the decoder is created."""
    turned: int = 0
    """Orientation, where it is known without EXIF data."""
    caution: ImageError | None = None
    """What limits the use of the image, although it can be read."""

    @property
    def orientation(self) -> int:
        """How the image must be turned, from 1 (not at all) to 8, as in EXIF data."""
        if self.turned:
            return self.turned
        if self.exif:
            return orientation_of(self.exif)
        found = _XMP_ORIENTATION.search(self.xmp[:MOST_METADATA])
        return int(found[1]) if found else 1
