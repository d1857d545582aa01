"""Read CSV and TSV tables in any encoding; malformed rows are reported, and the rest is read."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from dalip.csv_rows import unguarded
from dalip.datasets.photo_location import BROKEN
from dalip.datasets.report import Report, shown
from dalip.errors import DataError, first_line

__all__ = ["Form", "Table", "read_lines", "read_lists", "read_table"]

_LONGEST_LINE = 1_000_000  # characters
_LONGEST_ROW = 200  # lines; free text may have many, an unclosed quotation mark swallows all the rest
_MARKS = {  # longer ones first, because the mark of UTF-32 starts with that of UTF-16
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Encodings by byte order mark; empty for UTF-8, which is tried by default."""


@dataclass(frozen=True)
class Form:
    """The format of a table."""

    separator: str = ""
    """Column separator; empty to detect it from the first line."""
    quote: str = '"'
    """Quotation mark around a cell; empty for none."""
    encoding: str = ""
    """Empty for the encoding of the byte order mark, or else UTF-8, or else Windows-1252, decided line by line."""


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


def separator_of(header: str) -> str:
    """Return the column separator of a table, detected from its first line: a tab, a semicolon or a comma."""
    # Spreadsheets in many countries write semicolons instead of commas.
    return "\t" if "\t" in header else ";" if ";" in header and "," not in header else ","


def read_lines(stream: BinaryIO, name: str, report: Report) -> Iterator[str]:
    """Read the lines of a text file in any encoding; arguments as for `read_lists`."""
    lines = _Lines(stream, name, report, "")
    while True:
        lines.start_row()
        try:
            yield next(lines).rstrip("\r\n")
        except StopIteration:
            return


def read_lists(
    stream: BinaryIO, name: str, report: Report, form: Form = Form()
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a table one by one, with little memory.

    Args:
        stream: The file, at its start; must be seekable.
        name: The table's name in messages.
        report: Receives each malformed row, and the line where a damaged file ends.
        form: The format of the table.

    Yields:
        The line where a row starts, counted from 1, and its cells; empty rows are ignored.
    """
    lines = None
    try:
        lines = _Lines(stream, name, report, form.encoding)
        separator = form.separator or separator_of(lines.first())
        reader = csv.reader(
            lines,
            delimiter=separator,
            quotechar=form.quote or None,
            quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
            skipinitialspace=True,
            strict=True,
        )
        while True:
            lines.start_row()
            start = lines.number + 1
            try:
                cells = [unguarded(cell.strip()) for cell in next(reader)]
            except StopIteration:
                return
            except csv.Error as error:
                where = f"{name}, line {start}"
                if separator == "\t":  # quotation marks are often part of the text, as in GBIF's files
                    cells = [cell.strip() for cell in lines.read_again().rstrip("\r\n").split(separator)]
                    if any(cells):
                        yield start, cells
                    continue
                if isinstance(error, _Unclosed):
                    report.skip(where, "row-unclosed")
                else:
                    report.skip(where, "row-malformed", cause=error)
                lines.read_again()
                continue
            if any(cells):
                yield start, cells
    except BROKEN as error:
        place = f"{name}, line {lines.number + 1}" if lines else name
        report.skip(place, "table-damaged", cause=first_line(error))


def read_table(stream: BinaryIO, name: str, report: Report, form: Form = Form()) -> Table:
    """Read a table whose first row has the column names; arguments as for `read_lists`."""
    lists = read_lists(stream, name, report, form)
    columns = next(lists, (0, []))[1]

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lists:
            if any(cells[len(columns) :]):
                report.skip(f"{name}, line {line}", "row-too-wide", cells=len(cells), columns=len(columns))
            else:
                # Spreadsheets omit empty cells at the end of a row.
                yield line, {c: v for c, v in zip(columns, cells, strict=False) if c and v}

    return Table(columns, rows(), name)


class _Unclosed(csv.Error):
    """An unclosed quotation mark, which turns everything after it into one row."""


class _Lines:
    """The decoded lines of a file; lines that a malformed row swallowed can be read again."""

    def __init__(self, stream: BinaryIO, name: str, report: Report, encoding: str) -> None:
        start = stream.read(4)
        mark = next((m for m in _MARKS if start.startswith(m)), b"")
        self._encoding = _MARKS.get(mark, encoding)
        stream.seek(len(mark) if mark and not self._encoding else 0)
        # In Latin-1 every byte is a character, so each line can be decoded separately.
        self._text = io.TextIOWrapper(stream, self._encoding or "latin-1", errors="replace")
        self._name, self._report = name, report
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._warned = False
        self.number = 0
        """Number of the line that was read last."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._row) == _LONGEST_ROW:
            raise _Unclosed
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._row.append(line)
        return line

    def first(self) -> str:
        """Return the first line without consuming it."""
        line = self._read()
        self._again.append(line)
        return line

    def start_row(self) -> None:
        """Forget the lines of the previous row."""
        self._row.clear()

    def read_again(self) -> str:
        """Return the row's first line, which alone is known to be malformed, and go back to its second line."""
        self._again.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row[1:])
        return self._row[0]

    def _read(self) -> str:
        line = self._text.readline(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            while (rest := self._text.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            self._report.skip(f"{self._name}, line {self.number + 1}", "line-too-long", most=_LONGEST_LINE)
            return "\n"
        if self._encoding:
            return line
        try:
            return line.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            if not self._warned:
                self._warned = True
                self._report.note(f"{self._name}, line {self.number + 1}", "line-not-utf8")
            return line.encode("latin-1").decode("windows-1252", "replace")
