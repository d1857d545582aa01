"""Scan a folder for photos to add to the library, and for the sidecars beside them."""

import json
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dalip.errors import LibraryError, Skipped
from dalip.files import as_utf8
from dalip.photos.details.sidecars import SIDECAR_SUFFIXES, find_sidecars
from dalip.photos.walk import list_files
from dalip_index.library.library_files import FoundFile, KnownFile, is_below, stamp_of

__all__ = ["Scan", "scan_folder", "sidecar_paths"]


@dataclass
class Scan:
    """The files in a folder and its subfolders."""

    root: str
    """The folder's absolute path."""
    files: dict[str, FoundFile] = field(default_factory=dict)
    """Photos by path, not read yet."""
    refused: list[Skipped] = field(default_factory=list)
    """Files and folders that could not be used, and why."""
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be listed, so their files are unknown."""
    others: list[Path] = field(default_factory=list)
    """Files that are neither photos nor their sidecars."""
    left_out: list[Path] = field(default_factory=list)
    """Hidden files, and hidden and system folders."""

    def misses(self, path: str) -> bool:
        """Return whether the scan covered a file and did not find it."""
        return (
            is_below(path, self.root)
            and path not in self.files
            and not any(is_below(path, folder) for folder in self.unlisted)
        )


def scan_folder(root: str, known: Mapping[str, KnownFile]) -> Scan:
    """List the photos in a folder and its subfolders.

    Args:
        root: The folder's absolute path.
        known: Files that the library knows. They are not opened if their size and time are unchanged.
    """

    def is_known(path: Path, status: os.stat_result) -> bool:
        file = known.get(str(path))
        return file is not None and (file.size, file.mtime_ns) == stamp_of(status)

    listing = list_files(Path(root), photos_only=True, follow_links=True, known=is_known)
    scan = Scan(root, refused=listing.skipped, left_out=listing.left_out)
    scan.unlisted = [str(folder) for folder in listing.unlisted]
    sidecars = _Sidecars(listing.others)
    for path, status in listing.files.items():
        name = str(path)
        if as_utf8(name) == name:
            scan.files[name] = FoundFile(name, *stamp_of(status), sidecars=sidecars.of(path))
        else:
            scan.refused.append(Skipped.of(as_utf8(name), LibraryError("name-not-utf8")))
    scan.others = [path for path in listing.others if path not in sidecars.used]
    return scan


def sidecar_paths(photo: FoundFile) -> list[Path]:
    """Return the paths of the sidecars of a photo."""
    folder = Path(photo.path).parent
    return [folder / name for name, *_ in json.loads(photo.sidecars or "[]")]


class _Sidecars:
    """The sidecars in a tree, by folder."""

    def __init__(self, files: Collection[Path]) -> None:
        self.used: set[Path] = set()
        self._names: dict[Path, dict[str, str]] = defaultdict(dict)
        for path in files:
            if path.suffix.lower() in SIDECAR_SUFFIXES and as_utf8(path.name) == path.name:
                self._names[path.parent][path.name.lower()] = path.name

    def of(self, photo: Path) -> str:
        """Return the sidecars of a photo as the library stores them."""
        found = []
        for name in find_sidecars(photo.name, self._names.get(photo.parent, {})):
            try:
                status = (photo.parent / name).stat()
            except OSError:  # deleted in the meantime
                continue
            found.append([name, *stamp_of(status)])
            self.used.add(photo.parent / name)
        return json.dumps(found) if found else ""
