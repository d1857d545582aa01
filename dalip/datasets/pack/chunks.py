"""Prepare photos in parallel processes, in parts on disk, so that a killed run resumes."""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.pack.shrink import HASH_BYTES, THUMB_SIDE, PhotoSettings, prepare
from dalip.datasets.photo_location import Item, WebPhoto
from dalip.datasets.record import key_hash
from dalip.errors import DataError
from dalip.quiet import ignore_pillow_warnings

__all__ = ["Part", "identity", "prepare_all", "stamp_of"]

_PHOTOS_A_PART = 32
"""At most, on average; what a killed run does again is at most a part for each process, and 50 photos keep two busy."""

_FORMAT = 1
"""Of parts; another number makes those on disk count for nothing."""

_THUMB_BYTES = THUMB_SIDE**2


@dataclass(frozen=True)
class Part:
    """Prepared photos in one file: a line of JSON, hashes and thumbnails, then the photos one after the other."""

    path: Path
    facts: tuple[Mapping[str, Any], ...]
    """Of each photo in order: `error`, or `sha256`, `pixels`, `area`, `start` and `size` of its bytes in the file."""
    codes_at: int
    """Where the hashes begin in the file: first all, then all mirrored, then the thumbnails."""

    @classmethod
    def read(cls, path: Path) -> "Part | None":
        """Read what a part says of its photos, not the photos; `None` where it is missing or cut short."""
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline())
                at = file.tell()
            return cls(path, tuple(head["facts"]), at) if path.stat().st_size == head["bytes"] + at else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def codes(self) -> NDArray[np.uint8]:
        """Give the hashes, and those of the mirror images: 2 x photos x `HASH_BYTES`."""
        number = len(self.facts)
        return self._array(self.codes_at, (2, number, HASH_BYTES))

    def thumbs(self) -> NDArray[np.uint8]:
        """Give the thumbnails: photos x `THUMB_SIDE` x `THUMB_SIDE`."""
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
    """Give a name for a value of JSON that changes when the value does."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:40]


def prepare_all(
    items: Sequence[Item],
    folder: Path,
    settings: PhotoSettings,
    *,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[Part, list[Item]]]:
    """Prepare all photos, except those that an earlier run has left in `folder`, and then give them in order.

    Args:
        items: In any order.
        folder: Where the parts lie; made if need be. Parts of the same photos and settings are used again.
        settings: What photos become.
        workers: Processes.
        progress: Is told how many of how many photos are ready, first of those that an earlier run has left.

    Returns:
        The parts, ordered by `key_hash` their keys, with their items.

    Raises:
        DataError: A process was ended from outside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / _name(part, settings): part for part in _parted(items)}
    missing = {path: part for path, part in wanted.items() if Part.read(path) is None}
    done = len(items) - sum(map(len, missing.values()))
    progress(done, len(items))
    for path in _prepare(missing, settings, workers):
        done += len(missing[path])
        progress(done, len(items))
    for path, part in wanted.items():
        found = Part.read(path)
        if found is None:
            raise DataError(f"{path}: has gone while it was needed; run it again")
        yield found, part


def _parted(items: Sequence[Item]) -> list[list[Item]]:
    """Part items by the first bits of `key_hash` their key: one more item changes one part, not all that follow."""
    parts = 1
    while len(items) > parts * _PHOTOS_A_PART:
        parts *= 2
    found: dict[int, list[Item]] = {}
    for order, item in sorted(((key_hash(item.key), item) for item in items), key=lambda pair: pair[0]):
        found.setdefault(int(order[:8], 16) * parts >> 32, []).append(item)
    return list(found.values())


def _name(part: Sequence[Item], settings: PhotoSettings) -> str:
    """Name a part by what goes into it, so that a photo that has changed is read again."""
    photos = [[item.key, stamp_of(item), item.where] for item in part]
    return identity([_FORMAT, asdict(settings), photos]) + ".part"


def stamp_of(item: Item) -> object:
    """Give what changes when the photo of an item does."""
    try:
        return item.place.url if isinstance(item.place, WebPhoto) else item.place.stamp
    except OSError as error:
        return str(error)


def _prepare(parts: Mapping[Path, Sequence[Item]], settings: PhotoSettings, workers: int) -> Iterator[Path]:
    """Write parts, giving each path when its part is there."""
    if min(workers, len(parts)) <= 1:  # starting processes takes longer than one part
        for path, part in parts.items():
            yield _write(path, part, settings)
        return
    # Fresh processes: copies of one that has threads may hang.
    pool = ProcessPoolExecutor(min(workers, len(parts)), get_context("spawn"), initializer=_start_worker)
    waiting = iter(parts.items())
    running: set[Future[Path]] = set()
    try:
        while True:
            # Few at a time: all items at once would wait in memory a second time.
            for path, part in islice(waiting, 2 * workers - len(running)):
                running.add(pool.submit(_write, path, part, settings))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a process that read photos was ended, for want of memory perhaps; run it again with fewer --workers, and "
            "it goes on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the process that started this one, and end when it does, even if it was killed."""
    ignore_pillow_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def leave() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


def _write(path: Path, part: Sequence[Item], settings: PhotoSettings) -> Path:
    """Prepare the photos of a part and write it, whole or not at all."""
    facts: list[dict[str, Any]] = []
    codes = np.zeros((2, len(part), HASH_BYTES), np.uint8)
    thumbs = np.zeros((len(part), THUMB_SIDE, THUMB_SIDE), np.uint8)
    photos = []
    start = codes.nbytes + thumbs.nbytes
    for number, item in enumerate(part):
        try:
            photo = prepare(item, settings)
        except DataError as error:
            facts.append({"error": str(error)})
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
    # Two processes, one of them left by a run that was killed, may write the same part; both write the same.
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with draft.open("wb") as file:
        file.write(json.dumps({"bytes": start, "facts": facts}).encode() + b"\n")
        file.writelines([codes.tobytes(), thumbs.tobytes(), *photos])
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path
