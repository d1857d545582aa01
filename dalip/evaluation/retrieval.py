"""Measure retrieval: how well photos and captions find each other (R@1, R@5, R@10)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dalip.datasets import Record
from dalip.encoder.embedder import Embedder
from dalip.errors import DataError, Skipped
from dalip.evaluation.metrics import hit_rate, nearest_ranks
from dalip.progress import Progress, no_progress

__all__ = ["Retrieval", "retrieval"]

_DEPTHS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """Recall at depth k among the photos and captions of one source, in [0, 1]."""

    source: str
    photos: int
    captions: int
    image_to_text: dict[int, float]
    """How often one of a photo's captions is among the k nearest captions."""
    text_to_image: dict[int, float]
    """How often a photo with this caption is among the k nearest photos."""


def retrieval(
    embedder: Embedder, records: Sequence[Record], progress: Progress = no_progress
) -> tuple[list[Retrieval], tuple[Skipped, ...]]:
    """Measure how well photos and captions find each other, within each source.

    A caption that several photos share counts once and is correct for each of them.

    Args:
        embedder: The encoder.
        records: The photos; those without a caption are skipped.
        progress: Called with "photos" and "texts".

    Returns:
        One row per source, and the unreadable photos with reasons.

    Raises:
        DataError: No photo has a caption, or no photo with one can be read.
    """
    captioned = [record for record in records if record.captions]
    photos = embedder.embed_photos(captioned, progress)
    if not photos.records:
        raise DataError("no-captioned-photo", photos=len(records))
    rows = []
    for source in sorted({record.source for record in photos.records}):
        mine = [i for i, record in enumerate(photos.records) if record.source == source]
        captions: dict[str, int] = {}
        pairs = [
            (row, captions.setdefault(caption, len(captions)))
            for row, i in enumerate(mine)
            for caption in photos.records[i].captions
        ]
        texts = embedder.embed_texts(list(captions), progress)
        own = np.array(pairs, np.intp)
        to_text = nearest_ranks(photos.vectors[mine], texts, own)
        to_image = nearest_ranks(texts, photos.vectors[mine], own[:, ::-1])
        rows.append(
            Retrieval(
                source,
                len(mine),
                len(captions),
                {k: hit_rate(to_text, k) for k in _DEPTHS},
                {k: hit_rate(to_image, k) for k in _DEPTHS},
            )
        )
    return rows, photos.skipped
