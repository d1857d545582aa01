"""Scan a folder for photos to add to the library."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from dalip.errors import LibraryError, Skipped
from dalip.files import as_utf8
from dalip.photos.walk import list_files

__all__ = ["Scan", "is_below", "scan_folder"]


@dataclass
class Scan:
    """The files in a folder and its subfolders."""

    root: str
    """The folder's absolute path."""
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Size in bytes and modification time in nanoseconds, by path."""
    refused: list[Skipped] = field(default_factory=list)
    """Files and folders that could not be used, and why."""
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be listed, so their files are unknown."""

    def misses(self, path: str) -> bool:
        """Return whether the scan covered a file and did not find it."""
        return (
            is_below(path, self.root)
            and path not in self.files
            and not any(is_below(path, folder) for folder in self.unlisted)
        )


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is below a folder, at any depth."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def scan_folder(root: str) -> Scan:
    """List the photos in a folder and its subfolders.

    Args:
        root: The folder's absolute path.
    """
    listing = list_files(Path(root), photos_only=True)
    scan = Scan(root, refused=[*listing.skipped], unlisted=[str(folder) for folder in listing.unlisted])
    for path, status in listing.files.items():
        name = str(path)
        try:
            name.encode()
        except UnicodeEncodeError:
            scan.refused.append(Skipped.of(as_utf8(name), LibraryError("name-not-utf8")))
        else:
            scan.files[name] = (status.st_size, status.st_mtime_ns)
    return scan
