"""Index the library in the background of a running server, one folder after the other."""

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
from dalip_index.library.update import existing_folder

__all__ = ["Indexing", "IndexingState"]

_NICENESS = 15  # of 19; identification requests have priority
_LAST_BATCH = 5.0  # seconds to wait for the photos in progress when the server stops


@dataclass(frozen=True)
class IndexingState:
    """Progress of the indexing."""

    running: bool = False
    folder: str = ""
    """Folder in progress; empty for an update of all folders."""
    stage: str = ""
    """`photos` or `names`; empty while it lists files."""
    done: int = 0
    total: int = 0
    """0 if unknown."""
    waiting: tuple[str, ...] = ()
    """Folders in the queue."""
    finished: int = 0
    """Number of finished jobs."""
    report: LibraryReport | None = None
    """Report about the folder finished last."""
    error: DalipError | None = None
    """Why there is no report, if the job failed."""


@dataclass(frozen=True)
class _Job:
    folder: Path | None = None
    """`None` for all folders of the library, which produces no report."""
    names_only: bool = False
    """Whether photos are only identified again, without reading files."""


class Indexing:
    """A queue of folders and its worker thread, which exists only while there is work."""

    def __init__(self, library: Library, live: LiveFlora) -> None:
        """Prepare the queue; nothing runs yet.

        Args:
            library: The library to update.
            live: The flora that identifies the photos.
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
        """Current progress."""
        with self._lock:
            waiting = tuple(str(job.folder) for job in self._queue if job.folder)
            return replace(self._state, running=self._thread is not None, waiting=waiting)

    def add(self, folder: Path) -> None:
        """Queue a folder to be added to the library or updated.

        Raises:
            LibraryError: There is no such folder, or its path is not UTF-8.
        """
        self._enqueue(_Job(existing_folder(folder)))

    def update(self) -> None:
        """Queue an update of all folders of the library."""
        with suppress(DalipError):  # the next search reports it
            if self.library.folders():
                self._enqueue(_Job())

    def name(self) -> None:
        """Queue identifying all photos again if the flora has changed, without reading files."""
        with suppress(DalipError):
            if self.library.named_otherwise(self._live.now()):
                self._enqueue(_Job(names_only=True))

    def cancel(self) -> None:
        """Stop after the photos in progress and clear the queue. Photos already read stay in the library."""
        with self._lock:
            self._queue.clear()
            self._stop.set()

    def forget(self, folder: Path) -> int:
        """Remove a folder from the library, and stop reading it.

        Returns:
            Number of photos removed.

        Raises:
            LibraryError: See `Library.remove`.
        """
        photos = self.library.remove(folder)
        with self._lock:
            self._queue = [job for job in self._queue if job.folder != folder]
            if self._state.folder == str(folder):
                self._stop.set()
            self._state = replace(self._state, report=None, error=None)
        return photos

    def close(self) -> None:
        """Cancel all jobs and wait for the worker thread."""
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
                # A separate encoder, because the threads of its sessions inherit this thread's priority.
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
    """Lower the priority of this thread, on systems where threads have separate priorities."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
