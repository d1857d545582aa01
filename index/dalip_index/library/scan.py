"""Finding the photos in a folder of the user's."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from dalip.datasets import IMAGE_SUFFIXES
from dalip.errors import LibraryError, Skipped

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
    """List the photos in a folder and all below it, by their endings; hidden files and folders are left out.

    Args:
        root: The folder's absolute path.
    """
    scan = Scan(root)

    def refuse(error: OSError) -> None:
        scan.unlisted.append(str(error.filename))
        scan.refused.append(
            Skipped.of(str(error.filename), LibraryError("folder-not-listed", cause=error.strerror))
        )

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or Path(name).suffix.lower() not in IMAGE_SUFFIXES:
                continue
            path = str(Path(folder) / name)
            try:
                path.encode()
                status = Path(path).stat()
            except UnicodeEncodeError:
                shown = path.encode(errors="backslashreplace").decode()
                scan.refused.append(Skipped.of(shown, LibraryError("name-not-utf8")))
            except OSError as error:
                scan.refused.append(Skipped.of(path, LibraryError("file-not-read", cause=error.strerror)))
            else:
                scan.files[path] = (status.st_size, status.st_mtime_ns)
    return scan
