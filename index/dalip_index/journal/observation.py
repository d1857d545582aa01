"""`Observation`: one entry of the journal, and the checks of its fields."""

import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import get_args

from dalip.errors import JournalError
from dalip.files import printable
from dalip.ranks import RANKS
from dalip_index.flora.answer import Identification, Verdict

__all__ = ["Observation", "check_field"]

_MAX_NOTES = 50_000  # characters
_MAX_TEXT = 1_000  # characters of every other text
_DATES = ("created", "event_date")
_RANGES = {"probability": (0, 1), "latitude": (-90, 90), "longitude": (-180, 180)}
_NEEDED = ("id", "created", "answered")
_KNOWN: dict[str, Collection[str]] = {"answered_rank": RANKS, "verdict": get_args(Verdict)}
_SHOWN = 60  # characters of a wrong value in a message


@dataclass(frozen=True, slots=True)
class Observation:
    """One plant that someone photographed."""

    id: str
    """Never changes; exports use the same ID."""
    created: str
    """When the observation was saved, in UTC, ISO 8601."""
    answered: str
    """Scientific name of the first prediction."""
    answered_rank: str
    family: str
    probability: float | None
    """Probability of `answered`; `None` if the flora was not calibrated."""
    verdict: str
    name: str = ""
    """Scientific name according to the user, the same as `answered` or a correction; empty if unverified."""
    event_date: str = ""
    """When the photo was taken, ISO 8601, if the photo contains it and the user chose to keep it."""
    latitude: float | None = None
    """Degrees north, WGS 84, if the photo contains it and the user chose to keep it."""
    longitude: float | None = None
    """Degrees east."""
    notes: str = ""

    def __post_init__(self) -> None:
        """Reject values that cannot be used: wrong types, dates, numbers out of range, text that is not Unicode.

        Raises:
            JournalError: A value cannot be used, or one coordinate is missing.
        """
        for field in fields(self):
            _check_value(field.name, getattr(self, field.name))
        if (self.latitude is None) != (self.longitude is None):
            raise JournalError("place-by-half")

    @property
    def accepted(self) -> str:
        """The user's name for the plant, or DALIP's answer if the user gave none."""
        return self.name or self.answered

    @classmethod
    def of(cls, answer: Identification, **more: object) -> "Observation":
        """Create a new observation from an answer.

        Args:
            answer: The answer for the photos of one plant, with at least one prediction.
            more: Fields that are not in the answer, such as `notes`.
        """
        first = answer.predictions[0]
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(
            uuid.uuid4().hex,
            created,
            first.taxon.scientific_name,
            first.taxon.taxon_rank,
            first.taxon.family,
            first.probability,
            answer.verdict,
            **more,  # type: ignore[arg-type]
        )

    def check(self) -> None:
        """Check what may be saved now: `check_field` of every field.

        Earlier versions checked less, so the journal may contain observations that fail this check. They are still
        listed and exported.

        Raises:
            JournalError: A value must not be saved.
        """
        for name, value in asdict(self).items():
            check_field(name, value)


def check_field(name: str, value: object) -> None:
    """Check a new value of a field.

    Args:
        name: Name of the field of `Observation`.
        value: The value.

    Raises:
        JournalError: The type is wrong, the text is empty, too long, contains a null character or is not Unicode, the
            date is not ISO 8601, the number is out of range, or the rank or verdict is unknown.
    """
    _check_value(name, value)
    if not isinstance(value, str):
        return
    most = _MAX_NOTES if name == "notes" else _MAX_TEXT
    if len(value) > most:
        raise JournalError("journal-text-too-long", length=len(value), most=most)
    if "\0" in value:
        raise JournalError("journal-text-not-unicode")
    if not value and name in _NEEDED:
        raise JournalError("journal-text-empty")
    known = _KNOWN.get(name)
    if known and value not in known:
        raise JournalError("journal-value-unknown", value=_shown(value), known=tuple(known))


def _check_value(name: str, value: object) -> None:
    if name in _RANGES:
        low, high = _RANGES[name]
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise JournalError("journal-value-no-number", value=_shown(value), low=str(low), high=str(high))
        return
    if not isinstance(value, str):
        raise JournalError("journal-value-no-text", value=_shown(value))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise JournalError("journal-text-not-unicode") from None
    if name in _DATES and value:
        try:
            datetime.fromisoformat(value if value.isprintable() else "")
        except ValueError:
            raise JournalError("no-date", date=_shown(value)) from None


def _shown(value: object) -> str:
    return printable(str(value)[:_SHOWN])
