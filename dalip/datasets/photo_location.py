"""What is packed: photos in files, archives or on the web, with what their sources say of them."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dalip.errors import DataError, first_line

__all__ = ["BROKEN", "MAX_PHOTO_BYTES", "FilePart", "Item", "Place", "WebPhoto", "ZipMember"]

MAX_PHOTO_BYTES = 100_000_000
"""Larger files are taken for no photo; what an archive's member unpacks to counts."""

BROKEN = (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile)
"""What reading a damaged file or archive raises; `UnicodeError` is a `ValueError`."""


@dataclass(frozen=True)
class FilePart:
    """A photo that is a file, or a part of one, as in a .tar shard."""

    path: Path
    offset: int = 0
    size: int | None = None
    """Bytes; `None` for all from `offset` on."""

    @property
    def stamp(self) -> tuple[Any, ...]:
        """What changes when the file does, without reading it."""
        status = self.path.stat()
        return "file", str(self.path), self.offset, self.size, status.st_size, status.st_mtime_ns

    def read(self) -> bytes:
        """Read the encoded photo.

        Raises:
            DataError: It cannot be read, or is larger than any photo.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                size = MAX_PHOTO_BYTES + 1
                return _limited(file.read(size if self.size is None else min(self.size, size)))
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})") from error


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
        """What changes when the member does, without reading it."""
        return "zip", str(self.path), self.name, self.checksum

    def read(self) -> bytes:
        """Read the encoded photo, never more than a photo may have.

        Raises:
            DataError: It cannot be read, is damaged, or unpacks to more than any photo has.
        """
        try:
            archive = _opened(self.path, self.path.stat().st_mtime_ns, os.getpid())
            with archive.open(self.name) as member:
                return _limited(member.read(MAX_PHOTO_BYTES + 1))
        except (*BROKEN, KeyError) as error:
            raise DataError(f"cannot be unpacked ({first_line(error)})") from error


@dataclass(frozen=True)
class WebPhoto:
    """A photo that a source names by its address only."""

    url: str
    """https or http."""


Place = FilePart | ZipMember | WebPhoto


@dataclass(frozen=True)
class Item:
    """One photo to pack."""

    key: str
    """Unique among all items, and the same each time the same sources are read: its path below the source, or the
    identifier that the source gives it. Decides the order of packing and, without an observation, the split."""
    place: Place
    where: str
    """How messages name it: the file, or the table and its line."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Darwin Core terms (`scientificName` as given, `license`, `rightsHolder`, `references`, `eventDate`), `source`,
    `captions`, and whatever else the source says."""
    observation: str = ""
    """Photos with the same one show one plant at one time; they never lie in two splits. Empty for a photo alone."""


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int, process: int) -> zipfile.ZipFile:
    """Keep archives open, for their directory may list 300,000 photos; each process its own, for forks share places."""
    return zipfile.ZipFile(path)


def _limited(content: bytes) -> bytes:
    if len(content) > MAX_PHOTO_BYTES:
        raise DataError(f"has over {MAX_PHOTO_BYTES // 10**6} MB, more than any photo")
    return content
