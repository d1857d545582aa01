"""Say why a file cannot be written: a full or read-only disk, missing permissions, or another process that uses it."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from dalip.errors import DalipError, first_line

__all__ = ["find_write_fault", "is_write_fault", "process_using", "write_fault"]

_PROBE = 4096  # bytes written to find the cause of an error that does not contain it
_WRITE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)  # only writing causes these
_DENIED = (errno.EACCES, errno.EPERM)


def is_write_fault(error: Exception) -> bool:
    """Return whether an error is about writing to a full or read-only disk, and not about reading."""
    return isinstance(error, OSError) and error.errno in _WRITE_FAULTS


def write_fault(path: Path, error: Exception) -> DalipError:
    """Find the reason why something could not be written, with the folder, its free space and the remedy.

    Args:
        path: The file or folder that was written; it need not exist.
        error: What was raised. The errors of SQLite, FAISS and torch do not contain the cause, so a small temporary
            file is written next to the path to find it.
    """
    if isinstance(error, OSError) and error.filename:
        named = Path(os.fsdecode(error.filename))
        path = path if named.suffix == ".draft" else named  # of `atomic_write`, which users do not know
    folder = _existing_folder(path)
    number = error.errno if isinstance(error, OSError) else _probe(folder)
    if not number and getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        number = errno.ENOSPC  # the probe is smaller than what was to be written
    if not number and not isinstance(error, OSError) and _has_size_limit():
        number = errno.EFBIG
    if number == errno.ENOSPC:
        return DalipError("disk-full", folder=folder, free=_free(folder) // 1_000_000)
    if number == errno.EDQUOT:
        return DalipError("disk-quota", folder=folder)
    if number == errno.EROFS:
        return DalipError("disk-read-only", folder=folder)
    if number in _DENIED:
        return DalipError("disk-denied", folder=folder)
    if number == errno.EFBIG:
        return DalipError("file-size-limit", folder=folder)
    cause = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
    return DalipError("write-failed", path=path, cause=cause)


def process_using(path: Path) -> int:
    """Return the ID of another process that has a file open, to say which one to wait for; 0 if unknown.

    Only Linux tells, and only about processes of the same user.
    """
    with suppress(OSError):
        target = path.stat()
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal() or int(process.name) == os.getpid():
                continue
            with suppress(OSError):  # it has ended, or belongs to another user
                for handle in (process / "fd").iterdir():
                    with suppress(OSError):
                        if os.path.samestat(handle.stat(), target):
                            return int(process.name)
    return 0


def _existing_folder(path: Path) -> Path:
    """Return the folder that contains a path, or the nearest one above it that exists."""
    path = path if path.is_absolute() else Path.cwd() / path
    return next((parent for parent in (path, *path.parents) if parent.is_dir()), path)


def find_write_fault(folder: Path) -> DalipError | None:
    """Write a small temporary file into a folder, and return why that is not possible, or `None` if it is.

    Args:
        folder: The folder. If it does not exist, the nearest one above it that exists is tried.
    """
    try:
        _try(_existing_folder(folder))
    except OSError as error:
        return write_fault(folder, error)
    return None


def _try(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_PROBE))
        file.flush()


def _probe(folder: Path) -> int:
    """Return the error number of writing a small file into a folder; 0 if that works."""
    try:
        _try(folder)
    except OSError as error:
        return error.errno or 0
    return 0


def _has_size_limit() -> bool:
    """Return whether this process may only write files up to a certain size (`ulimit -f`)."""
    with suppress(ImportError):  # Windows
        import resource

        return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return False


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
