"""Open files that may be photos, without ever waiting for a pipe, a socket or a device."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from dalip.errors import ImageError
from dalip.files import printable

__all__ = ["open_file"]

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


def open_file(path: Path | str) -> BinaryIO:
    """Open a regular file for reading; a link to one counts as that file.

    The kind is checked before the file is opened, because opening a device may have effects, and again afterwards,
    because another process may have replaced the file in between.

    Raises:
        ImageError: It is missing, is not a regular file, or cannot be opened.
    """
    name = printable(path)
    try:
        _require_regular(Path(path).stat(), name)
        handle = os.open(path, _FLAGS)
        try:
            _require_regular(os.fstat(handle), name)
            return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("image-missing", source=name) from None
    except (OSError, ValueError) as error:  # a name that is too long or contains a null byte
        cause = getattr(error, "strerror", None) or error
        raise ImageError("image-not-opened", source=name, cause=cause) from error


def _require_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("image-folder", source=name)
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("image-pipe", source=name)
