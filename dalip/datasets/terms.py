"""Select which fields of a source are kept with a photo, under Darwin Core terms; coordinates are never kept."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dalip.datasets.columns import folded, name_columns
from dalip.datasets.identification import is_other_kingdom
from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.ranks import read_rank

__all__ = ["checked_name", "take_over"]

_LONGEST_NAME = 200
"""Characters of a name; the longest names in use, those of hybrids with authors, have fewer."""

_LONGEST_TEXT = 100_000
_TAXON = frozenset({"scientificName", "taxonRank", "vernacularName", "genus", "family", "order"})
_TERMS = {
    term.lower(): term
    for term in (
        *(
            "scientificNameAuthorship",
            "license",
            "rightsHolder",
            "references",
            "eventDate",
            "source",
            "occurrenceID",
        ),
        *("captions", "caption", "text", "splitGroup"),
    )
} | {"licence": "license", "creator": "rightsHolder", "photographer": "rightsHolder"}
"""Terms that do not describe the taxon, by their columns as `folded` returns them."""

_PLACES = frozenset({"lat", "lon", "lng", "long", "gps", "location", "geometry", "geojson", "footprintwkt"})
_PLACE_WORDS = ("latitude", "longitude", "coordinate")


def checked_name(name: str) -> str:
    """Return a name with single spaces, composed characters (Unicode NFC), and without invisible characters.

    Raises:
        DataError: It is not a name: too long, or with unprintable characters.
    """
    if len(name) > _LONGEST_NAME:
        raise DataError("name-too-long", name=repr(name[:40]), length=len(name), most=_LONGEST_NAME)
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if plain.isprintable():
        return plain
    # Soft hyphens, zero-width spaces and the like come with text that was copied from web pages.
    plain = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in plain):
        raise DataError("name-unprintable", name=repr(plain))
    return plain


def take_over(given: Mapping[str, Any]) -> dict[str, Any]:
    """Select the fields of a photo, and name them by Darwin Core terms.

    Args:
        given: Column or field to value. Values that say where a photo was taken, empty values, and values that are not
            strings, numbers or lists of strings are ignored. A rank that floras do not have is kept unchanged.

    Raises:
        DataError: The scientific name is not a name, a text is too long, or the kingdom is not that of plants.
    """
    columns = name_columns(tuple(given))
    told = columns.fields({c: v for c, v in given.items() if isinstance(v, str) and v})
    if is_other_kingdom(kingdom := told.get("kingdom", "")):
        name = shown(told.get("scientificName", "")[:80])
        raise DataError("not-a-plant", name=name or "the organism", kingdom=shown(kingdom[:40]))
    fields: dict[str, Any] = {}
    for column, value in given.items():
        term = columns.terms.get(column, "")
        if term not in _TAXON or (term == "taxonRank" and column != term and not read_rank(str(value))):
            term = "" if column in columns.vernacular else _term(column)
        elif isinstance(value, str):
            # A name like `NA` is kept, so that it is reported as unknown.
            value = told.get(term, value if term == "scientificName" else "")
        kept = _kept(term, value) if term else None
        if kept is not None and kept != "" and kept != []:
            # A column named exactly like the term takes precedence over one with another spelling.
            fields[term] = kept if column == term else fields.get(term, kept)
    for term in ("scientificName", "vernacularName"):  # put together from other columns
        if term in told and term not in fields:
            fields[term] = _kept(term, told[term])
    if "scientificName" in fields:
        fields["scientificName"] = checked_name(str(fields["scientificName"]))
    if rank := read_rank(str(fields.get("taxonRank", ""))):
        fields["taxonRank"] = rank
    return fields


@lru_cache(maxsize=1000)
def _term(column: str) -> str:
    """Return the field name for a column; empty for a column that says where a photo was taken."""
    word = folded(column)
    if word in _PLACES or any(place in word for place in _PLACE_WORDS):
        return ""
    return _TERMS.get(word, column)


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
