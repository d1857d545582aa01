"""Read dates as cameras, phones and programs write them: in EXIF and XMP values, and in file names."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["date_in_name", "date_of_timestamp", "read_date"]

_FIRST_YEAR = 1826  # of the oldest photograph that survives
_FIRST_DIGITAL_YEAR = 1990  # of file names that contain a date
_LONGEST = 100  # characters of a date; longer text is no date

_DAY = r"(?P<year>\d{4}|\d{2}(?= *:)) *[-:/.] *(?P<month>\d{1,2}) *[-:/.] *(?P<day>\d{1,2})"
_TIME = (
    r"(?P<hour>\d{1,2}) *[-:.] *(?P<minute>\d{1,2})(?: *[-:.] *(?P<second>\d{1,2})(?:[.,:]\d*)?)? *"
    r"(?P<half>[AaPp]\.?[Mm]\b)?"
)
_OFFSET = r"(?P<offset>[Zz]|(?:UTC|GMT)? ?[-+]\d{2}:?\d{2})?"
_SPELLING = re.compile(rf"{_DAY}(?:(?: *[-T,:_ ] *){_TIME} *{_OFFSET}.*)?", re.ASCII | re.DOTALL)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:[T ]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<offset>Z)?)?",
    re.ASCII,
)
_WRITTEN_OFFSET = re.compile(r"([-+])(\d{2}):?(\d{2})", re.ASCII)
_DIGITS_IN_NAME = re.compile(  # IMG_20230531_120000, IMG-20230531-WA0007, 20230531120000123
    r"(?<![0-9A-Za-z])[A-Za-z]{0,12}(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:[-_. T]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)\d{0,3})?(?![0-9A-Za-z])",
    re.ASCII,
)
_WORDS_IN_NAME = (
    re.compile(  # 2023-05-31 12.00.00, Screenshot_2023-05-31-12-00-00, WhatsApp Image 2023-05-31 at ...
        r"(?<!\d)(?P<year>\d{4})(?P<mark>[-_.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d)"
        r"(?:(?:[-_. T]+|[-_ ]at[-_ ])"
        r"(?P<hour>\d\d?)(?P<between>[-_.:h]?)(?P<minute>\d\d)(?P=between)(?P<second>\d\d)(?!\d)"
        r"\s?(?P<half>[AaPp]\.?[Mm])?)?(?!\d)",
    )
)
_EPOCH_IN_NAME = re.compile(r"(?:FB_IMG_)?(\d{13})(?:[-_ (].*)?", re.ASCII)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_UTC_PREFIXES = frozenset({"PXL"})  # Pixel phones name photos in UTC


def read_date(value: object, offset: object = None) -> str:
    """Return a date in ISO 8601, or an empty string if the value is no date or cannot be the date of a photo.

    Dates before the oldest photograph, dates in the future, and the time zero of computers (1970) are rejected. Hour
    24 counts as hour 0 of the same day, because it comes from programs that number the hours from 1 to 24.

    Args:
        value: Text or bytes in any usual spelling; everything else is no date.
        offset: UTC offset from another field, such as `+02:00`; ignored if the value has one or if it is malformed.

    Returns:
        `2023-05-31T12:00:00`, with the offset if there is one; `2023-05-31` if there is no valid time.
    """
    text = _text(value)
    if not text or len(text) > _LONGEST:
        return ""
    found = _SPELLING.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        return _read_words(text)
    parts = found.groupdict()
    return _iso(parts, _offset(parts["offset"] or "") or _offset(_text(offset)))


def date_of_timestamp(seconds: float) -> str:
    """Return a Unix timestamp in ISO 8601, in UTC, or an empty string if it cannot be the date of a photo."""
    try:
        date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    except (ArithmeticError, ValueError):
        return ""
    return date.isoformat() if _is_plausible(date.replace(tzinfo=None)) else ""


def date_in_name(stem: str) -> str:
    """Return the date in the name of a photo file, as `read_date` does, or an empty string if there is none.

    Args:
        stem: The name without its extension.
    """
    if (epoch := _EPOCH_IN_NAME.fullmatch(stem)) and (date := date_of_timestamp(int(epoch[1]) // 1000)):
        return date if int(date[:4]) >= _FIRST_DIGITAL_YEAR else ""
    for pattern in (_WORDS_IN_NAME, _DIGITS_IN_NAME):
        for found in pattern.finditer(stem):
            in_utc = stem[: found.start()].rstrip("_-. ") in _UTC_PREFIXES
            date = _iso(found.groupdict(), "+00:00" if in_utc else "")
            if date and int(date[:4]) >= _FIRST_DIGITAL_YEAR:
                return date
    return ""


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return " ".join(value.replace("\0", " ").split()) if isinstance(value, str) else ""


def _iso(parts: dict[str, str | None], offset: str) -> str:
    """Return a date whose parts are strings of digits, with its time if that is valid."""
    year, month, day, hour, minute, second = (int(parts.get(name) or "-1") for name in _PARTS)
    if len(parts["year"] or "") == 2:
        year += 2000 if year < _FIRST_DIGITAL_YEAR % 100 else 1900
    try:
        date = datetime(year, month, day)
    except ValueError:
        return ""
    if half := (parts.get("half") or "").lower():
        hour = hour % 12 + 12 * half.startswith("p") if 1 <= hour <= 12 else hour
    try:
        time = date.replace(hour=0 if hour == 24 else hour, minute=minute, second=_second(second))
    except ValueError:  # there is no time, or it is not valid
        return date.date().isoformat() if _is_plausible(date) else ""
    return time.isoformat() + offset if _is_plausible(time) else ""


def _second(second: int) -> int:
    """Return the second of a time, without a leap second; 0 if there is none."""
    return {-1: 0, 60: 59}.get(second, second)


def _is_plausible(date: datetime) -> bool:
    """Return whether a photo may have this local date, in any time zone."""
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    return datetime(_FIRST_YEAR, 1, 1) <= date <= latest and date != datetime(1970, 1, 1)  # time zero


def _offset(text: str) -> str:
    if text in ("Z", "z"):
        return "+00:00"
    found = _WRITTEN_OFFSET.fullmatch(text.upper().removeprefix("UTC").removeprefix("GMT").strip())
    if found is None or int(found[2]) > 14 or int(found[3]) > 59:
        return ""
    return f"{found[1]}{found[2]}:{found[3]}"


def _read_words(text: str) -> str:
    """Read a date with the name of the month, as in e-mail and in the text chunks of PNG files."""
    try:
        date = parsedate_to_datetime(text)
        return date.isoformat() if _is_plausible(date.replace(tzinfo=None)) else ""
    except (ValueError, TypeError, ArithmeticError, LookupError):
        return ""
