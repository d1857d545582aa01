"""Read folders safely: no link or path leads outside. `Container` is what folders and archives have in common."""

import unicodedata
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Protocol

from dalip.datasets.photo_location import FilePart, ZipMember
from dalip.datasets.report import Report, shown
from dalip.errors import DataError, ImageError, Skipped, first_line
from dalip.files import as_utf8
from dalip.photos.walk import has_photo_content, is_photo_name, list_files, unused_files

__all__ = ["Container", "Folder", "folded_path", "inside"]


class Container(Protocol):
    """A folder or archive, whose files have names with slashes."""

    @property
    def path(self) -> Path:
        """The folder or archive."""

    @property
    def names(self) -> list[str]:
        """All files that may be read, sorted; hidden files are ignored."""

    def is_photo(self, name: str) -> bool:
        """Return whether a file is a photo, by its name or else by its first bytes."""

    def place(self, name: str) -> FilePart | ZipMember:
        """Find a file.

        Raises:
            DataError: There is no such file, or it is outside the container.
        """

    def alike(self, name: str) -> str | None:
        """Return the name of the only file whose name differs at most in capitals and in how accents are encoded."""

    def near(self, base: str) -> list[str]:
        """Return the files in a folder, given with a trailing slash, and in its subfolders."""

    def open(self, name: str) -> BinaryIO:
        """Open a text file for reading.

        Raises:
            DataError: It is missing, cannot be read, or would unpack to far more than a text file.
        """


class Folder:
    """A folder; paths and links may only lead to files inside it, unless allowed otherwise."""

    def __init__(self, path: Path, report: Report, *, links: bool = False, paths: bool = False) -> None:
        """Use a folder.

        Args:
            path: The folder.
            report: Receives each file that must not be read.
            links: Whether links to files may lead outside the folder.
            paths: Whether paths in its tables may lead outside the folder.
        """
        self.path = path
        self._links, self._paths = links, paths
        self._report = report
        self._root = path.resolve()
        self._within: dict[Path, bool] = {}
        self._listed: dict[Path, dict[str, list[str]]] = {}

    @cached_property
    def names(self) -> list[str]:
        """All files below the folder, sorted; links to folders or outside it are reported and skipped."""
        listing = list_files(self.path)
        for skipped in listing.skipped:
            self._report.on_skip(skipped)
        for note in unused_files(self.path, (), listing.left_out, verbose=self._report.verbose):
            self._report.on_note(note)
        found = []
        for path in listing.files:
            name = path.relative_to(self.path).as_posix()
            if wrong := self._leads_out(path, name):
                self._report.skip_for(str(path), wrong)
            else:
                found.append(name)
        return found

    def is_photo(self, name: str) -> bool:
        """Return whether a file is a photo; see `Container`. One that cannot be read is reported."""
        try:
            return is_photo_name(name) or has_photo_content(self.path / name)
        except ImageError as error:
            self._report.on_skip(Skipped.of(as_utf8(self.path / name), error))
            return False

    def place(self, name: str) -> FilePart:
        """Find a file; see `Container`."""
        path = self._below(name)
        try:
            if not path.is_file() and "\\" in name:  # a Windows path
                path = self._below(name.replace("\\", "/"))
            if not path.is_file():
                raise DataError("photo-not-in-folder", name=shown(name), folder=self.path)
            if wrong := self._leads_out(path, name):
                raise wrong
        except (OSError, ValueError, RuntimeError) as error:  # the name is too long, or links form a cycle
            cause = getattr(error, "strerror", None) or first_line(error)
            raise DataError("photo-not-found", name=shown(name), cause=cause) from error
        return FilePart(path)

    def alike(self, name: str) -> str | None:
        """Find a file with almost the same name; see `Container`."""
        try:
            parts = inside(name).parts
        except DataError:
            return None
        here: list[str] = []
        for part in parts:
            same = self._entries("/".join(here)).get(folded_path(part), [])
            if len(same) != 1:
                return None
            here.append(same[0])
        return "/".join(here) or None

    def near(self, base: str) -> list[str]:
        """Return the files in a folder and directly in its subfolders; see `Container`."""
        found = []
        folders = [base.rstrip("/")]
        for folder in folders:
            for names in self._entries(folder).values():
                for name in names:
                    path = f"{folder}/{name}" if folder else name
                    if (self.path / path).is_file():
                        found.append(path)
                    elif folder == folders[0] and not (self.path / path).is_symlink():
                        folders.append(path)
        return sorted(found)

    def _entries(self, folder: str) -> dict[str, list[str]]:
        """List a folder, by the folded names; empty if it is not one."""
        path = self.path / folder
        if path not in self._listed:
            listed = self._listed.setdefault(path, {})
            with suppress(OSError):
                for name in sorted(entry.name for entry in path.iterdir()):
                    if not name.startswith("."):
                        listed.setdefault(folded_path(name), []).append(name)
        return self._listed[path]

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        try:
            return self.place(name).path.open("rb")
        except OSError as error:
            raise DataError("table-not-read", cause=error.strerror) from error

    def _below(self, name: str) -> Path:
        return self.path / (name if self._paths else inside(name))

    def _leads_out(self, path: Path, name: str) -> DataError | None:
        if self._links:
            return None
        if path.parent not in self._within:
            self._within[path.parent] = path.parent.resolve().is_relative_to(self._root)
        if self._within[path.parent] and (not path.is_symlink() or path.resolve().is_relative_to(self._root)):
            return None
        return DataError("link-out-of-folder", name=shown(name), folder=self.path)


def folded_path(name: str) -> str:
    """Return a name in a form that is the same on systems that ignore capitals or encode accents differently."""
    return unicodedata.normalize("NFC", name).casefold()


def inside(name: str) -> PurePosixPath:
    """Return a name as a path inside a folder.

    Raises:
        DataError: The path leads outside the folder.
    """
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise DataError("path-out-of-folder", name=shown(name))
    return path
