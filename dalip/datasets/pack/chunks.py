"""Prepare photos in parallel processes, in parts on disk, so that an interrupted run can resume."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.pack.prepare_photo import HASH_BYTES, THUMB_SIDE, PhotoSettings, prepare
from dalip.datasets.record import Record, key_hash
from dalip.errors import DalipError, DataError
from dalip.files import atomic_write
from dalip.quiet import ignore_pillow_warnings

__all__ = ["PreparedPart", "error_of", "identity", "prepare_all", "stamp_of"]

_PHOTOS_A_PART = 32
"""Upper limit of the average. An interrupted run repeats at most one part per process; 50 photos keep two busy."""

_FORMAT = 3
"""Version of the format of parts and of how photos are decoded; changing it invalidates the parts on disk."""


@dataclass(frozen=True)
class PreparedPart:
    """Prepared photos in one file: a line of JSON, hashes and thumbnails, then the photos one after the other."""

    path: Path
    facts: tuple[Mapping[str, Any], ...]
    """Facts about each photo, in order: `error` and its `facts`; or `sha256`, `pixels`, `area`, and the `start` and
    `size` of its bytes in the file."""
    codes_at: int
    """Offset of the hashes in the file: first those of the photos, then of the mirror images, then the thumbnails."""

    @classmethod
    def read(cls, path: Path) -> "PreparedPart | None":
        """Read the facts in a part, but not the photos; `None` if it is missing or truncated."""
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline())
                at = file.tell()
            return cls(path, tuple(head["facts"]), at) if path.stat().st_size == head["bytes"] + at else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def codes(self) -> NDArray[np.uint8]:
        """Return the hashes, and those of the mirror images: 2 x photos x `HASH_BYTES`."""
        number = len(self.facts)
        return self._array(self.codes_at, (2, number, HASH_BYTES))

    def thumbs(self) -> NDArray[np.uint8]:
        """Return the thumbnails: photos x `THUMB_SIDE` x `THUMB_SIDE`."""
        number = len(self.facts)
        return self._array(self.codes_at + 2 * number * HASH_BYTES, (number, THUMB_SIDE, THUMB_SIDE))

    def photo(self, number: int) -> bytes:
        """Read one photo."""
        fact = self.facts[number]
        with self.path.open("rb") as file:
            file.seek(fact["start"] + self.codes_at)
            return file.read(fact["size"])

    def _array(self, start: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        with self.path.open("rb") as file:
            file.seek(start)
            return np.frombuffer(file.read(int(np.prod(shape))), np.uint8).reshape(shape)


def identity(value: object) -> str:
    """Return a name for a JSON value that changes when the value does."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:40]


def prepare_all(
    records: Sequence[Record],
    folder: Path,
    settings: PhotoSettings,
    *,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[PreparedPart, list[Record]]]:
    """Prepare all photos, except those that an earlier run left in `folder`, and then yield them in order.

    Args:
        records: In any order.
        folder: Where the parts are stored; created if missing. Parts with the same photos and settings are reused.
        settings: How photos are prepared.
        workers: Number of processes.
        progress: Called with the number of photos that are ready and the total, first with those of an earlier run.

    Yields:
        The parts, ordered by the `key_hash` of their keys, with their records.

    Raises:
        DataError: A worker process was killed, or a part has disappeared.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / _name(part, settings): part for part in _parted(records)}
    missing = {path: part for path, part in wanted.items() if PreparedPart.read(path) is None}
    done = len(records) - sum(map(len, missing.values()))
    progress(done, len(records))
    for path in _prepare(missing, settings, workers):
        done += len(missing[path])
        progress(done, len(records))
    for path, part in wanted.items():
        found = PreparedPart.read(path)
        if found is None:
            raise DataError("pack-part-gone", source=path)
        yield found, part


def _parted(records: Sequence[Record]) -> list[list[Record]]:
    """Split records into parts by the first bits of `key_hash`, so that a new record changes one part, not all."""
    parts = 1
    while len(records) > parts * _PHOTOS_A_PART:
        parts *= 2
    found: dict[int, list[Record]] = {}
    for order, record in sorted(((key_hash(r.key), r) for r in records), key=lambda pair: pair[0]):
        found.setdefault(int(order[:8], 16) * parts >> 32, []).append(record)
    return list(found.values())


def _name(part: Sequence[Record], settings: PhotoSettings) -> str:
    """Name a part by its inputs, so that a photo that has changed is read again."""
    photos = [[record.key, stamp_of(record), record.where] for record in part]
    return identity([_FORMAT, asdict(settings), photos]) + ".part"


def stamp_of(record: Record) -> object:
    """Return a value that changes when the photo of a record does."""
    try:
        return record.location.stamp
    except OSError as error:
        return str(error)


def error_of(fact: Mapping[str, Any]) -> DataError | None:
    """Return the error of a photo in a part, given its facts; `None` if it could be read."""
    return DataError(fact["error"], **fact["facts"]) if "error" in fact else None


def _prepare(parts: Mapping[Path, Sequence[Record]], settings: PhotoSettings, workers: int) -> Iterator[Path]:
    """Write parts, and yield the path of each when it is written."""
    if min(workers, len(parts)) <= 1:  # starting processes takes longer than one part
        for path, part in parts.items():
            yield _write(path, part, settings)
        return
    waiting = iter(parts.items())
    context = get_context("spawn")  # fresh processes, because forks of a process with threads may hang
    crew: dict[Connection, SpawnProcess] = {}
    try:
        for _ in range(min(workers, len(parts))):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_work, args=(theirs, settings), daemon=True)
            worker.start()
            theirs.close()  # only the worker keeps it open, so that each end notices when the other is gone
            crew[ours] = worker
            ours.send(next(waiting))
        busy = set(crew)
        while busy:
            for ours in [ours for ours in wait(list(busy)) if isinstance(ours, Connection)]:
                yield _finished(ours)
                if following := next(waiting, None):
                    ours.send(following)
                else:
                    busy.remove(ours)
    except (EOFError, ConnectionError) as error:
        raise DataError("pack-worker-ended") from error
    finally:
        for ours in crew:
            ours.close()
        for worker in crew.values():
            worker.join()


def _finished(connection: Connection) -> Path:
    """Receive a worker's result: the path of the part that it wrote, or the exception that prevented it."""
    result: Path | Exception = connection.recv()
    if isinstance(result, Exception):
        raise result
    return result


def _work(connection: Connection, settings: PhotoSettings) -> None:
    """Write parts for the parent process, until it closes its end of the pipe or dies, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    ignore_pillow_warnings()
    with suppress(EOFError, ConnectionError):
        while True:
            path, part = connection.recv()
            try:
                result: Path | Exception = _write(path, part, settings)
            except Exception as error:
                result = error
            connection.send(result)


def _write(path: Path, part: Sequence[Record], settings: PhotoSettings) -> Path:
    """Prepare the photos of a part, and write it atomically."""
    facts: list[dict[str, Any]] = []
    codes = np.zeros((2, len(part), HASH_BYTES), np.uint8)
    thumbs = np.zeros((len(part), THUMB_SIDE, THUMB_SIDE), np.uint8)
    photos = []
    start = codes.nbytes + thumbs.nbytes
    for number, record in enumerate(part):
        try:
            photo = prepare(record.location, settings)
        except DalipError as error:
            facts.append({"error": error.kind, "facts": dict(error.facts)})
            continue
        codes[0, number], codes[1, number], thumbs[number] = photo.appearance
        size = len(photo.content)
        facts.append(
            {
                "sha256": photo.sha256,
                "pixels": photo.pixels,
                "area": photo.area,
                "start": start,
                "size": size,
            }
        )
        photos.append(photo.content)
        start += size
    # A process left over from a killed run may write the same part at the same time; both write the same content.
    with atomic_write(path, durable=True, rivals=True) as draft, draft.open("wb") as file:
        file.write(json.dumps({"bytes": start, "facts": facts}, default=str).encode() + b"\n")
        file.writelines([codes.tobytes(), thumbs.tobytes(), *photos])
    return path
