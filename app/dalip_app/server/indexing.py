"""Update the library in the background of a running server, one folder after the other."""

import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dalip.encoder import Encoder
from dalip.errors import DalipError, LibraryError, first_line
from dalip_app.server.floras import LiveFlora
from dalip_index import Library, LibraryReport

__all__ = ["Indexing", "IndexingState"]

_NICENESS = 15  # of 19: requests for a name go first
_LAST_BATCH = 5.0  # seconds that a photo may take once it is told to stop


@dataclass(frozen=True)
class IndexingState:
    """How far it has come."""

    running: bool = False
    folder: str = ""
    """The one in work; empty for all that were added before."""
    stage: str = ""
    """`photos` or `names`; empty while it looks for photos."""
    done: int = 0
    total: int = 0
    """0 where it is not known."""
    waiting: tuple[str, ...] = ()
    """Folders that come next."""
    finished: int = 0
    """Grows with each folder that is done."""
    report: LibraryReport | None = None
    """Of the folder that was done last."""
    error: DalipError | None = None
    """Why there is no report, if something went wrong."""


@dataclass(frozen=True)
class _Job:
    folder: Path | None = None
    """`None` for all that were added before, of which there is no report."""
    names_only: bool = False
    """Whether photos are only named again, and no file is looked at."""


class Indexing:
    """A queue of folders and the thread that works on it; the thread lives only while there is something to do."""

    def __init__(self, library: Library, live: LiveFlora) -> None:
        """Prepare; nothing runs yet.

        Args:
            library: What is brought up to date.
            live: The flora that names the photos.
        """
        self.library = library
        self._live = live
        self._lock = threading.Lock()
        self._queue: list[_Job] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._state = IndexingState()

    @property
    def state(self) -> IndexingState:
        """How far it has come."""
        with self._lock:
            waiting = tuple(str(job.folder) for job in self._queue if job.folder)
            return replace(self._state, running=self._thread is not None, waiting=waiting)

    def add(self, folder: Path) -> None:
        """Add a folder to the library, or bring it up to date, when those before it are done.

        Raises:
            LibraryError: There is no such folder.
        """
        if not folder.is_dir():
            raise LibraryError("no-folder", source=folder)
        self._enqueue(_Job(folder.resolve()))

    def update(self) -> None:
        """Bring all folders of the library up to date that are there."""
        with suppress(DalipError):  # a search reports it
            if self.library.folders():
                self._enqueue(_Job())

    def name(self) -> None:
        """Name the photos again if the flora has changed since, without looking at files."""
        with suppress(DalipError):
            if self.library.named_otherwise(self._live.now()):
                self._enqueue(_Job(names_only=True))

    def cancel(self) -> None:
        """Stop after the photos in work, and forget what waits. What was read stays in the library."""
        with self._lock:
            self._queue.clear()
            self._stop.set()

    def forget(self, folder: Path) -> int:
        """Take a folder out of the library, and stop reading it.

        Returns:
            How many photos were forgotten.

        Raises:
            LibraryError: As of `Library.remove`.
        """
        photos = self.library.remove(folder)
        with self._lock:
            self._queue = [job for job in self._queue if job.folder != folder]
            if self._state.folder == str(folder):
                self._stop.set()
            self._state = replace(self._state, report=None, error=None)
        return photos

    def close(self) -> None:
        """Cancel, and wait until nothing runs."""
        self.cancel()
        thread = self._thread
        if thread is not None:
            thread.join(_LAST_BATCH)

    def _enqueue(self, job: _Job) -> None:
        with self._lock:
            if job not in self._queue:
                self._queue.append(job)
            if self._thread is None:
                self._stop.clear()
                self._thread = threading.Thread(target=self._work, name="dalip-indexing", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        _step_back()
        encoder: Encoder | None = None
        while job := self._next():
            report, error = None, None
            try:
                # Sessions of its own, for their threads take over this one's priority.
                encoder = encoder or Encoder.load(self._live.encoder.folder)
                report = self._do(job, encoder)
            except DalipError as problem:
                error = problem
            except Exception as problem:  # the thread must not die with folders waiting
                error = LibraryError(
                    "unexpected-error", name=type(problem).__name__, cause=first_line(problem)
                )
            with self._lock:
                self._state = replace(self._state, finished=self._state.finished + 1)
                if job.folder is not None or error is not None:
                    self._state = replace(self._state, report=report, error=error)

    def _next(self) -> _Job | None:
        with self._lock:
            if not self._queue:
                self._thread = None
                return None
            self._stop.clear()
            job = self._queue.pop(0)
            self._state = replace(self._state, folder=str(job.folder or ""), stage="", done=0, total=0)
            if job.folder is not None:
                self._state = replace(self._state, report=None, error=None)
            return job

    def _do(self, job: _Job, encoder: Encoder) -> LibraryReport | None:
        flora, stop = self._live.now(), self._stop.is_set
        if job.names_only:
            self.library.name(flora, self._progress, stop)
            return None
        if job.folder is None:
            return self.library.update(encoder, self._progress, flora=flora, stop=stop)
        return self.library.add(job.folder, encoder, self._progress, flora=flora, stop=stop)

    def _progress(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            self._state = replace(self._state, stage=stage, done=done, total=total)


def _step_back() -> None:
    """Let other threads of this process go first, where threads have a priority of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
