"""Fit the whitening of appearance vectors, which reduces the weight of what varies among photos of one taxon.

The length of a whitened appearance vector is the Mahalanobis distance from the mean of the plants, with the variances
of photos of all taxa. Photos of anything else vary in directions in which plants do not, so their vectors are long.
With many taxa, only the directions in which taxa differ most are returned; the length is that in all directions.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.encoder.manifest import IMAGE_ENCODER
from dalip.training.towers.from_bundle import read_tensors

__all__ = ["KEPT_DIRECTIONS", "Whitening", "fit_whitening", "read_whitening"]


KEPT_DIRECTIONS = 384
"""Width of appearance vectors, if the photos show enough taxa to choose directions."""

_TAXA_PER_DIRECTION = 4
"""Directions are chosen if there are at least this many taxa for each; with fewer, new taxa may differ in others."""

_WEIGHT = 0.25
"""Power of a direction's variance that it is weighted with; see docs/results.md."""

_LEAST_SHRINKAGE = 1e-3
"""Directions in which these photos do not vary at all get this share of the mean variance."""


class Whitening(NamedTuple):
    """A change of coordinates after which photos of one taxon vary equally in all directions."""

    mean: NDArray[np.float32]
    """Subtracted first, (w,)."""
    matrix: NDArray[np.float32]
    """Multiplied from the right, (w, w). The columns are in the order of how much photos of different taxa differ along
    them."""
    weights: NDArray[np.float32]
    """Weights of the first columns, the others being left out, (a,); all 1 if no directions were chosen."""
    length_weights: NDArray[np.float32]
    """Weights of all columns for the length that the vector gets, (w,): reciprocal standard deviations of plant photos,
    scaled so that the mean squared length is 1."""


def fit_whitening(appearances: NDArray[np.float32], taxa: Sequence[str]) -> Whitening | None:
    """Learn which directions distinguish taxa, and which distinguish photos of one taxon.

    Covariances are shrunk towards a sphere, the more so the less certain their estimates from these photos.
    After whitening, the directions of the largest variance between taxa are those of linear discriminant analysis.

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
    scatter[np.diag_indices_from(scatter)] += max(shrinkage, _LEAST_SHRINKAGE) * variance
    mean, matrix = means.mean(axis=0), np.linalg.inv(np.linalg.cholesky(scatter)).T
    # Each taxon counts as often as it has photos: the mean of few photos is mostly noise.
    between = np.cov(((means - mean) @ matrix).T, fweights=np.bincount(labels))
    matrix = matrix @ np.linalg.eigh(between).eigenvectors[:, ::-1]
    white = (rows - mean) @ matrix
    variances = white.var(axis=0)
    weights = np.ones(len(matrix))
    if len(matrix) > KEPT_DIRECTIONS and len(names) >= _TAXA_PER_DIRECTION * KEPT_DIRECTIONS:
        weights = (variances[:KEPT_DIRECTIONS] / variances[:KEPT_DIRECTIONS].mean()) ** _WEIGHT
    shrinkage = max(ledoit_wolf_shrinkage(white - white.mean(axis=0), assume_centered=True), _LEAST_SHRINKAGE)
    length_weights = 1 / np.sqrt((1 - shrinkage) * variances + shrinkage * variances.mean())
    length_weights /= np.sqrt(np.square(white * length_weights).sum(axis=1).mean())
    return Whitening(*(x.astype(np.float32) for x in (mean, matrix, weights, length_weights)))


def read_whitening(bundle: Path) -> Whitening | None:
    """Read the whitening of an exported encoder; `None` if it has none.

    Raises:
        TrainingError: Its file cannot be read.
    """
    stored = read_tensors(bundle / IMAGE_ENCODER)
    if not {"mean", "matrix"} <= stored.keys():
        return None
    matrix = stored["matrix"]
    # Encoders from before 0.1.0 was released keep all directions, and weight them equally in the length.
    ones = np.ones(len(matrix), np.float32)
    return Whitening(stored["mean"], matrix, stored.get("weights", ones), stored.get("length_weights", ones))
