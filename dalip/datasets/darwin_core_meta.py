"""Parse the `meta.xml` of a Darwin Core Archive, and read the tables that it describes.

Source: the Darwin Core text guide (https://dwc.tdwg.org/text/).
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn
from xml.etree import ElementTree

from dalip.datasets.folders import Container
from dalip.datasets.photo_location import BROKEN
from dalip.datasets.report import Report
from dalip.datasets.tables import Form, read_lists, read_table
from dalip.errors import DataError, first_line
from dalip.progress import no_report

__all__ = ["Layout", "guess_layouts", "read_meta", "read_rows"]

_LONGEST_META = 1_000_000  # bytes
_MOST_HEADER = 1000  # lines
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n", "\\\\": "\\"}
_LINE_ENDS = ("\n", "\r", "\r\n", "", " ", "  ", "\\r\\n")


_ID_TERMS = ("coreid", "id", "gbifID", "occurrenceID", "taxonID")
_TERMS = {
    term.lower(): term
    for term in (
        *(
            *_ID_TERMS,
            "scientificName",
            "scientificNameAuthorship",
            "acceptedScientificName",
            "acceptedNameUsage",
        ),
        *(
            "verbatimScientificName",
            "taxonRank",
            "vernacularName",
            "kingdom",
            "order",
            "family",
            "genus",
            "species",
        ),
        *(
            "associatedMedia",
            "identifier",
            "accessURI",
            "type",
            "format",
            "references",
            "license",
            "rightsHolder",
        ),
        *("creator", "created", "basisOfRecord", "eventDate", "occurrenceStatus", "identificationQualifier"),
        *("datasetName", "institutionCode"),
    )
}
"""Terms that are read, in lower case."""


@dataclass(frozen=True)
class Layout:
    """The format of a table in the archive, and the meaning of its columns."""

    kind: str
    """The last part of its row type, in lower case: `occurrence`, `taxon`, `multimedia`."""
    files: tuple[str, ...]
    form: Form
    skip: int
    """Number of header lines."""
    columns: tuple[tuple[int, str], ...]
    """Index of each column, and the last part of its term, which is empty for the identifier."""
    defaults: dict[str, str] = field(default_factory=dict)
    """Values of terms for empty or missing cells."""


def read_meta(container: Container, base: str) -> list[Layout]:
    """Read `meta.xml`: first the core, then the extensions.

    Raises:
        DataError: It cannot be read, or describes tables that are malformed or not supported.
    """
    name = base + "meta.xml"
    where = container.path / name
    try:
        with container.open(name) as file:
            content = file.read(_LONGEST_META + 1)
        if len(content) > _LONGEST_META:
            raise DataError("meta-too-large")
        root = ElementTree.fromstring(content.lstrip(), ElementTree.XMLParser(target=_NoDoctype()))
        tables = [t for kind in ("core", "extension") for t in root if _last(t.tag) == kind]
        if not tables or _last(tables[0].tag) != "core":
            raise DataError("meta-without-core")
        return [_layout(table) for table in tables]
    except DataError as error:
        raise error.about(where) from error
    except (*BROKEN, SyntaxError, LookupError) as error:  # `ParseError` is a `SyntaxError`
        raise DataError("meta-not-read", source=where, cause=first_line(error)) from error


class _NoDoctype(ElementTree.TreeBuilder):
    """Rejects a DOCTYPE, whose entities could expand a small file enormously or include other files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise DataError("meta-doctype")


def _last(term: str) -> str:
    return term.rpartition("}")[2].rpartition("/")[2].rpartition("#")[2].strip()


def _layout(table: ElementTree.Element) -> Layout:
    def attribute(name: str, usual: str) -> str:
        value = table.get(name, usual)
        return _ESCAPES.get(value, value)

    # A tab or line break that is written as such, and not escaped, becomes a space when XML is parsed.
    separator, quote = attribute("fieldsTerminatedBy", ","), attribute("fieldsEnclosedBy", '"')
    separator, quote = "\t" if separator == " " else separator, quote.strip()
    if len(separator) != 1 or len(quote) > 1 or separator in ("\n", "\r", quote):
        raise DataError("meta-separator", separator=repr(separator), quote=repr(quote))
    if attribute("linesTerminatedBy", "\n") not in _LINE_ENDS:
        raise DataError("meta-line-end")
    columns, defaults = [], {}
    for part in table:
        kind, number = _last(part.tag), part.get("index", "")
        term = "" if kind in ("id", "coreid") else _last(part.get("term", ""))
        if kind not in ("id", "coreid", "field"):
            continue
        if number.strip().isdecimal():
            columns.append((int(number[:9]), term))
        if term and part.get("default"):
            defaults[term] = part.get("default", "")
    skip = max(int(table.get("ignoreHeaderLines") or 0), 0)
    if skip > _MOST_HEADER:
        raise DataError("meta-header-lines", number=str(skip), most=_MOST_HEADER)
    return Layout(
        kind=_last(table.get("rowType", "")).lower(),
        files=tuple((p.text or "").strip() for p in table.iter() if _last(p.tag) == "location"),
        form=Form(separator, quote, _encoding(table.get("encoding", ""))),
        skip=skip,
        columns=tuple(columns),
        defaults=defaults,
    )


def _encoding(name: str) -> str:
    """Return Python's name of an encoding; empty for UTF-8, which is tried anyway, followed by Windows-1252."""
    codec = codecs.lookup(name.strip() or "utf-8")
    "".encode(codec.name)  # fails for codecs that do not encode text
    return "" if codec.name in ("utf-8", "ascii") else codec.name


def read_rows(
    container: Container, base: str, layout: Layout, report: Report
) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the rows of a table in the archive.

    Yields:
        The row's name in messages, and its non-empty values by term; the identifier's term is empty.

    Raises:
        DataError: A table cannot be opened.
    """
    widest = max((number for number, _ in layout.columns), default=0)
    for file in layout.files:
        name = str(container.path / base / file)
        try:
            stream = container.open(base + file)
        except DataError as error:
            raise error.about(container.path) from error
        with stream:
            lists = read_lists(stream, name, report, layout.form)
            header = list(islice(lists, layout.skip))
            width = len(header[-1][1]) if header else 0
            for number, (line, cells) in enumerate(lists):
                if not number and _is_header(cells, layout):  # that `ignoreHeaderLines` does not count
                    continue
                where = f"{name}, line {line}"
                # A stray line break or separator in a text shifts the following values into other columns.
                if len(cells) <= widest or (width and len(cells) != width):
                    report.skip(where, "row-width", cells=len(cells), columns=width or widest + 1)
                    continue
                row = dict(layout.defaults)
                row |= {term: cells[n] for n, term in layout.columns if cells[n]}
                yield where, row


def _is_header(cells: Sequence[str], layout: Layout) -> bool:
    """Return whether a row has the names of terms instead of values."""
    named = [(n, term) for n, term in layout.columns if term]
    return bool(named) and all(
        n < len(cells) and _last(cells[n]).lower() == term.lower() for n, term in named
    )


def guess_layouts(container: Container, names: Sequence[str]) -> list[Layout]:
    """Recognise an archive without `meta.xml` by the columns of its tables, which are Darwin Core terms.

    Args:
        container: The archive, unpacked or not.
        names: Its tables.

    Returns:
        First the core, then a table of photos, if there is one; empty if it is another kind of source.
    """
    cores, media = [], []
    for name in names:
        try:
            with container.open(name) as file:
                # Not read as what it is, it may have any fault.
                columns = read_table(file, name, Report(no_report, no_report)).columns
        except DataError:
            continue
        terms = [_TERMS.get(term := _last(column).rpartition(":")[2].lower(), term) for column in columns]
        if {"file", "filename", "image", "image_url"} & set(terms):
            continue
        if "scientificName" in terms:
            kind = "taxon" if "taxonID" in terms and "occurrenceID" not in terms else "occurrence"
            cores.append(_guessed(kind, name, terms))
        elif {"identifier", "accessURI"} & set(terms) and _id_at(terms) is not None:
            media.append(_guessed("multimedia", name, terms))
    photos = media or [core for core in cores if "associatedMedia" in dict(core.columns).values()]
    if len(cores) != 1 or not photos:
        return []
    return [*cores, *media]


def _guessed(kind: str, name: str, terms: Sequence[str]) -> Layout:
    number = _id_at(terms)
    columns = [] if number is None else [(number, "")]
    return Layout(kind, (name,), Form(), 1, (*columns, *enumerate(terms)))


def _id_at(terms: Sequence[str]) -> int | None:
    return next((terms.index(term) for term in _ID_TERMS if term in terms), None)
