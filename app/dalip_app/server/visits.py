"""The journals of a public page: one per visit, in a temporary folder, of limited size, deleted after the visit."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes, token_hex
from threading import Thread

from dalip.errors import JournalError
from dalip_app.server.uploads import held_bytes
from dalip_index import Journal, Observation

__all__ = ["Visits", "journal_of"]

_UNUSED = 6 * 3600  # seconds until a journal is deleted if the browser never reported the end of the visit
_CLOSED = 900  # seconds if it did; not immediately, because a phone going to sleep also looks like that
_SWEEP = 60
_EACH = 500_000_000  # bytes: an upload of the largest size, and a journal of the same size
_ALL = 4_000_000_000  # bytes


class Visits:
    """The journals of all visits; only the browser of a visit and the server know its name."""

    def __init__(self, folder: Path, uploads: Path, each: int = _EACH, all_: int = _ALL) -> None:
        """Start a thread that deletes unused journals.

        Args:
            folder: Folder of the journals; it is created when the first observation is saved.
            uploads: Upload folder.
            each: Maximum size of the journal and the uploads of a visit together, in bytes.
            all_: Maximum size of all journals and uploads together, in bytes.
        """
        self._folder, self._uploads = folder, uploads
        self._each, self._all = each, all_
        self._brought: dict[Path, set[Path]] = {}
        self._key = token_bytes(32)
        Thread(target=self._keep_sweeping, daemon=True).start()

    def __call__(self, visit: str | None) -> Journal:
        """Return the journal of a visit and mark it as in use.

        Args:
            visit: Name of the visit from the browser (untrusted); without a name, each call returns a new journal.
        """
        place = self._place(visit)
        with suppress(FileNotFoundError):
            os.utime(place)
        return _VisitJournal(place, lambda: self.room(visit))

    def room(self, visit: str | None) -> int:
        """Return how many bytes a visit may still store; not above 0 if there is no room.

        Args:
            visit: Name of the visit from the browser (untrusted).
        """
        place = self._place(visit)
        used = held_bytes(place) + sum(map(_size, self._brought.get(place, ())))
        return min(self._each - used, self._all - held_bytes(self._folder) - held_bytes(self._uploads))

    def bring(self, visit: str, uploads: Iterable[str]) -> bool:
        """Count uploads as those of a visit, and return whether there is room for them.

        Args:
            visit: Name of the visit from the browser (untrusted).
            uploads: Paths of files in the upload folder.
        """
        if found := {path for path in map(Path, uploads) if path.is_file()}:
            self._brought.setdefault(self._place(visit), set()).update(found)
        return self.room(visit) >= 0

    def end(self, visit: str | None) -> None:
        """Schedule the journal of a visit for deletion, unless it is used again soon."""
        with suppress(FileNotFoundError):
            os.utime(self._place(visit), (time.time() - _UNUSED + _CLOSED,) * 2)

    def sweep(self) -> None:
        """Delete the journals that are no longer used, and forget uploads that are deleted."""
        for place, paths in list(self._brought.items()):
            paths -= {path for path in list(paths) if not path.exists()}
            if not paths:
                del self._brought[place]
        for place in self._folder.glob("*"):
            with suppress(FileNotFoundError):
                if place.stat().st_mtime < time.time() - _UNUSED:
                    shutil.rmtree(place, ignore_errors=True)

    def _place(self, visit: str | None) -> Path:
        # Hash the untrusted name: as a path it could be too long or lead elsewhere.
        name = (visit or token_hex(16)).encode(errors="surrogatepass")
        return self._folder / blake2b(name, key=self._key, digest_size=16).hexdigest()

    def _keep_sweeping(self) -> None:
        while True:
            time.sleep(_SWEEP)
            self.sweep()


class _VisitJournal(Journal):
    """A journal that stops growing when the visit has no room."""

    def __init__(self, place: Path, room: Callable[[], int]) -> None:
        super().__init__(place)
        self._room = room

    def add_all(self, entries: Iterable[tuple[Observation, Iterable[bytes]]]) -> int:
        return super().add_all(self._within(entries))

    def _within(
        self, entries: Iterable[tuple[Observation, Iterable[bytes]]]
    ) -> Iterator[tuple[Observation, list[bytes]]]:
        left = self._room()
        for observation, photos in entries:
            kept = list(photos)
            left -= sum(map(len, kept)) + len(observation.notes)
            if left < 0:
                raise JournalError("visit-full")
            yield observation, kept

    def change(self, identifier: str, **changes: object) -> Observation:
        if self._room() < sum(len(str(value)) for value in changes.values()):
            raise JournalError("visit-full")
        return super().change(identifier, **changes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # deleted
        return 0


def journal_of(journal: Journal | Visits) -> Callable[[str], Journal]:
    """Return a function that returns the journal of a visit; the user's own journal is the same for all visits."""
    return journal if isinstance(journal, Visits) else lambda visit: journal
