"""Fuzzy-match misspelt scientific names with the names in a checklist."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from dalip.datasets.names.known_names import KnownNames
from dalip.scientific_name import NameParts, read_name
from dalip.taxonomy import Taxon

__all__ = ["Cutoffs", "Match", "Speller"]

_LISTED = 3
"""Maximum number of errors in a candidate."""
_GENERA = 5_000  # whose epithets are kept in memory
_ENDINGS = (
    "ensis",
    "iensis",
    "orum",
    "arum",
    "ius",
    "ia",
    "ium",
    "us",
    "um",
    "is",
    "er",
    "ae",
    "ii",
    "a",
    "e",
    "i",
)
"""Endings of Latin epithets, by gender and case; confusing two of them counts as one error."""


class Near(NamedTuple):
    """A name that is close to a misspelt one."""

    errors: tuple[int, int, int]
    """In the genus, the species epithet and the infraspecific epithet."""
    parts: NameParts
    taxon: Taxon


class Match(NamedTuple):
    """The taxa that a misspelt name may stand for."""

    taxa: tuple[Taxon, ...]
    """Closest first."""
    near: bool
    """Whether the first is close enough to be meant."""
    clear: bool
    """Whether the match is unambiguous, so that the first can be accepted."""


@dataclass(frozen=True)
class Cutoffs:
    """Thresholds for accepting a fuzzy match, chosen by `benchmarks/names.py`; see docs/packing.md."""

    one: int = 6
    """Minimum number of letters in a word with one error."""
    two: int = 14
    """Minimum number of letters in a word with two errors."""
    together: int = 2
    """Maximum number of errors in the whole name."""
    ahead: int = 2
    """Number of errors that every other name must have in addition."""

    def judge(self, parts: NameParts, found: Sequence[Near]) -> Match:
        """Decide which taxa a misspelt name may stand for.

        Args:
            parts: The name.
            found: Similar names, closest first.
        """
        taxa = tuple(dict.fromkeys(near.taxon for near in found))
        first = sum(found[0].errors) if found else 0
        near = bool(found) and first <= self.together and self._plain(parts, found[0])
        # One word is not enough: too many genera that a checklist lacks would be mistaken for another.
        alone = not parts.species
        others = [sum(other.errors) for other in found if other.taxon != found[0].taxon]
        return Match(taxa, near, near and not alone and (not others or others[0] >= first + self.ahead))

    def _plain(self, given: NameParts, near: Near) -> bool:
        least = {0: 0, 1: self.one, 2: self.two}
        words = zip(_words(given), _words(near.parts), near.errors, strict=True)
        return all(
            not wrong
            or (
                len(word) >= least[wrong]
                # People rarely get the first letter wrong, and micr- (small) is no misspelling of macr- (large).
                and word[0] == known[0]
                and word.replace("micr", "macr") != known.replace("micr", "macr")
            )
            for word, known, wrong in words
        )


class Speller:
    """Finds the closest names in a checklist or a flora, including synonyms."""

    def __init__(self, names: KnownNames, keys_in: Callable[[str], Sequence[str]] | None = None) -> None:
        """Take the names.

        Args:
            names: The names.
            keys_in: Their method of this name, with a cache.
        """
        self._list = names
        keys = keys_in or names.keys_in
        self._epithets = lru_cache(_GENERA)(lambda genus: [_epithet(key) for key in keys(genus)])
        self._keys_in = keys
        self._similar_genera = lru_cache(_GENERA)(self._find_genera)

    def closest(self, parts: NameParts) -> Match:
        """Return the taxa that a misspelt name may stand for."""
        return Cutoffs().judge(parts, self.search(parts))

    def search(self, parts: NameParts) -> list[Near]:
        """Find similar names with the same kinds of parts, closest first."""
        found: list[Near] = []
        for genus, in_genus in self._similar_genera(parts.genus):
            for key in self._similar_keys(parts, genus, _LISTED - in_genus):
                known = read_name(key.capitalize())
                errors = _errors(parts, known, in_genus) if known else None
                if known and errors is not None and sum(errors) <= _LISTED:
                    found += [Near(errors, known, taxon) for taxon in self._named(key)]
        # Among names with the same number of errors, those of the same genus are more likely.
        return sorted(found, key=lambda near: (sum(near.errors), near.errors, near.parts.key))

    def _find_genera(self, genus: str) -> list[tuple[str, int]]:
        """Return the genera of the list that are spelt like this one, with the number of errors."""
        found = extract(
            genus, self._list.genera(), scorer=OSA.distance, processor=None, score_cutoff=_LISTED, limit=None
        )
        return [(name, int(errors)) for name, errors, _ in found]

    def _similar_keys(self, parts: NameParts, genus: str, most: int) -> list[str]:
        """Return the keys in a genus whose species may have at most so many errors."""
        epithets, start = self._epithets(genus), parts.species[:3]
        near = extract(
            parts.species, epithets, scorer=OSA.distance, processor=None, score_cutoff=most, limit=None
        )
        places = {place for _, _, place in near}
        if most and len(start) > 2:  # another ending is one error, however many letters it has
            places |= {place for place, epithet in enumerate(epithets) if epithet.startswith(start)}
        keys = self._keys_in(genus)
        return [keys[place] for place in sorted(places)]

    def _named(self, key: str) -> list[Taxon]:
        accepted = [e.taxon for e in self._list.with_name(key) if (p := e.parts) and p.key == key]
        return accepted + [taxon for _, taxon in self._list.with_synonym(key)]


def _epithet(key: str) -> str:
    """Return the species epithet in a key."""
    word = key.split(" ", 2)[1] if " " in key else ""
    return "" if word == "agg." or word.startswith("'") else word


def _words(parts: NameParts) -> tuple[str, str, str]:
    return parts.genus, parts.species, parts.infra


def _errors(given: NameParts, known: NameParts, in_genus: int) -> tuple[int, int, int] | None:
    """Count the errors; `None` for names with different kinds of parts."""
    if given.mark != known.mark or bool(given.species) != bool(known.species) or known.cultivar:
        return None
    if bool(given.infra) != bool(known.infra):
        return None
    species = _word_errors(given.species, known.species)
    if in_genus + species > _LISTED:
        return None
    return in_genus, species, _word_errors(given.infra, known.infra)


def _word_errors(given: str, known: str) -> int:
    errors = OSA.distance(given, known, score_cutoff=_LISTED)
    if errors < 2 or given[:3] != known[:3]:
        return errors
    for ending in _ENDINGS:
        stem = given.removesuffix(ending)
        if (
            stem != given
            and len(stem) > 2
            and known.startswith(stem)
            and known.removeprefix(stem) in _ENDINGS
        ):
            return 1
    return errors
