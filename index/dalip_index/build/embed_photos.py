"""Embed photos and keep small copies of them, reusing photos that the flora has embedded before."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from shlex import quote

import numpy as np

from dalip.datasets import Record
from dalip.encoder import Encoder, Vectors
from dalip.errors import DalipError, FloraError, ImageError, Skipped
from dalip.evaluation import OnnxEmbedder
from dalip.photos import map_ahead
from dalip.progress import Progress
from dalip_index.build.contents import taxon_name_of
from dalip_index.store.kept_photos import Halves, KeptCopy, Pack, digest_of, kept_as, kept_copy, packs_of
from dalip_index.store.photo_store import PhotoStore

__all__ = ["AT_ONCE", "EmbeddedPhotos", "embed_and_keep", "embed_only"]

AT_ONCE = 128
"""Number of photos embedded before they are written to disk; a killed build loses at most these."""

_AHEAD = 64


@dataclass(frozen=True)
class EmbeddedPhotos:
    """Photos with their vectors."""

    records: Sequence[Record]
    """The readable photos without duplicates; records of kept photos point to the copies."""
    vectors: Halves
    """One row per photo, (photos, E + A)."""
    refused: int = 0
    """Photos that could not be read, or that have two different names."""
    repeated: int = 0
    """Duplicates."""
    new: int = 0
    """Photos embedded now; the others were embedded before."""

    @property
    def kept(self) -> list[Record]:
        """The photos with kept copies."""
        return [record for record in self.records if digest_of(record)]


def embed_only(
    encoder: Encoder,
    records: Sequence[Record],
    progress: Progress,
    skipped: Callable[[Skipped], None],
) -> EmbeddedPhotos:
    """Embed photos without keeping copies of them.

    Args:
        encoder: Makes the vectors.
        records: The photos.
        progress: Called with "photos", the number done, and the total.
        skipped: Called with each photo that cannot be read.
    """
    photos = OnnxEmbedder(encoder, appearance=True).embed_photos(records, progress)
    for photo in photos.skipped:
        skipped(photo)
    vectors = photos.vectors.astype(np.float16)
    return EmbeddedPhotos(photos.records, vectors, len(photos.skipped), new=len(photos.records))


def embed_and_keep(
    store: PhotoStore,
    encoder: Encoder,
    records: Sequence[Record],
    side: int,
    progress: Progress,
    skipped: Callable[[Skipped], None],
) -> EmbeddedPhotos:
    """Keep small copies of photos, and embed photos that this encoder has not embedded before.

    Photos are recognised by the SHA-256 of their files, whatever their names. New photos are written in small batches,
    so a killed build resumes close to where it stopped.

    Args:
        store: Where the copies are kept.
        encoder: Makes the vectors.
        records: The photos; photos already kept by a flora are not copied again.
        side: Short side of the copies, in pixels.
        progress: Called with "photos", the number done, and the total.
        skipped: Called with each photo that cannot be read, or that appears under two plant names.
    """
    found: dict[str, Record] = {}
    pending: list[tuple[Record, bytes]] = []
    refused: set[str] = set()
    unread = repeated = new = 0

    def finish() -> None:
        if pending:
            rows = encoder.encode_files([copy for _, copy in pending], appearance=True)
            vectors = np.stack([_checked(p, row) for (p, _), (_, row) in zip(pending, rows, strict=True)])
            store.write(pending, vectors.astype(np.float16))
            pending.clear()

    for path in packs_of(record for record in records if digest_of(record) not in store):
        Pack(path).check()
    read = partial(_read, store=store, side=side)
    for number, (record, result) in enumerate(map_ahead(read, records, _AHEAD), 1):
        if isinstance(result, DalipError):
            unread += 1
            skipped(Skipped.of(record.name, result))
        else:
            digest, copy = result
            first = found.setdefault(digest, record)
            if first is not record and taxon_name_of(first) == taxon_name_of(record):
                repeated += 1
            elif first is not record:
                unread += 1
                skipped(_contradiction(record, first))
                if not digest_of(first):
                    refused.add(digest)
            elif copy is not None:
                new += 1
                # The location of a new copy is not known until its shard is written.
                place = record.location if digest_of(record) else KeptCopy(store.folder, digest=digest)
                pending.append((kept_as(Record("", place), record), copy))
                if len(pending) == AT_ONCE:
                    finish()
        progress("photos", number, len(records))
    finish()
    kept = [kept_as(store.photo(digest), r) for digest, r in found.items() if digest not in refused]
    vectors = store.vectors([digest_of(photo) for photo in kept], encoder.width + encoder.appearance_width)
    return EmbeddedPhotos(kept, vectors, unread + len(refused), repeated, new)


def _read(record: Record, store: PhotoStore, side: int) -> tuple[str, bytes | None] | DalipError:
    """Return a photo's digest, and its copy if the encoder has not embedded it yet."""
    try:
        if digest := digest_of(record):
            return digest, None if digest in store else record.read_bytes()
        content = record.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return digest, None if digest in store else kept_copy(content, side)
    except DalipError as error:
        return error


def _checked(photo: Record, row: Vectors | ImageError) -> Vectors:
    # It comes from another flora's pack, because a copy made just now is always readable.
    if isinstance(row, ImageError):
        raise FloraError("kept-photo-damaged", source=photo.name, cause=row, key=digest_of(photo))
    return row


def _contradiction(record: Record, first: Record) -> Skipped:
    names = {"other": first.name, "plant": taxon_name_of(first), "given": taxon_name_of(record)}
    if isinstance(first.location, KeptCopy):
        flora, key = (quote(str(part)) for part in (first.location.path.parent.parent, first.key))
        error = FloraError("photo-kept-under-other-name", **names, flora=flora, key=key)
    else:
        error = FloraError("photo-under-two-names", **names)
    return Skipped.of(record.name, error)
