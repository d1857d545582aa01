"""The journals of a public page: one per visit, in a temporary folder, deleted soon after the visit."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes, token_hex
from threading import Thread

from dalip_index import Journal

__all__ = ["Visits", "journal_of"]

_UNUSED = 6 * 3600  # seconds until a journal is deleted if the browser never reported the end of the visit
_CLOSED = 900  # seconds if it did; not immediately, because a phone going to sleep also looks like that
_SWEEP = 60


class Visits:
    """The journals of all visits; only the browser of a visit and the server know its name."""

    def __init__(self, folder: Path) -> None:
        """Start a thread that deletes unused journals.

        Args:
            folder: Folder of the journals; it is created when the first observation is saved.
        """
        self._folder = folder
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
        return Journal(place)

    def end(self, visit: str | None) -> None:
        """Schedule the journal of a visit for deletion, unless it is used again soon."""
        with suppress(FileNotFoundError):
            os.utime(self._place(visit), (time.time() - _UNUSED + _CLOSED,) * 2)

    def sweep(self) -> None:
        """Delete the journals that are no longer used."""
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


def journal_of(journal: Journal | Visits) -> Callable[[str], Journal]:
    """Return a function that returns the journal of a visit; the user's own journal is the same for all visits."""
    return journal if isinstance(journal, Visits) else lambda visit: journal
