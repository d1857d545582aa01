"""Probabilities over taxa with unequal evidence: a mixture of one softmax for each level of evidence."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip_index.flora.temperature import fit_temperature

__all__ = ["Mixture", "fit_mixture", "levels_of"]

_MANY = 5  # photos
_LEVELS = 2
_MIN_PHOTOS = 50
"""With fewer calibration photos of the taxa of a level, there is no mixture."""

_STATISTICS = 3  # per part: log mean exponential, mean and standard deviation of the similarities
_RIDGE = 1e-3


def levels_of(photo_counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the level of evidence of taxa: 0 for five photos or more, 1 for fewer.

    Taxa without photos have no level of their own. How many photos of such taxa the calibration has depends only on how
    photos were divided into splits, so it says nothing about how often people meet them.

    Args:
        photo_counts: Number of photos per taxon, shape (taxa,).
    """
    found: NDArray[np.intp] = (photo_counts < _MANY).astype(np.intp)
    return found


@dataclass(frozen=True)
class Mixture:
    """How likely it is that the taxon in a photo has a level of evidence, and a softmax for the taxa of each level.

    A taxon that is known from a hundred photos is compared more exactly than one that is known from a single photo, so
    one temperature does not fit both. The taxa with one level of evidence are a part of the mixture.

    Source: the nested logit model (McFadden, "Modelling the choice of residential location", 1978).
    """

    temperatures: tuple[float, ...]
    """Divides similarities before the softmax within each part."""
    means: tuple[float, ...]
    """Mean over the calibration photos of each of the statistics that the weights refer to, three per part."""
    deviations: tuple[float, ...]
    """Standard deviation of each of them."""
    weights: tuple[tuple[float, ...], ...]
    """For each statistic, and last for a constant, the weight for each part: a multinomial logistic regression."""

    def __post_init__(self) -> None:
        """Reject invalid values.

        Raises:
            FloraError: A number is not finite, a temperature or deviation is not positive, or the sizes do not match.
        """
        number = len(self.temperatures)
        positive = np.array([*self.temperatures, *self.deviations])
        sizes = {len(row) for row in self.weights} == {number}
        sizes &= len(self.weights) - 1 == len(self.means) == len(self.deviations) == _STATISTICS * number
        sizes &= number == _LEVELS
        if not sizes or not (np.isfinite(positive) & (positive > 0)).all() or not self._finite():
            raise FloraError("calibration-mixture")

    def _finite(self) -> bool:
        return bool(np.isfinite([*self.means, *(weight for row in self.weights for weight in row)]).all())

    def log_probabilities(
        self, similarities: NDArray[np.floating[Any]], levels: NDArray[np.intp], photos: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Convert similarities to logarithms of probabilities.

        Args:
            similarities: Shape (plants, taxa), with every taxon of the flora; `-inf` for an excluded taxon.
            levels: Level of evidence of each taxon, shape (taxa,).
            photos: Number of photos of one plant that each row is the mean of.

        Returns:
            The logarithms, in the same order; and the most likely part for each plant, shape (plants,).
        """
        statistics, sizes = _statistics(similarities, levels, self.temperatures)
        shares = _shares(self._standardised(statistics), np.array(self.weights))
        shares = np.where(sizes > 0, np.maximum(shares, np.finfo(float).tiny), 0)
        logs = np.log(
            shares / shares.sum(axis=1, keepdims=True), where=shares > 0, out=np.full(shares.shape, -np.inf)
        )
        result = np.full(similarities.shape, -np.inf)
        for part, temperature in enumerate(self.temperatures):
            inside = np.flatnonzero(levels == part)
            logits = similarities[:, inside].astype(np.float64) / (temperature / photos**0.5)
            result[:, inside] = logits - np.where(sizes[:, part, None] > 0, _log_sum_exp(logits), 0)
            result[:, inside] += logs[:, part, None]
        return result, shares.argmax(axis=1)

    def _standardised(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        found = (statistics - np.array(self.means)) / np.array(self.deviations)
        return np.hstack([np.where(np.isfinite(found), found, 0.0), np.ones((len(found), 1))])


def fit_mixture(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], levels: NDArray[np.intp]
) -> Mixture | None:
    """Fit a mixture by maximum likelihood of the right taxa, first within the parts and then between them.

    Args:
        similarities: Similarities of the calibration photos to all taxa, shape (photos, taxa).
        targets: Column of the right taxon for each photo, shape (photos,).
        levels: Level of evidence of each taxon, shape (taxa,).

    Returns:
        The mixture; `None` if there are too few photos of taxa of a level.
    """
    if np.bincount(levels[targets], minlength=_LEVELS).min() < _MIN_PHOTOS:
        return None
    temperatures = []
    for part in range(_LEVELS):
        inside, own = np.flatnonzero(levels == part), np.flatnonzero(levels[targets] == part)
        columns = np.searchsorted(inside, targets[own])
        temperatures.append(fit_temperature(similarities[np.ix_(own, inside)], columns))
    statistics, _ = _statistics(similarities, levels, temperatures)
    means, deviations = statistics.mean(axis=0), np.maximum(statistics.std(axis=0), 1e-9)
    known = np.hstack([(statistics - means) / deviations, np.ones((len(statistics), 1))])
    weights = _logistic_regression(known, np.eye(_LEVELS)[levels[targets]])
    rows = tuple(tuple(row) for row in weights.tolist())
    return Mixture(tuple(temperatures), tuple(means.tolist()), tuple(deviations.tolist()), rows)


def _statistics(
    similarities: NDArray[np.floating[Any]], parts: NDArray[np.intp], temperatures: Any
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the statistics of each photo, shape (photos, 3 x parts), and the number of taxa in each part."""
    found, sizes = [], []
    for part, temperature in enumerate(temperatures):
        inside = similarities[:, parts == part].astype(np.float64)
        finite = np.isfinite(inside)
        number = np.maximum(finite.sum(axis=1), 1)
        kept = np.where(finite, inside, 0.0)
        mean = kept.sum(axis=1) / number
        deviation = np.sqrt((np.where(finite, inside - mean[:, None], 0.0) ** 2).sum(axis=1) / number)
        found += [_log_sum_exp(inside / temperature)[:, 0] - np.log(number), mean, deviation]
        sizes.append(finite.sum(axis=1))
    return np.stack(found, axis=1), np.stack(sizes, axis=1)


def _log_sum_exp(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the sum of exponentials of each row, shape (rows, 1); `-inf` for an empty row."""
    peaks = logits.max(axis=1, keepdims=True, initial=-np.inf)
    peaks = np.where(np.isfinite(peaks), peaks, 0.0)
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = peaks + np.log(np.exp(logits - peaks).sum(axis=1, keepdims=True))
    return found


def _shares(known: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    logits = known @ weights
    return np.exp(logits - _log_sum_exp(logits))


def _logistic_regression(known: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a multinomial logistic regression with a ridge penalty, by Newton's method with step halving.

    Args:
        known: Standardised values and a constant, shape (photos, values).
        right: 1 for the right part of each photo, shape (photos, parts).

    Returns:
        The weights, shape (values, parts).
    """

    def loss(weights: NDArray[np.float64]) -> float:
        fitted = -np.log(np.maximum((_shares(known, weights) * right).sum(axis=1), 1e-300)).mean()
        return float(fitted + _RIDGE * (weights**2).sum())

    weights = np.zeros((known.shape[1], right.shape[1]))
    for _ in range(50):
        shares = _shares(known, weights)
        gradient = known.T @ (shares - right) / len(known) + 2 * _RIDGE * weights
        between = np.einsum("na,ab->nab", shares, np.eye(right.shape[1])) - np.einsum(
            "na,nb->nab", shares, shares
        )
        hessian = np.einsum("ni,nj,nab->iajb", known, known, between, optimize=True) / len(known)
        flat = hessian.reshape(weights.size, weights.size) + 2 * _RIDGE * np.eye(weights.size)
        step = np.linalg.solve(flat, gradient.ravel()).reshape(weights.shape)
        size, before = 1.0, loss(weights)
        while loss(weights - size * step) > before and size > 1e-6:
            size /= 2
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-6:
            break
    return weights
