"""Names as given, and what they mean in a checklist: alike, as synonyms, as common names or misspelt; never guessed."""

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
"""How a name was found: by the person's own decision, without a checklist, by its letters, as a synonym, as a common
name of one taxon, in spite of a misspelling, or not itself but its species; several may be meant; or none is."""

_CANDIDATES = 5
_REASONS: dict[str, Reason] = {
    "name-left-out": "decided",
    "name-unresolved": "unresolved",
    "name-unresolved-candidates": "unresolved",
}


@dataclass(frozen=True)
class Resolution:
    """What a name means."""

    given: str
    how: How
    taxon: Taxon | None
    """`None` where the name is ambiguous or unknown, or the decision is to leave it out."""
    candidates: tuple[Taxon, ...] = ()
    """What may be meant where `taxon` is `None`, the closest first; of an unknown name what is written like it."""

    @property
    def listed(self) -> str:
        """The candidates as text; homonyms with what tells them apart."""
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
    """Find what names mean.

    Args:
        given: Scientific or common names, as people wrote them.
        checklist: The names to find them among; without one, each is taken as it is.
        decisions: What a person decided, see `read_decisions`; it goes first.

    Returns:
        A resolution for each name. One below the species that the checklist lacks is found as `only its species`.
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
    """Read what a person decided about names: a CSV or TSV with the columns `given` and `scientificName`.

    Args:
        path: The table. Other columns are Darwin Core's terms of the taxon, for one that the checklist lacks. A row
            without `scientificName` says to leave out what bears the name.
        report: Receives each row that cannot be used.

    Raises:
        DataError: The table cannot be read, or lacks a column.
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
    """Finds names in one checklist."""

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
        """Find what a name means."""
        try:
            name = checked_name(given)
        except DataError:
            return Resolution(given, "unknown", None)
        parts = read_name(name)
        for key in dict.fromkeys([plain_name(name), parts.key if parts else ""]):
            # What follows the name may be a cultivar instead of its author.
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
        """Find a name below the species that says no rank; one that says another may mean something else."""
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
        # A misspelt species of which there is more to say: to take it would be two guesses in one.
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
    """Prefer hybrids for a name with a hybrid sign, and others for one without."""
    return [e for e in entries if e.parts and parts and e.parts.hybrid == parts.hybrid] or entries


def _letters(author: str) -> str:
    return "".join(c for c in author.lower() if c.isalnum())


def _unmarked(parts: NameParts) -> str:
    return f"{parts.genus} {parts.species} {parts.infra} {parts.cultivar}"


def given_name(record: Record) -> str:
    """Give the scientific name of a photo as its source has it; empty where it has none."""
    return " ".join(str(record.fields.get("scientificName") or "").split())


def given_names(records: Iterable[Record]) -> list[str]:
    """Give all names of some photos, each once."""
    return sorted({name for record in records if (name := given_name(record))})


def name_records(
    records: Sequence[Record], resolutions: Mapping[str, Resolution] | None
) -> tuple[list[tuple[Record, dict[str, Any]]], list[NotPacked], list[NameUse]]:
    """Give photos the fields of their taxa.

    Args:
        records: Photos.
        resolutions: Given name to what a checklist makes of it; without it, names stay as given.

    Returns:
        The photos with their fields, those that have neither a name nor a caption, and what became of each name.
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
    if not read_rank(str(fields.get("taxonRank", ""))):  # one that floras do not have says nothing
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
        # What else the source says of the taxon may be of a name that was wrong.
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
