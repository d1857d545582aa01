"""A case of the campaign, the kinds of cases, and mutations of bytes that know nothing of the format."""

import io
import random
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PHOTO_MEMORY", "Case", "Kind", "cut", "interesting", "mutated", "one_in"]

MEGABYTE = 1_000_000

PHOTO_MEMORY = 2000
"""Megabytes that a photo may take on one's own computer, as docs/limits.md says."""

_EDGES = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)


@dataclass(frozen=True)
class Case:
    """The files of one input; the first is the one that is read."""

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, name: str, content: bytes, **others: bytes) -> "Case":
        """Create a case of one file, with other files next to it."""
        return cls({name: content, **others})

    def save(self, path: Path) -> None:
        """Keep the case as a .zip file, in the order of its files."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name), content)

    @classmethod
    def load(cls, path: Path) -> "Case":
        """Read a case that was kept."""
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            return cls({info.filename: archive.read(info) for info in archive.infolist()})

    def lay_out(self, folder: Path) -> Path:
        """Write the files into a folder, created if needed, and return the path of the first."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / next(iter(self.files))


@dataclass(frozen=True)
class Kind:
    """One kind of input, and the public function that takes it."""

    name: str
    make: Callable[[random.Random], Case]
    """Makes a case; the same random numbers give the same case."""
    use: Callable[[Path], None]
    """Uses a case as the product does. Anything but a `DalipError` is a failure."""
    memory: int
    """Most megabytes that one case may take on top of the process: the limit in docs/limits.md if it has photos."""


def one_in(rng: random.Random, number: int) -> bool:
    """Return true once in `number` times."""
    return rng.randrange(number) == 0


def interesting(rng: random.Random, size: int, order: str = "big") -> bytes:
    """Return a whole number of `size` bytes at the edge of some type, or near it."""
    value = rng.choice(_EDGES) if rng.random() < 0.7 else rng.getrandbits(8 * size)
    value += rng.choice((-1, 0, 0, 0, 1))
    return (value % 256**size).to_bytes(size, order)  # type: ignore[arg-type]


def cut(rng: random.Random, content: bytes) -> tuple[int, int]:
    """Choose a part of some content: its start and its end, mostly short."""
    start = rng.randrange(len(content) + 1)
    length = rng.choice((1, 2, 4, 8, 16, 64, 1024, len(content)))
    return start, min(len(content), start + rng.randint(1, max(1, length)))


def mutated(rng: random.Random, content: bytes, times: int = 0) -> bytes:
    """Change bytes: flip, overwrite with numbers, delete, repeat, insert, truncate.

    Args:
        rng: Random numbers.
        content: What to change.
        times: Number of changes; 1 to 4 by default.
    """
    data = bytearray(content)
    for _ in range(times or rng.choice((1, 1, 2, 3, 4))):
        start, end = cut(rng, bytes(data))
        how = rng.randrange(8)
        if how == 0 and data:
            place = min(start, len(data) - 1)
            data[place] ^= 1 << rng.randrange(8)
        elif how in (1, 2):
            size = rng.choice((1, 2, 4, 8))
            data[start : start + size] = interesting(rng, size, rng.choice(("big", "little")))
        elif how == 3:
            del data[start:end]
        elif how == 4:
            data[start:start] = data[start:end] * rng.choice((1, 2, 50))
        elif how == 5:
            data[start:start] = rng.randbytes(rng.choice((1, 4, 100)))
        elif how == 6:
            data[start:end] = bytes(end - start)
        elif one_in(rng, 2):
            del data[start:]
        else:
            data[start:end] = struct.pack(">d", rng.choice((float("nan"), float("inf"), -1.0, 1e308)))
        if len(data) > 20 * MEGABYTE:
            del data[20 * MEGABYTE :]
    return bytes(data)
