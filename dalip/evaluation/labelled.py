"""Embed labelled photos in several splits, for few-shot classification and the linear probe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record, Split
from dalip.encoder import Vectors
from dalip.encoder.embedder import Embedder
from dalip.errors import DataError, Skipped
from dalip.progress import Progress, no_progress

__all__ = ["ALL_SOURCES", "LabelledPhotos", "embed_labelled", "label_of", "source_masks"]

ALL_SOURCES = "all"
"""Stands for all sources together if there are several."""


def label_of(record: Record) -> str | None:
    """Return the scientific name of the taxon in a photo, or else its `className`; `None` if it has neither."""
    if record.taxon:
        return record.taxon.scientific_name
    name = record.fields.get("className")
    return name if isinstance(name, str) and name.strip() else None


def source_masks(sources: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Return for each source a mask of its photos, (n,), and last one of all photos if there are several sources."""
    own = np.array(sources)
    masks = {source: own == source for source in sorted(set(sources))}
    return masks if len(masks) == 1 else masks | {ALL_SOURCES: np.ones(len(own), bool)}


@dataclass(frozen=True)
class LabelledPhotos:
    """Embedded photos in several splits; each label has at least one training photo."""

    train: Vectors
    train_labels: NDArray[np.intp]
    others: Mapping[Split, tuple[Vectors, NDArray[np.intp], tuple[str, ...]]]
    """Embeddings, labels and sources, by split other than `train`."""
    names: tuple[str, ...]
    """Name of each label."""
    left_out: int
    """Number of photos whose label has no training photo."""
    skipped: tuple[Skipped, ...]
    """Photos that cannot be read."""


def embed_labelled(
    embedder: Embedder, records: Sequence[Record], splits: Sequence[Split], progress: Progress = no_progress
) -> LabelledPhotos:
    """Embed the photos in the training split and in the given splits.

    Raises:
        DataError: A split has no usable photo.
    """
    wanted = [record for record in records if label_of(record) and record.split in ("train", *splits)]
    photos = embedder.embed_photos(wanted, progress)
    labels = [label_of(record) or "" for record in photos.records]
    names = sorted({n for n, r in zip(labels, photos.records, strict=True) if r.split == "train"})
    number = {name: i for i, name in enumerate(names)}

    def part(split: Split) -> tuple[Vectors, NDArray[np.intp], tuple[str, ...]]:
        mine = [i for i, r in enumerate(photos.records) if r.split == split and labels[i] in number]
        if not mine:
            raise DataError("split-without-photos", photos=len(records), split=split)
        found = np.array([number[labels[i]] for i in mine], np.intp)
        return photos.vectors[mine], found, tuple(photos.records[i].source for i in mine)

    train, train_labels, _ = part("train")
    left_out = sum(label not in number for label in labels)
    others = {split: part(split) for split in splits}
    return LabelledPhotos(train, train_labels, others, tuple(names), left_out, photos.skipped)
