"""`PhotoDetails`: when and where a photo was taken, and which source says so."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DATE_SOURCES", "FILE_TIME", "PhotoDetails", "is_void", "read_place"]

FILE_TIME = "file time"
"""The weakest source of a date: copying and editing change the time of a file."""

DATE_SOURCES = (
    "DateTimeOriginal",
    "DateTimeDigitized",
    "XMP",
    "PNG text",
    "Google Takeout",
    "XMP sidecar",
    "GPS",
    "DateTime",
    "file name",
    FILE_TIME,
)
"""Where the date of a photo may come from, the most reliable first. Without a more specific name, it is in EXIF."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?", re.ASCII)
_LETTER = re.compile(r"(?<![A-Z])[NSEW](?![A-Z])")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+ *[NSEW]?", re.ASCII | re.IGNORECASE)  # or degrees and minutes
_LONGEST = 50  # characters of a coordinate


@dataclass(frozen=True, slots=True)
class PhotoDetails:
    """When and where a photo was taken, as far as that is known."""

    event_date: str = ""
    """ISO 8601, a day or a time, with the UTC offset if it is known."""
    latitude: float | None = None
    """Degrees north, WGS 84."""
    longitude: float | None = None
    """Degrees east."""
    event_date_source: str = ""
    """One of `DATE_SOURCES`; empty without a date."""

    def or_from(self, other: "PhotoDetails") -> "PhotoDetails":
        """Return the date from the more reliable source, and this place or, if there is none, the other."""
        placed = self if self.latitude is not None else other
        dated = min((self, other), key=lambda details: _rank(details.event_date_source))
        return PhotoDetails(dated.event_date, placed.latitude, placed.longitude, dated.event_date_source)


def _rank(source: str) -> int:
    return DATE_SOURCES.index(source) if source in DATE_SOURCES else len(DATE_SOURCES)


def read_place(
    latitude: object, latitude_side: object, longitude: object, longitude_side: object, status: object = None
) -> tuple[float | None, float | None]:
    """Return a place in degrees north and east, or twice `None` if the values are not one place for certain.

    Args:
        latitude: Degrees, or degrees and minutes, or degrees, minutes and seconds: numbers, or text with numbers.
        latitude_side: N or S; if missing, the text of the latitude must contain it.
        longitude: As `latitude`.
        longitude_side: E or W.
        status: `V` if the receiver had no position (void).
    """
    if is_void(status):
        return None, None
    found = _degrees(latitude, latitude_side, "NS", 90), _degrees(longitude, longitude_side, "EW", 180)
    if None in found or found == (0, 0):  # at 0, 0 there is only sea: receivers write it while they search
        return None, None
    return found


def is_void(status: object) -> bool:
    """Return whether the GPS status in EXIF or XMP says that the receiver had no position."""
    return _text(status).upper().startswith("V")


def _degrees(value: object, side: object, sides: str, most: int) -> float | None:
    letter = (_text(side).upper() or "".join(_LETTER.findall(_text(value).upper())))[:1]
    numbers = list(_numbers(value))
    if (
        not letter
        or letter not in sides
        or not 1 <= len(numbers) <= 3
        or not all(map(math.isfinite, numbers))
    ):
        return None
    # Both the sign and the letter say south or west.
    if numbers[0] < 0 and letter == sides[1] and len(numbers) == 1:
        numbers[0] = -numbers[0]
    coarser_is_whole = all(part == int(part) or not any(numbers[i + 1 :]) for i, part in enumerate(numbers))
    if min(numbers) < 0 or max(numbers[1:], default=0) > 60 or not coarser_is_whole:
        return None
    degrees = sum(part / 60**place for place, part in enumerate(numbers))
    return None if degrees > most else round(-degrees if letter == sides[1] else degrees, 6)


def _numbers(value: object) -> Iterator[float]:
    """Yield the numbers of a coordinate; not a number (NaN) for a part that is none."""
    for part in value if isinstance(value, tuple | list) else [value]:
        if isinstance(part, str | bytes):
            written = _text(part)
            for text in ["nan"] if _DECIMAL_COMMA.fullmatch(written) else _NUMBER.findall(written):
                above, _, below = text.partition("/")
                yield _divided(above, below or 1)
        else:
            yield _divided(part, 1)


def _divided(above: object, below: object) -> float:
    try:
        return float(above) / float(below)  # type: ignore[arg-type]
    except (ArithmeticError, TypeError, ValueError):
        return math.nan


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value.strip("\0 ")[:_LONGEST] if isinstance(value, str) else ""
