"""Which fields of a source are kept with a photo, under which Darwin Core terms; never coordinates."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.taxonomy import RANKS

__all__ = ["checked_name", "read_rank", "take_over"]

_LONGEST_NAME = 200
"""Characters of a name; the longest that are in use, of hybrids with authors, have fewer."""

_LONGEST_TEXT = 100_000
_TERMS = {
    term.lower(): term
    for term in (
        *("scientificName", "taxonRank", "vernacularName", "genus", "family", "order"),
        *("license", "rightsHolder", "references", "eventDate", "source", "occurrenceID"),
        *("captions", "caption", "text"),
    )
} | {"licence": "license", "creator": "rightsHolder", "photographer": "rightsHolder"}
"""Terms by how their columns are spelt: without underscores and spaces, in lower case."""

_PLACES = frozenset({"lat", "lon", "lng", "long", "gps", "location", "geometry", "geojson", "footprintwkt"})
_PLACE_WORDS = ("latitude", "longitude", "coordinate")
_RANK_WORDS = {
    "varietas": "variety",
    "var": "variety",
    "subsp": "subspecies",
    "ssp": "subspecies",
    "infraspecies": "subspecies",
    "forma": "form",
    "f": "form",
    "cv": "cultivar",
    "sp": "species",
    "ordo": "order",
    "familia": "family",
    "hybrid": "species",
    "nothospecies": "species",
    "genushybrid": "genus",
    "nothogenus": "genus",
}
"""Other words for `RANKS`."""


def read_rank(word: str) -> str:
    """Give the rank that a source means, one of `RANKS`; empty for one that floras do not have."""
    folded = word.strip().rstrip(".").lower()
    found = _RANK_WORDS.get(folded, folded)
    return found if found in RANKS else ""


def checked_name(name: str) -> str:
    """Give a name with single spaces, and letters and accents as one character each.

    Raises:
        DataError: It is no name: too long, or with characters that do not show.
    """
    if len(name) > _LONGEST_NAME:
        raise DataError("name-too-long", name=repr(name[:40]), length=len(name), most=_LONGEST_NAME)
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not plain.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in plain
    ):
        raise DataError("name-unprintable", name=repr(plain))
    return plain


def take_over(given: Mapping[str, Any]) -> dict[str, Any]:
    """Choose and name the fields of a photo as Darwin Core does.

    Args:
        given: Column or field to value. Where a photo was taken, and what is neither a text, a number nor a list of
            texts, is left out; empty values, too. A rank that floras do not have stays as it is written.

    Raises:
        DataError: A name is no name, or a text is longer than any.
    """
    fields: dict[str, Any] = {}
    for column, value in given.items():
        term = _term(column)
        kept = _kept(term, value) if term else None
        if kept is not None and kept != "" and kept != []:
            # A column that bears the term itself comes before one that means the same.
            fields[term] = kept if column == term else fields.get(term, kept)
    if "scientificName" in fields:
        fields["scientificName"] = checked_name(str(fields["scientificName"]))
    if rank := read_rank(str(fields.get("taxonRank", ""))):
        fields["taxonRank"] = rank
    return fields


@lru_cache(maxsize=1000)
def _term(column: str) -> str:
    """Give the name of a column as a field; empty for one that says where a photo was taken."""
    folded = column.replace("_", "").replace(" ", "").replace("-", "").lower()
    if folded in _PLACES or any(word in folded for word in _PLACE_WORDS):
        return ""
    return _TERMS.get(folded, column)


def _kept(term: str, value: Any) -> Any:
    if isinstance(value, list):
        return [text for text in (_kept(term, v) for v in value if isinstance(v, str)) if text]
    if isinstance(value, str):
        if term == "scientificName":
            return value.strip()
        if len(value) > _LONGEST_TEXT:
            raise DataError("field-too-long", term=shown(term), length=len(value), most=_LONGEST_TEXT)
        if value.isprintable():
            return value.strip()
        return "".join(c if c.isprintable() or c == "\n" else " " for c in value).strip()
    return value if isinstance(value, bool | int | float) else None
