"""Read from EXIF data when and where a photo was taken."""

import io
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags

from dalip.photos.formats import open_header
from dalip.photos.workers import in_worker

__all__ = ["PhotoDetails", "read_details"]


@dataclass(frozen=True, slots=True)
class PhotoDetails:
    """When and where a photo was taken, as far as its EXIF data records it."""

    event_date: str = ""
    """ISO 8601, with the UTC offset if the camera recorded one."""
    latitude: float | None = None
    """Degrees north, WGS 84."""
    longitude: float | None = None
    """Degrees east."""


def read_details(photo: bytes | Path) -> PhotoDetails:
    """Read from its EXIF data when and where a photo was taken; missing or damaged values stay empty.

    Args:
        photo: The bytes of an image file, or its path.
    """
    return in_worker(_read_details, photo)


def _read_details(photo: bytes | Path) -> PhotoDetails:
    try:
        with photo.open("rb") if isinstance(photo, Path) else io.BytesIO(photo) as file:
            exif = open_header(file).getexif()
            details, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # EXIF data is broken in many ways; the photo may still be usable
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
