"""`FoundFile` and `KnownFile`: a file as found on disk, and as the library knows it."""

import os
from dataclasses import dataclass, field

from dalip.errors import DalipError
from dalip.photos import PhotoDetails

__all__ = ["FoundFile", "KnownFile", "is_below", "stamp_of"]

_MOST = 2**63 - 1  # SQLite's largest integer; as nanoseconds, it is in the year 2262


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library knows about a file."""

    size: int
    mtime_ns: int
    sha256: str | None
    """SHA-256 of the content; `None` for a file that could not be read."""
    ready: bool
    """Whether all that the current encoder derives from it is stored."""
    dated: bool = True
    """Whether its date was read by this version of DALIP."""
    sidecars: str = ""
    """The sidecars that its date may come from; see `FoundFile`."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file found on disk, to be stored."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    error: DalipError | None = None
    """Why it cannot be used, or `None`."""
    sidecars: str = ""
    """JSON: name, size in bytes and modification time in nanoseconds of each sidecar; empty without any."""
    details: PhotoDetails = field(default_factory=PhotoDetails)
    """When it was taken, from the best of all sources but the file time."""


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is below a folder, at any depth."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def stamp_of(status: os.stat_result) -> tuple[int, int]:
    """Return size in bytes and modification time in nanoseconds, limited to what the database can store."""
    return status.st_size, max(-_MOST, min(status.st_mtime_ns, _MOST))
