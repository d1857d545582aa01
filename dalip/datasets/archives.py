"""Read folders and .zip archives safely: no link, path or size leads out of them."""

import os
import stat
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Protocol

from dalip.datasets.photo_location import BROKEN, FilePart, ZipMember
from dalip.datasets.tables import Said
from dalip.errors import DataError, first_line

__all__ = ["Archive", "Container", "Folder", "is_archive", "shown"]

_LARGE, _DENSE = 100_000_000, 200
"""A text of more bytes that unpacks to more than so many times its size is no table but a bomb."""


class Container(Protocol):
    """What holds files below it, by names with slashes."""

    @property
    def path(self) -> Path:
        """The folder or archive."""

    @property
    def names(self) -> list[str]:
        """All files that may be read, sorted; what is hidden is none of them."""

    def place(self, name: str) -> FilePart | ZipMember:
        """Find a file.

        Raises:
            DataError: There is none of this name, or it leads out of the container.
        """

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading.

        Raises:
            DataError: It is not there, cannot be read or would unpack to far more than a text.
        """


class Folder:
    """A folder, in which links may lead to files of the folder only."""

    def __init__(self, path: Path, said: Said) -> None:
        self.path = path
        self._said = said
        self._root = path.resolve()
        self._within: dict[Path, bool] = {}

    @cached_property
    def names(self) -> list[str]:
        """All files below the folder, sorted; links out of it and to folders are said and left out."""
        found = []
        for folder, below, files in os.walk(self.path, onerror=self._complain):
            here = Path(folder)
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in below:
                if (here / name).is_symlink():
                    self._said.fault(
                        f"{shown(here / name)}: a link to a folder, which is not followed; copy it"
                    )
            for name in (n for n in files if not n.startswith(".")):
                relative = (here / name).relative_to(self.path).as_posix()
                try:
                    self.place(relative)
                except DataError as error:
                    self._said.fault(f"{self.path}: {error}")
                else:
                    found.append(relative)
        return sorted(found)

    def _complain(self, error: OSError) -> None:
        self._said.fault(f"{shown(error.filename)}: cannot be read ({error.strerror}); allow it")

    def place(self, name: str) -> FilePart:
        """Find a file; see `Container`."""
        path = self.path / _inside(name)
        try:
            if not path.is_file() and "\\" in name:  # as Windows writes paths
                path = self.path / _inside(name.replace("\\", "/"))
            if not path.is_file():
                raise DataError(f"{shown(name)} is not a file in {self.path}")
            if path.parent not in self._within:
                self._within[path.parent] = path.parent.resolve().is_relative_to(self._root)
            if not self._within[path.parent] or (
                path.is_symlink() and not path.resolve().is_relative_to(self._root)
            ):
                raise DataError(f"{shown(name)} is a link that leads out of {self.path}; copy the file there")
        except (OSError, ValueError, RuntimeError) as error:  # too long a name, a circle of links
            raise DataError(f"{shown(name)} cannot be found ({first_line(error)})") from error
        return FilePart(path)

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        try:
            return self.place(name).path.open("rb")
        except OSError as error:
            raise DataError(f"{shown(name)} cannot be read ({error.strerror})") from error


class Archive:
    """A .zip archive; nothing of it is written to the disk."""

    def __init__(self, path: Path, said: Said) -> None:
        """Read the directory of the archive.

        Args:
            path: The archive.
            said: Hears of each member that is not for reading.

        Raises:
            DataError: It is not a readable .zip archive.
        """
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except BROKEN as error:
            raise DataError(f"{path}: not a readable .zip archive ({first_line(error)})") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.replace("\\", "/")
            if (
                not name
                or name.endswith("/")
                or any(part.startswith((".", "__MACOSX")) for part in _plain_parts(name))
            ):
                continue
            if wrong := _wrong_with(member, name):
                said.fault(f"{path}: {shown(member.filename)} {wrong}")
            elif name in self._members:
                said.fault(f"{path}: {shown(name)} is there twice; the first is used")
            else:
                self._members[name] = member

    @cached_property
    def names(self) -> list[str]:
        """All members that may be read, sorted."""
        return sorted(self._members)

    def place(self, name: str) -> ZipMember:
        """Find a member; see `Container`."""
        member = self._member(name)
        return ZipMember(self.path, member.filename, member.CRC)

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        member = self._member(name)
        if member.file_size > _LARGE and member.file_size > _DENSE * member.compress_size:
            raise DataError(
                f"{shown(name)} would unpack to {member.file_size // 10**6} MB from "
                f"{member.compress_size // 1000} KB; no table does"
            )
        try:
            return self._archive.open(member)  # type: ignore[return-value]
        except BROKEN as error:
            raise DataError(f"{shown(name)} cannot be unpacked ({first_line(error)})") from error

    def _member(self, name: str) -> zipfile.ZipInfo:
        member = self._members.get(str(_inside(name.replace("\\", "/"))))
        if member is None:
            raise DataError(f"{shown(name)} is not in {self.path}")
        return member


def is_archive(path: Path) -> bool:
    """Say whether a file is meant to be a .zip archive, by its name or its first bytes."""
    if path.suffix.lower() == ".zip":
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def shown(name: str | Path) -> str:
    """Give a name for a message, which has one line and is not endless."""
    text = str(name)
    text = text if text.isprintable() and text else repr(text)
    return text if len(text) <= 250 else f"{text[:120]}…{text[-120:]}"


def _inside(name: str) -> PurePosixPath:
    """Take a name for a path below a folder.

    Raises:
        DataError: It leads elsewhere.
    """
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise DataError(f"{shown(name)} leads out of the folder, and is not followed")
    return path


def _plain_parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def _wrong_with(member: zipfile.ZipInfo, name: str) -> str:
    try:
        _inside(name)
    except DataError:
        return "leads out of the archive, and is not followed"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link, and is not followed"
    if member.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that is not read here; pack it as a plain .zip"
    return ""
