"""Read .zip archives safely, without unpacking them: no path leads outside, and zip bombs are rejected."""

import stat
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dalip.datasets.folders import folded_path, inside
from dalip.datasets.photo_location import BROKEN, MOST_DENSE, ZipMember
from dalip.datasets.report import Report, shown
from dalip.datasets.shards import COMPRESSED_SHARDS
from dalip.errors import DataError, first_line
from dalip.photos.formats.signatures import HEAD, image_format
from dalip.photos.walk import is_photo_name

__all__ = ["Archive", "directory_bytes", "is_archive"]

_LARGE = 100_000_000
"""A text of more bytes that was compressed by more than `MOST_DENSE` times is a zip bomb, not a table."""

_MOST_DIRECTORY = 100_000_000
"""Bytes of the list of members at the end of an archive, which is read into memory: more than a million members."""

_LOCAL_HEADER = 30  # bytes, at least
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_BYTES, _END64_BYTES, _LOCATOR64_BYTES = 22, 56, 20
_LONGEST_COMMENT = 65_535
_IN_END64 = 0xFFFFFFFF  # stands for a size that is in the other record
_ARCHIVES = (".zip", ".tar", ".7z", ".rar", *COMPRESSED_SHARDS)


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
            with path.open("rb") as file:
                if directory_bytes(file) > _MOST_DIRECTORY:
                    raise DataError("archive-members", source=path)
            self._archive = zipfile.ZipFile(path)
        except BROKEN as error:
            raise DataError("archive-damaged", source=path, cause=first_line(error)) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        overlapping = _overlapping(self._archive.infolist())
        for member in self._archive.infolist():
            name = member.filename.replace("\\", "/")
            if (
                not name
                or name.endswith("/")
                or any(part.startswith((".", "__MACOSX")) for part in _plain_parts(name))
            ):
                continue
            wrong = _wrong_with(member, name) or ("member-repeated" if name in self._members else "")
            wrong = wrong or ("member-overlaps" if member.header_offset in overlapping else "")
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
        except BROKEN:  # if it is damaged and a table names it, reading it reports that
            return False

    def place(self, name: str) -> ZipMember:
        """Find a member; see `Container`."""
        member = self._member(name)
        return ZipMember(self.path, member.filename, member.CRC)

    def alike(self, name: str) -> str | None:
        """Find a member with almost the same name; see `Container`."""
        same = self._folded.get(folded_path(str(PurePosixPath(name))), [])
        return same[0] if len(same) == 1 else None

    def near(self, base: str) -> list[str]:
        """Return all members, because an archive holds what belongs together; see `Container`."""
        return self.names

    @cached_property
    def _folded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(folded_path(name), []).append(name)
        return found

    def open(self, name: str) -> BinaryIO:
        """Open a text for reading; see `Container`."""
        member = self._member(name)
        if member.file_size > _LARGE and member.file_size > MOST_DENSE * member.compress_size:
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
        member = self._members.get(str(inside(name.replace("\\", "/"))))
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


def directory_bytes(file: BinaryIO) -> int:
    """Return how many bytes `zipfile` would read for the list of members, which takes ten times as much memory.

    Source: the .ZIP file format specification (APPNOTE.TXT) of PKWARE, sections 4.3.14 to 4.3.16.

    Args:
        file: An archive, positioned anywhere.

    Returns:
        The largest size that one of the places states where versions of `zipfile` look; 0 if none states one.
    """
    length = file.seek(0, 2)
    file.seek(max(length - _END_BYTES - _LOCATOR64_BYTES - _LONGEST_COMMENT, 0))
    tail = file.read()
    found = [0]
    for at in {len(tail) - _END_BYTES, tail.rfind(_END)}:
        if at < 0 or not tail.startswith(_END, at):
            continue
        size = _number(tail[at + 12 : at + 16])
        found.append(0 if size == _IN_END64 else size)
        locator = tail[max(at - _LOCATOR64_BYTES, 0) : at]
        if locator.startswith(_LOCATOR64):
            before = length - len(tail) + at - _LOCATOR64_BYTES - _END64_BYTES
            for place in (_number(locator[8:16]), before):
                file.seek(place if 0 <= place < length else 0)
                end = file.read(_END64_BYTES)
                found.append(_number(end[40:48]) if end.startswith(_END64) else 0)
    return max(found)


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")


def _overlapping(members: Sequence[zipfile.ZipInfo]) -> set[int]:
    """Return where members start that share their bytes with another, by which bombs multiply a small file."""
    found: set[int] = set()
    end = start = -1
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            found |= {start, member.header_offset}
        if member.header_offset + member.compress_size + _LOCAL_HEADER > end:
            start = member.header_offset
            end = start + member.compress_size + _LOCAL_HEADER
    return found


def _plain_parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def _wrong_with(member: zipfile.ZipInfo, name: str) -> str:
    """Return the kind of error for a member that must not be read; empty if it may be."""
    try:
        inside(name)
    except DataError:
        return "member-leads-out"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "member-link"
    if member.flag_bits & 1:
        return "member-encrypted"
    if name.lower().endswith(_ARCHIVES):
        return "member-archive"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "member-compression"
    return ""
