"""Read the rows of a list of taxa: name and author apart, rank, status, identifiers; what is not used is counted."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dalip.datasets.identification import is_other_kingdom
from dalip.datasets.names.list_file import ListFile, open_list
from dalip.datasets.names.status import read_status
from dalip.datasets.report import Report, shown
from dalip.datasets.terms import checked_name
from dalip.errors import DataError
from dalip.progress import Progress, no_progress
from dalip.ranks import is_other_rank, is_unranked, read_rank
from dalip.scientific_name import NameParts, plain_name, read_name
from dalip.taxonomy import Taxon, first_words

__all__ = ["Entry", "Link", "ListRows", "plain_names"]

_MOST = 3_000_000
"""Names of one list that are kept in memory, at 0.7 kB each; all plant names of the world are 1.6 million."""
_DIGIT = re.compile(r"\d")
_BULLET = re.compile(r"(?:[-*•–]|\d+[.)])\s+")
_TAXON = ("vernacularName", "family", "order", "references", "scientificNameAuthorship")
_IDENTIFIERS = ("taxonID", "acceptedNameUsageID", "parentNameUsageID")
_FULL_AUTHOR = re.compile(r"\(?[^\W\d_a-z][^\W\d_A-Z]\D*")
_NOT_CULTIVATED = ("species", "subspecies", "variety", "form")
"""Ranks of names after which a capitalised word is an author; without a rank, it may be a cultivar."""
_LONGEST_CELL = 10_000  # characters; some taxa have hundreds of common names
_EXAMPLES = 3
_MOST_RANKS = 50  # unknown ranks that are listed one by one
_STEP = 10_000  # rows between two progress reports


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in a list of taxa: one name of a taxon."""

    line: int
    taxon: Taxon
    """The taxon as the row describes it; for a synonym, not the accepted taxon."""
    author: str = ""
    identifier: str = ""
    parent: str = ""
    accepted: str = ""
    """Identifier of a synonym's accepted taxon; empty for an accepted name, or if only the name is given."""
    accepted_name: str = ""
    """Name of a synonym's accepted taxon, as written."""
    is_synonym: bool = False

    @property
    def parts(self) -> NameParts | None:
        """The parts of the name; `None` for hybrid formulas."""
        return read_name(self.taxon.scientific_name)


@dataclass(frozen=True, slots=True)
class Link:
    """A row with a rank that floras do not have: only what its children need."""

    parent: str
    other_kingdom: bool


class ListRows:
    """The rows of a list of taxa, read with little memory."""

    def __init__(self, path: Path, report: Report, progress: Progress = no_progress) -> None:
        """Prepare to read.

        Args:
            path: The list, see `open_list`.
            report: Receives each row that cannot be used, and notes on rows that are deliberately not used.
            progress: Receives the number of rows.
        """
        self.path = path
        self.links: dict[str, Link] = {}
        """Rows with other ranks, by identifier."""
        self._report, self._progress = report, progress
        self._intern: Callable[[str, str], str] = {}.setdefault  # type: ignore[assignment]
        self._other_ranks: Counter[str] = Counter()
        self._unknown_ranks: dict[str, tuple[int, int]] = {}  # first line, and number of others
        self._derived_ranks: dict[str, tuple[int, int]] = {}
        self._numbered = False
        self._statuses: Counter[str] = Counter()
        self._unnamed: list[str] = []
        self._counts: Counter[str] = Counter()

    def read(self) -> Iterator[Entry]:
        """Yield the usable rows, then report the others.

        Raises:
            DataError: The list cannot be read, has no column of scientific names, or is too long.
        """
        kept = 0
        with open_list(self.path, self._report, self._progress) as listed:
            self._numbered = "taxonID" in listed.columns.terms.values()
            for number, (line, fields) in enumerate(_rows(listed), 1):
                try:
                    entry = self._entry(line, fields)
                except DataError as error:
                    self._report.skip_for(f"{listed.name}, line {line}", error)
                    continue
                if entry:
                    kept += 1
                    yield entry
                if kept + len(self.links) > _MOST:
                    raise DataError("list-too-long", source=self.path, most=_MOST)
                if number % _STEP == 0:
                    self._progress("names", number, 0)
        self._tell()

    def _entry(self, line: int, fields: dict[str, str]) -> Entry | None:
        kingdom = fields.get("kingdom", "")
        if kingdom and is_other_kingdom(kingdom):
            self._counts["kingdom"] += 1
            return None
        rank = self._rank(line, fields)
        if rank is None:
            return None
        name, author = self._name(fields, rank)
        if not name:
            return None
        taxon = self._taxon(name, rank, author, fields)
        status = read_status(fields.get("taxonomicStatus", ""))
        identifier, accepted, parent = (_identifier(fields.get(term, "")) for term in _IDENTIFIERS)
        if not identifier and self._numbered and status == "accepted":
            identifier = accepted  # as in lists from USDA PLANTS
        accepted = "" if accepted == identifier else accepted
        other = fields.get("acceptedNameUsage", "")
        if other and not accepted and _is_same(name, other):
            other = ""  # an accepted name that gives itself
        if status == "synonym" and not accepted and not other:
            accepted = parent  # as in ColDP
        if status in ("misused", "unplaced") and not accepted and not other:
            self._statuses[fields["taxonomicStatus"].lower()] += 1
            return None
        synonym = bool(accepted or other) or status == "synonym"
        author, parent, accepted = map(self._shared, (author, parent, accepted))
        return Entry(line, taxon, author, identifier, parent, accepted, other, synonym)

    def _name(self, fields: Mapping[str, str], rank: str) -> tuple[str, str]:
        """Return name and author; no name if the row does not name exactly one taxon, which is counted."""
        given = checked_name(_without_quotes(fields.get("scientificName", "")))
        if not given:
            raise DataError("list-name-missing")
        name, author = given, fields.get("scientificNameAuthorship", "")
        if author and name.endswith(f" {author}"):
            name = name.removesuffix(author).strip()
        parts = read_name(name)
        if parts and parts.author:
            certain = parts.certain and any(c.isalpha() for c in parts.author)
            certain = certain or (rank in _NOT_CULTIVATED and _has_full_author(parts))
            name, author = (_without_middle_author(parts) if certain else ""), author or parts.author
        formula = parts is None and (" x " in name or "×" in name)
        whole = parts is not None and (bool(parts.species) or rank in ("order", "family", "genus", ""))
        if not name or not (whole or formula) or _DIGIT.search(name) or not _starts_like_a_name(name):
            self._counts["unnamed"] += 1
            if len(self._unnamed) < _EXAMPLES:
                self._unnamed.append(shown(given[:80]))
            return "", ""
        return name, author

    def _taxon(self, name: str, rank: str, author: str, fields: Mapping[str, str]) -> Taxon:
        known = {term: fields[term] for term in _TAXON if term in fields}
        for term, text in known.items():
            if len(text) > _LONGEST_CELL:
                raise DataError("field-too-long", term=term, length=len(text), most=_LONGEST_CELL)
        for term in ("family", "order"):
            if term in known:
                known[term] = self._shared(known[term])
        genus = "" if rank in ("family", "order") else first_words(name, 1)
        if (told := fields.get("genus", "")) and not genus.endswith(told):  # columns lack the hybrid sign
            genus = told
        return Taxon.from_darwin_core(
            {
                **known,
                "scientificName": name,
                "taxonRank": rank,
                "genus": self._shared(genus),
                "scientificNameAuthorship": self._shared(author),
            }
        )

    def _shared(self, text: str) -> str:
        """Return the same object for equal texts, because families and authors occur thousands of times."""
        return self._intern(text, text)

    def _rank(self, line: int, fields: Mapping[str, str]) -> str | None:
        """Return the rank, empty to derive it from the name; `None` for a row that is left out, which is counted."""
        word, name = fields.get("taxonRank", ""), fields.get("scientificName", "")
        rank = read_rank(word) if word else ""
        if rank or not word:
            return rank
        other = is_other_rank(word)
        parts = read_name(name[:_LONGEST_CELL]) if not other or is_unranked(word) else None
        if parts and parts.species and not _DIGIT.search(name):  # only of single words, the rank is not clear
            if not other:
                _count(self._derived_ranks, word, line)
            return ""
        if not other:
            _count(self._unknown_ranks, word, line)
            return None
        self._other_ranks[word.lower()] += 1
        identifier, _, parent = (_identifier(fields.get(term, "")) for term in _IDENTIFIERS)
        if identifier:
            self.links[identifier] = Link(self._shared(parent), is_other_kingdom(name))
        return None

    def _tell(self) -> None:
        report, path = self._report, self.path
        for word, (line, more) in self._unknown_ranks.items():
            report.skip(f"{path}, line {line}", "list-rank", rank=shown(word), more=more)
        for word, (line, more) in self._derived_ranks.items():
            report.note(f"{path}, line {line}", "list-rank-derived", rank=shown(word), more=more)
        for kind, counted in (
            ("list-ranks-unused", self._other_ranks),
            ("list-statuses-unused", self._statuses),
        ):
            if counted:
                kinds = ", ".join(f"{count} {word}" for word, count in counted.most_common(20))
                report.note(str(path), kind, number=counted.total(), kinds=shown(kinds))
        if self._counts["kingdom"]:
            report.note(str(path), "list-kingdoms-unused", number=self._counts["kingdom"])
        if self._unnamed:
            number, names = self._counts["unnamed"], ", ".join(self._unnamed)
            report.note(str(path), "list-names-unused", number=number, names=names)


def _count(counts: dict[str, tuple[int, int]], word: str, line: int) -> None:
    word = word[:50] if word[:50] in counts or len(counts) < _MOST_RANKS else "…"
    first, more = counts.get(word, (line, -1))
    counts[word] = (first, more + 1)


def _identifier(text: str) -> str:
    """Return an identifier; pandas writes `12.0` for 12 in columns with empty cells."""
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


def _rows(listed: ListFile) -> Iterator[tuple[int, dict[str, str]]]:
    if listed.table:
        for line, row in listed.table.rows:
            yield line, listed.columns.fields(row)
    else:
        for line, name, common in plain_names(listed):
            yield line, {"scientificName": name, "vernacularName": common}


def plain_names(listed: ListFile) -> Iterator[tuple[int, str, str]]:
    """Yield the names in a file with one name per line; what follows `#` is a comment.

    Yields:
        Line, name as written, and common name, which BirdNET's lists have after an underscore.
    """
    for line, text in listed.lines:
        text = _BULLET.sub("", text.strip("\ufeff \t"), count=1)
        name = _without_quotes(" ".join(text.partition("#")[0].split()).strip(",; "))
        scientific, _, common = name.partition("_")
        if not common or " " not in scientific.strip():
            scientific, common = name, ""
        if scientific:
            yield line, scientific, common


def _has_full_author(parts: NameParts) -> bool:
    whole = bool(parts.species) and not parts.aggregate
    return whole and parts.may_have_author and bool(_FULL_AUTHOR.fullmatch(parts.author))


def _starts_like_a_name(name: str) -> bool:
    return name.lstrip("×x+ ([")[:1].isupper()


def _without_quotes(name: str) -> str:
    """Return a name without the quotation marks around the whole of it."""
    return name[1:-1].strip() if len(name) > 2 and name[0] == name[-1] in "\"'" else name


def _without_middle_author(parts: NameParts) -> str:
    """Return a name without authors, also without that of the species in `Rosa canina L. var. canina`."""
    if not parts.infra:
        return parts.text
    species = first_words(parts.text, 2)
    below = [word for word in (parts.mark, parts.infra) if word]
    longer = len(parts.text.split()) > len(species.split()) + len(below)
    return " ".join((species, *below)) if longer else parts.text


def _is_same(name: str, other: str) -> bool:
    """Return whether two names are the same except for authors and spelling."""
    one, two = read_name(name), read_name(other)
    return plain_name(name) == plain_name(other) or (
        one is not None and two is not None and one.key == two.key
    )
