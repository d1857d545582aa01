"""A photo that a flora keeps: a small copy, so that another encoder can look at it, in a shard of such copies."""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.datasets import Record, read_records
from dalip.errors import DalipError, FloraError
from dalip.photos import PhotoSource, encode, is_plain_webp, open_image, shrink
from dalip.taxonomy import Taxon
from dalip_index.store.manifest import FileStamp
from dalip_index.store.versions import SHARED

__all__ = ["KEPT_SIDE", "TAUGHT", "GivenPhoto", "Halves", "KeptPhoto", "Pack", "kept_copy", "kept_photos"]

KEPT_SIDE = 320
"""Short side in pixels of the copies that are kept; today's encoder sees 256."""

TAUGHT = ("new plant", "more photos")
"""What stands in the field `taught` of a photo by which a flora was taught later: was the plant new to it?"""

_QUALITY = 90  # of WebP, in percent: vectors of copies have a cosine of about 0.98 to those of the photos
_LONGEST = 16_383  # pixels, the most that WebP can have

Halves = NDArray[np.float16]
"""Vectors as they are kept: float16 of shape (photos, E + A)."""


@dataclass(frozen=True)
class KeptPhoto(Record):
    """A photo that a flora keeps: the copy, under the key and with the fields of the photo that it was made from."""

    digest: str = ""
    """SHA-256 of the file that the copy was made from, which tells one photo from another."""

    def to_json(self) -> bytes:
        """Write down what stands beside the copy."""
        content = {**self.fields, "key": self.key}
        return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")

    def described_by(self, record: Record) -> "KeptPhoto":
        """Give the same copy under the key and with the fields of a record, as it will be kept."""
        if isinstance(record, KeptPhoto):
            return replace(self, key=record.key, fields=record.fields)
        # Who reads a pack as a shard finds each photo in the split that its own key put it in.
        fields = {"splitGroup": record.key, **record.fields}
        fields.pop("key", None)
        return replace(self, key=record.key, fields=json.loads(json.dumps(fields, default=str)))


@dataclass(frozen=True)
class GivenPhoto(Record):
    """A photo that comes from elsewhere than a shard, table or folder."""

    photo: PhotoSource = b""
    """A path, the bytes of an image file, an image, or a function that gives one of these."""

    @classmethod
    def of(cls, number: int, source: PhotoSource, taxon: Taxon, taught: str) -> "GivenPhoto":
        """Make a record of a photo that teaches a taxon.

        Args:
            number: What it is called by, where it has no path.
            source: Where it is.
            taxon: What it shows.
            taught: One of `TAUGHT`.
        """
        path = Path(source) if isinstance(source, str | Path) else Path(f"image {number}")
        key = str(path).encode("utf-8", "backslashreplace").decode()  # a file may be called anything
        if isinstance(source, bytes):
            key = hashlib.sha256(source).hexdigest()
        return cls(
            key, path, fields={**taxon.to_darwin_core(), "references": "", "taught": taught}, photo=source
        )

    def read_bytes(self) -> bytes:
        """Read the encoded image.

        Raises:
            DataError: It is a file that cannot be read.
        """
        found = self.photo() if callable(self.photo) else self.photo
        if isinstance(found, Image.Image):
            buffer = io.BytesIO()
            found.save(buffer, "PNG")
            return buffer.getvalue()
        return found if isinstance(found, bytes) else Record(self.key, Path(found)).read_bytes()


def kept_copy(content: bytes, side: int) -> bytes:
    """Make the copy of a photo that a flora keeps: upright, WebP, without EXIF, never larger than it was.

    A WebP that is small enough, and says nothing but its pixels, is kept as it is.

    Args:
        content: An image file.
        side: Short side in pixels.

    Raises:
        ImageError: It cannot be read.
    """
    image = open_image(content, target=side)
    if min(image.size) <= side and is_plain_webp(content):
        return content
    lanczos = Image.Resampling.LANCZOS
    small = shrink(image, short_side=side, long_side=_LONGEST, resample=lanczos, reducing_gap=None)
    return encode(small, "WEBP", _QUALITY, effort=2)


@dataclass(frozen=True)
class Pack:
    """One shard of copies."""

    path: Path

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.path.name

    @cached_property
    def photos(self) -> tuple[KeptPhoto, ...]:
        """What it holds, in its order.

        Raises:
            FloraError: It is damaged.
        """
        try:
            return tuple(_kept(record) for record in read_records(self.path))
        except DalipError as error:
            raise FloraError("pack-damaged", cause=error) from error

    def check(self) -> None:
        """Make sure that it holds what was written: what is copied from it gets a new hash, which would say so.

        Raises:
            FloraError: It does not.
        """
        if FileStamp.of(self.path).sha256[:16] != self.path.stem:
            raise FloraError("shared-file-changed", source=self.path)

    def vectors_path(self, fingerprint: str) -> Path:
        """Give the place of the vectors by the encoder with a fingerprint."""
        return self.path.with_name(f"{self.path.stem}.{fingerprint[:12]}.npy")

    def vectors(self, fingerprint: str) -> Halves | None:
        """Open the vectors by an encoder; `None` where it has not looked at this pack."""
        path = self.vectors_path(fingerprint)
        if not path.exists():
            return None
        try:
            found: Halves = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FloraError("flora-file-damaged", source=path, cause=error) from error
        return found


def _kept(record: Record) -> KeptPhoto:
    fields = dict(record.fields)
    key = str(fields.pop("key", record.key))
    return KeptPhoto(key, record.path, record.offset, record.size, fields, digest=record.key)


def kept_photos(root: Path, files: Iterable[str], order: Iterable[str]) -> list[KeptPhoto]:
    """Give what a version keeps.

    Args:
        root: The flora.
        files: What its manifest names of the files that versions share.
        order: Digests, as its catalogue lists them.

    Raises:
        FloraError: A pack is damaged, or a photo is missing.
    """
    packs = [Pack(root / SHARED / name) for name in files if name.endswith(".tar")]
    photos = {photo.digest: photo for pack in packs for photo in pack.photos}
    try:
        return [photos[digest] for digest in order]
    except KeyError as error:
        raise FloraError("kept-photo-missing", source=root / SHARED, photo=error.args[0][:12]) from None
