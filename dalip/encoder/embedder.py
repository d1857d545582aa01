"""Embed records and texts for evaluation: the `Embedder` protocol, and an exported encoder that implements it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from dalip.datasets import Record
from dalip.encoder.encoder import Encoder, Vectors
from dalip.encoder.manifest import Block
from dalip.errors import ImageError, Skipped
from dalip.progress import Progress, no_progress

__all__ = ["Embedder", "OnnxEmbedder", "Photos", "collect_photos"]

_TEXTS_AT_ONCE = 256


class Photos(NamedTuple):
    """Embedded photos, and those that could not be read."""

    records: tuple[Record, ...]
    """The readable ones."""
    vectors: Vectors
    """One row per readable photo."""
    skipped: tuple[Skipped, ...] = ()
    """The unreadable photos, with reasons."""


class Embedder(Protocol):
    """An encoder, independent of the library that runs it."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The parts of an embedding with their weights, first order first."""

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos; those that cannot be read are reported, not silently dropped."""

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts; returns (0, E) if there are none."""


class OnnxEmbedder:
    """An exported encoder."""

    def __init__(self, encoder: Encoder, name: str | None = None, *, appearance: bool = False) -> None:
        """Use a bundle.

        Args:
            encoder: The bundle.
            name: Name in tables; the bundle's own name by default.
            appearance: Whether to append a photo's appearance to its embedding.
        """
        self.encoder, self.appearance = encoder, appearance
        self.name = name or encoder.manifest.name
        self.blocks = encoder.manifest.blocks

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos, read in threads while the encoder works."""
        sources = (record.read_bytes for record in records)
        found = self.encoder.encode_files(sources, appearance=self.appearance)
        width = self.encoder.width + (self.encoder.appearance_width if self.appearance else 0)
        return collect_photos(records, (result for _, result in found), width, progress)

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        parts = [self.encoder.encode_text(())]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            parts.append(self.encoder.encode_text(texts[start : start + _TEXTS_AT_ONCE]))
            progress("texts", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
        return np.concatenate(parts)


def collect_photos(
    records: Sequence[Record],
    results: Iterable[Vectors | ImageError],
    width: int,
    progress: Progress = no_progress,
) -> Photos:
    """Collect embeddings, and the errors of unreadable photos, as they arrive.

    Args:
        records: The photos.
        results: For each photo, in order, its embedding (E,) or the error if it cannot be read.
        width: E.
        progress: Called with "photos" after each one.
    """
    kept: list[Record] = []
    rows: list[Vectors] = []
    skipped: list[Skipped] = []
    for record, result in zip(records, results, strict=True):
        if isinstance(result, ImageError):
            skipped.append(Skipped.of(record.name, result))
        else:
            kept.append(record)
            rows.append(result)
        progress("photos", len(kept) + len(skipped), len(records))
    vectors = np.stack(rows) if rows else np.empty((0, width), np.float32)
    return Photos(tuple(kept), vectors, tuple(skipped))
