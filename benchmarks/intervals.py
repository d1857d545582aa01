"""Compute shares with their 95 % intervals: Wilson intervals, and bootstrap intervals over groups of photos."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

DRAWS = 2000
Z = 1.959964
"""Quantile of the normal distribution for 95 %."""

Share = tuple[float, float, float]
"""A share and its 95 % interval, 0 to 1."""


def wilson(hits: float, number: int) -> tuple[float, float]:
    """Return the Wilson interval of a share.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if not number:
        return 0.0, 1.0
    share, squared = hits / number, Z**2 / number
    middle = (share + squared / 2) / (1 + squared)
    half = Z * (share * (1 - share) / number + squared / (4 * number)) ** 0.5 / (1 + squared)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def clustered(hits: ArrayLike, groups: Sequence[Any]) -> tuple[float, float]:
    """Return the bootstrap interval of a share of photos, resampling groups of them, such as all photos of one taxon.

    If no photo or every photo is a hit, resampling shows no spread; the result is then the Wilson interval of as many
    photos as there are groups.
    """
    values = np.asarray(hits, float)
    _, rows = np.unique(np.asarray(groups, str), return_inverse=True)
    sizes, found = np.bincount(rows), np.bincount(rows, values)
    if values.min() == values.max():
        return wilson(values.mean() * len(sizes), len(sizes))
    drawn = np.random.default_rng(0).integers(0, len(sizes), (DRAWS, len(sizes)))
    shares = found[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)


def share_of(hits: ArrayLike, groups: Sequence[Any] | None = None) -> Share | None:
    """Return a share of photos with its interval, clustered if groups are given; `None` if there are no photos."""
    values = np.asarray(hits, float)
    if not len(values):
        return None
    interval = wilson(values.sum(), len(values)) if groups is None else clustered(values, groups)
    return float(values.mean()), *interval
