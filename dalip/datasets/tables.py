"""Tables: CSV and TSV in any encoding, where each malformed row is reported and the rest is read."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from dalip.datasets.photo_location import BROKEN
from dalip.datasets.report import Report, shown
from dalip.errors import DataError, first_line

__all__ = ["Form", "Table", "read_lines", "read_lists", "read_table"]

_LONGEST_LINE = 1_000_000  # characters
_LONGEST_ROW = 200  # lines of a row: free texts have many, a quotation mark that nothing closes has all
_MARKS = {  # the longer first: that of UTF-32 starts like that of UTF-16
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""The encodings that a file may start with the mark of; UTF-8 is what is tried anyway."""


@dataclass(frozen=True)
class Form:
    """How a table is written."""

    separator: str = ""
    """Of columns; empty for what the first line holds."""
    quote: str = '"'
    """Around a column; empty for none."""
    encoding: str = ""
    """Empty for what the file starts with the mark of, or else UTF-8, or else Windows-1252, line by line."""


class Table(NamedTuple):
    """A table with a header."""

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    """The line where each row starts, and its cells by column, without the empty ones."""
    name: str
    """How messages name it."""

    def where(self, line: int) -> str:
        """Say how messages name a row."""
        return f"{self.name}, line {line}"

    def require(self, *columns: str) -> None:
        """Make sure that there are columns.

        Raises:
            DataError: One is missing.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            found = shown(", ".join(filter(None, self.columns)) or "none")
            raise DataError("table-column-missing", source=self.name, missing=missing, found=found)


def separator_of(header: str) -> str:
    """Say what separates the columns of a table, by its first line: a tab, a semicolon or a comma."""
    # Spreadsheets of many countries write semicolons where others write commas.
    return "\t" if "\t" in header else ";" if ";" in header and "," not in header else ","


def read_lines(stream: BinaryIO, name: str, report: Report) -> Iterator[str]:
    """Read the lines of a text in any encoding; arguments as of `read_lists`."""
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
    """Read the rows of a table one after the other, in little memory.

    Args:
        stream: The file, at its start; can be sought.
        name: How messages name it.
        report: Receives each row that is malformed, and where a damaged file ends.
        form: How the table is written.

    Yields:
        The line where a row starts, from 1 on, and its cells; rows without any text are skipped.
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
                cells = [cell.strip() for cell in next(reader)]
            except StopIteration:
                return
            except csv.Error as error:
                where = f"{name}, line {start}"
                if separator == "\t":  # whose quotation marks are often part of the text, as in GBIF's files
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
    """Read a table whose first row names the columns; arguments as of `read_lists`."""
    lists = read_lists(stream, name, report, form)
    columns = next(lists, (0, []))[1]

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lists:
            if any(cells[len(columns) :]):
                report.skip(f"{name}, line {line}", "row-too-wide", cells=len(cells), columns=len(columns))
            else:
                # Spreadsheets leave out empty cells at the end.
                yield line, {c: v for c, v in zip(columns, cells, strict=False) if c and v}

    return Table(columns, rows(), name)


class _Unclosed(csv.Error):
    """A quotation mark that nothing closes makes one row of all that follows."""


class _Lines:
    """The lines of a file as text; those that a malformed row swallowed can be read again."""

    def __init__(self, stream: BinaryIO, name: str, report: Report, encoding: str) -> None:
        start = stream.read(4)
        mark = next((m for m in _MARKS if start.startswith(m)), b"")
        self._encoding = _MARKS.get(mark, encoding)
        stream.seek(len(mark) if mark and not self._encoding else 0)
        # As Latin-1 every byte is a character, so that each line can be decoded by itself.
        self._text = io.TextIOWrapper(stream, self._encoding or "latin-1", errors="replace")
        self._name, self._report = name, report
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._warned = False
        self.number = 0
        """Of the line that was read last."""

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
        """Look at the first line."""
        line = self._read()
        self._again.append(line)
        return line

    def start_row(self) -> None:
        """Forget the lines of the row before."""
        self._row.clear()

    def read_again(self) -> str:
        """Go back to the second line of the row, for only the first is known to be malformed, which is given."""
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
