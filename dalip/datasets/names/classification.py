"""Fill in the family and order of listed taxa from the rows above them, and leave out those of other kingdoms."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dalip.datasets.names.list_rows import Entry, Link
from dalip.datasets.report import Report, shown

__all__ = ["classify"]

_Above = tuple[str, str, bool]
"""Order and family, and whether it belongs to another kingdom."""
_NOTHING: _Above = ("", "", False)
_TOLD = 10  # lines of a circle that are listed


def classify(
    entries: list[Entry], known: dict[str, Entry], links: Mapping[str, Link], path: Path, report: Report
) -> list[Entry]:
    """Fill in family and order from parent taxa, and leave out taxa of other kingdoms.

    Args:
        entries: The rows of a list, which are replaced to save memory.
        known: The rows by identifier; they are replaced too.
        links: Rows with ranks that floras do not have.
        path: The list, for messages.
        report: Receives each circle of parents, and notes on parents that are not in the list and on other kingdoms.

    Returns:
        The entries, without those of other kingdoms.
    """
    if not any(entry.parent for entry in entries):
        return entries
    parents = _Parents(known, links, path, report)
    kept = 0
    for entry in entries:
        order, family, other = parents.above(entry)
        if other:
            continue
        taxon, full = entry.taxon, entry
        if (family and not taxon.family) or (order and not taxon.order):
            whole = replace(taxon, family=taxon.family or family, order=taxon.order or order)
            full = replace(entry, taxon=whole)
            if known.get(entry.identifier) is entry:
                known[entry.identifier] = full
        entries[kept] = full
        kept += 1
    parents.tell()
    if kept < len(entries):
        report.note(str(path), "list-kingdoms-unused", number=len(entries) - kept)
    return entries[:kept]


class _Parents:
    """Finds what is above a taxon, once for each identifier."""

    def __init__(
        self, known: Mapping[str, Entry], links: Mapping[str, Link], path: Path, report: Report
    ) -> None:
        self._known, self._links = known, links
        self._path, self._report = path, report
        self._above: dict[str, _Above] = {"": _NOTHING}
        self._missing: dict[
            str | int, tuple[int, str]
        ] = {}  # line and parent, by the row that names the parent

    def above(self, entry: Entry) -> _Above:
        """Return order, family and kingdom of an entry; for an order or family, with itself."""
        chain: list[tuple[str, Entry | Link]] = []
        seen: set[str] = set()
        identifier, step = entry.identifier, entry  # type: str, Entry | Link | None
        while (
            step is not None and identifier not in seen and (identifier not in self._above or not identifier)
        ):
            chain.append((identifier, step))
            seen.add(identifier)
            if not step.parent or (step.parent == identifier and isinstance(step, Link)):
                identifier = ""  # the root of some lists is its own parent
                break
            identifier = step.parent
            step = self._known.get(identifier) or self._links.get(identifier)
        if step is None:
            self._miss(entry, *chain[-1], identifier)
            identifier = ""
        if identifier and identifier in seen:
            self._tell_circle(chain, identifier)
            found = _NOTHING
            self._above |= {link: _NOTHING for link, _ in chain if link}
            return found
        found = self._above.get(identifier, _NOTHING)
        for link, row in reversed(chain):
            found = _with(found, row)
            if row is not entry:  # most entries have no children
                self._above[link] = found
        return found

    def tell(self) -> None:
        """Note parents that are not in the list."""
        if self._missing:
            line, parent = min(self._missing.values())
            where = f"{self._path}, line {line}"
            self._report.note(
                where, "list-parent-missing", parent=shown(parent[:80]), more=len(self._missing) - 1
            )

    def _miss(self, entry: Entry, identifier: str, row: Entry | Link, parent: str) -> None:
        if not (entry.taxon.family and entry.taxon.order):
            line = row.line if isinstance(row, Entry) else entry.line
            self._missing[identifier or line] = (line, parent)

    def _tell_circle(self, chain: list[tuple[str, Entry | Link]], start: str) -> None:
        circle = [row for _, row in chain[[link for link, _ in chain].index(start) :]]
        lines = ", ".join(str(row.line) for row in circle[:_TOLD] if isinstance(row, Entry))
        self._report.skip(f"{self._path}, line {lines}", "list-circle")


def _with(above: _Above, row: Entry | Link) -> _Above:
    order, family, other = above
    if isinstance(row, Link):
        return order, family, other or row.other_kingdom
    if row.taxon.taxon_rank == "order":
        return row.taxon.scientific_name, "", other
    if row.taxon.taxon_rank == "family":
        return order or row.taxon.order, row.taxon.scientific_name, other
    return order or row.taxon.order, family or row.taxon.family, other
