"""Where photos are: in files, parts of files, archives or on the web."""

import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dalip.errors import DataError, first_line

__all__ = ["BROKEN", "MAX_PHOTO_BYTES", "FilePart", "Location", "WebPhoto", "ZipMember"]

MAX_PHOTO_BYTES = 100_000_000
"""Larger files are taken for no photo; what an archive's member unpacks to counts."""

BROKEN = (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile)
"""What reading a damaged file or archive raises; `UnicodeError` is a `ValueError`."""


class Location(Protocol):
    """Where a photo is."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """What changes when the photo does, without reading it.

        Raises:
            OSError: It is not there.
        """

    @property
    def origin(self) -> str:
        """What it lies in: the name of its folder, archive or site."""

    def named(self, key: str) -> str:
        """Say how messages name the photo, whose key in its source is given."""

    def read(self) -> bytes:
        """Read the encoded photo.

        Raises:
            DataError: It cannot be read, or is larger than any photo; does not name it.
        """


@dataclass(frozen=True)
class FilePart:
    """A photo that is a file, or a part of one, as in a .tar shard."""

    path: Path
    offset: int = 0
    size: int | None = None
    """Bytes; `None` for all from `offset` on."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """What changes when the file does; see `Location`."""
        status = self.path.stat()
        return "file", str(self.path), self.offset, self.size, status.st_size, status.st_mtime_ns

    @property
    def origin(self) -> str:
        """The name of the folder."""
        return self.path.parent.name

    def named(self, key: str) -> str:
        """Name the file, and of a shard the key; see `Location`."""
        return str(self.path) if self.size is None else f"{self.path}:{key}"

    def read(self) -> bytes:
        """Read the encoded photo; see `Location`."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                size = MAX_PHOTO_BYTES + 1
                return _limited(file.read(size if self.size is None else min(self.size, size)))
        except OSError as error:
            raise DataError("photo-not-read", cause=error.strerror) from error


@dataclass(frozen=True)
class ZipMember:
    """A photo in a .zip archive, which is read where it lies."""

    path: Path
    """The archive."""
    name: str
    """Of the member."""
    checksum: int
    """CRC-32 by the archive's directory."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """What changes when the member does; see `Location`."""
        return "zip", str(self.path), self.name, self.checksum

    @property
    def origin(self) -> str:
        """The name of the archive."""
        return self.path.name.removesuffix(".zip")

    def named(self, key: str) -> str:
        """Name the archive and the member; see `Location`."""
        return str(self.path / self.name)

    def read(self) -> bytes:
        """Read the encoded photo, never more than a photo may have; see `Location`."""
        try:
            archive = _opened(self.path, self.path.stat().st_mtime_ns, os.getpid())
            with archive.open(self.name) as member:
                return _limited(member.read(MAX_PHOTO_BYTES + 1))
        except (*BROKEN, KeyError) as error:
            raise DataError("photo-not-unpacked", cause=first_line(error)) from error


@dataclass(frozen=True)
class WebPhoto:
    """A photo that a source names by its address only."""

    url: str
    """https or http."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """The address, for what is there is not known; see `Location`."""
        return "web", self.url

    @property
    def origin(self) -> str:
        """The name of the site."""
        return urlsplit(self.url).hostname or ""

    def named(self, key: str) -> str:
        """Name the address; see `Location`."""
        return self.url

    def read(self) -> bytes:
        """Refuse to be read: it has to be fetched first; see `Location`."""
        raise DataError("photo-on-web")


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int, process: int) -> zipfile.ZipFile:
    """Keep archives open, for their directory may list 300,000 photos; each process its own, for forks share places."""
    return zipfile.ZipFile(path)


def _limited(content: bytes) -> bytes:
    if len(content) > MAX_PHOTO_BYTES:
        raise DataError("photo-file-too-large", million=MAX_PHOTO_BYTES // 10**6)
    return content
