"""Read when and where a photo was taken: from its EXIF and XMP data, its sidecars and its file name."""

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, ImageFile

from dalip.errors import ImageError
from dalip.photos.dates import read_date
from dalip.photos.decode import open_header
from dalip.photos.details import PhotoDetails, is_void, read_place
from dalip.photos.open_file import open_file
from dalip.photos.sidecars import SIDECAR_SUFFIXES, find_sidecars, read_beside
from dalip.photos.xmp import read_xmp

__all__ = ["read_details"]

_NOTHING = PhotoDetails()
_PNG_TEXTS = {"exif:DateTimeOriginal": "DateTimeOriginal", "Creation Time": "PNG text"}
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
_XMP_START = b"XML:com.adobe.xmp\0\0\0"  # uncompressed text
_MOST_CHUNKS, _LONGEST_CHUNK = 100_000, 4_000_000


def read_details(photo: bytes | Path) -> PhotoDetails:
    """Read when and where a photo was taken; what is missing or damaged stays empty, and nothing is raised.

    Args:
        photo: The bytes of an image file; or its path, and then its sidecars and its name count as well. The time of
            the file does not count, because copying and editing change it.
    """
    if isinstance(photo, bytes):
        return _in_file(io.BytesIO(photo))
    try:
        with open_file(photo) as file:
            details = _in_file(file)
    except (ImageError, OSError):
        details = _NOTHING
    try:
        names = {path.name.lower(): path.name for path in photo.parent.iterdir()}
    except OSError:
        names = {}
    sidecars = {name: names[name] for name in names if Path(name).suffix in SIDECAR_SUFFIXES}
    beside = (photo.parent / name for name in find_sidecars(photo.name, sidecars))
    return details.or_from(read_beside(photo, beside))


def _in_file(file: BinaryIO) -> PhotoDetails:
    try:
        image = open_header(file)
    except Exception:  # Pillow's plugins raise nearly anything on damaged images
        return _NOTHING
    if image.format == "PNG":
        _attempt(_add_png_chunks, image, file)
    details = _NOTHING
    for read in (_exif, _xmp, _png_texts):
        details = details.or_from(_attempt(read, image) or _NOTHING)
    return details


def _attempt(read: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function on metadata, which may be broken in many ways; the photo may still be usable."""
    try:
        return read(*arguments)
    except Exception:
        return None


def _add_png_chunks(image: ImageFile.ImageFile, file: BinaryIO) -> None:
    """Find EXIF and XMP behind the pixels of a PNG, where Pillow finds them only by decoding the pixels."""
    if "Raw profile type exif" not in image.info:
        image.info.setdefault("exif", b"")  # keeps Pillow from looking for it
    file.seek(8)
    for _ in range(_MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        content = file.read(length) if kind in (b"eXIf", b"iTXt") and length <= _LONGEST_CHUNK else b""
        file.seek(length - len(content) + 4, io.SEEK_CUR)
        if kind == b"eXIf" and content and not image.info.get("exif"):
            image.info["exif"] = b"Exif\0\0" + content
        if content.startswith(_XMP_START):
            image.info.setdefault("xmp", content[len(_XMP_START) :].partition(b"\0\0")[2])
        if kind == b"IEND":
            break


def _exif(image: ImageFile.ImageFile) -> PhotoDetails:
    main = image.getexif()
    details = _attempt(main.get_ifd, ExifTags.IFD.Exif) or {}
    place = _attempt(main.get_ifd, ExifTags.IFD.GPSInfo) or {}
    base = ExifTags.Base
    found = _NOTHING
    for tag, offset in (
        (base.DateTimeOriginal, base.OffsetTimeOriginal),
        (base.DateTimeDigitized, base.OffsetTimeDigitized),
        (base.DateTime, base.OffsetTime),
    ):
        values = _value(details, tag), _value(main, tag)  # TIFF/EP has all dates in the main directory
        zone = _value(details, offset) or _value(main, offset)
        date = next(filter(None, (read_date(value, zone) for value in values)), "")
        found = found.or_from(PhotoDetails(date, event_date_source=tag.name if date else ""))
    return found.or_from(_gps(place))


def _gps(place: Mapping[int, Any]) -> PhotoDetails:
    gps = ExifTags.GPS
    tags = (gps.GPSLatitude, gps.GPSLatitudeRef, gps.GPSLongitude, gps.GPSLongitudeRef, gps.GPSStatus)
    latitude, longitude = read_place(*(_value(place, tag) for tag in tags))
    day, clock = read_date(_value(place, gps.GPSDateStamp)), _value(place, gps.GPSTimeStamp)
    parts = _attempt(lambda: [int(float(part)) for part in clock]) or []
    date = read_date(f"{day[:10]} {':'.join(map(str, parts))}", "Z") if len(parts) == 3 else day
    date = "" if is_void(_value(place, gps.GPSStatus)) else date
    return PhotoDetails(date, latitude, longitude, "GPS" if date else "")


def _value(fields: Mapping[int, Any], tag: int) -> Any:
    value = _attempt(fields.get, tag)
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _xmp(image: ImageFile.ImageFile) -> PhotoDetails:
    content = next((image.info[key] for key in _XMP_KEYS if image.info.get(key)), b"")
    return read_xmp(content if isinstance(content, bytes) else str(content).encode(), "XMP")


def _png_texts(image: ImageFile.ImageFile) -> PhotoDetails:
    details = _NOTHING
    for key, source in _PNG_TEXTS.items():
        if date := read_date(image.info.get(key)):
            details = details.or_from(PhotoDetails(date, event_date_source=source))
    return details
