"""Read and embed the photos of the data folder, by set, and keep their vectors for the next benchmark.

The vectors are kept in build/vectors, in one file for each encoder and set, and read again if the photos are the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record, read_records
from dalip.encoder import Encoder, Vectors
from dalip.evaluation import OnnxEmbedder
from dalip.files import atomic_write

KEPT = Path(__file__).parent.parent / "build" / "vectors"

PLANTS = {
    "oxford": "oxford-flowers-*.tar",
    "inat": "inat-santa-cruz-*.tar",
    "plants-wide": "more/plants-wide-*.tar",
    "plants-deep": "more/plants-deep-*.tar",
}
"""Shards of the plants that the built-in flora is made from, by the name of the set."""

NARROW = ("oxford", "inat")
"""The sets with many photos of few taxa."""

GARDEN = {"garden": "garden-plants-*.tar"}
"""Plants for testing only."""

THINGS = {
    "objects": "general-objects-*.tar",
    "caltech101": "more/test-caltech101-*.tar",
    "medical": "more/test-medical-*.tar",
    "insects": "more/test-insects-*.tar",
    "fungi": "more/test-fungi-*.tar",
    "aerial scenes": "more/test-remote-sensing-aid-*.tar",
}
"""Photos that show no plants, except for `objects` with `containsPlant`."""

CAPTIONS = {
    "Flickr8k": "general-captions-*.tar",
    "COCO": "more/general-captions-coco-*.tar",
}
"""Photos with captions."""

SETS = PLANTS | GARDEN | THINGS | CAPTIONS


@dataclass(frozen=True)
class Embedded:
    """Photos of one set with their vectors."""

    records: tuple[Record, ...]
    vectors: Vectors
    """Embeddings, each followed by its appearance, shape (photos, E + A)."""

    def part(self, chosen: NDArray[np.bool_]) -> "Embedded":
        """Return some of the photos."""
        return Embedded(tuple(self.records[i] for i in np.flatnonzero(chosen)), self.vectors[chosen])

    def of_split(self, split: str) -> "Embedded":
        """Return the photos of one split."""
        return self.part(np.array([record.split == split for record in self.records], bool))


def read_set(data: Path, name: str, splits: Sequence[str] = ()) -> list[Record]:
    """Return the photos of a set that are in some splits, or all of them; none if the folder has no such shards."""
    shards = sorted(data.glob(SETS[name]))
    found = read_records(*shards) if shards else []
    return [record for record in found if not splits or record.split in splits]


def embed(encoder: Encoder, data: Path, name: str, splits: Sequence[str] = (), kept: Path = KEPT) -> Embedded:
    """Embed the photos of a set, or read their vectors from an earlier run.

    Args:
        encoder: The encoder.
        data: The folder with the shards.
        name: One of `SETS`.
        splits: As `read_set`.
        kept: The folder for vectors.
    """
    records = read_set(data, name, splits)
    if name == "objects":
        records = [record for record in records if record.fields.get("containsPlant") is False]
    keys = "\n".join(record.key for record in records)
    told = hashlib.sha1(f"{encoder.fingerprint} {name} {keys}".encode()).hexdigest()
    path = kept / f"{name.replace(' ', '-')}-{told[:16]}.npz"
    if not path.exists():
        found = OnnxEmbedder(encoder, appearance=True).embed_photos(records)
        kept.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as draft, draft.open("wb") as file:
            np.savez(file, keys=np.array([r.key for r in found.records]), vectors=found.vectors)
    with np.load(path) as stored:
        by_key = {record.key: record for record in records}
        return Embedded(tuple(by_key[key] for key in stored["keys"].tolist()), stored["vectors"])
