"""A file without some of its parts: how image files are passed to decoders without their metadata."""

import io
from collections.abc import Iterable
from typing import Any, BinaryIO

__all__ = ["Pieces", "Stream"]


class Pieces(io.RawIOBase):
    """A read-only stream that consists of ranges of another file and of bytes, without copying the file."""

    def __init__(self, file: "Stream", pieces: Iterable[bytes | tuple[int, int]]) -> None:
        """Put the pieces together.

        Args:
            file: It must stay open.
            pieces: In order: bytes, or ranges of the file as (start, end).
        """
        self._file = file
        self._pieces: list[tuple[int, int, bytes | int]] = []  # start and end in the stream, and the source
        self._position = self._size = 0
        for piece in pieces:
            source, length = (
                (piece, len(piece)) if isinstance(piece, bytes) else (piece[0], piece[1] - piece[0])
            )
            self._pieces.append((self._size, self._size + length, source))
            self._size += length

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; see `io.IOBase`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as the buffer takes, fewer only at the end."""
        wanted = len(buffer)
        content = self.read(wanted)
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, or to the end; fewer only at the end."""
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        found = []
        for first, last, source in self._pieces:
            low, high = max(first, self._position), min(last, end)
            if low >= high:
                continue
            if isinstance(source, bytes):
                found.append(source[low - first : high - first])
            else:
                self._file.seek(source + low - first)
                found.append(self._file.read(high - low))
        content = b"".join(found)
        self._position += len(content)
        return content


Stream = BinaryIO | Pieces
"""What image files are read from."""
