"""Kept photos: small copies in shards, so that a flora can be rebuilt with another encoder."""

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
"""Short side of the kept copies in pixels; the current encoder's input is 256."""

TAUGHT = ("new plant", "more photos")
"""Values of the field `taught` of a photo that a flora was taught from: whether the plant was new to the flora."""

_QUALITY = 90  # WebP quality: vectors of copies and originals have a cosine similarity of about 0.98
_LONGEST = 16_383  # pixels, WebP's maximum

Halves = NDArray[np.float16]
"""Vectors as stored: float16, shape (photos, E + A)."""


@dataclass(frozen=True)
class KeptCopy(FilePart):
    """Location of a kept photo: its copy in one of the flora's shards."""

    digest: str = ""
    """SHA-256 of the original file, which identifies the photo."""


def digest_of(record: Record) -> str:
    """Return the SHA-256 of a kept photo's original file; empty for a photo that is not kept."""
    return record.location.digest if isinstance(record.location, KeptCopy) else ""


def packs_of(records: Iterable[Record]) -> list[Path]:
    """Return the shards that contain the copies of photos, sorted, without duplicates; photos not kept have none."""
    return sorted({record.location.path for record in records if isinstance(record.location, KeptCopy)})


def kept_as(copy: Record, record: Record) -> Record:
    """Return the record of a copy with the key and fields of the original record, as it will be stored."""
    if digest_of(record):
        return replace(copy, key=record.key, fields=record.fields)
    # The group keeps each photo in its original split when a pack is read as an ordinary shard.
    fields = {"splitGroup": record.group, **record.fields}
    fields.pop("key", None)
    return replace(copy, key=record.key, fields=json.loads(json.dumps(fields, default=str)))


def kept_fields(record: Record) -> bytes:
    """Encode the key and fields stored with the copy of a photo as JSON."""
    content = {**record.fields, "key": record.key}
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class _Given:
    """A photo passed in memory: bytes, an image, or a function that returns one of these or a path."""

    photo: PhotoSource
    name: str

    @property
    def stamp(self) -> tuple[Any, ...]:
        """Only its name, because nothing more is known without reading it."""
        return "given", self.name

    @property
    def origin(self) -> str:
        """Empty, because it is unknown."""
        return ""

    def named(self, key: str) -> str:
        """Return the name that was passed with the photo."""
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
    """Create the record of a photo that teaches a taxon.

    Args:
        number: Names the photo if it has no path.
        source: The photo.
        taxon: The taxon in the photo.
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
    """Make the copy of a photo that a flora keeps: upright, WebP, without EXIF, never upscaled.

    A WebP file that is small enough and contains no metadata is kept unchanged.

    Args:
        content: An image file.
        side: Short side in pixels.

    Raises:
        ImageError: The photo cannot be read.
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
        """The photos in the shard, in order.

        Raises:
            FloraError: It is damaged.
        """
        try:
            return tuple(_kept(photo) for photo in read_shard(self.path, Report()))
        except DalipError as error:
            raise FloraError("pack-damaged", cause=error) from error

    def check(self) -> None:
        """Make sure that the file is unchanged, because photos copied from it get a new hash that would hide damage.

        Raises:
            FloraError: The file has changed.
        """
        if FileStamp.of(self.path).sha256[:16] != self.path.stem:
            raise FloraError("shared-file-changed", source=self.path)

    def vectors_path(self, fingerprint: str) -> Path:
        """Return the path of the vectors made by the encoder with a fingerprint."""
        return self.path.with_name(f"{self.path.stem}.{fingerprint[:12]}.npy")

    def vectors(self, fingerprint: str) -> Halves | None:
        """Open the vectors made by an encoder; `None` if it has not embedded this pack."""
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
    """Return the photos that a version keeps.

    Args:
        root: The flora.
        files: The shared files listed in the version's manifest.
        order: Digests in the order of the version's catalogue.

    Raises:
        FloraError: A pack is damaged, or a photo is missing.
    """
    packs = [Pack(root / SHARED / name) for name in files if name.endswith(".tar")]
    photos = {digest_of(photo): photo for pack in packs for photo in pack.photos}
    try:
        return [photos[digest] for digest in order]
    except KeyError as error:
        raise FloraError("kept-photo-missing", source=root / SHARED, photo=error.args[0][:12]) from None
