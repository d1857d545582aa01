"""Resolve names against a checklist: exact matches, synonyms, common names and clear misspellings, without guessing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dalip.datasets.pack.checklist import Checklist, Entry, plain_common_name
from dalip.datasets.pack.choosing import NotPacked, Reason
from dalip.datasets.pack.datasheet import NameUse
from dalip.datasets.pack.scientific_name import NameParts, plain_name, read_name
from dalip.datasets.pack.spelling import Match, Speller
from dalip.datasets.record import Record
from dalip.datasets.report import Report
from dalip.datasets.tables import read_table
from dalip.datasets.terms import checked_name, read_rank
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["Resolution", "given_name", "given_names", "name_records", "read_decisions", "resolve_names"]

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
_REASONS: dict[str, Reason] = {
    "name-left-out": "decided",
    "name-unresolved": "unresolved",
    "name-unresolved-candidates": "unresolved",
}


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


def given_name(record: Record) -> str:
    """Return the scientific name of a photo as given by its source; empty if there is none."""
    return " ".join(str(record.fields.get("scientificName") or "").split())


def given_names(records: Iterable[Record]) -> list[str]:
    """Return the distinct names of some photos, sorted."""
    return sorted({name for record in records if (name := given_name(record))})


def name_records(
    records: Sequence[Record], resolutions: Mapping[str, Resolution] | None
) -> tuple[list[tuple[Record, dict[str, Any]]], list[NotPacked], list[NameUse]]:
    """Add the fields of their taxa to photos.

    Args:
        records: Photos.
        resolutions: Resolution of each given name; without it, names stay as given.

    Returns:
        The photos with their fields, the photos that are not packed because of their names, and how each name was
        resolved.
    """
    named: list[tuple[Record, dict[str, Any]]] = []
    left: list[NotPacked] = []
    for record in records:
        try:
            named.append((record, _fields(record, resolutions)))
        except DataError as error:
            left.append(NotPacked(record.where, _REASONS.get(error.kind, "unnamed"), error, record.key))
    photos = Counter(given_name(record) for record in records)
    return named, left, [_use(name, resolutions, photos[name]) for name in given_names(records)]


def _fields(record: Record, resolutions: Mapping[str, Resolution] | None) -> dict[str, Any]:
    given, fields = given_name(record), dict(record.fields)
    if not given:
        if not any(fields.get(name) for name in ("captions", "caption", "text")):
            raise DataError("photo-nameless")
        return fields
    fields["scientificName"] = given
    if not read_rank(str(fields.get("taxonRank", ""))):  # ignore ranks that floras do not have
        fields.pop("taxonRank", None)
    answer = resolutions[given] if resolutions else None
    if answer is None or (answer.taxon and answer.how == "as given"):
        Taxon.from_darwin_core({k: v for k, v in fields.items() if isinstance(v, str)})
        return fields
    if answer.taxon is None:
        raise _unresolved(answer)
    # `references` of a photo is the page of the observation, not of the taxon.
    taxon = {k: v for k, v in answer.taxon.to_darwin_core().items() if v and k != "references"}
    if taxon["scientificName"] != given:
        # The source's other fields of the taxon may belong to the wrong name.
        fields = {k: v for k, v in fields.items() if k not in ("taxonRank", "genus", "family", "order")}
        fields["verbatimIdentification"] = given
    return fields | taxon


def _unresolved(answer: Resolution) -> DataError:
    if answer.how == "decided":
        return DataError("name-left-out", name=answer.given)
    if answer.listed:
        facts = {"name": answer.given, "how": answer.how, "candidates": answer.listed}
        return DataError("name-unresolved-candidates", **facts)
    return DataError("name-unresolved", name=answer.given, how=answer.how)


def _use(name: str, resolutions: Mapping[str, Resolution] | None, photos: int) -> NameUse:
    if not resolutions:
        return NameUse(name, "as given", name, "", photos)
    answer = resolutions[name]
    scientific_name = answer.taxon.scientific_name if answer.taxon else ""
    return NameUse(name, answer.how, scientific_name, answer.listed, photos)
