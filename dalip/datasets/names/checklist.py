"""`read_checklist`: read accepted names, synonyms and common names from a list of taxa."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dalip.datasets.names.classification import classify
from dalip.datasets.names.known_names import name_keys, plain_common_name
from dalip.datasets.names.list_rows import Entry, ListRows
from dalip.datasets.report import Report, shown
from dalip.errors import DataError
from dalip.progress import Progress, no_progress
from dalip.scientific_name import plain_name, read_name
from dalip.taxonomy import Taxon

__all__ = [
    "Checklist",
    "Entry",
    "ListedNames",
    "checklist_of",
    "read_checklist",
    "read_taxon_list",
]


@dataclass(frozen=True)
class ListedNames:
    """The rows of a list of taxa."""

    path: Path
    entries: list[Entry]
    """In the order of the list, and at its end the accepted taxa that only its synonyms name."""
    known: Mapping[str, Entry]
    """By identifier."""
    parents: frozenset[str]
    """The identifiers of taxa that have others below them."""

    @property
    def accepted(self) -> Iterable[Entry]:
        """The entries that are accepted names."""
        return (entry for entry in self.entries if not entry.is_synonym)

    @property
    def synonyms(self) -> Iterable[Entry]:
        """The entries that are synonyms."""
        return (entry for entry in self.entries if entry.is_synonym)


@dataclass(frozen=True)
class Checklist:
    """The names in a checklist, for lookup."""

    path: Path
    names: dict[str, list[Entry]]
    """Accepted taxa by the key of their name, and by their name as `plain_name` returns it."""
    synonyms: dict[str, list[tuple[Entry, Taxon]]]
    """Synonyms by the key of their name, each with the accepted taxon."""

    @cached_property
    def _common_names(self) -> dict[str, list[Taxon]]:
        found: dict[str, list[Taxon]] = defaultdict(list)
        for entries in self.names.values():
            for entry in entries:
                for vernacular in entry.taxon.vernacular_names:
                    found[plain_common_name(vernacular.name)].append(entry.taxon)
        return dict(found)

    @cached_property
    def _keys(self) -> dict[str, list[str]]:
        """All keys by their first word."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in dict.fromkeys((*self.names, *self.synonyms)):
            found[key.partition(" ")[0]].append(key)
        return dict(found)

    def with_name(self, key: str) -> Sequence[Entry]:
        """See `KnownNames`, here and below."""
        return self.names.get(key, ())

    def with_synonym(self, key: str) -> Sequence[tuple[str, Taxon]]:  # noqa: D102
        return [(entry.author, taxon) for entry, taxon in self.synonyms.get(key, ())]

    def with_common_name(self, name: str) -> Sequence[Taxon]:  # noqa: D102
        return self._common_names.get(name, ())

    def genera(self) -> Sequence[str]:  # noqa: D102
        return tuple(self._keys)

    def keys_in(self, genus: str) -> Sequence[str]:  # noqa: D102
        return [key for key in self._keys.get(genus, ()) if self._is_parsed(key)]

    def _is_parsed(self, key: str) -> bool:
        entries = (*self.names.get(key, ()), *(entry for entry, _ in self.synonyms.get(key, ())))
        return any(entry.parts and entry.parts.key == key for entry in entries)  # parsed at each access


def read_taxon_list(path: Path, report: Report, progress: Progress = no_progress) -> ListedNames:
    """Read a list of taxa: the one reader for `--taxa`, `--checklist` and `--only`.

    Args:
        path: A table with a column of scientific names, or a text file with one name per line; see `open_list` and
            docs/build.md.
        report: Receives each row that cannot be used, and notes on rows that are deliberately not used.
        progress: Receives the number of rows.

    Raises:
        DataError: The file cannot be read, has no scientific names, or contains no usable taxon.
    """
    rows = ListRows(path, report, progress)
    entries = list(rows.read())
    if not entries:
        raise DataError("taxa-file-empty", source=path)
    known = _by_identifier(entries, path, report)
    entries = classify(entries, known, rows.links, path, report)
    entries += _named_only_by_synonyms(entries, known)
    parents = {entry.parent for entry in entries if not entry.is_synonym}
    parents |= {link.parent for link in rows.links.values()}
    return ListedNames(path, entries, known, frozenset(parents - {""}))


def read_checklist(path: Path, report: Report, progress: Progress = no_progress) -> Checklist:
    """Read a list of taxa for lookup; arguments and errors as for `read_taxon_list`."""
    return checklist_of(read_taxon_list(path, report, progress), report)


def checklist_of(listed: ListedNames, report: Report) -> Checklist:
    """Arrange the names of a list for lookup.

    Args:
        listed: The rows of the list.
        report: Receives the first synonym of each kind whose accepted taxon is not clear.
    """
    names: dict[str, list[Entry]] = defaultdict(list)
    for entry in listed.accepted:
        for key in _keys(entry):
            names[key].append(entry)
    synonyms: dict[str, list[tuple[Entry, Taxon]]] = defaultdict(list)
    problems: dict[str, tuple[int, dict[str, str], int]] = {}  # first line, facts, number of others
    for entry in listed.synonyms:
        found = _accepted(entry, listed.known, names)
        if isinstance(found, Taxon):
            for key in _keys(entry):
                synonyms[key].append((entry, found))
        else:
            facts = {"name": entry.taxon.scientific_name, "accepted": shown(_target(entry)[:80])}
            line, facts, more = problems.get(found, (entry.line, facts, -1))
            problems[found] = line, facts, more + 1
    for kind, (line, facts, more) in problems.items():
        report.skip(f"{listed.path}, line {line}", kind, more=more, **facts)
    return Checklist(listed.path, dict(names), dict(synonyms))


def _keys(entry: Entry) -> set[str]:
    return {*name_keys(entry.taxon.scientific_name)} - {""}


def _target(entry: Entry) -> str:
    return entry.accepted_name or entry.accepted


def _by_identifier(entries: Iterable[Entry], path: Path, report: Report) -> dict[str, Entry]:
    known: dict[str, Entry] = {}
    repeated: list[Entry] = []
    for entry in entries:
        if entry.identifier in known:
            repeated.append(entry)
        elif entry.identifier:
            known[entry.identifier] = entry
    if repeated:
        first = repeated[0]
        report.skip(
            f"{path}, line {first.line}",
            "list-id-repeated",
            id=shown(first.identifier[:80]),
            line=str(known[first.identifier].line),
            more=len(repeated) - 1,
        )
    return known


def _named_only_by_synonyms(entries: list[Entry], known: Mapping[str, Entry]) -> list[Entry]:
    """Return accepted taxa that have no row, because the list only contains synonyms with their accepted names."""
    wanted = [e for e in entries if e.accepted_name and e.accepted not in known]
    there = {key for e in entries if not e.is_synonym for key in _keys(e)} if wanted else set()
    synonyms = {key for e in entries if e.is_synonym for key in _keys(e)} if wanted else set()
    added = []
    for entry in wanted:
        parts = read_name(entry.accepted_name)
        if parts is None or not {parts.key, plain_name(parts.text)}.isdisjoint(there | synonyms):
            continue
        fields = {"scientificName": parts.text, "family": entry.taxon.family, "order": entry.taxon.order}
        added.append(Entry(entry.line, Taxon.from_darwin_core(fields), parts.author))
        there |= _keys(added[-1])
    return added


def _accepted(entry: Entry, known: Mapping[str, Entry], names: Mapping[str, list[Entry]]) -> Taxon | str:
    """Follow a synonym to its accepted taxon; return the kind of error if that is not possible."""
    seen: set[str] = set()
    step = entry
    while step.is_synonym:
        seen.add(step.identifier)
        after, name = known.get(step.accepted), _target(step)
        if not name:
            return "list-synonym-without-accepted"
        if after is None:
            parts = read_name(name)
            found = names.get(plain_name(name)) or (names.get(parts.key) if parts else None) or []
            after = found[0] if len({e.taxon for e in found}) == 1 else None
        if after is None:
            return "list-accepted-missing"
        if after.identifier and after.identifier in seen:
            return "list-synonym-circle"
        step = after
    return step.taxon
