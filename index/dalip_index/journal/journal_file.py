"""Open an exported journal for import, within limits: nothing in it can use much memory, disk or time."""

import os
import stat
import struct
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from dalip.datasets.archives import directory_bytes
from dalip.datasets.photo_location import BROKEN
from dalip.errors import JournalError, first_line
from dalip.files import printable
from dalip_index.journal.export_journal import MEDIA, OCCURRENCES, PHOTO_FIELDS
from dalip_index.journal.observation import Observation
from dalip_index.journal.occurrence import read_occurrence
from dalip_index.journal.read_export import Row, read_csv_rows, read_json_rows

__all__ = ["OWN_LIMITS", "VISITOR_LIMITS", "ImportLimits", "JournalFile", "open_journal_file"]

_KNOWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are unpacked without a limit on memory

Rows = Iterable[tuple[str, Row | None]]
"""Rows with their positions; `None` for an empty line."""


@dataclass(frozen=True)
class ImportLimits:
    """What an import may use."""

    file_bytes: int = 4_000_000_000
    """Size of the file."""
    table_bytes: int = 100_000_000
    """Size of a .csv or .json file, or of each table of an archive; its directory may have half as much."""
    photo_bytes: int = 20_000_000
    """Size of each photo, unpacked."""
    total_bytes: int = 10_000_000_000
    """Size of all photos, unpacked; a photo counts for each observation that names it."""
    stored_bytes: int = 4_000_000_000
    """What is added to the journal: texts and re-encoded photos."""
    observations: int = 100_000
    photos_each: int = 50
    """Photos of one observation."""
    seconds: float = 3600.0


OWN_LIMITS = ImportLimits()
"""Limits for the user's own journal."""

VISITOR_LIMITS = ImportLimits(
    file_bytes=60_000_000,
    table_bytes=4_000_000,
    photo_bytes=10_000_000,
    total_bytes=100_000_000,
    stored_bytes=60_000_000,
    observations=1_000,
    photos_each=20,
    seconds=60.0,
)
"""Limits for each visitor of a public page."""


class JournalFile:
    """An exported journal whose rows have been read and checked."""

    def __init__(self, limits: ImportLimits, archive: zipfile.ZipFile | None = None) -> None:
        """Start the clock.

        Args:
            limits: What the import may use.
            archive: The archive that contains the photos.
        """
        self.observations: list[tuple[str, Observation]] = []
        """The observations, each with its position in the file, such as `row 3`."""
        self.photos: dict[str, list[str]] = {}
        """The names of the photos of each observation, by its ID."""
        self._limits, self._archive = limits, archive
        self._until = time.monotonic() + limits.seconds

    def read_rows(self, rows: Rows) -> None:
        """Read the observations."""
        for where, row in self._within_limits(rows, self._limits.observations):
            self.observations.append((where, read_occurrence(row, where)))

    def read_media(self, rows: Rows) -> None:
        """Read the names of the photos, and check their sizes."""
        identifier, _, _, member = PHOTO_FIELDS
        total = 0
        most = self._limits.observations * self._limits.photos_each
        for where, row in self._within_limits(rows, most):
            for term in (identifier, member):
                if not row.get(term):
                    raise JournalError("journal-field-missing", source=f"{where}, {term}")
            names = self.photos.setdefault(str(row[identifier]), [])
            if (name := str(row[member])) in names:
                continue
            if len(names) == self._limits.photos_each:
                raise JournalError("journal-too-many-photos", source=where, most=self._limits.photos_each)
            names.append(name)
            total += self._member(name, self._limits.photo_bytes).file_size
            if total > self._limits.total_bytes:
                raise JournalError(
                    "journal-too-large", source=where, million=self._limits.total_bytes / 10**6
                )

    def photo(self, name: str) -> bytes:
        """Return the content of a photo.

        Raises:
            JournalError: It cannot be read, or there is no time left.
        """
        self._check_time()
        with self.open(name, self._limits.photo_bytes) as file:
            return file.read()

    @contextmanager
    def open(self, name: str, most: int) -> Iterator[BinaryIO]:
        """Open a member of the archive.

        Args:
            name: Its name, which is only looked up in the archive and never used as a path.
            most: Maximum size in bytes, unpacked.

        Raises:
            JournalError: It is missing, too large or damaged.
        """
        assert self._archive is not None, "only archives have members"
        member = self._member(name, most)
        try:
            with self._archive.open(member) as file:  # never yields more than the size that was checked
                yield file  # type: ignore[misc]
        except UnicodeDecodeError as error:
            raise JournalError("journal-not-utf8", source=printable(name)) from error
        except BROKEN as error:
            raise JournalError(
                "journal-member-damaged", source=printable(name), cause=first_line(error)
            ) from error

    def _member(self, name: str, most: int) -> zipfile.ZipInfo:
        assert self._archive is not None, "only archives have members"
        try:
            member = self._archive.getinfo(name)
        except KeyError:
            raise JournalError("journal-member-missing", name=printable(name)) from None
        if member.compress_type not in _KNOWN or member.flag_bits & 1:
            raise JournalError("journal-member-form", source=printable(name))
        if member.file_size > most:
            raise JournalError("journal-member-too-large", source=printable(name), million=most / 10**6)
        return member

    def _within_limits(self, rows: Rows, most: int) -> Iterator[tuple[str, Row]]:
        for number, (where, row) in enumerate(rows):
            self._check_time()
            if number == most:
                raise JournalError("journal-too-many", source=where, most=most)
            if row is not None:
                yield where, row

    def _check_time(self) -> None:
        if time.monotonic() >= self._until:
            raise JournalError("journal-too-slow", seconds=self._limits.seconds)


@contextmanager
def open_journal_file(path: Path, limits: ImportLimits) -> Iterator[JournalFile]:
    """Read and check all rows of an export.

    Args:
        path: The file; its suffix says what it is.
        limits: What the import may use.

    Yields:
        The rows, and access to the photos.

    Raises:
        JournalError: A limit is exceeded, or a row is invalid.
        OSError: The file cannot be read.
    """
    kind = path.suffix.lower()
    if kind not in (".zip", ".csv", ".json"):
        raise JournalError("journal-form")
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
        raise JournalError("journal-no-regular-file")
    with path.open("rb") as file, ExitStack() as stack:
        most = limits.file_bytes if kind == ".zip" else min(limits.table_bytes, limits.file_bytes)
        if os.fstat(file.fileno()).st_size > most:
            raise JournalError("journal-member-too-large", million=most / 10**6)
        if kind == ".zip":
            yield _read_archive(stack.enter_context(_opened(file, limits)), limits)
            return
        found = JournalFile(limits)
        try:
            text = _text(file)
            found.read_rows(read_csv_rows(text, guarded=True) if kind == ".csv" else read_json_rows(text))
        except UnicodeDecodeError as error:
            raise JournalError("journal-not-utf8") from error
        yield found


def _read_archive(archive: zipfile.ZipFile, limits: ImportLimits) -> JournalFile:
    found = JournalFile(limits, archive)
    with found.open(MEDIA, limits.table_bytes) as file:
        found.read_media(read_csv_rows(_text(file), MEDIA))
    with found.open(OCCURRENCES, limits.table_bytes) as file:
        found.read_rows(read_csv_rows(_text(file)))
    return found


def _text(file: BinaryIO) -> TextIO:
    return TextIOWrapper(file, "utf-8-sig", newline="\n")


@contextmanager
def _opened(file: BinaryIO, limits: ImportLimits) -> Iterator[zipfile.ZipFile]:
    most = limits.table_bytes // 2
    if directory_bytes(file) > most:  # `ZipFile` uses up to ten times as much memory
        raise JournalError("journal-directory-too-large", million=most / 10**6)
    try:
        archive = zipfile.ZipFile(file)
    except (*BROKEN, struct.error, OverflowError) as error:
        raise JournalError("journal-no-archive", cause=first_line(error)) from error
    with archive:
        yield archive
