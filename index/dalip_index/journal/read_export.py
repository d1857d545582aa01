"""Read the rows of an exported journal one after the other, from CSV or JSON, with bounded memory.

Rows come from files that anyone may have made, so no row, cell or nesting can use much more memory than its own text,
and a row has at most 500,000 characters. The `csv` module is not used, because it reads a lone carriage return as
the end of a row, and earlier versions of DALIP wrote some without quotes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TextIO

from dalip.csv_rows import unguarded
from dalip.errors import JournalError

__all__ = ["read_csv_rows", "read_json_rows"]

_MAX_ROW = 500_000  # characters
_CHUNK = 65_536  # characters
_DIGITS = 16
_NO_SPACE = re.compile(r"[^ \t\r\n]")
_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|((?:[^",][^,]*)?))(,|\Z)')

Row = Mapping[str, object]


def read_csv_rows(
    stream: TextIO, name: str = "", *, guarded: bool = False
) -> Iterator[tuple[str, Row | None]]:
    r"""Read the rows of a table whose first row has the column names.

    Args:
        stream: The text, with line ends as they are in the file but split at line feeds only (`newline="\n"`).
        name: Name of the table, for messages.
        guarded: Whether the table was written with `guard`; see `dalip.csv_rows`.

    Yields:
        The position of the row, such as `row 3`, and its cells by column. An empty line has `None`, and does not count.

    Raises:
        JournalError: A row is too long, malformed, or does not have as many cells as there are columns.
        UnicodeDecodeError: The text is not in the encoding of the stream.
    """
    columns: list[str] = []
    number = 0
    end = "\n"
    while line := _read_row(stream, where := f"{name}{', ' if name else ''}row {number}"):
        if not columns:
            end = "\r\n" if line.endswith("\r\n") else "\n"
        cells = _cells(line.removesuffix(end), where)
        if cells == [""]:
            yield where, None
            continue
        if not columns:
            columns = cells
        elif len(cells) != len(columns):
            raise JournalError("journal-row-cells", source=where, cells=len(cells), columns=len(columns))
        else:
            yield where, dict(zip(columns, map(unguarded, cells) if guarded else cells, strict=True))
        number += 1


def _read_row(stream: TextIO, where: str) -> str:
    """Read the lines of a row: until every quotation mark is closed."""
    row = ""
    quotes = 0
    while True:
        line = stream.readline(_MAX_ROW + 1 - len(row))
        row += line
        if len(row) > _MAX_ROW:
            raise JournalError("journal-row-too-long", source=where, most=_MAX_ROW)
        quotes += line.count('"')
        if not line or quotes % 2 == 0:
            return row


def _cells(row: str, where: str) -> list[str]:
    cells = []
    place = 0
    while found := _CELL.match(row, place):
        quoted, plain, separator = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        place = found.end()
        if not separator:
            return cells
    raise JournalError("journal-row-malformed", source=where)


def read_json_rows(stream: TextIO) -> Iterator[tuple[str, Row]]:
    """Read the objects of a JSON array.

    Args:
        stream: The text.

    Yields:
        The position of the object, such as `row 3`, and its values.

    Raises:
        JournalError: This is not an array of objects, or an object is too long or malformed.
        UnicodeDecodeError: The text is not in the encoding of the stream.
    """
    text = _Buffer(stream)
    text.take("[", "row 1")
    number = 1
    while text.peek() != "]" or number > 1:
        where = f"row {number}"
        yield where, text.take_object(where)
        number += 1
        if text.peek() == "]":
            break
        text.take(",", where)
    text.take("]", f"row {number}")
    if left := text.peek():
        raise JournalError("journal-not-json", source=f"row {number}", cause=f"found {left!r} after the end")


class _Buffer:
    """Text of a stream that was not parsed yet, never much more than one row."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text, self._place = "", 0
        self._decoder = json.JSONDecoder(parse_int=_number)

    def peek(self) -> str:
        """Return the next character that is not white space; empty at the end."""
        while True:
            if found := _NO_SPACE.search(self._text, self._place):
                self._place = found.start()
                return found[0]
            self._place = len(self._text)
            if not self._more():
                return ""

    def take(self, wanted: str, where: str) -> None:
        found = self.peek()
        if found != wanted:
            cause = f"expected {wanted}, found {found}" if found else "the end is missing"
            raise JournalError("journal-not-json", source=where, cause=cause)
        self._place += 1

    def take_object(self, where: str) -> Row:
        if self.peek() != "{":
            raise JournalError("journal-row-no-object", source=where)
        while True:
            try:
                value, self._place = self._decoder.raw_decode(self._text, self._place)
                return value  # type: ignore[no-any-return]
            except RecursionError:
                raise JournalError("journal-not-json", source=where, cause="nested too deeply") from None
            except ValueError as error:
                if len(self._text) - self._place > _MAX_ROW:
                    raise JournalError("journal-row-too-long", source=where, most=_MAX_ROW) from None
                if not self._more():
                    cause = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                    raise JournalError("journal-not-json", source=where, cause=cause) from None

    def _more(self) -> bool:
        left = self._text[self._place :]
        # Twice as much each time, so that parsing stays fast.
        more = self._stream.read(max(_CHUNK, len(left)))
        self._text, self._place = left + more, 0
        return bool(more)


def _number(digits: str) -> int | float:
    # Python refuses integers with thousands of digits.
    return int(digits) if len(digits) < _DIGITS else float(digits)
