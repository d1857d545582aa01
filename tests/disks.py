"""Small disks for tests: real file systems that can be full or read-only."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["fill", "make_read_only", "small_disk"]


@contextmanager
def small_disk(place: Path, megabytes: int = 4) -> Iterator[Path]:
    """Mount an empty disk; skip the test where that is not permitted.

    Args:
        place: Where to mount it.
        megabytes: Its size.
    """
    if sys.platform != "linux":
        pytest.skip("needs tmpfs, a file system of Linux")
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command mount")
    if done.returncode:
        pytest.skip(f"needs permission to mount a disk: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def make_read_only(disk: Path) -> None:
    """Mount a disk again, read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte, and return the file that does it."""
    filler = disk / "filler"
    with filler.open("wb", 0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return filler
