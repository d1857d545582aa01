"""Decode the photos of strangers in worker processes, so that a fault of a decoder costs one request.

A worker has limits on memory and time. One that crashes, hangs or exceeds them is replaced, and the others go on. Light
photos and heavy ones have separate workers: a heavy photo never makes a light one wait.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from PIL import Image

from dalip.cpus import available_cpus
from dalip.errors import DalipError, ImageError
from dalip.photos.formats.cost import HEAVY, STRANGERS, TOO_HEAVY, Limits, set_limits
from dalip.quiet import ignore_pillow_warnings

__all__ = ["HEAVY_PLACES", "decode_in_workers", "in_worker"]

HEAVY_PLACES = 4
"""How many heavy photos may be decoded or wait for it; further ones are refused."""

_LIGHT_WORKERS = 4  # at most; each takes 40 MB
_LIGHT_SECONDS, _HEAVY_SECONDS = 10, 20
_START_SECONDS = 120
_LEEWAY = 256_000_000
"""Bytes of address space for what the estimates leave out, such as the stacks of threads."""

_PIPE_BYTES = 1 << 20
_MOST_RETURNED = 40_000_000  # pixels; the server holds them outside all limits of memory
_NICENESS = 10  # of the worker for heavy photos

_ANSWERS = frozenset({f"{__name__}._Pixels", "dalip.photos.details.photo_details.PhotoDetails"})
"""Classes of answers, besides errors, paths and built-in values."""

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from dalip.photos.workers import work; work()"

R = TypeVar("R")


@dataclass(frozen=True)
class _Terms:
    """What a worker may take."""

    limits: Limits
    seconds: int
    niceness: int = 0


@dataclass(frozen=True)
class _Pixels:
    """An image on its way from a worker. As an object of its decoder's class, it would load the decoder here."""

    mode: str
    size: tuple[int, int]
    content: bytes
    info: dict[Any, Any]

    @classmethod
    def of(cls, image: Image.Image) -> "_Pixels":
        if image.width * image.height > _MOST_RETURNED:
            raise ImageError("image-memory")
        return cls(image.mode, image.size, image.tobytes(), image.info)

    def image(self) -> Image.Image:
        image = Image.frombytes(self.mode, self.size, self.content)
        image.info = self.info
        return image


class _Answers(pickle.Unpickler):
    """Loads data only, because a decoder that was taken over could send anything."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = module in ("dalip.errors", "pathlib") or f"{module}.{name}" in _ANSWERS
        found = super().find_class(module, name) if allowed or module == "builtins" else None
        if allowed or (isinstance(found, type) and issubclass(found, Exception)):
            return found
        raise pickle.UnpicklingError(f"{module}.{name}")


class _Worker:
    """One process, which runs one function at a time."""

    def __init__(self, terms: _Terms) -> None:
        self._terms, self._late, self._ready = terms, False, False
        self._process = subprocess.Popen(
            [sys.executable, *["-B"] * sys.dont_write_bytecode, "-c", _CODE, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders report damage there
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C in a terminal is for the server
        )
        _widen(self._process.stdin, self._process.stdout)
        with suppress(OSError):  # a worker that ended is noticed when it is used
            self._send(terms)

    def run(self, function: Callable[..., R], arguments: tuple[Any, ...]) -> R:
        """Run a function in the process.

        Raises:
            ImageError: The process crashed or took too long.
            Exception: What the function raised.
        """
        try:
            if not self._ready:
                with self._at_most(_START_SECONDS):
                    self._ready = self._receive()
            with self._at_most(self._terms.seconds):
                self._send((function, arguments))
                succeeded, result = self._receive()
        except BaseException as error:
            # Also if this process is out of memory: the answer would be taken for that of the next photo.
            self.end()
            if not isinstance(error, OSError | EOFError | ValueError | pickle.UnpicklingError):
                raise
            if self._late:
                raise ImageError("image-slow", seconds=self._terms.seconds) from error
            raise ImageError("image-crashed") from error
        if not succeeded:
            try:
                raise result
            finally:
                del result  # otherwise its traceback would keep the photo until the next garbage collection
        return cast(R, result.image() if isinstance(result, _Pixels) else result)

    @property
    def ended(self) -> bool:
        """Whether the process has ended, by itself or by `end`."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        pickle.dump(message, self._process.stdin)
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        return _Answers(self._process.stdout).load()

    @contextmanager
    def _at_most(self, seconds: int) -> Iterator[None]:
        """Kill the process after some seconds, also if it reads nothing, so that sending blocks."""
        timer = threading.Timer(seconds, self._stop_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _stop_late(self) -> None:
        self._late = True
        self._process.kill()


def _widen(*pipes: Any) -> None:
    """Let pipes hold a photo's worth of bytes, where the system can, so that fewer switches between processes occur."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        for pipe in pipes:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


class _Lane:
    """Workers with the same terms."""

    def __init__(self, number: int, terms: _Terms) -> None:
        self._terms = terms
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all: set[_Worker] = set()
        self._ended = False
        self._lock = threading.Lock()  # no worker starts after `end`
        for _ in range(number):
            worker = _Worker(terms)
            self._all.add(worker)
            self._idle.put(worker)

    def _running(self, worker: _Worker) -> _Worker:
        """Return a worker, or another one if it has ended.

        Raises:
            OSError: The system has no room for another process.
        """
        with self._lock:
            if self._ended or not worker.ended:
                return worker
            worker.end()
            replacement = _Worker(self._terms)
            self._all = self._all - {worker} | {replacement}
            return replacement

    def run(self, function: Callable[..., R], arguments: tuple[Any, ...]) -> R:
        worker = self._idle.get()
        try:
            try:
                worker = self._running(worker)  # it may have been killed while it had nothing to do
            except OSError as error:
                raise ImageError("image-crashed") from error
            return worker.run(function, arguments)
        finally:
            with suppress(OSError):  # the next photo tries again
                worker = self._running(worker)
            self._idle.put(worker)

    def end(self) -> None:
        with self._lock:
            self._ended = True
        for worker in self._all:
            worker.end()


class _Workers:
    """The workers for light and for heavy photos."""

    def __init__(self, light_seconds: int, heavy_seconds: int) -> None:
        self._light = _Lane(min(available_cpus(), _LIGHT_WORKERS), _Terms(HEAVY, light_seconds))
        self._heavy = _Lane(1, _Terms(STRANGERS, heavy_seconds, _NICENESS))
        self._places = threading.Semaphore(HEAVY_PLACES)

    def run(self, function: Callable[..., R], arguments: tuple[Any, ...]) -> R:
        try:
            return self._light.run(function, arguments)
        except ImageError as error:
            if error.kind not in TOO_HEAVY:
                raise
        if not self._places.acquire(blocking=False):
            raise ImageError("image-busy")
        try:
            return self._heavy.run(function, arguments)
        finally:
            self._places.release()

    def end(self) -> None:
        self._light.end()
        self._heavy.end()


_workers: _Workers | None = None


@contextmanager
def decode_in_workers(
    light_seconds: int = _LIGHT_SECONDS, heavy_seconds: int = _HEAVY_SECONDS
) -> Iterator[None]:
    """Decode all photos of this process in worker processes until the block ends, with the limits for strangers.

    Args:
        light_seconds: Time limit for a light photo.
        heavy_seconds: Time limit for a heavy photo, once its turn has come.
    """
    global _workers
    _workers = started = _Workers(light_seconds, heavy_seconds)
    try:
        yield
    finally:
        _workers = None
        started.end()


def in_worker(function: Callable[..., R], *arguments: Any) -> R:
    """Run a function that reads an untrusted photo: in a worker process within `decode_in_workers`, otherwise here.

    Args:
        function: A function of a module.
        arguments: Its arguments.

    Raises:
        ImageError: The worker crashed, took too much memory or too long, or too many heavy photos are waiting.
        Exception: What the function raises.
    """
    return function(*arguments) if _workers is None else _workers.run(function, arguments)


def work() -> None:
    """Run the functions that the parent process sends, until it closes the pipe or ends, even if it is killed."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("r+b") as nothing:  # what a decoder prints must not reach the pipe
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    from dalip.photos.formats.plugins import use_one_thread

    terms: _Terms = pickle.load(requests)
    ignore_pillow_warnings()
    use_one_thread()
    set_limits(terms.limits)
    _restrict(terms)
    pickle.dump(True, answers)
    answers.flush()
    with suppress(EOFError, OSError):
        while True:
            function, arguments = pickle.load(requests)
            if hasattr(signal, "alarm"):  # ends a worker that hangs after its parent was killed
                signal.alarm(terms.seconds + 10)
            try:
                result = function(*arguments)
                answer: tuple[bool, Any] = (
                    True,
                    _Pixels.of(result) if isinstance(result, Image.Image) else result,
                )
            except MemoryError:
                answer = False, ImageError("image-memory")
            except DalipError as error:
                answer = False, error.with_traceback(None)
            except Exception as error:
                answer = False, error
            if hasattr(signal, "alarm"):
                signal.alarm(0)
            pickle.dump(answer, answers)
            answers.flush()
            function = arguments = result = answer = None  # type: ignore[assignment]


def _restrict(terms: _Terms) -> None:
    """Limit the address space and the priority of this process, where the system can."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        os.nice(terms.niceness)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + terms.limits.memory + _LEEWAY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
