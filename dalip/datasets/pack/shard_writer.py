"""Write WebDataset shards that are bit-for-bit identical for the same photos."""

import hashlib
import io
import json
import tarfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dalip.datasets.record import key_hash
from dalip.files import atomic_write
from dalip.photos.walk import IMAGE_SUFFIXES

__all__ = ["PackedPhoto", "Shard", "safe_keys", "text_of", "write_shards"]

_MAX_KEY_BYTES = 150


@dataclass(frozen=True)
class PackedPhoto:
    """The content of a shard for one photo."""

    key: str
    content: bytes
    """WebP."""
    fields: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Shard:
    """A shard that was written."""

    name: str
    photos: int
    bytes: int
    sha256: str


def safe_keys(keys: Iterable[str]) -> dict[str, str]:
    """Map each key to a unique form that is a valid name in a shard and on every file system.

    A key loses its image extension and otherwise stays the same, including folders, as far as possible: a dot would end
    the key, and `..` would lead outside the folder that a shard is unpacked to.
    """
    plain = {key: _safe(key) for key in keys}
    found: dict[str, int] = {}
    for safe in plain.values():
        found[safe.casefold()] = found.get(safe.casefold(), 0) + 1
    # Keys that share a form get a suffix that depends on the key alone, not on their order.
    return {
        key: safe
        if found[safe.casefold()] == 1 and len(safe.encode()) <= _MAX_KEY_BYTES
        else _marked(safe, key)
        for key, safe in plain.items()
    }


def _safe(key: str) -> str:
    stem, dot, ending = key.rpartition(".")
    if dot and f".{ending.lower()}" in IMAGE_SUFFIXES:
        key = stem
    parts = [_safe_part(part) for part in unicodedata.normalize("NFC", key).replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part) or "photo"


def _safe_part(part: str) -> str:
    return "".join(c if c.isalnum() or c in " -_+,()'" else "_" for c in part).strip()


def _marked(safe: str, key: str) -> str:
    short = safe.encode()[:_MAX_KEY_BYTES].decode(errors="ignore").rstrip(" /")
    return f"{short}-{key_hash(key)[:10]}"


def text_of(fields: Mapping[str, Any], given: str) -> str:
    """Return the text to write for a photo: its own, unless it begins with a name that was corrected.

    Args:
        fields: Fields of the packed photo.
        given: Its scientific name as given by the source.
    """
    name = str(fields.get("scientificName") or "")
    told = fields.get("text")
    if isinstance(told, str) and told.strip() and (name == given or not told.startswith(given)):
        return told
    if name:
        common = str(fields.get("vernacularName") or "").partition("|")[0]
        family = f"family {fields['family']}" if fields.get("family") else ""
        return ", ".join(part for part in (name, common, family) if part)
    captions = fields.get("captions") or fields.get("caption") or ""
    return str(captions[0]) if isinstance(captions, list) else str(captions)


def write_shards(folder: Path, photos: Iterable[PackedPhoto], photos_each: int) -> Iterator[Shard]:
    """Write photos, in order, to `photos-000000.tar` and so on, each shard atomically.

    Args:
        folder: Must exist.
        photos: Consumed one at a time.
        photos_each: Photos per shard; the last one may have fewer.
    """
    waiting = iter(photos)
    for number, first in enumerate(waiting):
        path = folder / f"photos-{number:06d}.tar"
        with atomic_write(path) as draft:
            count = _write(draft, chain([first], islice(waiting, photos_each - 1)))
            with draft.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield Shard(path.name, count, path.stat().st_size, digest)


def _write(path: Path, photos: Iterable[PackedPhoto]) -> int:
    """Write a shard, and return the number of its photos."""
    count = 0
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
        for photo in photos:
            count += 1
            # Readers of shards expect `text` in a separate file.
            fields = {name: value for name, value in photo.fields.items() if name != "text"}
            _add(archive, f"{photo.key}.webp", photo.content)
            _add(archive, f"{photo.key}.json", json.dumps(fields).encode())
            _add(archive, f"{photo.key}.txt", photo.text.encode("utf-8", "replace"))
    return count


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file whose header does not record when it was packed or who packed it."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    header.mode = 0o644
    archive.addfile(header, io.BytesIO(content))
