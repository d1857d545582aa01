"""Read folders and .zip archives safely: no link or path leads outside, and zip bombs are rejected."""

import stat
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Protocol

from dalip.datasets.photo_location import BROKEN, FilePart, ZipMember
from dalip.datasets.report import Report, shown
from dalip.errors import DataError, ImageError, Skipped, first_line
from dalip.files import as_utf8
from dalip.photos.signatures import HEAD, image_format
from dalip.photos.walk import has_photo_content, is_photo_name, list_files, unused_files

__all__ = ["Archive", "Container", "Folder", "is_archive"]

_LARGE, _DENSE = 100_000_000, 200
"""A text of more than `_LARGE` bytes that was compressed by more than `_DENSE` times is a zip bomb, not a table."""


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

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        try:
            return self.place(name).path.open("rb")
        except OSError as error:
            raise DataError("table-not-read", cause=error.strerror) from error

    def _below(self, name: str) -> Path:
        return self.path / (name if self._paths else _inside(name))

    def _leads_out(self, path: Path, name: str) -> DataError | None:
        if self._links:
            return None
        if path.parent not in self._within:
            self._within[path.parent] = path.parent.resolve().is_relative_to(self._root)
        if self._within[path.parent] and (not path.is_symlink() or path.resolve().is_relative_to(self._root)):
            return None
        return DataError("link-out-of-folder", name=shown(name), folder=self.path)


class Archive:
    """A .zip archive, read without unpacking it to disk."""

    def __init__(self, path: Path, report: Report) -> None:
        """Read the directory of the archive.

        Args:
            path: The archive.
            report: Receives each member that must not be read.

        Raises:
            DataError: It is not a readable .zip archive.
        """
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except BROKEN as error:
            raise DataError("archive-damaged", source=path, cause=first_line(error)) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.replace("\\", "/")
            if (
                not name
                or name.endswith("/")
                or any(part.startswith((".", "__MACOSX")) for part in _plain_parts(name))
            ):
                continue
            wrong = _wrong_with(member, name) or ("member-repeated" if name in self._members else "")
            if wrong:
                report.skip(f"{path}: {shown(member.filename)}", wrong)
            else:
                self._members[name] = member

    @cached_property
    def names(self) -> list[str]:
        """All members that may be read, sorted by the parts of their paths."""
        return sorted(self._members, key=lambda name: name.split("/"))

    def is_photo(self, name: str) -> bool:
        """Return whether a member is a photo; see `Container`."""
        if is_photo_name(name):
            return True
        try:
            with self._archive.open(self._members[name]) as member:
                return image_format(member.read(HEAD)) != ""
        except (
            BROKEN
        ):  # it is not a photo, and other members that are damaged are reported when they are read
            return False

    def place(self, name: str) -> ZipMember:
        """Find a member; see `Container`."""
        member = self._member(name)
        return ZipMember(self.path, member.filename, member.CRC)

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        member = self._member(name)
        if member.file_size > _LARGE and member.file_size > _DENSE * member.compress_size:
            raise DataError(
                "member-bomb",
                name=shown(name),
                megabytes=member.file_size // 10**6,
                kilobytes=member.compress_size // 1000,
            )
        try:
            return self._archive.open(member)  # type: ignore[return-value]
        except BROKEN as error:
            raise DataError("table-not-read", cause=first_line(error)) from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        member = self._members.get(str(_inside(name.replace("\\", "/"))))
        if member is None:
            raise DataError("photo-not-in-archive", name=shown(name), archive=self.path)
        return member


def is_archive(path: Path) -> bool:
    """Return whether a file is a .zip archive, judging by its name or its first bytes."""
    if path.suffix.lower() == ".zip":
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _inside(name: str) -> PurePosixPath:
    """Return a name as a path inside a folder.

    Raises:
        DataError: The path leads outside the folder.
    """
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise DataError("path-out-of-folder", name=shown(name))
    return path


def _plain_parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def _wrong_with(member: zipfile.ZipInfo, name: str) -> str:
    """Return the kind of error for a member that must not be read; empty if it may be."""
    try:
        _inside(name)
    except DataError:
        return "member-leads-out"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "member-link"
    if member.flag_bits & 1:
        return "member-encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "member-compression"
    return ""
