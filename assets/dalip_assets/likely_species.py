"""Order species by how likely people meet them, from what an encyclopedia says: used by `make_taxa.py --text-only`."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import log1p

__all__ = ["likely_first"]

_BINOMIAL = re.compile(r"\b[A-Z][a-z-]+ (?:× )?[a-z-]{3,}\b")
_SIGNS = (
    (re.compile("Europe"), 0.85),
    (re.compile("North America"), 0.85),
    (re.compile("cultivat|ornamental|garden"), 0.4),
    (re.compile("endemic"), -1.1),
    (re.compile("endangered|threatened|rare|critically"), -0.6),
)
_IN_CHECKLIST, _NAMES, _MENTIONS = 1.2, 1.3, 0.75
"""Weights of a logistic regression that tells species with photos from those without."""


def likely_first(
    species: Mapping[str, int], pages: Mapping[str, str], common_in_checklist: Iterable[str]
) -> list[str]:
    """Order species by how likely people meet them.

    Args:
        species: Scientific names and their numbers of English names; each has a page.
        pages: Texts of the encyclopedia by scientific name.
        common_in_checklist: Species with a common name in the checklist.

    Returns:
        The scientific names. First come species with a common name in the checklist and several English names, that
        other pages mention, and that grow in gardens or on a continent where most observers live.
    """
    common = frozenset(common_in_checklist)
    mentions: Counter[str] = Counter()
    for name, text in pages.items():
        mentions.update(set(_BINOMIAL.findall(text)) - {name})

    def score(name: str) -> float:
        signs = sum(weight for sign, weight in _SIGNS if sign.search(pages[name]))
        known = _NAMES * log1p(species[name]) + _MENTIONS * log1p(mentions[name])
        return _IN_CHECKLIST * (name in common) + known + signs

    return sorted(species, key=lambda name: (-round(score(name), 6), name))
