"""List the files in a folder tree, for the library, for `identify FOLDER` and for sources of named photos.

Hidden files and folders are ignored. A link to a file counts as that file; a link to a folder is not followed, because
it may form a cycle. Links to folders, paths that cannot be read and anything that is not a regular file are reported.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from dalip.errors import ImageError, Skipped
from dalip.files import as_utf8

__all__ = ["IMAGE_SUFFIXES", "is_photo_name", "list_files"]

IMAGE_SUFFIXES = frozenset(
    {".webp", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
)
"""File name extensions that count as photos, in lower case."""


@dataclass(frozen=True)
class Listing:
    """The contents of a folder tree."""

    files: Mapping[Path, os.stat_result]
    """Status by path. Paths begin with the folder as it was given, and are sorted by their parts."""
    skipped: Sequence[Skipped]
    """Paths that could not be read, anything that is not a regular file, and links to folders."""
    unlisted: Sequence[Path]
    """Folders that could not be listed, so their contents are unknown."""


def is_photo_name(name: str) -> bool:
    """Return whether a file counts as a photo, by the extension of its name."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def list_files(root: Path, *, photos_only: bool = False) -> Listing:
    """List the files in a folder and all its subfolders.

    Args:
        root: The folder.
        photos_only: Ignore, without a report, files whose extension is not in `IMAGE_SUFFIXES`.
    """
    files: dict[Path, os.stat_result] = {}
    skipped: list[Skipped] = []
    unlisted: list[Path] = []

    def refuse(error: OSError) -> None:
        unlisted.append(Path(error.filename))
        skipped.append(_skipped(Path(error.filename), ImageError("folder-not-listed", cause=error.strerror)))

    for name, folders, names in os.walk(root, onerror=refuse):
        folder = Path(name)
        folders[:] = sorted(below for below in folders if not below.startswith("."))
        links = [folder / below for below in folders if (folder / below).is_symlink()]
        skipped += [_skipped(link, ImageError("link-to-folder")) for link in links]
        for file in names:
            if file.startswith(".") or (photos_only and not is_photo_name(file)):
                continue
            found = _status(folder / file)
            if isinstance(found, ImageError):
                skipped.append(_skipped(folder / file, found))
            else:
                files[folder / file] = found
    return Listing(dict(sorted(files.items(), key=lambda pair: pair[0].parts)), skipped, unlisted)


def _status(path: Path) -> os.stat_result | ImageError:
    """Return a file's status, or an error if it cannot be read as a regular file, such as a broken link."""
    try:
        status = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return ImageError("link-to-nothing")
        return ImageError("file-not-read", cause=error.strerror)
    return status if stat.S_ISREG(status.st_mode) else ImageError("image-pipe")


def _skipped(path: Path, error: ImageError) -> Skipped:
    return Skipped.of(as_utf8(path), error)
