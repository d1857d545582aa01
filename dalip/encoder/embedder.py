"""What evaluation asks of an encoder: embeddings of photos and of texts, in one space."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from dalip.datasets import Record
from dalip.encoder import Block, Encoder
from dalip.encoder.encoder import Vectors
from dalip.errors import DalipError, ImageError, Skipped
from dalip.progress import Progress, no_progress

__all__ = [
    "Embedder",
    "OnnxEmbedder",
    "Photos",
    "Weighed",
    "collect_photos",
    "weigh",
]

_TEXTS_AT_ONCE = 256


class Photos(NamedTuple):
    """Photos that were embedded, and those that could not be."""

    records: tuple[Record, ...]
    """The readable ones."""
    vectors: Vectors
    """One row a readable photo."""
    skipped: tuple[Skipped, ...] = ()
    """The others, and why they cannot be read."""


class Embedder(Protocol):
    """An encoder, whatever it runs on."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The parts of an embedding with their weights, the first order first."""

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos; those that cannot be read are named, not dropped in silence."""

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts; (0, E) for none."""


class OnnxEmbedder:
    """An exported encoder."""

    def __init__(self, encoder: Encoder, name: str | None = None, *, appearance: bool = False) -> None:
        """Use a bundle.

        Args:
            encoder: The bundle.
            name: What tables call it, if not its own name.
            appearance: Whether the embedding of a photo is followed by its appearance.
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


class Weighed:
    """An encoder whose two orders are weighed anew."""

    def __init__(self, embedder: Embedder, first_order: float) -> None:
        """Weigh the first order by `first_order`, in [0, 1], and the second by the rest.

        Raises:
            DalipError: The encoder has the first order alone, or keeps nothing of one of them.
        """
        self.embedder, self.first_order, self.name = embedder, first_order, embedder.name
        try:
            _factors(embedder.blocks, first_order)
        except DalipError as error:
            raise DalipError(f"{embedder.name}: {error}") from None
        weights = (first_order, 1 - first_order)
        self.blocks = tuple(
            Block(block.name, block.width, weight)
            for block, weight in zip(embedder.blocks, weights, strict=False)
        )

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos."""
        photos = self.embedder.embed_photos(records, progress)
        return photos._replace(vectors=weigh(photos.vectors, self.embedder.blocks, self.first_order))

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        return weigh(self.embedder.embed_texts(texts, progress), self.embedder.blocks, self.first_order)


def weigh(vectors: Vectors, blocks: Sequence[Block], first_order: float) -> Vectors:
    """Weigh the orders of embeddings anew.

    Args:
        vectors: As an encoder with these blocks gives them, (n, E).
        blocks: Widths and present weights.
        first_order: Scoring weight l1 of the first order, in [0, 1]; the second has 1 - l1.

    Returns:
        (n, E), of unit length again.

    Raises:
        DalipError: There is no second order to weigh against, or one of the orders has weight 0 now.
    """
    factors = np.repeat(_factors(blocks, first_order), [block.width for block in blocks])
    return vectors * factors.astype(np.float32)


def _factors(blocks: Sequence[Block], first_order: float) -> list[float]:
    weights = (first_order, 1 - first_order)[: len(blocks)]
    if len(blocks) > 2 or not np.isclose(sum(weights), 1):
        raise DalipError("has no second order, so there is nothing to weigh; leave the weight out")
    for block, weight in zip(blocks, weights, strict=True):
        if weight and not block.weight:
            raise DalipError(f"its {block.name} has weight 0, which cannot be undone; export the model again")
    return [
        (weight / block.weight) ** 0.5 if weight else 0.0
        for block, weight in zip(blocks, weights, strict=True)
    ]


def collect_photos(
    records: Sequence[Record],
    results: Iterable[Vectors | ImageError],
    width: int,
    progress: Progress = no_progress,
) -> Photos:
    """Put embeddings together as they come.

    Args:
        records: The photos.
        results: For each photo, in order, its embedding (E,) or why it cannot be read.
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
