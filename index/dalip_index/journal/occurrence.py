"""An observation as a Darwin Core occurrence: the row that exports contain and that imports check, field by field.

Source: Darwin Core (https://dwc.tdwg.org/terms/).
"""

import json
from collections.abc import Mapping
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from dalip.errors import JournalError
from dalip.files import from_json, printable
from dalip_index.flora.answer import Verdict
from dalip_index.journal.observation import Observation, check_field

__all__ = ["FIELDS", "read_occurrence", "to_occurrence"]

FIELDS = (
    "occurrenceID",
    "basisOfRecord",
    "scientificName",
    "taxonRank",
    "family",
    "verbatimIdentification",
    "identificationVerificationStatus",
    "identificationRemarks",
    "dateIdentified",
    "eventDate",
    "decimalLatitude",
    "decimalLongitude",
    "geodeticDatum",
    "occurrenceRemarks",
)
"""The columns, named after Darwin Core terms."""

_STATUS = ("unverified", "confirmed", "corrected")
_TERMS = {
    "id": "occurrenceID",
    "created": "dateIdentified",
    "answered": "verbatimIdentification",
    "answered_rank": "taxonRank",
    "family": "family",
    "name": "scientificName",
    "event_date": "eventDate",
    "latitude": "decimalLatitude",
    "longitude": "decimalLongitude",
    "notes": "occurrenceRemarks",
}
"""The terms that contain the fields of an observation, except those in the remarks."""


class _Remarks(TypedDict):
    """Values without a Darwin Core term, stored as JSON in `identificationRemarks`."""

    verdict: Verdict
    probability: Annotated[float, Meta(ge=0, le=1)] | None
    answeredRank: NotRequired[str]
    answeredFamily: NotRequired[str]


def to_occurrence(observation: Observation) -> dict[str, str]:
    """Return an observation as a row with `FIELDS`."""
    same = observation.accepted == observation.answered
    status = "unverified" if not observation.name else "confirmed" if same else "corrected"
    remarks: dict[str, str | float | None] = {
        "verdict": observation.verdict,
        "probability": observation.probability,
    }
    if not same:
        remarks |= {"answeredRank": observation.answered_rank, "answeredFamily": observation.family}
    return {
        "occurrenceID": observation.id,
        "basisOfRecord": "HumanObservation",
        "scientificName": observation.accepted,
        "taxonRank": observation.answered_rank if same else "",
        "family": observation.family if same else "",
        "verbatimIdentification": observation.answered,
        "identificationVerificationStatus": status,
        "identificationRemarks": json.dumps(remarks),
        "dateIdentified": observation.created,
        "eventDate": observation.event_date,
        "decimalLatitude": "" if observation.latitude is None else repr(observation.latitude),
        "decimalLongitude": "" if observation.longitude is None else repr(observation.longitude),
        "geodeticDatum": "" if observation.latitude is None else "WGS84",
        "occurrenceRemarks": observation.notes,
    }


def read_occurrence(row: Mapping[str, object], where: str) -> Observation:
    """Read an observation from a row of an export.

    Args:
        row: Values by term; other terms are ignored.
        where: Position of the row, such as `row 3`.

    Raises:
        JournalError: The row is invalid. The source is the row and the field, such as `row 3, dateIdentified`.
    """
    values = {name: _field(row, term, where, name) for name, term in _TERMS.items()}
    remarks = _remarks(row, where)
    if _field(row, "identificationVerificationStatus", where, "status") == "unverified":
        values["name"] = ""
    for name, remark in (("answered_rank", "answeredRank"), ("family", "answeredFamily")):
        if remark in remarks:
            values[name] = remarks[remark]  # type: ignore[literal-required]
            _check(name, values[name], f"{where}, identificationRemarks")
    _check("answered_rank", values["answered_rank"], f"{where}, taxonRank", needed=True)
    try:
        return Observation(verdict=remarks["verdict"], probability=remarks["probability"], **values)  # type: ignore[arg-type]
    except JournalError as error:
        raise error.about(where) from None


def _remarks(row: Mapping[str, object], where: str) -> _Remarks:
    about = f"{where}, identificationRemarks"
    text = _field(row, "identificationRemarks", where, "remarks")
    try:
        return from_json(str(text), _Remarks)
    except ValueError as error:
        raise JournalError("journal-remarks", source=about, cause=error) from None


def _field(row: Mapping[str, object], term: str, where: str, name: str) -> object:
    """Return a checked value: text, or a number or `None` for coordinates."""
    about = f"{where}, {term}"
    if term not in row:
        raise JournalError("journal-field-missing", source=about)
    value = row[term]
    if name in ("latitude", "longitude"):
        value = _number(value)
    _check(name, value, about)
    if name == "status" and value not in _STATUS:
        raise JournalError(
            "journal-value-unknown", source=about, value=printable(str(value)[:60]), known=_STATUS
        )
    return value


def _check(name: str, value: object, about: str, *, needed: bool = False) -> None:
    # The rank of a corrected answer is in the remarks.
    if name == "answered_rank" and not value and not needed:
        return
    try:
        check_field(name, value)
    except JournalError as error:
        raise error.about(about) from None


def _number(value: object) -> object:
    """Return a number from text, `None` for an empty cell, and anything else unchanged."""
    if value == "":
        return None
    try:
        return float(value) if isinstance(value, str) and "_" not in value else value
    except ValueError:
        return value
