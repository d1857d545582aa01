"""Read what a list says about a name: accepted, a synonym, or not placed.

Sources: the status vocabularies of GBIF, Catalogue of Life, WCVP, WFO, The Plant List, ITIS and WoRMS.
"""

import unicodedata
from functools import lru_cache
from typing import Literal

__all__ = ["read_status"]

_Status = Literal["accepted", "synonym", "misused", "unplaced"]
"""Accepted; a synonym; a name not to be used, which is a synonym if an accepted name is given; not placed."""

_SYNONYMS = ("synonym", "sinonim", "synoniem", "misapplied", "proparte")
_MISUSED = (
    "illegitimate invalid orthographic orthographicvariant notaccepted unaccepted nomenillegitimum "
    "nomeninvalidum nomennudum nominvalid nomillegitimate rejected replaced deprecated variant excluded "
    "superfluous"
)
_UNPLACED = (
    "unplaced unchecked unresolved unassessed barename nomendubium ambiguous taxoninquirendum unavailable"
)


@lru_cache(maxsize=1000)
def read_status(word: str) -> _Status:
    """Return the status that a word means; unknown words, and the absence of one, mean that the name is accepted."""
    folded = _folded(word)
    if any(part in folded for part in _SYNONYMS) or folded == "syn":
        return "synonym"
    if folded in _MISUSED.split():
        return "misused"
    return "unplaced" if folded in _UNPLACED.split() else "accepted"


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word[:100]).lower()
    return "".join(character for character in plain if character.isalnum())
