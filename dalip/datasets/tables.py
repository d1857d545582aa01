"""Read tables with any separator, quoting and encoding; malformed rows are reported, and the rest is read."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO, NamedTuple

from dalip.csv_rows import unguarded
from dalip.datasets.columns import is_known
from dalip.datasets.photo_location import BROKEN
from dalip.datasets.report import Report, shown
from dalip.datasets.text_lines import TextLines, unpacked
from dalip.errors import DataError, first_line

__all__ = ["Form", "Table", "read_lines", "read_lists", "read_table"]

_LONGEST_ROW = 200  # lines; free text may have many, an unclosed quotation mark swallows all the rest
_SEPARATORS = "\t,;|"
_BARE = "\t|"
"""Separators of files in which quotation marks are mostly text, as in those of GBIF and Kew: a line is a row."""
_TOLD_SEPARATOR = re.compile(r'\ufeff?"?sep=(.)"?\s*', re.IGNORECASE)
"""The line that Excel writes and reads before the header."""
_MOST_COMMENTS = 100  # lines before the header


@dataclass(frozen=True)
class Form:
    """The format of a table."""

    separator: str = ""
    """Column separator; empty to detect it from the header."""
    quote: str = '"'
    """Quotation mark around a cell; empty for none."""
    encoding: str = ""
    """Empty for the encoding of the byte order mark, or else UTF-16 if it looks like that, or else UTF-8, or else
    Windows-1252, decided line by line."""


class Table(NamedTuple):
    """A table with a header."""

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    """The line where each row starts, and its non-empty cells by column."""
    name: str
    """The table's name in messages."""

    def where(self, line: int) -> str:
        """Return a row's name in messages."""
        return f"{self.name}, line {line}"

    def require(self, *columns: str) -> None:
        """Make sure that columns exist.

        Raises:
            DataError: A column is missing.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            found = shown(", ".join(filter(None, self.columns)) or "none")
            raise DataError("table-column-missing", source=self.name, missing=missing, found=found)


def read_lines(stream: BinaryIO, name: str, report: Report) -> Iterator[tuple[int, str]]:
    """Read the lines of a text file in any encoding; arguments as for `read_lists`.

    Yields:
        The number of a line, counted from 1, and its text.
    """
    lines = None
    try:
        lines = TextLines(unpacked(stream, name), name, report)
        for line in lines:
            yield lines.number, line.rstrip("\r\n")
    except BROKEN as error:
        _report_damage(lines, name, error, report)
    finally:
        if lines:
            lines.release()


def read_lists(
    stream: BinaryIO, name: str, report: Report, form: Form = Form()
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a table one by one, with little memory.

    Args:
        stream: The file, gzipped or not, at its start; must be seekable.
        name: The table's name in messages.
        report: Receives each malformed row, and the line where a damaged file ends.
        form: The format of the table.

    Yields:
        The line where a row starts, counted from 1, and its cells; empty rows are ignored.

    Raises:
        DataError: A gzipped file unpacks to far more than a table.
    """
    lines = None
    try:
        lines = TextLines(unpacked(stream, name), name, report, form.encoding)
        form, bare = _detect(lines, form)
        rows = _bare_rows(lines, form) if bare else _quoted_rows(lines, form, name, report)
        for line, cells in rows:
            if any(cells):
                yield line, [unguarded(cell) for cell in cells]
    except BROKEN as error:
        _report_damage(lines, name, error, report)
    finally:
        if lines:
            lines.release()


def read_table(stream: BinaryIO, name: str, report: Report, form: Form = Form()) -> Table:
    """Read a table whose first row has the column names; arguments as for `read_lists`.

    Lines with a comment (`# ...`) before the header are ignored. Of columns with the same name, the first is used.
    """
    lists = read_lists(stream, name, report, form)
    header = next((cells for _, cells in lists if not _is_comment(cells)), [])
    columns: list[str] = []
    for column in (cell.strip("\ufeff ") for cell in header):
        if column and column in columns:
            report.note(name, "table-column-repeated", column=shown(column[:80]))
            column = ""
        columns.append(column)

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lists:
            if any(cells[len(columns) :]):
                report.skip(f"{name}, line {line}", "row-too-wide", cells=len(cells), columns=len(columns))
            else:
                # Spreadsheets omit empty cells at the end of a row.
                yield line, {c: v for c, v in zip(columns, cells, strict=False) if c and v}

    return Table(columns, rows(), name)


def _report_damage(lines: TextLines | None, name: str, error: Exception, report: Report) -> None:
    place = f"{name}, line {lines.number + 1}" if lines else name
    report.skip(place, "table-damaged", cause=first_line(error))


def _is_comment(cells: list[str]) -> bool:
    return cells[0].startswith("#") and not any(is_known(cell) for cell in cells)


def _detect(lines: TextLines, form: Form) -> tuple[Form, bool]:
    """Detect the separator, and whether quotation marks may be text.

    The separator is the one that the file names in a line of its own, which is taken, or that fits the header best.
    """
    start: list[str] = []
    for line in islice(lines, _MOST_COMMENTS):
        if not form.separator and not start and (told := _TOLD_SEPARATOR.fullmatch(line)):
            form = replace(form, separator=told[1])
            continue
        start.append(line)
        if line.strip() and not line.startswith("#"):
            break
    lines.put_back(*start)
    header = start[-1] if start else ""
    if not form.separator:
        form = replace(form, separator=max(_SEPARATORS, key=lambda separator: _fit(header, separator)))
    # A header in quotation marks shows that they enclose cells in this file.
    return form, form.separator in _BARE and not (form.quote and header.startswith(form.quote))


def _fit(header: str, separator: str) -> tuple[int, int]:
    """Return how many columns a separator gives that are known, and how many at all."""
    try:
        cells = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        cells = header.split(separator)
    return sum(is_known(cell) for cell in cells[:1000]), len(cells)


def _bare_rows(lines: TextLines, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Read rows in which a quotation mark may be text: they are only joined or cut by it if the header says so."""
    width = 0
    for line in lines:
        start, cells = lines.number, _cut(line, form)
        if form.quote and form.quote in line and len(cells) != width:
            cells = _by_quotes(line, lines, form, width) or cells
        width = width or (len(cells) if any(cells) else 0)
        yield start, cells


def _cut(line: str, form: Form) -> list[str]:
    cells = [cell.strip() for cell in line.rstrip("\r\n").split(form.separator)]
    quote = form.quote
    if not quote or quote not in line:
        return cells
    return [
        cell[1:-1].replace(2 * quote, quote)
        if len(cell) > 1 and cell[0] == cell[-1] == quote and quote not in cell[1:-1].replace(2 * quote, "")
        else cell
        for cell in cells
    ]


def _by_quotes(line: str, lines: TextLines, form: Form, width: int) -> list[str] | None:
    """Read a row by its quotation marks, over several lines if need be; `None` if that does not give `width` cells."""
    taken = [line]
    while line.count(form.quote) % 2 and width and len(taken) < _LONGEST_ROW:
        if (after := next(lines, None)) is None:
            break
        taken.append(after)
        line += after
    try:
        cells = [cell.strip() for cell in next(_reader(taken, form), [])]
    except csv.Error:
        cells = []
    if len(cells) == width or (cells and not width):
        return cells
    lines.put_back(*taken[1:])
    return None


def _reader(lines: Iterable[str], form: Form) -> Iterator[list[str]]:
    return csv.reader(
        lines,
        delimiter=form.separator,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        skipinitialspace=form.separator != "\t",
        strict=True,
    )


class _Unclosed(csv.Error):
    """An unclosed quotation mark, which turns everything after it into one row."""


class _Feed:
    """Passes lines on, and remembers those of the current row."""

    def __init__(self, lines: TextLines) -> None:
        self._lines = lines
        self.row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.row) == _LONGEST_ROW:
            raise _Unclosed
        self.row.append(next(self._lines))
        return self.row[-1]


def _quoted_rows(lines: TextLines, form: Form, name: str, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Read rows in which cells may be in quotation marks; of a malformed row, only the first line is left out."""
    feed = _Feed(lines)
    reader = _reader(feed, form)
    while True:
        feed.row.clear()
        start = lines.number + 1
        try:
            yield start, [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            if form.separator in _BARE:
                yield start, _cut(feed.row[0], form)
            elif isinstance(error, _Unclosed):
                report.skip(f"{name}, line {start}", "row-unclosed")
            else:
                report.skip(f"{name}, line {start}", "row-malformed", cause=error)
            lines.put_back(*feed.row[1:])
