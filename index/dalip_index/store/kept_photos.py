"""Photos that a flora keeps: small copies, so that another encoder can look at them, in shards of such copies."""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.datasets import FilePart, Record, Report
from dalip.datasets.photo_location import Location
from dalip.datasets.shards import ShardPhoto, read_shard
from dalip.errors import DalipError, FloraError
from dalip.files import as_utf8
from dalip.photos import PhotoSource, encode, is_plain_webp, open_image, shrink
from dalip.taxonomy import Taxon
from dalip_index.store.manifest import FileStamp
from dalip_index.store.versions import SHARED

__all__ = [
    "KEPT_SIDE",
    "TAUGHT",
    "Halves",
    "KeptCopy",
    "Pack",
    "digest_of",
    "kept_as",
    "kept_copy",
    "kept_fields",
    "kept_photos",
    "packs_of",
    "taught_record",
]

KEPT_SIDE = 320
"""Short side in pixels of the copies that are kept; today's encoder sees 256."""

TAUGHT = ("new plant", "more photos")
"""What stands in the field `taught` of a photo by which a flora was taught later: was the plant new to it?"""

_QUALITY = 90  # of WebP, in percent: vectors of copies have a cosine of about 0.98 to those of the photos
_LONGEST = 16_383  # pixels, the most that WebP can have

Halves = NDArray[np.float16]
"""Vectors as they are kept: float16 of shape (photos, E + A)."""


@dataclass(frozen=True)
class KeptCopy(FilePart):
    """Where a photo is that a flora keeps: the copy, in a shard of the flora."""

    digest: str = ""
    """SHA-256 of the file that the copy was made from, which tells one photo from another."""


def digest_of(record: Record) -> str:
    """Give the SHA-256 of the file that a photo's copy was made from; empty for a photo that no flora keeps."""
    return record.location.digest if isinstance(record.location, KeptCopy) else ""


def packs_of(records: Iterable[Record]) -> list[Path]:
    """Give the shards that hold the copies of photos, each once and sorted; photos that no flora keeps have none."""
    return sorted({record.location.path for record in records if isinstance(record.location, KeptCopy)})


def kept_as(copy: Record, record: Record) -> Record:
    """Give a copy under the key and with the fields of a record, as it will be kept."""
    if digest_of(record):
        return replace(copy, key=record.key, fields=record.fields)
    # When a pack is read as a shard, each photo is in the split that its own key put it in.
    fields = {"splitGroup": record.group, **record.fields}
    fields.pop("key", None)
    return replace(copy, key=record.key, fields=json.loads(json.dumps(fields, default=str)))


def kept_fields(record: Record) -> bytes:
    """Write down what is kept beside the copy of a photo."""
    content = {**record.fields, "key": record.key}
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class _Given:
    """A photo that was handed over: its bytes, an image, or a function that gives one of these or a path."""

    photo: PhotoSource
    name: str

    @property
    def stamp(self) -> tuple[Any, ...]:
        """Nothing but its name, for it cannot be looked at without being read."""
        return "given", self.name

    @property
    def origin(self) -> str:
        """Nothing is known of it."""
        return ""

    def named(self, key: str) -> str:
        """Give the name that it was handed over by."""
        return self.name

    def read(self) -> bytes:
        """Read the encoded photo; see `Location`."""
        found = self.photo() if callable(self.photo) else self.photo
        if isinstance(found, Image.Image):
            buffer = io.BytesIO()
            found.save(buffer, "PNG")
            return buffer.getvalue()
        return found if isinstance(found, bytes) else FilePart(Path(found)).read()


def taught_record(number: int, source: PhotoSource, taxon: Taxon, taught: str) -> Record:
    """Make a record of a photo that teaches a taxon.

    Args:
        number: What it is called by, where it has no path.
        source: The photo.
        taxon: What it shows.
        taught: One of `TAUGHT`.
    """
    location: Location
    if isinstance(source, str | Path):
        location, key = FilePart(Path(source)), str(source)
    else:
        key = f"image {number}"
        location = _Given(source, key)
    if isinstance(source, bytes):
        key = hashlib.sha256(source).hexdigest()
    return Record(as_utf8(key), location, {**taxon.to_darwin_core(), "references": "", "taught": taught})


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
    def photos(self) -> tuple[Record, ...]:
        """What it holds, in its order.

        Raises:
            FloraError: It is damaged.
        """
        try:
            return tuple(_kept(photo) for photo in read_shard(self.path, Report()))
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


def _kept(photo: ShardPhoto) -> Record:
    fields = dict(photo.fields)
    key, part = str(fields.pop("key", photo.key)), photo.location
    return Record(key, KeptCopy(part.path, part.offset, part.size, photo.key), fields)


def kept_photos(root: Path, files: Iterable[str], order: Iterable[str]) -> list[Record]:
    """Give what a version keeps.

    Args:
        root: The flora.
        files: What its manifest names of the files that versions share.
        order: Digests, as its catalogue lists them.

    Raises:
        FloraError: A pack is damaged, or a photo is missing.
    """
    packs = [Pack(root / SHARED / name) for name in files if name.endswith(".tar")]
    photos = {digest_of(photo): photo for pack in packs for photo in pack.photos}
    try:
        return [photos[digest] for digest in order]
    except KeyError as error:
        raise FloraError("kept-photo-missing", source=root / SHARED, photo=error.args[0][:12]) from None
