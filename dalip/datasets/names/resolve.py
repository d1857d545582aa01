"""Resolve names against a checklist: exact matches, synonyms, common names and clear misspellings, without guessing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from dalip.datasets.names.checklist import Checklist, Entry, plain_common_name
from dalip.datasets.names.spelling import Match, Speller
from dalip.datasets.report import Report
from dalip.datasets.tables import read_table
from dalip.datasets.terms import checked_name
from dalip.errors import DataError
from dalip.scientific_name import NameParts, plain_name, read_name
from dalip.taxonomy import Taxon

__all__ = ["Resolution", "read_decisions", "resolve_names"]

How = Literal[
    "decided",
    "as given",
    "exact",
    "synonym",
    "common name",
    "fuzzy",
    "only its species",
    "ambiguous",
    "unknown",
]
"""How a name was resolved: by the user's decision; without a checklist; by exact match; as a synonym; as a common name
of one taxon; despite a misspelling; or only to its species. Otherwise it has several possible meanings or none."""

_CANDIDATES = 5


@dataclass(frozen=True)
class Resolution:
    """The result of resolving a name."""

    given: str
    how: How
    taxon: Taxon | None
    """`None` if the name is ambiguous or unknown, or if the decision is to leave it out."""
    candidates: tuple[Taxon, ...] = ()
    """Possible taxa if `taxon` is `None`, closest first; for an unknown name, those with a similar spelling."""

    @property
    def listed(self) -> str:
        """The candidates as text; homonyms with rank and family to distinguish them."""
        names = [taxon.scientific_name for taxon in self.candidates]
        told = [
            f"{t.scientific_name} ({t.taxon_rank}, {t.family or t.order or 'no family'})"
            if names.count(t.scientific_name) > 1
            else t.scientific_name
            for t in self.candidates
        ]
        return " | ".join(told)


def resolve_names(
    given: Iterable[str], checklist: Checklist | None, decisions: Mapping[str, Taxon | None] | None = None
) -> dict[str, Resolution]:
    """Resolve names to taxa.

    Args:
        given: Scientific or common names, as people wrote them.
        checklist: The checklist to look them up in; without one, each name is accepted as given.
        decisions: The user's decisions, see `read_decisions`; they take precedence.

    Returns:
        A resolution for each name. An infraspecific name that the checklist lacks is resolved as `only its species`.
    """
    resolver = _Resolver(checklist) if checklist else None
    found = {}
    for name in dict.fromkeys(given):
        if decisions and name in decisions:
            found[name] = _decided(name, decisions[name], resolver)
        elif resolver:
            found[name] = resolver.resolve(name)
        else:
            found[name] = _as_given(name)
    return found


def read_decisions(path: Path, report: Report) -> dict[str, Taxon | None]:
    """Read a user's decisions about names: a CSV or TSV with the columns `given` and `scientificName`.

    Args:
        path: The table. Other columns are Darwin Core terms of the taxon, for a taxon that the checklist lacks. A row
            without `scientificName` means that photos with this name are left out.
        report: Receives each row that cannot be used.

    Raises:
        DataError: The table cannot be read, or a column is missing.
    """
    decisions: dict[str, Taxon | None] = {}
    try:
        with path.open("rb") as file:
            table = read_table(file, str(path), report)
            table.require("given", "scientificName")
            for line, row in table.rows:
                try:
                    name = checked_name(row.pop("given", ""))
                    taxon = Taxon.from_darwin_core(row) if "scientificName" in row else None
                    if not name or decisions.get(name, taxon) != taxon:
                        raise DataError("decision-unclear")
                    decisions[name] = taxon
                except DataError as error:
                    report.skip_for(table.where(line), error)
    except OSError as error:
        raise DataError("decisions-not-read", source=path, cause=error.strerror) from error
    return decisions


def _decided(name: str, taxon: Taxon | None, resolver: "_Resolver | None") -> Resolution:
    if taxon and resolver:
        found = resolver.resolve(taxon.scientific_name)
        if found.how in ("exact", "synonym"):
            taxon = found.taxon
    return Resolution(name, "decided", taxon)


def _as_given(name: str) -> Resolution:
    try:
        return Resolution(name, "as given", Taxon.from_darwin_core({"scientificName": checked_name(name)}))
    except DataError:
        return Resolution(name, "unknown", None)


class _Resolver:
    """Resolves names against one checklist."""

    def __init__(self, checklist: Checklist) -> None:
        self._list = checklist
        self._unmarked: dict[str, list[Taxon]] = defaultdict(list)
        for entries in checklist.names.values():
            for entry in entries:
                if entry.parts and entry.parts.infra:
                    self._unmarked[_unmarked(entry.parts)].append(entry.taxon)

    @cached_property
    def _speller(self) -> Speller:
        return Speller(self._list)

    def resolve(self, given: str) -> Resolution:
        """Resolve a name."""
        try:
            name = checked_name(given)
        except DataError:
            return Resolution(given, "unknown", None)
        parts = read_name(name)
        for key in dict.fromkeys([plain_name(name), parts.key if parts else ""]):
            # The words after the name may be a cultivar instead of its author.
            certain = parts is None or parts.certain or key != parts.key or self._knows_author(parts)
            if found := self._by_letters(given, key, parts) if key else None:
                return found if certain or found.taxon is None else _only_species(given, found.taxon)
        if parts and parts.infra and (found := self._below_species(given, parts)):
            return found
        if found := _one_of(given, "common name", self._list.common_names.get(plain_common_name(name), ())):
            return found
        return self._misspelt(given, parts) if parts else Resolution(given, "unknown", None)

    def _by_letters(self, given: str, key: str, parts: NameParts | None) -> Resolution | None:
        entries = self._list.names.get(key, [])
        synonyms = self._list.synonyms.get(key, [])
        if parts and parts.author:
            author = _letters(parts.author)
            same = [taxon for entry, taxon in synonyms if _letters(entry.author) == author]
            if same and not any(_letters(entry.author) == author for entry in entries):
                return _one_of(given, "synonym", same)
            entries = [e for e in entries if _letters(e.author) == author] or entries
        found = _one_of(given, "exact", (entry.taxon for entry in _of_same_sign(entries, parts)))
        return found or _one_of(given, "synonym", (taxon for _, taxon in synonyms))

    def _knows_author(self, parts: NameParts) -> bool:
        author, key = _letters(parts.author), parts.key
        entries = [*self._list.names.get(key, []), *(e for e, _ in self._list.synonyms.get(key, []))]
        return any(_letters(entry.author) == author for entry in entries)

    def _below_species(self, given: str, parts: NameParts) -> Resolution | None:
        """Find an infraspecific name that is given without its rank; one with another rank is ambiguous."""
        alike = dict.fromkeys(self._unmarked.get(_unmarked(parts), ()))
        if alike and parts.mark:
            return Resolution(given, "ambiguous", None, tuple(alike)[:_CANDIDATES])
        return _one_of(given, "exact", alike)

    def _misspelt(self, given: str, parts: NameParts) -> Resolution:
        species = self._by_letters(given, parts.of_species.key, parts.of_species) if parts.species else None
        below = bool(parts.infra or parts.cultivar)
        if not parts.cultivar:
            match = self._speller.closest(parts)
            if match.near or not below:
                return _spelt(given, match)
        if species and species.taxon:
            return _only_species(given, species.taxon)
        # The species is misspelt and the rest of the name unknown: accepting it would be two guesses in one.
        return species or _spelt(given, self._speller.closest(parts.of_species)._replace(clear=False))


def _spelt(given: str, match: Match) -> Resolution:
    if match.clear:
        return Resolution(given, "fuzzy", match.taxa[0])
    return Resolution(given, "ambiguous" if match.near else "unknown", None, match.taxa[:_CANDIDATES])


def _one_of(given: str, how: How, taxa: Iterable[Taxon]) -> Resolution | None:
    found = tuple(dict.fromkeys(taxa))
    if not found:
        return None
    if len(found) == 1:
        return Resolution(given, how, found[0])
    return Resolution(given, "ambiguous", None, found[:_CANDIDATES])


def _only_species(given: str, taxon: Taxon) -> Resolution:
    return Resolution(given, "only its species", taxon)


def _of_same_sign(entries: list[Entry], parts: NameParts | None) -> list[Entry]:
    """Prefer hybrids for a name with a hybrid sign, and other taxa for a name without one."""
    return [e for e in entries if e.parts and parts and e.parts.hybrid == parts.hybrid] or entries


def _letters(author: str) -> str:
    return "".join(c for c in author.lower() if c.isalnum())


def _unmarked(parts: NameParts) -> str:
    return f"{parts.genus} {parts.species} {parts.infra} {parts.cultivar}"
