"""Fit the whitening of appearance vectors, which reduces the weight of what varies among photos of one taxon.

The length of a whitened appearance vector is the Mahalanobis distance from the mean of the plants. Photos of anything
else vary in directions in which plants do not, so their vectors are long.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.encoder.manifest import IMAGE_ENCODER
from dalip.training.towers.from_bundle import read_tensors

__all__ = ["Whitening", "fit_whitening", "read_whitening"]


class Whitening(NamedTuple):
    """A change of coordinates after which photos of one taxon vary equally in all directions."""

    mean: NDArray[np.float32]
    """Subtracted first, (w,)."""
    matrix: NDArray[np.float32]
    """Multiplied from the right, (w, w); scaled so that the mean squared length of plant photos is 1."""


def fit_whitening(appearances: NDArray[np.float32], taxa: Sequence[str]) -> Whitening | None:
    """Learn which directions distinguish taxa, and which distinguish photos of one taxon.

    The covariance within taxa is shrunk towards a sphere, the more so the less certain its estimate from these photos.

    Args:
        appearances: One row per photo, (n, w), unit length.
        taxa: Taxon of each photo.

    Returns:
        The whitening; `None` if no two photos show the same taxon, or all photos do.

    Source: Hatch et al., "Within-class covariance normalization for SVM-based speaker recognition", 2006; Ledoit and
    Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage  # a slow import

    names, labels = np.unique(np.asarray(taxa, object).astype(str), return_inverse=True)
    if not 1 < len(names) < len(labels):
        return None
    rows = appearances.astype(np.float64)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, labels, rows)
    means = sums / np.bincount(labels)[:, None]
    deviations = rows - means[labels]
    scatter = deviations.T @ deviations / (len(rows) - len(names))
    variance = np.trace(scatter) / len(scatter)
    if not variance > 0:
        return None
    shrinkage = ledoit_wolf_shrinkage(deviations, assume_centered=True)
    scatter *= 1 - shrinkage
    scatter[np.diag_indices_from(scatter)] += max(shrinkage, 1e-3) * variance
    mean, matrix = means.mean(axis=0), np.linalg.inv(np.linalg.cholesky(scatter)).T
    matrix /= np.sqrt(np.square((rows - mean) @ matrix).sum(axis=1).mean())
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


def read_whitening(bundle: Path) -> Whitening | None:
    """Read the whitening of an exported encoder; `None` if it has none.

    Raises:
        TrainingError: Its file cannot be read.
    """
    stored = read_tensors(bundle / IMAGE_ENCODER)
    return Whitening(stored["mean"], stored["matrix"]) if {"mean", "matrix"} <= stored.keys() else None
