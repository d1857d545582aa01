"""Import an exported journal: everything in the file, or nothing.

1. All rows are read and checked, and so are the sizes of all photos; see `journal_file`.
2. Each photo is decoded, and encoded without metadata into a temporary file, which disappears if the process is killed.
3. All of it is saved in one transaction. Other processes wait only for this step.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from dalip.disk import write_fault
from dalip.errors import DalipError, JournalError, Skipped
from dalip.files import printable
from dalip.photos import small_copy
from dalip_index.journal.export_journal import MEDIA
from dalip_index.journal.journal import Journal
from dalip_index.journal.journal_file import OWN_LIMITS, ImportLimits, JournalFile, open_journal_file
from dalip_index.journal.observation import Observation

__all__ = ["Imported", "import_journal"]


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    added: int
    there: int
    """Observations whose ID was already in the journal, or that the file contains twice; they were not changed."""
    skipped: tuple[Skipped, ...] = ()
    """Those of them that differ from the one in the journal, and photos of observations that the file lacks."""


def import_journal(journal: Journal, path: Path, limits: ImportLimits = OWN_LIMITS) -> Imported:
    """Add the observations of an export; those that are there already stay as they are.

    Args:
        journal: The journal.
        path: What `export_journal` wrote; a `.csv` or `.json` file brings no photos.
        limits: What the import may use.

    Raises:
        JournalError: The file cannot be read, exceeds a limit, or a row or photo is invalid; nothing is added then.
    """
    with ExitStack() as stack:
        with _refusing(path):
            file = stack.enter_context(open_journal_file(path, limits))
        new, skipped = _compare(journal, file)
        if not new:
            return Imported(0, len(file.observations), tuple(skipped))
        journal.make_folder()
        staging = stack.enter_context(_Staging(journal.path.parent, limits.stored_bytes))
        with _refusing(path):
            staged = [(seen, staging.keep(seen, file)) for seen in new]
        added = journal.add_all((seen, staging.photos(places)) for seen, places in staged)
    return Imported(added, len(file.observations) - added, tuple(skipped))


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what goes wrong in the block into the error about the file that is imported."""
    try:
        yield
    except OSError as error:
        raise JournalError("no-journal-file", source=path, cause=error.strerror or error) from error
    except DalipError as error:
        raise JournalError("no-journal-file", source=path, cause=error) from error


def _compare(journal: Journal, file: JournalFile) -> tuple[list[Observation], list[Skipped]]:
    """Return the observations that the journal lacks, and what will not be used."""
    given: dict[str, Observation] = {}
    skipped = []
    with journal.snapshot() as now:
        for where, seen in file.observations:
            first = given.get(seen.id) or now.find(seen.id)
            if first is None:
                given[seen.id] = seen
            elif first != seen:
                skipped.append(Skipped.of(where, JournalError("observation-differs", id=printable(seen.id))))
    for identifier in sorted(file.photos.keys() - {seen.id for _, seen in file.observations}):
        number = len(file.photos[identifier])
        skipped.append(
            Skipped.of(
                MEDIA, JournalError("photos-of-no-observation", id=printable(identifier), number=number)
            )
        )
    return list(given.values()), skipped


class _Staging:
    """Re-encoded photos in a temporary file on the disk of the journal."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._stored, self._most = folder, 0, most
        with self._writing():
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fault = write_fault(self._folder, error)
            raise JournalError("data-folder-not-written", source=self._folder, cause=fault) from error

    def __enter__(self) -> "_Staging":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def keep(self, seen: Observation, file: JournalFile) -> list[tuple[int, int]]:
        """Re-encode the photos of an observation, and return their places in the file and their sizes."""
        self._count(sum(len(text.encode()) for text in astuple(seen) if isinstance(text, str)))
        places = []
        for name in file.photos.get(seen.id, []):
            try:
                jpeg = small_copy(file.photo(name))
            except DalipError as error:
                raise (error if error.source else error.about(printable(name))) from None
            self._count(len(jpeg))
            with self._writing():
                places.append((self._file.tell(), len(jpeg)))
                self._file.write(jpeg)
                self._file.flush()
        return places

    def photos(self, places: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """Return photos."""
        for place, size in places:
            self._file.seek(place)
            yield self._file.read(size)

    def _count(self, size: int) -> None:
        self._stored += size
        if self._stored > self._most:
            raise JournalError("journal-full", million=self._most / 10**6)
