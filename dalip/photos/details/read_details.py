"""Read when and where a photo was taken: from its EXIF and XMP data, its sidecars and its file name."""

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from PIL.ExifTags import GPS, Base

from dalip.errors import ImageError
from dalip.files import as_utf8
from dalip.photos.details.dates import read_date
from dalip.photos.details.exif_tags import ExifTags, Value, read_tags
from dalip.photos.details.photo_details import PhotoDetails, is_void, read_place
from dalip.photos.details.sidecars import SIDECAR_SUFFIXES, find_sidecars, read_beside
from dalip.photos.details.xmp import read_xmp
from dalip.photos.formats.plugins import open_header
from dalip.photos.open_file import open_file
from dalip.photos.workers import in_worker

__all__ = ["read_details"]

_NOTHING = PhotoDetails()
_PNG_TEXTS = {"exif:DateTimeOriginal": "DateTimeOriginal", "Creation Time": "PNG text"}
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


def read_details(photo: bytes | Path) -> PhotoDetails:
    """Read when and where a photo was taken; what is missing or damaged stays empty, and nothing is raised.

    Args:
        photo: The bytes of an image file; or its path, and then its sidecars and its name count as well. The time of
            the file does not count, because copying and editing change it.
    """
    try:
        details = in_worker(_in_photo, photo)
    except ImageError:  # it cannot be opened, or its worker was stopped
        details = _NOTHING
    if isinstance(photo, bytes):
        return details
    try:
        names = {path.name.lower(): path.name for path in photo.parent.iterdir()}
    except OSError:
        names = {}
    sidecars = {name: names[name] for name in names if Path(name).suffix in SIDECAR_SUFFIXES}
    beside = (photo.parent / name for name in find_sidecars(photo.name, sidecars))
    return details.or_from(read_beside(photo, beside))


def _in_photo(photo: bytes | Path) -> PhotoDetails:
    with io.BytesIO(photo) if isinstance(photo, bytes) else open_file(photo) as file:
        return _in_file(file)


def _in_file(file: BinaryIO) -> PhotoDetails:
    """Read what a photo itself says."""
    try:
        image, contents = open_header(file)
    except Exception:  # Pillow's plugins raise nearly anything on damaged images
        return _NOTHING
    # Of a PNG, Pillow finds only what comes before the pixels.
    exif = bytes(image.info.get("exif") or contents.exif).removeprefix(b"Exif\0\0")
    xmp = next((image.info[key] for key in _XMP_KEYS if image.info.get(key)), contents.xmp)
    found = _from_exif(read_tags(file if image.format == "TIFF" else io.BytesIO(exif)))
    found = found.or_from(read_xmp(xmp if isinstance(xmp, bytes) else as_utf8(xmp).encode(), "XMP"))
    for key, source in _PNG_TEXTS.items():
        if date := read_date(image.info.get(key)):
            found = found.or_from(PhotoDetails(date, event_date_source=source))
    return found


def _from_exif(tags: ExifTags) -> PhotoDetails:
    found = _NOTHING
    for tag, offset in (
        (Base.DateTimeOriginal, Base.OffsetTimeOriginal),
        (Base.DateTimeDigitized, Base.OffsetTimeDigitized),
        (Base.DateTime, Base.OffsetTime),
    ):
        values = tags.details.get(tag), tags.main.get(tag)  # TIFF/EP has all dates in the main directory
        zone = tags.details.get(offset) or tags.main.get(offset)
        date = next(filter(None, (read_date(value, zone) for value in values)), "")
        found = found.or_from(PhotoDetails(date, event_date_source=tag.name if date else ""))
    return found.or_from(_from_gps(tags.place))


def _from_gps(place: Mapping[int, Value]) -> PhotoDetails:
    latitude, longitude = read_place(
        *(place.get(tag) for tag in (GPS.GPSLatitude, GPS.GPSLatitudeRef)),
        *(place.get(tag) for tag in (GPS.GPSLongitude, GPS.GPSLongitudeRef, GPS.GPSStatus)),
    )
    date, clock = read_date(place.get(GPS.GPSDateStamp)), place.get(GPS.GPSTimeStamp)
    if isinstance(clock, tuple) and len(clock) == 3 and all(map(math.isfinite, clock)):
        date = read_date(f"{date[:10]} {':'.join(str(int(part)) for part in clock)}", "Z")
    if is_void(place.get(GPS.GPSStatus)):
        date = ""
    return PhotoDetails(date, latitude, longitude, "GPS" if date else "")
