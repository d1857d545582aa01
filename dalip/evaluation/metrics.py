"""Metrics on plain arrays: ranks, hit rates, macro means, negative log-likelihood."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["hit_rate", "macro_mean", "nearest_ranks", "nll_at_best_temperature", "ranks"]

_TIE = 1e-6  # smaller differences in similarity are rounding errors: identical texts may score slightly differently
_AT_ONCE = 256  # queries per block that is compared with all candidates, to limit memory


def ranks(scores: NDArray[np.floating], own: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the rank of the best correct candidate, counting ties against it.

    Args:
        scores: (n, c), higher is better.
        own: (n, c), True for the correct candidates of each row, at least one.

    Returns:
        (n,): how many wrong candidates score at least as high as the best correct one; 0 is the first place. NaN scores
        count as higher.
    """
    best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
    found: NDArray[np.intp] = (~(scores < best - _TIE) & ~own).sum(axis=1)
    return found


def nearest_ranks(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], pairs: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Rank candidates by inner product and return the rank of each query's best correct candidate.

    Args:
        queries: (n, E).
        candidates: (c, E).
        pairs: (p, 2), the row of a query and the row of a correct candidate; each query has at least one pair.

    Returns:
        (n,), as returned by `ranks`.
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
    """Return the share of ranks among the first k, in [0, 1]."""
    return float((places < k).mean())


def macro_mean(values: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of the per-label means, so that rare labels count as much as frequent ones."""
    _, rows, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return float((np.bincount(rows, np.asarray(values, float)) / counts).mean())


def nll_at_best_temperature(
    photos: NDArray[np.float32], classes: NDArray[np.float32], truth: NDArray[np.intp]
) -> float:
    """Return the mean negative log-likelihood of the correct class, in nats, at the best temperature for these photos.

    It changes smoothly, whereas hit rates on a few hundred photos fluctuate.

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
