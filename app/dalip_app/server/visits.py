"""The journals of a public page: one for each visit, in a temporary folder, deleted soon after the visit."""

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

_UNUSED = 6 * 3600  # seconds after which a journal goes where the browser never said goodbye
_CLOSED = 900  # and after it did, for a phone that falls asleep seems to have closed the page
_SWEEP = 60


class Visits:
    """The journals of all visits; what a visit is called, only its own browser and the server know."""

    def __init__(self, folder: Path) -> None:
        """Begin to look for journals that are not used any more.

        Args:
            folder: Where the journals lie; nothing is created before the first observation is saved.
        """
        self._folder = folder
        self._key = token_bytes(32)
        Thread(target=self._keep_sweeping, daemon=True).start()

    def __call__(self, visit: str | None) -> Journal:
        """Give the journal of a visit, which is then kept on.

        Args:
            visit: What the browser calls it, which may be anything; without a name, each time another journal.
        """
        place = self._place(visit)
        with suppress(FileNotFoundError):
            os.utime(place)
        return Journal(place)

    def end(self, visit: str | None) -> None:
        """Let the journal of a visit go before long, unless it is asked for again."""
        with suppress(FileNotFoundError):
            os.utime(self._place(visit), (time.time() - _UNUSED + _CLOSED,) * 2)

    def sweep(self) -> None:
        """Delete the journals that are not used any more."""
        for place in self._folder.glob("*"):
            with suppress(FileNotFoundError):
                if place.stat().st_mtime < time.time() - _UNUSED:
                    shutil.rmtree(place, ignore_errors=True)

    def _place(self, visit: str | None) -> Path:
        # What the browser says makes no path: it may be long, or lead elsewhere.
        name = (visit or token_hex(16)).encode(errors="surrogatepass")
        return self._folder / blake2b(name, key=self._key, digest_size=16).hexdigest()

    def _keep_sweeping(self) -> None:
        while True:
            time.sleep(_SWEEP)
            self.sweep()


def journal_of(journal: Journal | Visits) -> Callable[[str], Journal]:
    """Give what gives the journal of a visit: the user's own is the same for all visits."""
    return journal if isinstance(journal, Visits) else lambda visit: journal
