"""Read from XMP metadata when and where a photo was taken.

Source: the XMP specification, part 2, and the XMP fields of Exif 2.32 (CIPA DC-010).
"""

from contextlib import suppress
from xml.parsers import expat

from dalip.photos.details.dates import read_date
from dalip.photos.details.photo_details import PhotoDetails, read_place

__all__ = ["read_xmp"]

_LONGEST = 4_000_000  # bytes; a sidecar with masks and history has a few hundred thousand
_LONGEST_VALUE = 200  # characters of a field that is used
_EXIF, _XMP = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/xap/1.0/"
_DATES = (
    f"{_EXIF}DateTimeOriginal",
    "http://ns.adobe.com/photoshop/1.0/DateCreated",
    f"{_EXIF}DateTimeDigitized",
    f"{_XMP}CreateDate",
)
_PLACE = tuple(
    f"{_EXIF}GPS{name}" for name in ("Latitude", "LatitudeRef", "Longitude", "LongitudeRef", "Status")
)


def read_xmp(content: bytes, source: str) -> PhotoDetails:
    """Read an XMP packet; of a damaged one, what comes before the damage.

    Args:
        content: The XML, in any encoding that XMP permits.
        source: The source of the date, one of `DATE_SOURCES`.
    """
    fields = _fields(content) if len(content) <= _LONGEST else {}
    offset = fields.get(f"{_EXIF}OffsetTimeOriginal")
    dates = (read_date(fields.get(name), offset) for name in _DATES)
    date = next(filter(None, dates), "")
    latitude, longitude = read_place(*map(fields.get, _PLACE))
    return PhotoDetails(date, latitude, longitude, source if date else "")


def _fields(content: bytes) -> dict[str, str]:
    """Return the fields that are used, by namespace and name; they are attributes or elements."""
    wanted = {*_DATES, *_PLACE, f"{_EXIF}OffsetTimeOriginal"}
    fields: dict[str, str] = {}
    current = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal current
        current = name if name in wanted and name not in fields else ""
        for key in wanted & attributes.keys():
            fields.setdefault(key, attributes[key][:_LONGEST_VALUE])

    def text(part: str) -> None:
        if current:
            fields[current] = (fields.get(current, "") + part)[:_LONGEST_VALUE]

    def end(name: str) -> None:
        nonlocal current
        current = ""

    def refuse(*declaration: object) -> None:
        raise ValueError("XMP has no document type")  # which could define entities that expand without end

    parser = expat.ParserCreate(namespace_separator="")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    with suppress(expat.ExpatError, ValueError):
        parser.Parse(content.strip(b"\0 \r\n\t"), True)
    return fields
