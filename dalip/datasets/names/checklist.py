"""`read_checklist`: read accepted names, synonyms and common names from a checklist of taxa."""

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from dalip.datasets.report import Report, shown
from dalip.datasets.tables import read_table
from dalip.datasets.terms import checked_name, read_rank
from dalip.errors import DataError
from dalip.scientific_name import NameParts, plain_name, read_name
from dalip.taxonomy import Taxon

__all__ = ["Checklist", "Entry", "plain_common_name", "read_checklist"]

_DIGIT = re.compile(r"\d")
_GZIP = b"\x1f\x8b"
_UNUSED = frozenset(
    {
        *("domain", "kingdom", "subkingdom", "phylum", "subphylum", "division", "class", "subclass", "clade"),
        *("superorder", "suborder", "superfamily", "subfamily", "supertribe", "tribe", "subtribe"),
        *("subgenus", "section", "subsection", "series", "subseries"),
    }
)
"""Valid ranks that floras do not have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in a checklist: one name of a taxon."""

    line: int
    taxon: Taxon
    """The taxon as the row describes it; for a synonym, not the accepted taxon."""
    parts: NameParts | None
    """`None` for hybrid formulas."""
    author: str = ""
    identifier: str = ""
    parent: str = ""
    accepted: str = ""
    """Identifier, or else the name, of a synonym's accepted taxon; empty for an accepted name."""
    is_synonym: bool = False


@dataclass(frozen=True)
class Checklist:
    """The names in a checklist, for lookup."""

    path: Path
    names: dict[str, list[Entry]]
    """Accepted taxa by the key of their name, and by their name as `plain_name` returns it."""
    synonyms: dict[str, list[tuple[Entry, Taxon]]]
    """Synonyms by the key of their name, each with the accepted taxon."""

    @cached_property
    def common_names(self) -> dict[str, list[Taxon]]:
        """Accepted taxa by common name, as `plain_common_name` returns it."""
        found: dict[str, list[Taxon]] = defaultdict(list)
        for entries in self.names.values():
            for entry in entries:
                for vernacular in entry.taxon.vernacular_names:
                    found[plain_common_name(vernacular.name)].append(entry.taxon)
        return found


def plain_common_name(name: str) -> str:
    """Normalise a common name: drop what people write in various ways, capitals, accents, hyphens and apostrophes."""
    return " ".join(plain_name(name).replace("-", " ").replace("'", "").split())


def read_checklist(path: Path, report: Report) -> Checklist:
    """Read a checklist: CSV or TSV, plain or gzipped, with Darwin Core columns.

    Args:
        path: The file. `scientificName` is required; `taxonRank`, `genus`, `family`, `order`, `vernacularName`,
            `scientificNameAuthorship`, `taxonID`, `parentNameUsageID`, `acceptedNameUsageID`, `acceptedNameUsage` and
            `taxonomicStatus` are used if present.
        report: Receives each row that cannot be used, and notes on rows that are deliberately not used.

    Raises:
        DataError: The file cannot be read, has no column `scientificName`, or contains no taxon.
    """
    entries = list(_read_entries(path, report))
    if not entries:
        raise DataError("checklist-empty", source=path)
    known = _by_identifier(entries, path, report)
    entries = _with_parents(entries, known, path, report)
    accepted = [entry for entry in entries if not entry.is_synonym]
    names: dict[str, list[Entry]] = defaultdict(list)
    for entry in accepted:
        for key in _keys(entry):
            names[key].append(entry)
    synonyms: dict[str, list[tuple[Entry, Taxon]]] = defaultdict(list)
    # If entries share an identifier, the first counts.
    by_identifier = {entry.identifier: entry for entry in reversed(entries) if entry.identifier}
    for entry in (e for e in entries if e.is_synonym):
        taxon = _accepted(entry, by_identifier, names, path, report)
        for key in _keys(entry) if taxon else ():
            synonyms[key].append((entry, cast(Taxon, taxon)))
    return Checklist(path, dict(names), dict(synonyms))


def _keys(entry: Entry) -> set[str]:
    plain = plain_name(entry.taxon.scientific_name)
    return {plain, entry.parts.key} if entry.parts else {plain}


def _by_identifier(entries: Iterable[Entry], path: Path, report: Report) -> dict[str, Entry]:
    known: dict[str, Entry] = {}
    for entry in entries:
        if entry.identifier in known:
            report.skip(
                f"{path}, line {entry.line}",
                "checklist-id-repeated",
                id=shown(entry.identifier[:80]),
                line=str(known[entry.identifier].line),
            )
        elif entry.identifier:
            known[entry.identifier] = entry
    return known


def _with_parents(entries: list[Entry], known: dict[str, Entry], path: Path, report: Report) -> list[Entry]:
    """Fill in family and order from parent taxa; report parents that are missing or form a cycle."""
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
            report.skip(f"{path}, line {lines}", "checklist-circle")
        for link in reversed(chain):
            ranks = {} if link.identifier in cyclic else dict(above.get(link.parent, {}))
            if link.taxon.taxon_rank in ("genus", "family", "order"):
                ranks[link.taxon.taxon_rank] = link.taxon.scientific_name
            above[link.identifier] = ranks
    above[""] = {}
    for parent, lines_of in missing.items():
        where, more = f"{path}, line {lines_of[0]}", len(lines_of) - 1
        report.skip(where, "checklist-parent-missing", parent=shown(parent), more=more)
    return [_completed(entry, above.get(entry.identifier, {})) for entry in entries]


def _completed(entry: Entry, above: dict[str, str]) -> Entry:
    taxon = entry.taxon
    if not above or (taxon.family and taxon.order):
        return entry
    family, order = taxon.family or above.get("family", ""), taxon.order or above.get("order", "")
    return replace(entry, taxon=replace(taxon, family=family, order=order))


def _accepted(
    entry: Entry, known: dict[str, Entry], names: dict[str, list[Entry]], path: Path, report: Report
) -> Taxon | None:
    """Follow a synonym to its accepted taxon."""
    where, name = f"{path}, line {entry.line}", entry.taxon.scientific_name
    seen = {entry.identifier}
    step = entry
    while step.is_synonym:
        after = known.get(step.accepted)
        if after is None and step.accepted:
            parts = read_name(step.accepted)
            found = names.get(plain_name(step.accepted)) or (names.get(parts.key) if parts else None) or []
            after = found[0] if len({e.taxon for e in found}) == 1 else None
        if after is None:
            accepted = shown(step.accepted[:80])
            report.skip(where, "checklist-accepted-missing", name=name, accepted=accepted)
            return None
        if after.identifier and after.identifier in seen:
            report.skip(where, "checklist-synonym-circle", name=name)
            return None
        seen.add(after.identifier)
        step = after
    return step.taxon


def _read_entries(path: Path, report: Report) -> Iterator[Entry]:
    """Yield the usable rows, and report the others."""
    dropped: Counter[str] = Counter()
    unnamed = 0
    ranks: dict[str, list[int]] = defaultdict(list)
    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            if file.read(2) == _GZIP:
                file.seek(0)
                file = cast(BinaryIO, stack.enter_context(gzip.open(file)))
            file.seek(0)
        except OSError as error:
            raise DataError("checklist-not-read", source=path, cause=error.strerror or error) from error
        table = read_table(file, str(path), report)
        table.require("scientificName")
        for line, row in table.rows:
            word = row.get("taxonRank", "")
            rank = read_rank(word) if word else ""
            if word and not rank:
                if word.lower() in _UNUSED:
                    dropped[word.lower()] += 1
                else:
                    ranks[word[:50]].append(line)
                continue
            try:
                entry = _entry(line, row, rank)
            except DataError as error:
                report.skip_for(table.where(line), error)
                continue
            if entry:
                yield entry
            else:
                unnamed += 1
    for word, lines in ranks.items():
        report.skip(f"{path}, line {lines[0]}", "checklist-rank", rank=shown(word), more=len(lines) - 1)
    if dropped:
        kinds = ", ".join(f"{count} {rank}" for rank, count in dropped.most_common())
        report.note(str(path), "checklist-ranks-unused", number=dropped.total(), ranks=kinds)
    if unnamed:
        report.note(str(path), "checklist-names-unused", number=unnamed)


def _entry(line: int, row: dict[str, str], rank: str) -> Entry | None:
    name = checked_name(row.get("scientificName", ""))
    if not name:
        raise DataError("checklist-name-missing")
    author = row.get("scientificNameAuthorship", "")
    if author and name.endswith(f" {author}"):
        name = name.removesuffix(author).strip()
    parts = read_name(name)
    formula = parts is None and (" x " in name or "×" in name)
    if parts is not None and parts.author and parts.certain and any(c.isalpha() for c in parts.author):
        name, author = parts.text, author or parts.author
    elif parts is not None and parts.author:
        return None
    if parts and not parts.species and rank not in ("order", "family", "genus", ""):
        return None
    if (parts is None and not formula) or _DIGIT.search(name) or not _starts_like_a_name(name):
        return None
    fields = {k: row[k] for k in row if k in ("vernacularName", "genus", "family", "order")}
    taxon = Taxon.from_darwin_core(
        {**fields, "scientificName": name, "scientificNameAuthorship": author, "taxonRank": rank}
    )
    status = row.get("taxonomicStatus", "").lower()
    identifier, accepted = row.get("taxonID", ""), row.get("acceptedNameUsageID", "")
    if accepted == identifier:
        accepted = ""
    if not accepted and (other := row.get("acceptedNameUsage", "")) and plain_name(other) != plain_name(name):
        accepted = other
    return Entry(
        line,
        taxon,
        parts,
        author,
        identifier,
        row.get("parentNameUsageID", ""),
        accepted,
        bool(accepted) or "synonym" in status or "misapplied" in status,
    )


def _starts_like_a_name(name: str) -> bool:
    return name.lstrip("×x+ ([")[:1].isupper()
