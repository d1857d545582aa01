"""List the files in a folder tree, for the library, for `identify FOLDER` and for sources of labelled photos.

Photos are found by their content. Hidden files and folders, and folders that NAS devices and operating systems make for
themselves, are left out and counted. A link to a file counts as that file. Paths that cannot be read and anything that
is not a regular file are reported.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from dalip.errors import DataError, ImageError, Skipped
from dalip.files import as_utf8
from dalip.photos.details.sidecars import SIDECAR_SUFFIXES
from dalip.photos.formats.signatures import HEAD, image_format
from dalip.photos.open_file import open_file

__all__ = [
    "IMAGE_SUFFIXES",
    "PACKED_MARK",
    "Listing",
    "counted_endings",
    "has_photo_content",
    "is_photo_name",
    "list_files",
    "unused_files",
]

IMAGE_SUFFIXES = frozenset(
    {".webp", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".tif", ".tiff"}
    | {".heic", ".heif", ".hif", ".avif"}
)
"""File name extensions of photos, in lower case. A file with one of them counts as a photo even if it is damaged."""

PACKED_MARK = ".packed.json"
"""Name of the file in a packed dataset that says what it was made from; never listed."""

_SYSTEM = frozenset(
    {
        "@eadir",
        "@recycle",
        "@tmp",
        "@snapshots",
        "@__thumb",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "recycler",
    }
    | {"system volume information", "lost+found", "__macosx"}
)
"""Folders of NAS devices and operating systems: thumbnails, deleted files, snapshots. In lower case."""

Known = Callable[[Path, os.stat_result], bool]


@dataclass
class Listing:
    """The contents of a folder tree."""

    files: dict[Path, os.stat_result] = field(default_factory=dict)
    """Status by path. Paths begin with the folder as it was given, and are sorted by their parts."""
    others: list[Path] = field(default_factory=list)
    """Files that are not photos, if only photos were asked for."""
    left_out: list[Path] = field(default_factory=list)
    """Hidden files, and hidden and system folders, whose contents were not listed."""
    skipped: list[Skipped] = field(default_factory=list)
    """Paths that could not be read, anything that is not a regular file, and links that are not followed."""
    unlisted: list[Path] = field(default_factory=list)
    """Folders that could not be listed, so their contents are unknown."""

    def refuse(self, path: Path, error: ImageError) -> None:
        """Report a path that cannot be used."""
        self.skipped.append(Skipped.of(as_utf8(path), error))


def is_photo_name(name: str) -> bool:
    """Return whether a file counts as a photo, by the extension of its name."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def unused_files(
    folder: Path, others: Sequence[PurePath], hidden: Sequence[PurePath], *, verbose: bool = False
) -> Iterator[DataError]:
    """Yield notes about files that were not used, although nothing is wrong with them.

    Args:
        folder: Where they are.
        others: Files that are not photos.
        hidden: Hidden files, and hidden and system folders.
        verbose: Whether to note each file, instead of their number.
    """
    if verbose:
        yield from (DataError("file-not-photo", source=as_utf8(path)) for path in others)
        yield from (DataError("file-hidden", source=as_utf8(path)) for path in hidden)
        return
    if others:
        kinds = counted_endings(Counter(path.suffix.lower() for path in others))
        yield DataError("files-not-photos", source=folder, number=len(others), kinds=as_utf8(kinds))
    if hidden:
        yield DataError("files-hidden", source=folder, number=len(hidden))


def counted_endings(counts: Mapping[str, int]) -> str:
    """Return numbers of files by file name extension, as a message states them: `2 .mp4, 1 without extension`.

    Args:
        counts: Number of files by extension, with its dot; "" for files without one.
    """
    return ", ".join(f"{number} {ending or 'without extension'}" for ending, number in sorted(counts.items()))


def has_photo_content(path: Path) -> bool:
    """Return whether a file is a photo, readable or not, by its first bytes.

    Raises:
        ImageError: It cannot be opened.
    """
    try:
        with open_file(path) as file:
            return image_format(file.read(HEAD)) != ""
    except OSError as error:
        raise ImageError("image-not-opened", source=path, cause=error.strerror) from error


def list_files(
    root: Path, *, photos_only: bool = False, follow_links: bool = False, known: Known | None = None
) -> Listing:
    """List the files in a folder and all its subfolders.

    Args:
        root: The folder.
        photos_only: List files that are not photos separately. A photo has an extension in `IMAGE_SUFFIXES` or begins
            like a photo.
        follow_links: List the contents of a folder that a link leads to, once. Otherwise, such links are reported.
        known: Returns whether a file is known to be a photo, and need not be opened.
    """
    listing = Listing()
    folders, links, seen = [root], list[Path](), set[tuple[int, int]]()
    above = _folders_above(root) if follow_links else set()
    # Links come last, so that a folder in the tree is listed under its own path.
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        if follow_links and (identity := _identity(folder)):
            if identity in above:
                listing.refuse(folder, ImageError("link-to-parent"))
                continue
            if identity in seen:
                continue
            seen.add(identity)
        for entry in _entries(folder, listing):
            path = folder / entry.name
            if entry.name == PACKED_MARK:
                continue
            if entry.name.startswith("."):
                listing.left_out.append(path)
            elif not _is_folder(entry):
                _take(path, listing, photos_only, known)
            elif entry.name.lower() in _SYSTEM:
                listing.left_out.append(path)
            elif not entry.is_symlink():
                folders.append(path)
            elif follow_links:
                links.append(path)
            else:
                listing.refuse(path, ImageError("link-to-folder"))
        links.sort()
    listing.files = dict(sorted(listing.files.items(), key=lambda pair: pair[0].parts))
    for paths in (listing.others, listing.left_out):
        paths.sort()
    return listing


def _entries(folder: Path, listing: Listing) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:  # also in the middle, when a disk is removed
        too_long = error.errno == errno.ENAMETOOLONG
        kind = "folder-too-deep" if too_long else "folder-not-listed"
        listing.unlisted.append(folder)
        listing.refuse(folder, ImageError(kind, cause=error.strerror))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _take(path: Path, listing: Listing, photos_only: bool, known: Known | None) -> None:
    """Add a file to the listing."""
    found = _status(path)
    if found is None:
        return
    is_photo = not photos_only or is_photo_name(path.name)
    if isinstance(found, ImageError):
        if is_photo or found.kind == "file-not-read":
            listing.refuse(path, found)
        else:
            listing.others.append(path)
            if found.kind == "link-to-nothing":  # it may lead to a folder on a disk that is not connected
                listing.unlisted.append(path)
        return
    if not is_photo and path.suffix.lower() not in SIDECAR_SUFFIXES:
        try:
            is_photo = (known is not None and known(path, found)) or has_photo_content(path)
        except ImageError as error:  # it may be a photo
            listing.skipped.append(Skipped.of(as_utf8(path), error))
            return
    if is_photo:
        listing.files[path] = found
    else:
        listing.others.append(path)


def _status(path: Path) -> os.stat_result | ImageError | None:
    """Return a file's status, an error if it is not a readable regular file, or `None` if it has just been deleted."""
    try:
        status = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            return ImageError("link-to-nothing") if path.is_symlink() else None
        return ImageError("file-not-read", cause=error.strerror)
    return status if stat.S_ISREG(status.st_mode) else ImageError("image-pipe")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _folders_above(root: Path) -> set[tuple[int, int]]:
    return {found for folder in root.absolute().resolve().parents if (found := _identity(folder))}
