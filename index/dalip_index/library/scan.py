"""What the library finds in a folder of the user's."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from dalip.errors import LibraryError, Skipped
from dalip.files import as_utf8
from dalip.photos.walk import list_files

__all__ = ["Scan", "is_below", "scan_folder"]


@dataclass
class Scan:
    """What lies in a folder and below."""

    root: str
    """The folder's absolute path."""
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Size and time of last change, by path."""
    refused: list[Skipped] = field(default_factory=list)
    """What could not be looked at, and why."""
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be listed; nothing is known of what is in them."""

    def misses(self, path: str) -> bool:
        """Say whether a file was looked for and is not there."""
        return (
            is_below(path, self.root)
            and path not in self.files
            and not any(is_below(path, folder) for folder in self.unlisted)
        )


def is_below(path: str, folder: str) -> bool:
    """Say whether a path lies in a folder or below it."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def scan_folder(root: str) -> Scan:
    """List the photos in a folder and all below it.

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
