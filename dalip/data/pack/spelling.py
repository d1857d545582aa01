"""Misspelt scientific names: the closest of a checklist, genus and epithets compared apart."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from dalip.data.pack.checklist import Checklist
from dalip.data.pack.name_parts import NameParts
from dalip.taxonomy import Taxon

__all__ = ["Cutoffs", "Match", "Speller"]


@dataclass(frozen=True)
class Cutoffs:
    """When a misspelling is clear. Measured by `benchmarks/names.py`; see docs/packing.md."""

    one: int = 6
    """Letters that a word needs for one error to be clear."""
    two: int = 10
    """Letters that a word needs for two."""
    together: int = 2
    """Errors that a whole name may have."""
    ahead: int = 2
    """Errors that every other name must have more."""
    listed: int = 3
    """Errors of a whole name that is listed as a candidate, and is looked for."""


class Match(NamedTuple):
    """The names that a misspelt one may stand for."""

    taxa: tuple[Taxon, ...]
    """The closest first."""
    near: bool
    """Whether the first is close enough to be meant."""
    clear: bool
    """Whether nothing else is, so that the first can be taken."""


class Speller:
    """Finds the closest names of a checklist, synonyms too."""

    def __init__(self, checklist: Checklist, cutoffs: Cutoffs = Cutoffs()) -> None:
        self._cutoffs = cutoffs
        self._species: dict[str, dict[str, set[Taxon]]] = defaultdict(lambda: defaultdict(set))
        """Taxa by genus, and by the rest of the name's key."""
        self._words: dict[str, NameParts] = {}
        named = [(e, e.taxon) for entries in checklist.names.values() for e in entries]
        for entry, taxon in (*named, *(pair for pairs in checklist.synonyms.values() for pair in pairs)):
            if entry.parts:
                self._words.setdefault(entry.parts.key, entry.parts)
                self._species[entry.parts.genus][entry.parts.key].add(taxon)
        self._genera = list(self._species)

    def closest(self, parts: NameParts) -> Match:
        """Find the closest names with the same kind of parts."""
        limit = self._cutoffs.listed
        found: list[tuple[int, bool, str, Taxon]] = []
        genera = extract(
            parts.genus, self._genera, scorer=OSA.distance, processor=None, score_cutoff=limit, limit=None
        )
        for genus, in_genus, _ in genera:
            for key, named in self._species[genus].items():
                errors = _errors(parts, self._words[key], int(in_genus), limit)
                if errors is not None and sum(errors) <= limit:
                    near = self._near(parts, errors)
                    found += [(sum(errors), near, key, taxon) for taxon in named]
        found.sort(key=lambda match: match[:3])
        taxa = tuple(dict.fromkeys(taxon for _, _, _, taxon in found))
        near = bool(found) and found[0][1] and found[0][0] <= self._cutoffs.together
        others = [errors for errors, _, _, taxon in found if taxon != found[0][3]]
        return Match(taxa, near, near and (not others or others[0] >= found[0][0] + self._cutoffs.ahead))

    def _near(self, parts: NameParts, errors: tuple[int, ...]) -> bool:
        words = (parts.genus, parts.species, parts.infra)
        return all(
            wrong == 0 or len(word) >= (self._cutoffs.one if wrong == 1 else self._cutoffs.two)
            for word, wrong in zip(words, errors, strict=True)
        )


def _errors(given: NameParts, known: NameParts, in_genus: int, limit: int) -> tuple[int, int, int] | None:
    """Count the errors in genus, species and what is below it; none if the names are of different kinds."""
    if given.mark != known.mark or bool(given.species) != bool(known.species) or known.cultivar:
        return None
    if bool(given.infra) != bool(known.infra):
        return None
    left = limit - in_genus
    species = OSA.distance(given.species, known.species, score_cutoff=left)
    if species > left:
        return None
    return in_genus, species, OSA.distance(given.infra, known.infra, score_cutoff=left - species)
