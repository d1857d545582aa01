"""Measure few-shot classification (SimpleShot): photos identified from one or a few photos per taxon.

Source: Wang et al., "SimpleShot: revisiting nearest-neighbor classification for few-shot learning", 2019.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Split
from dalip.encoder import Vectors
from dalip.errors import DataError
from dalip.evaluation.labelled import LabelledPhotos, source_masks
from dalip.evaluation.metrics import macro_mean

__all__ = ["FewShot", "few_shot", "simple_shot"]


@dataclass(frozen=True)
class FewShot:
    """Accuracy over the photos of one source, in [0, 1]; every taxon with enough photos is a possible answer."""

    source: str
    shots: int
    photos: int
    taxa: int
    top_1: float
    """Mean over the folds."""
    spread: float
    """Standard deviation of top-1 over the folds."""
    macro_top_1: float
    """Mean over taxa, averaged over the folds."""


def simple_shot(
    support: Vectors, labels: NDArray[np.intp], queries: Vectors, centre: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return for each query the label with the nearest class mean, after centring and normalising.

    Args:
        support: (s, E).
        labels: (s,).
        queries: (n, E).
        centre: (E,), the mean of the photos known beforehand.

    Returns:
        (n,), labels.
    """
    names, rows = np.unique(labels, return_inverse=True)
    shots = _centred(support, centre)
    means = np.stack([shots[rows == i].mean(axis=0) for i in range(len(names))])
    # Squared distance, without the term that is the same for all means.
    distances = (means**2).sum(axis=1) - 2 * _centred(queries, centre) @ means.T
    nearest: NDArray[np.intp] = names[distances.argmin(axis=1)]
    return nearest


def _centred(vectors: Vectors, centre: NDArray[np.float32]) -> Vectors:
    moved = vectors - centre
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: Vectors = moved / np.maximum(lengths, 1e-12)
    return unit


def few_shot(
    photos: LabelledPhotos, split: Split, shots: Sequence[int] = (1, 5), folds: int = 5, seed: int = 0
) -> list[FewShot]:
    """Classify the photos in a split from a few photos in the training split, drawn again for each fold.

    Args:
        photos: The result of `embed_labelled`; the mean of all its training photos is the centre.
        split: The split whose photos are classified.
        shots: Numbers of photos per taxon.
        folds: Number of draws.
        seed: Seed of the draws.

    Returns:
        One row per source and number of shots; no rows for a number that no taxon has enough photos for.

    Raises:
        DataError: No taxon has enough photos for any number of shots.
    """
    queries, truth, sources = photos.others[split]
    centre = photos.train.mean(axis=0)
    of = [np.flatnonzero(photos.train_labels == label) for label in range(len(photos.names))]
    rows = []
    for count in shots:
        ways = [mine for mine in of if len(mine) >= count]
        known = np.isin(truth, [photos.train_labels[mine[0]] for mine in ways])
        if not known.any():
            continue
        hits = []
        for fold in range(folds):
            random = np.random.default_rng([seed, count, fold])
            drawn = np.concatenate([random.choice(mine, count, replace=False) for mine in ways])
            labels = photos.train_labels[drawn]
            hits.append(simple_shot(photos.train[drawn], labels, queries[known], centre) == truth[known])
        named = [source for source, in_ways in zip(sources, known, strict=True) if in_ways]
        rows += _rows(np.array(hits), truth[known], named, count, len(ways))
    if not rows:
        raise DataError("too-few-shots", split=split, shots=min(shots))
    return rows


def _rows(
    hits: NDArray[np.bool_], truth: NDArray[np.intp], sources: Sequence[str], shots: int, taxa: int
) -> list[FewShot]:
    rows = []
    for source, mine in source_masks(sources).items():
        folds = hits[:, mine].mean(axis=1)
        macro = [macro_mean(fold[mine], truth[mine]) for fold in hits]
        spread = float(folds.std(ddof=1)) if len(folds) > 1 else 0.0
        rows.append(
            FewShot(source, shots, int(mine.sum()), taxa, float(folds.mean()), spread, float(np.mean(macro)))
        )
    return rows
