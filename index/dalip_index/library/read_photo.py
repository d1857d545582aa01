"""Read photo files for the library, so that hash, vector, date and thumbnail belong to the same bytes.

A file may be replaced or changed at any moment. So its bytes are read into memory, and everything is derived from them;
a file whose hash is no longer the expected one is read again.
"""

import hashlib
import os
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from PIL import Image

from dalip.errors import ImageError
from dalip.files import printable
from dalip.photos import PhotoDetails, caution_about, encode, open_file, open_image, read_details, shrink
from dalip_index.library.library_files import FoundFile, stamp_of

__all__ = ["PhotoReader", "changing", "hash_file", "read_dated"]

_LARGEST = 1_000_000_000  # bytes; larger files are not read
_LARGE = 100_000_000  # bytes; files that are larger are read one at a time
_ATTEMPTS = 3  # to hash a file that changes
_THUMBNAIL, _QUALITY = 320, 75  # long side in pixels, and JPEG quality: about 12 KB per photo

_one_large_file_at_a_time = threading.Lock()


def hash_file(photo: FoundFile) -> FoundFile:
    """Return a file with its hash, and with the size and time that it had then; or with the error if that fails."""
    try:
        for _ in range(_ATTEMPTS):
            with open_file(photo.path) as file:
                before = os.fstat(file.fileno())
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
                after = os.fstat(file.fileno())
            if stamp_of(before) == stamp_of(after):
                size, mtime_ns = stamp_of(after)
                return replace(photo, size=size, mtime_ns=mtime_ns, sha256=sha256)
    except ImageError as error:
        return replace(photo, error=error)
    except OSError as error:
        return replace(photo, error=_not_read(photo.path, error))
    return replace(photo, error=changing(photo.path))


def changing(path: str) -> ImageError:
    """Return the error for a file that changes whenever it is read."""
    return ImageError("file-changing", source=printable(path))


@dataclass
class PhotoReader:
    """Opens a photo when the encoder requests it, and keeps its date and thumbnail."""

    path: str
    side: int
    """Side of the encoder's input, in pixels."""
    sha256: str = ""
    """Hash of the bytes that were read; empty until then, or if they could not be read."""
    details: PhotoDetails = field(default_factory=PhotoDetails)
    thumbnail: bytes = b""

    def __call__(self) -> Image.Image:
        """Return the photo, reduced to what the encoder needs.

        Raises:
            ImageError: It cannot be read.
        """
        try:
            with open_file(self.path) as file:
                size = os.fstat(file.fileno()).st_size
                if size > _LARGEST:
                    raise ImageError("photo-file-too-large", million=_LARGEST // 10**6)
                with _one_large_file_at_a_time if size > _LARGE else nullcontext():
                    return self._use(file.read(_LARGEST))
        except OSError as error:
            raise _not_read(self.path, error) from error
        except ImageError as error:
            raise (error if error.source else error.about(printable(self.path))) from error

    def _use(self, content: bytes) -> Image.Image:
        self.sha256 = hashlib.sha256(content).hexdigest()
        image = open_image(content, target=max(self.side, _THUMBNAIL // 2))
        if min(image.size) < self.side and (caution := caution_about(content)):
            raise caution
        self.details = read_details(content)
        self.thumbnail = encode(shrink(image, long_side=_THUMBNAIL), "JPEG", _QUALITY)
        return image


def read_dated(photo: FoundFile) -> PhotoDetails | None:
    """Return when the photo in a file was taken; `None` if the file no longer has its content."""
    try:
        with open_file(photo.path) as file:
            content = file.read(_LARGEST)
    except (ImageError, OSError):
        return None
    return read_details(content) if hashlib.sha256(content).hexdigest() == photo.sha256 else None


def _not_read(path: str, error: OSError) -> ImageError:
    return ImageError("file-not-read", source=printable(path), cause=error.strerror)
