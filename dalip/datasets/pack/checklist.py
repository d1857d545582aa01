"""A checklist of taxa: which names there are, what they are synonyms of, and which common names mean one taxon only."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from dalip.datasets.pack.checklist_rows import Entry, read_entries
from dalip.datasets.pack.scientific_name import plain_name, read_name
from dalip.datasets.tables import Said
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["Checklist", "common_name", "read_checklist"]


@dataclass(frozen=True)
class Checklist:
    """The names of a checklist, to look up."""

    path: Path
    names: dict[str, list[Entry]]
    """Accepted taxa by the key of their name and by how it is written in plain letters."""
    synonyms: dict[str, list[tuple[Entry, Taxon]]]
    """Synonyms by the key of their name, each with the accepted taxon."""

    @cached_property
    def common_names(self) -> dict[str, list[Taxon]]:
        """Accepted taxa by common name, as `common_name` gives it."""
        found: dict[str, list[Taxon]] = defaultdict(list)
        for entries in self.names.values():
            for entry in entries:
                for vernacular in entry.taxon.vernacular_names:
                    found[common_name(vernacular.name)].append(entry.taxon)
        return found


def common_name(name: str) -> str:
    """Give a common name without what people write in several ways: capitals, accents, hyphens, apostrophes."""
    return " ".join(plain_name(name).replace("-", " ").replace("'", "").split())


def read_checklist(
    path: Path, fault: Callable[[str], None], note: Callable[[str], None] | None = None
) -> Checklist:
    """Read a checklist: CSV or TSV, also gzipped, with Darwin Core's terms as columns.

    Args:
        path: The file. `scientificName` is required; `taxonRank`, `genus`, `family`, `order`, `vernacularName`,
            `scientificNameAuthorship`, `taxonID`, `parentNameUsageID`, `acceptedNameUsageID`, `acceptedNameUsage` and
            `taxonomicStatus` are used where they are there.
        fault: Takes a line about each row that cannot be used as it is.
        note: Takes a line about rows that are rightly not used; without it, `fault` does.

    Raises:
        DataError: The file cannot be read, has no column `scientificName` or no taxon.
    """
    said = Said(fault, note or fault)
    entries = list(read_entries(path, said))
    if not entries:
        raise DataError(f"{path}: holds no taxon that can be used; give another checklist")
    known = _by_identifier(entries, path, said)
    entries = _with_parents(entries, known, path, said)
    accepted = [entry for entry in entries if not entry.is_synonym]
    names: dict[str, list[Entry]] = defaultdict(list)
    for entry in accepted:
        for key in _keys(entry):
            names[key].append(entry)
    synonyms: dict[str, list[tuple[Entry, Taxon]]] = defaultdict(list)
    # Of two with one identifier the first counts.
    by_identifier = {entry.identifier: entry for entry in reversed(entries) if entry.identifier}
    for entry in (e for e in entries if e.is_synonym):
        taxon = _accepted(entry, by_identifier, names, path, said)
        for key in _keys(entry) if taxon else ():
            synonyms[key].append((entry, cast(Taxon, taxon)))
    return Checklist(path, dict(names), dict(synonyms))


def _keys(entry: Entry) -> set[str]:
    plain = plain_name(entry.taxon.scientific_name)
    return {plain, entry.parts.key} if entry.parts else {plain}


def _by_identifier(entries: Iterable[Entry], path: Path, said: Said) -> dict[str, Entry]:
    known: dict[str, Entry] = {}
    for entry in entries:
        if entry.identifier in known:
            said.fault(
                f"{path}, line {entry.line}: its taxonID {entry.identifier[:80]!r} is also that of line "
                f"{known[entry.identifier].line}; correct one"
            )
        elif entry.identifier:
            known[entry.identifier] = entry
    return known


def _with_parents(entries: list[Entry], known: dict[str, Entry], path: Path, said: Said) -> list[Entry]:
    """Fill in family and order from the taxa above; say which of those are missing or above themselves."""
    missing: dict[str, list[int]] = defaultdict(list)
    cyclic: set[str] = set()
    above: dict[str, dict[str, str]] = {"": {}}
    for entry in entries if any(entry.parent for entry in entries) else ():
        chain: list[Entry] = []
        seen: set[str] = set()
        step: Entry | None = entry
        while step and step.identifier not in above and step.identifier not in seen:
            chain.append(step)
            seen.add(step.identifier)
            if step.parent and step.parent not in known and step.parent != step.identifier:
                missing[step.parent[:80]].append(step.line)
            step = known.get(step.parent)
        if step and step.identifier in seen and step.identifier not in cyclic:
            circle = chain[chain.index(step) :]
            cyclic |= {e.identifier for e in circle}
            lines = ", ".join(str(e.line) for e in circle[:10])
            said.fault(f"{path}, line {lines}: above itself by parentNameUsageID; correct it")
        for link in reversed(chain):
            ranks = {} if link.identifier in cyclic else dict(above.get(link.parent, {}))
            if link.taxon.taxon_rank in ("genus", "family", "order"):
                ranks[link.taxon.taxon_rank] = link.taxon.scientific_name
            above[link.identifier] = ranks
    above[""] = {}
    for parent, lines_of in missing.items():
        more = f" and {len(lines_of) - 1} more" if len(lines_of) > 1 else ""
        said.fault(
            f"{path}, line {lines_of[0]}{more}: the parentNameUsageID {parent!r} is no taxonID; correct it"
        )
    return [_completed(entry, above.get(entry.identifier, {})) for entry in entries]


def _completed(entry: Entry, above: dict[str, str]) -> Entry:
    taxon = entry.taxon
    if not above or (taxon.family and taxon.order):
        return entry
    family, order = taxon.family or above.get("family", ""), taxon.order or above.get("order", "")
    return replace(entry, taxon=replace(taxon, family=family, order=order))


def _accepted(
    entry: Entry, known: dict[str, Entry], names: dict[str, list[Entry]], path: Path, said: Said
) -> Taxon | None:
    """Follow a synonym to what is accepted."""
    where = f"{path}, line {entry.line}: the synonym {entry.taxon.scientific_name!r}"
    seen = {entry.identifier}
    step = entry
    while step.is_synonym:
        after = known.get(step.accepted)
        if after is None and step.accepted:
            parts = read_name(step.accepted)
            found = names.get(plain_name(step.accepted)) or (names.get(parts.key) if parts else None) or []
            after = found[0] if len({e.taxon for e in found}) == 1 else None
        if after is None:
            said.fault(
                f"{where} belongs to {step.accepted[:80]!r}, which is not there; correct acceptedNameUsageID"
            )
            return None
        if after.identifier and after.identifier in seen:
            said.fault(f"{where} is a synonym of itself by acceptedNameUsageID; correct it")
            return None
        seen.add(after.identifier)
        step = after
    return step.taxon
