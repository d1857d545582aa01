"""Metrics computed from arrays alone: ranks, hit rates, macro means, negative log-likelihood."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["hit_rate", "macro_mean", "nearest_ranks", "nll_at_best_temperature", "ranks"]

_TIE = (
    1e-6  # similarities nearer than this differ by rounding: one text in two places need not give one number
)
_AT_ONCE = 256  # queries compared with all candidates at once, so that many of these fit in memory


def ranks(scores: NDArray[np.floating], own: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Find the place of the best of the right candidates, ties counted against it.

    Args:
        scores: (n, c), the higher the better.
        own: (n, c), True for the right candidates of each row, at least one.

    Returns:
        (n,): how many wrong candidates score at least as high as the best right one; 0 is the first place. What is not
        a number counts as higher.
    """
    best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
    found: NDArray[np.intp] = (~(scores < best - _TIE) & ~own).sum(axis=1)
    return found


def nearest_ranks(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], pairs: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Rank candidates by inner product and find the place of the best right one of each query.

    Args:
        queries: (n, E).
        candidates: (c, E).
        pairs: (p, 2), rows of a query and of a candidate that is right for it; each query has at least one.

    Returns:
        (n,), as `ranks` gives them.
    """
    found = np.empty(len(queries), np.intp)
    for start in range(0, len(queries), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        scores = queries[part] @ candidates.T
        own = np.zeros(scores.shape, bool)
        mine = pairs[(pairs[:, 0] >= start) & (pairs[:, 0] < start + _AT_ONCE)]
        own[mine[:, 0] - start, mine[:, 1]] = True
        found[part] = ranks(scores, own)
    return found


def hit_rate(places: NDArray[np.intp], k: int) -> float:
    """Give the part of the places that are among the first k, in [0, 1]."""
    return float((places < k).mean())


def macro_mean(values: ArrayLike, labels: ArrayLike) -> float:
    """Give the mean over labels of the mean over the values of a label, so that rare labels count as much."""
    _, rows, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return float((np.bincount(rows, np.asarray(values, float)) / counts).mean())


def nll_at_best_temperature(
    photos: NDArray[np.float32], classes: NDArray[np.float32], truth: NDArray[np.intp]
) -> float:
    """Give the mean negative log-likelihood of the right class, in nats, at the temperature best for these photos.

    It changes smoothly where hit rates on a few hundred photos jump about.

    Args:
        photos: (n, E), at least one.
        classes: (c, E).
        truth: (n,), rows of `classes`.
    """
    scales = np.geomspace(1, 10**2.5, 41)  # 1 to 316, in steps of 15 %
    total = np.zeros(len(scales))
    for start in range(0, len(photos), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        scores = (photos[part] @ classes.T).astype(np.float64)
        best = scores.max(axis=1, keepdims=True)
        right = scores[np.arange(len(scores)), truth[part]]
        for i, scale in enumerate(scales):
            others = np.log(np.exp(scale * (scores - best)).sum(axis=1))
            total[i] += (others + scale * (best[:, 0] - right)).sum()
    return float(total.min() / len(photos))
