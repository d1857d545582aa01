"""What the journal keeps of a photo: a small copy without its details, and those details that a person allows."""

import io
import math
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from PIL import ExifTags, Image

from dalip.photos.decode import open_image

__all__ = ["PhotoDetails", "read_details", "small_copy"]

_SIDE = 1600  # pixels
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class PhotoDetails:
    """When and where a photo was taken, as far as it says so."""

    event_date: str = ""
    """ISO 8601, with its offset from UTC where the camera wrote one."""
    latitude: float | None = None
    """Degrees north, WGS 84."""
    longitude: float | None = None
    """Degrees east."""


def small_copy(photo: bytes) -> bytes:
    """Make a JPEG of at most 1,600 pixels a side, upright, that holds nothing but the picture.

    Args:
        photo: The bytes of an image file.

    Raises:
        ImageError: It cannot be read.
    """
    image = open_image(photo, target=_SIDE // 2)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


@cache
def _know_heif() -> None:
    """Let Pillow open the photos of iPhones, whose reader it does not have itself."""
    import pillow_heif

    pillow_heif.register_heif_opener()


def read_details(photo: bytes | Path) -> PhotoDetails:
    """Read when and where a photo was taken from its EXIF data; what is missing or damaged is left out.

    Args:
        photo: The bytes of an image file, or where it is.
    """
    _know_heif()
    try:
        with Image.open(photo if isinstance(photo, Path) else io.BytesIO(photo)) as image:
            exif = image.getexif()
        details, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, Image.DecompressionBombError):
        return PhotoDetails()
    latitude = _degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef), 90)
    longitude = _degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    return PhotoDetails(_date(taken, details.get(ExifTags.Base.OffsetTimeOriginal)), latitude, longitude)


def _date(taken: object, offset: object) -> str:
    try:
        date = datetime.strptime(str(taken).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""
    try:
        return datetime.fromisoformat(f"{date}{str(offset or '').strip(chr(0) + ' ')}").isoformat()
    except ValueError:
        return date


def _degrees(parts: object, side: object, most: int) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return round(-value if str(side).strip("\0 ").upper() in ("S", "W") else value, 6)
