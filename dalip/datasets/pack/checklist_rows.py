"""The rows of a checklist that name a taxon; the others are said."""

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from dalip.datasets.archives import shown
from dalip.datasets.pack.scientific_name import NameParts, plain_name, read_name
from dalip.datasets.tables import Said, read_table
from dalip.datasets.terms import checked_name, read_rank
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["Entry", "read_entries"]

_DIGIT = re.compile(r"\d")
_GZIP = b"\x1f\x8b"
_UNUSED = frozenset(
    {
        *("domain", "kingdom", "subkingdom", "phylum", "subphylum", "division", "class", "subclass", "clade"),
        *("superorder", "suborder", "superfamily", "subfamily", "supertribe", "tribe", "subtribe"),
        *("subgenus", "section", "subsection", "series", "subseries"),
    }
)
"""Ranks that there are, but not in floras."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a checklist, a name of a taxon."""

    line: int
    taxon: Taxon
    """What the row says; of a synonym, not what it is a synonym of."""
    parts: NameParts | None
    """`None` for formulas of hybrids."""
    author: str = ""
    identifier: str = ""
    parent: str = ""
    accepted: str = ""
    """Identifier, or else the name, of the taxon that this is a synonym of; empty for an accepted name."""
    is_synonym: bool = False


def read_entries(path: Path, said: Said) -> Iterator[Entry]:
    """Read the rows that can be used, one after the other.

    Args:
        path: CSV or TSV, also gzipped.
        said: Hears of the other rows.

    Raises:
        DataError: The file cannot be read, or has no column `scientificName`.
    """
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
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
        table = read_table(file, str(path), said)
        if "scientificName" not in table.columns:
            found = shown(", ".join(table.columns) or "none")
            raise DataError(f"{path}: the column scientificName is missing (columns found: {found}); add it")
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
                said.fault(f"{path}, line {line}: {error}")
                continue
            if entry:
                yield entry
            else:
                unnamed += 1
    for word, lines in ranks.items():
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        said.fault(f"{path}, line {lines[0]}{more}: unknown taxonRank {word!r}; correct it")
    if dropped:
        kinds = ", ".join(f"{count} {rank}" for rank, count in dropped.most_common())
        said.note(f"{path}: {dropped.total()} taxa have ranks that floras do not have ({kinds})")
    if unnamed:
        said.note(f"{path}: {unnamed} rows name no one taxon (sp., cf., aff., numbers of samples)")


def _entry(line: int, row: dict[str, str], rank: str) -> Entry | None:
    name = checked_name(row.get("scientificName", ""))
    if not name:
        raise DataError("has no scientificName; fill it in")
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
    taxon = Taxon.from_darwin_core({**fields, "scientificName": name, "taxonRank": rank})
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
    return name.lstrip("×x ([")[:1].isupper()
