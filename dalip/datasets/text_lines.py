"""Read the lines of text files: any encoding, gzipped or not, with a limit for each line and for unpacking."""

import contextlib
import gzip
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, cast

from dalip.datasets.photo_location import MOST_DENSE
from dalip.datasets.report import Report
from dalip.errors import DataError

__all__ = ["TextLines", "unpacked"]

_LONGEST_LINE = 1_000_000
"""Characters of a line; longer ones are reported and left out."""
_LARGE = 100_000_000
"""A gzipped file that has given more bytes, and `MOST_DENSE` times as many as were read, is no table."""
_GZIP = b"\x1f\x8b"
_MARKS = {  # longer ones first, because the mark of UTF-32 starts with that of UTF-16
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Encodings by byte order mark; empty for UTF-8, which is tried by default."""


def unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    """Return a file's content, unpacked if it is gzipped.

    Args:
        stream: The file, at its start; must be seekable.
        name: The file's name in messages.
    """
    packed = stream.read(2) == _GZIP
    stream.seek(0)
    return cast(BinaryIO, _Unpacked(stream, name)) if packed else stream


class _Unpacked(gzip.GzipFile):
    """The content of a gzipped file, up to a size that is plausible for a text."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(fileobj=stream)
        self._packed, self._named = stream, name

    def read1(self, size: int = -1) -> bytes:
        content = super().read1(size)
        given, taken = self.tell(), self._packed.tell()
        if given > _LARGE and given > MOST_DENSE * taken:
            raise DataError(
                "table-bomb", source=self._named, megabytes=given // 10**6, kilobytes=taken // 1000
            )
        return content


class TextLines:
    """The decoded lines of a file; lines that a malformed row swallowed can be read again."""

    def __init__(self, stream: BinaryIO, name: str, report: Report, encoding: str = "") -> None:
        """Detect the encoding.

        Args:
            stream: The file, at its start; must be seekable.
            name: The file's name in messages.
            report: Receives each line that is too long, and a note on the first line that is not UTF-8.
            encoding: Empty for the encoding of the byte order mark, or else UTF-16 if every other byte is zero, or
                else UTF-8, or else Windows-1252, decided line by line.
        """
        start = stream.read(512)
        mark = next((m for m in _MARKS if start.startswith(m)), b"")
        self._encoding = _MARKS[mark] if mark else encoding or _without_mark(start)
        stream.seek(len(mark) if mark and not self._encoding else 0)
        # In Latin-1 every byte is a character, so each line can be decoded separately.
        self._text = io.TextIOWrapper(stream, self._encoding or "latin-1", errors="replace")
        self._name, self._report = name, report
        self._again: deque[str] = deque()
        self._warned = False
        self.number = 0
        """Number of the line that was read last."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        return line

    def put_back(self, *lines: str) -> None:
        """Give back the lines that were read last, so that they are read again."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)

    def release(self) -> None:
        """Stop reading and leave the file open; otherwise, the end of this object closes it."""
        with contextlib.suppress(ValueError):  # it is closed already
            self._text.detach()

    def _read(self) -> str:
        line = self._text.readline(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            while (rest := self._text.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            self._report.skip(f"{self._name}, line {self.number + 1}", "line-too-long", most=_LONGEST_LINE)
            return "\n"
        if self._encoding or line.isascii():
            return line
        try:
            return line.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            if not self._warned:
                self._warned = True
                self._report.note(f"{self._name}, line {self.number + 1}", "line-not-utf8")
            return line.encode("latin-1").decode("windows-1252", "replace")


def _without_mark(start: bytes) -> str:
    """Return UTF-16's name if the text, mostly in Latin letters, has that many zero bytes; empty for anything else."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 <= len(start) or min(even, odd) * 4 > max(even, odd):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"
