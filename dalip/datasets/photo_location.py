"""Locations of photos: files, parts of files, archive members and web addresses."""

import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dalip.errors import DataError, ImageError, first_line
from dalip.photos import open_file

__all__ = ["BROKEN", "MAX_PHOTO_BYTES", "MOST_DENSE", "FilePart", "Location", "WebPhoto", "ZipMember"]

MAX_PHOTO_BYTES = 100_000_000
"""Larger files are not accepted as photos; for an archive member, the unpacked size counts."""

MOST_DENSE = 200
"""A member that was compressed by more than this is a zip bomb, if it is large."""

_LEAST_BOMB = 10_000_000  # bytes; a small drawing may be compressed by more
BROKEN = (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile)
"""Exceptions from reading a damaged file or archive; `UnicodeError` is a `ValueError`."""


class Location(Protocol):
    """The location of a photo."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """A value that changes when the photo does, found without reading the photo.

        Raises:
            OSError: The photo is missing.
        """

    @property
    def origin(self) -> str:
        """The name of its folder, archive or site."""

    def named(self, key: str) -> str:
        """Return the photo's name in messages, where `key` is its key in the source."""

    def read(self) -> bytes:
        """Read the encoded photo.

        Raises:
            DataError: It cannot be read, or is too large; the error does not name the photo.
        """


@dataclass(frozen=True)
class FilePart:
    """A photo that is a file, or a part of one, as in a .tar shard."""

    path: Path
    offset: int = 0
    size: int | None = None
    """In bytes; `None` for everything from `offset` on."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """A value that changes when the file does; see `Location`."""
        status = self.path.stat()
        return "file", str(self.path), self.offset, self.size, status.st_size, status.st_mtime_ns

    @property
    def origin(self) -> str:
        """The name of the folder."""
        return self.path.parent.name

    def named(self, key: str) -> str:
        """Return the path, and for a photo in a shard also the key; see `Location`."""
        return str(self.path) if self.size is None else f"{self.path}:{key}"

    def read(self) -> bytes:
        """Read the encoded photo; see `Location`."""
        try:
            with open_file(self.path) as file:
                file.seek(self.offset)
                size = MAX_PHOTO_BYTES + 1
                return _limited(file.read(size if self.size is None else min(self.size, size)))
        except ImageError as error:
            raise DataError(error.kind, **error.facts) from error
        except OSError as error:
            raise DataError("photo-not-read", cause=error.strerror) from error


@dataclass(frozen=True)
class ZipMember:
    """A photo in a .zip archive, read without unpacking the archive."""

    path: Path
    """The archive."""
    name: str
    """Name of the member."""
    checksum: int
    """CRC-32 from the archive's directory."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """A value that changes when the member does; see `Location`."""
        return "zip", str(self.path), self.name, self.checksum

    @property
    def origin(self) -> str:
        """The name of the archive."""
        return self.path.name.removesuffix(".zip")

    def named(self, key: str) -> str:
        """Return the paths of archive and member; see `Location`."""
        return str(self.path / self.name)

    def read(self) -> bytes:
        """Read the encoded photo, up to the maximum size; see `Location`."""
        try:
            archive = _opened(self.path, self.path.stat().st_mtime_ns, os.getpid())
            told = archive.getinfo(self.name)
            if told.file_size > MAX_PHOTO_BYTES:
                raise DataError("photo-file-too-large", million=MAX_PHOTO_BYTES // 10**6)
            if told.file_size > max(_LEAST_BOMB, MOST_DENSE * told.compress_size):
                raise DataError("photo-bomb", megabytes=told.file_size // 10**6)
            with archive.open(self.name) as member:
                return _limited(member.read(MAX_PHOTO_BYTES + 1))
        except (*BROKEN, KeyError) as error:
            raise DataError("photo-not-unpacked", cause=first_line(error)) from error


@dataclass(frozen=True)
class WebPhoto:
    """A photo for which the source has only a web address."""

    url: str
    """https or http."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """The address, because the content is not known; see `Location`."""
        return "web", self.url

    @property
    def origin(self) -> str:
        """The host name of the site."""
        return urlsplit(self.url).hostname or ""

    def named(self, key: str) -> str:
        """Return the address; see `Location`."""
        return self.url

    def read(self) -> bytes:
        """Raise an error, because the photo must be downloaded first; see `Location`."""
        raise DataError("photo-on-web")


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int, process: int) -> zipfile.ZipFile:
    """Keep archives open, because one may list 300,000 photos; one per process, because forks share file positions."""
    return zipfile.ZipFile(path)


def _limited(content: bytes) -> bytes:
    if len(content) > MAX_PHOTO_BYTES:
        raise DataError("photo-file-too-large", million=MAX_PHOTO_BYTES // 10**6)
    return content
