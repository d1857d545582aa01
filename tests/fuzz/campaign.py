"""Run a campaign: cases in child processes, so that a crash, a hang or a leak is seen and blamed on its case."""

import os
import random
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dalip.errors import DalipError
from tests.fuzz.cases import MEGABYTE, Case, Kind

__all__ = ["BATCH", "SLOW", "STOPPING", "Failure", "Tally", "case_of", "replay", "run", "seconds_of"]

BATCH = 50
"""Cases in one child process."""

SLOW = 10.0
"""Seconds that a case may take, without waits for a processor; it is stopped after twice as long."""

STOPPING = threading.Event()
"""Set by a signal to end the campaign; an exception could get lost, such as in a destructor."""

_MAKING = 300.0  # seconds to make the cases of a batch
_GUARD = 8_000 * MEGABYTE  # address space that a child may add, so that a leak does not stop this computer
_END = "\x1e"


@dataclass(frozen=True)
class Failure:
    """A case that failed."""

    kind: str
    seed: int
    number: int
    how: str
    """`crash`, `traceback`, `slow` or `memory`."""
    about: str
    """The signal, the last line of the traceback with its place, the seconds or the megabytes."""


@dataclass
class Tally:
    """The results of one kind."""

    kind: Kind
    cases: int = 0
    refused: int = 0
    """Cases that were refused with a `DalipError`."""
    seconds: float = 0.0
    slowest: float = 0.0
    peak: int = 0
    """Most megabytes that one case took on top of its process."""
    stopped: bool = False
    """Whether Ctrl-C or SIGTERM ended it early."""
    failures: list[Failure] = field(default_factory=list)

    def count(self, how: str) -> int:
        """Return the number of failures of one sort."""
        return sum(failure.how == how for failure in self.failures)


@dataclass
class _Child:
    """A child process that works through cases."""

    kind: Kind
    seed: int
    numbers: Sequence[int]
    pid: int
    told: int
    folder: Path
    made: bool = False
    """Whether its cases are made."""
    done: int = 0
    since: float = 0.0
    """When its case began, on the clock of `seconds_of`."""
    buffer: str = ""


def case_of(kind: Kind, seed: int, number: int) -> Case:
    """Make a case again from its seed and number."""
    return kind.make(random.Random(f"{kind.name} {seed} {number}"))


def run(kind: Kind, numbers: Iterator[Sequence[int]], seed: int, jobs: int, keep: Path | None) -> Tally:
    """Run cases of one kind in child processes.

    Args:
        kind: The kind.
        numbers: Numbers of the cases, in batches; ends when the time is over.
        seed: With the numbers, it determines the cases.
        jobs: Child processes at the same time.
        keep: Folder for the cases that fail; `None` to keep none.
    """
    kind.make(random.Random(0))  # what all cases share is made once, before the first fork
    tally, children, started = Tally(kind), list[_Child](), time.monotonic()
    try:
        _run_batches(tally, children, numbers, seed, jobs)
    finally:
        for child in children:
            _end(child)
    tally.stopped = STOPPING.is_set()
    tally.seconds = time.monotonic() - started
    if keep:
        for failure in tally.failures:
            keep.mkdir(parents=True, exist_ok=True)
            path = keep / f"{kind.name}-{seed}-{failure.number}.zip"
            case_of(kind, seed, failure.number).save(path)
    return tally


def _run_batches(
    tally: Tally, children: list[_Child], numbers: Iterator[Sequence[int]], seed: int, jobs: int
) -> None:
    """Run cases in children, and keep the list of those that are running."""
    left: list[Sequence[int]] = []
    while not STOPPING.is_set():
        while len(children) < jobs and (batch := left.pop() if left else next(numbers, None)):
            children.append(_start(tally.kind, seed, batch))
        if not children:
            break
        ready, _, _ = select.select([child.told for child in children], [], [], 0.5)
        for child in tuple(children):
            ended = child.told in ready and not _listen(child, tally)
            hung = seconds_of(child.pid) - child.since > (2 * SLOW if child.made else _MAKING)
            if hung and not child.made:  # another attempt would hang too
                raise RuntimeError(f"the cases of a batch were not made within {_MAKING:.0f} s")
            if ended or hung:
                children.remove(child)
                _blame(child, _end(child, kill=hung), tally, hung=hung)
                if child.done < len(child.numbers):
                    left.append(child.numbers[child.done :])


def replay(path: Path, kinds: Sequence[Kind]) -> None:
    """Use a case that was kept, in this process; an error is raised."""
    (kind,) = [kind for kind in kinds if kind.name == path.name.partition("-")[0]]
    with tempfile.TemporaryDirectory() as folder:
        kind.use(Case.load(path).lay_out(Path(folder)))


def _start(kind: Kind, seed: int, numbers: Sequence[int]) -> _Child:
    told, tell = os.pipe()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="dalip-fuzz-", dir=memory if memory.is_dir() else None))
    pid = os.fork()
    if not pid:
        os.close(told)
        status = 1
        try:
            _work(kind, seed, numbers, folder, tell)
            status = 0
        finally:
            os._exit(status)
    os.close(tell)
    return _Child(kind, seed, numbers, pid, told, folder, since=seconds_of(pid))


def _work(kind: Kind, seed: int, numbers: Sequence[int], folder: Path, tell: int) -> None:
    """Work through cases in a child process, and report each one as a line."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # may reach all processes; the campaign ends its children
        signal.signal(ignored, signal.SIG_IGN)
    limit = _address_space() + _GUARD
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    tempfile.tempdir = str(folder)
    maker = os.fork()  # what it takes to make a case must not count as memory that its use needs
    if not maker:
        for number in numbers:
            path = case_of(kind, seed, number).lay_out(folder / str(number))
            (folder / f"{number}.path").write_text(str(path))
        os._exit(0)
    if os.waitpid(maker, 0)[1]:
        raise RuntimeError("a case could not be made")
    os.write(tell, _END.encode())
    for number in numbers:
        place, path = folder / str(number), Path((folder / f"{number}.path").read_text())
        _forget_peak()
        base, started, how, about = _peak(), seconds_of(os.getpid()), "used", ""
        try:
            kind.use(path)
        except DalipError:
            how = "refused"
        except BaseException as error:
            how, about = "traceback", _where(error)
        seconds, peak = seconds_of(os.getpid()) - started, _peak()
        line = f"{number}\t{how}\t{seconds:.3f}\t{(peak - base) // 1000}\t{about}{_END}"
        shutil.rmtree(place, ignore_errors=True)
        os.write(tell, line.encode("utf-8", "replace"))
        if (peak - base) // 1000 > kind.memory // 4:  # a peak hides smaller ones that follow
            return


def seconds_of(process: int) -> float:
    """Return the time on a clock that stands still while a process waits for a processor, in seconds.

    So a case is not slow because other processes use the computer. Only Linux tells how long a process waited.
    """
    waited = 0
    with suppress(OSError):  # it has ended, or the system does not tell
        waited = int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    return time.monotonic() - waited / 1e9


def _address_space() -> int:
    """Return the address space that this process uses, in bytes; 0 where the system does not tell."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


def _forget_peak() -> None:
    """Let `_peak` count from now on; a process that was forked begins with what its parent used, and may free that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the most memory that this process has used, in kilobytes; on Linux since `_forget_peak`."""
    with suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text()):
            return int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def _where(error: BaseException) -> str:
    """Return an error on one line, with the innermost place in the code of DALIP."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/dalip" in f.filename or "/fuzz" in f.filename
    ]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{place}: {type(error).__name__}: {' '.join(str(error).split())[:150]}"


def _listen(child: _Child, tally: Tally) -> bool:
    """Read what a child tells; return false if it has ended."""
    content = os.read(child.told, 1 << 16)
    *lines, child.buffer = (child.buffer + content.decode("utf-8", "replace")).split(_END)
    for line in lines:
        child.since = seconds_of(child.pid)
        if not line:
            child.made = True
            continue
        number, how, seconds, memory, about = line.split("\t", 4)
        child.done += 1
        tally.cases += 1
        tally.refused += how == "refused"
        tally.slowest = max(tally.slowest, float(seconds))
        tally.peak = max(tally.peak, int(memory))
        found = [("traceback", about)] if how == "traceback" else []
        if float(seconds) > SLOW:
            found.append(("slow", f"{float(seconds):.1f} s"))
        if int(memory) > child.kind.memory:
            found.append(("memory", f"{memory} MB"))
        tally.failures += [Failure(child.kind.name, child.seed, int(number), *failure) for failure in found]
    return bool(content)


def _end(child: _Child, *, kill: bool = True) -> int:
    """Wait for the end of a child, remove its files and return its exit status."""
    if kill:
        os.kill(child.pid, signal.SIGKILL)
    _, status = os.waitpid(child.pid, 0)
    os.close(child.told)
    shutil.rmtree(child.folder, ignore_errors=True)
    return os.waitstatus_to_exitcode(status)


def _blame(child: _Child, code: int, tally: Tally, *, hung: bool) -> None:
    """Blame the end of a child on the case in progress, if it did not finish."""
    if child.done < len(child.numbers) and (hung or code):
        how, about = ("slow", f"> {2 * SLOW:.0f} s") if hung else ("crash", f"exit status {code}")
        number = child.numbers[child.done]
        tally.failures.append(Failure(child.kind.name, child.seed, number, how, about))
        tally.cases += 1
        child.done += 1
