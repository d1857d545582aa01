"""Temperature scaling for taxa with unequal evidence: one softmax, with a temperature for each level and photo."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip_index.flora.temperature import fit_temperature

__all__ = ["Sharpness", "fit_sharpness", "levels_of"]

_MANY = 5  # photos
_LEVELS = 2
_STATISTICS = 2
_MIN_PHOTOS = 50
"""With fewer calibration photos of the taxa of a level, one temperature is used for all taxa."""

_LEAST = 0.25
"""Smallest sharpness for an unusual photo, as a share of that for a usual one."""

_RIDGE = 1e-4
_AT_ONCE = 256  # photos


def levels_of(photo_counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the level of evidence of taxa: 0 for five photos or more, 1 for fewer.

    Taxa without photos have no level of their own: too few photos of them calibrate a flora.

    Args:
        photo_counts: Number of photos per taxon, shape (taxa,).
    """
    found: NDArray[np.intp] = (photo_counts < _MANY).astype(np.intp)
    return found


@dataclass(frozen=True)
class Sharpness:
    """Inverse temperatures: how much a difference between similarities says, by level of evidence and photo.

    The prototype of a taxon with many photos is exact, so a similarity to it says more than one to the prototype of a
    single photo. The logit of a taxon is its similarity times the sharpness of its level, to which each statistic of
    the photo adds something: the largest similarity, and the difference between the largest ones of the two levels.

    Source: the conditional logit model (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974);
    a temperature that depends on the photo was proposed by Tomani et al., "Parameterized temperature scaling for
    boosting the expressive power in post-hoc uncertainty calibration", 2022.
    """

    levels: tuple[float, ...]
    """Sharpness for a usual photo, by level of evidence."""
    statistics: tuple[float, ...]
    """What a standard deviation of each statistic adds to it."""
    means: tuple[float, ...]
    """Mean of each statistic over the calibration photos."""
    deviations: tuple[float, ...]
    """Standard deviation of each of them."""

    def __post_init__(self) -> None:
        """Reject invalid values.

        Raises:
            FloraError: A number is not finite, a sharpness or deviation is not positive, or the sizes do not match.
        """
        sizes = len(self.statistics) == len(self.means) == len(self.deviations) == _STATISTICS
        sizes &= len(self.levels) == _LEVELS
        finite = np.isfinite([*self.levels, *self.statistics, *self.means, *self.deviations]).all()
        if not sizes or not finite or min(*self.levels, *self.deviations) <= 0:
            raise FloraError("calibration-sharpness")

    def logits(
        self, similarities: NDArray[np.floating[Any]], levels: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Convert similarities to logits.

        Args:
            similarities: Shape (plants, taxa), with every taxon of the flora; `-inf` for an excluded taxon.
            levels: Level of evidence of each taxon, shape (taxa,).

        Returns:
            The logits, in the same order; and the level that most of the probability has, for each plant, shape
            (plants,).
        """
        usual = np.array(self.levels)
        known = (_statistics(similarities, levels) - np.array(self.means)) / np.array(self.deviations)
        changed = usual + (known @ np.array(self.statistics))[:, None]
        sharp = np.maximum(changed, _LEAST * usual)
        logits = similarities.astype(np.float64) * sharp[:, levels]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return logits, _by_level(shares, levels).argmax(axis=1)


def fit_sharpness(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], levels: NDArray[np.intp]
) -> Sharpness | None:
    """Fit the sharpness by maximum likelihood of the right taxa; the loss is convex.

    Args:
        similarities: Similarities of the calibration photos to all taxa, shape (photos, taxa).
        targets: Column of the right taxon for each photo, shape (photos,).
        levels: Level of evidence of each taxon, shape (taxa,).

    Returns:
        The sharpness; `None` if there are too few photos of taxa of a level.
    """
    if np.bincount(levels[targets], minlength=_LEVELS).min() < _MIN_PHOTOS:
        return None
    statistics = _statistics(similarities, levels)
    means, deviations = statistics.mean(axis=0), np.maximum(statistics.std(axis=0), 1e-9)
    known = (statistics - means) / deviations
    start = 1 / fit_temperature(similarities, targets)
    found = np.array([start] * _LEVELS + [0.0] * _STATISTICS)
    loss = _loss(found, similarities, targets, levels, known)
    for _ in range(50):
        step = np.linalg.solve(loss.hessian, loss.gradient)
        size, after = 1.0, _loss(found - step, similarities, targets, levels, known)
        while after.value > loss.value and size > 1e-6:
            size /= 2
            after = _loss(found - size * step, similarities, targets, levels, known)
        found, loss = found - size * step, after
        if np.abs(size * step).max() < 1e-4 * start:
            break
    usual = np.maximum(found[:_LEVELS], 1e-2 * start)
    return Sharpness(
        tuple(usual.tolist()),
        tuple(found[_LEVELS:].tolist()),
        tuple(means.tolist()),
        tuple(deviations.tolist()),
    )


def _statistics(similarities: NDArray[np.floating[Any]], levels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the statistics of photos, shape (photos, 2); the difference is 0 if all taxa of a level are excluded."""
    first, second = (
        similarities[:, levels == level].max(axis=1, initial=-np.inf).astype(np.float64)
        for level in range(_LEVELS)
    )
    both = np.isfinite(first) & np.isfinite(second)
    difference = np.where(both, first, 0.0) - np.where(both, second, 0.0)
    return np.stack([np.maximum(first, second), difference], axis=1)


class _Loss(NamedTuple):
    """The mean negative log-likelihood with a ridge penalty, and its derivatives."""

    value: float
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]


def _loss(
    parameters: NDArray[np.float64],
    similarities: NDArray[np.floating[Any]],
    targets: NDArray[np.intp],
    levels: NDArray[np.intp],
    known: NDArray[np.float64],
) -> _Loss:
    """Return the loss of the sharpness of each level followed by the weights of the statistics.

    The logit of a taxon is linear in these parameters: its features are its similarity, if it has the level, and the
    products of its similarity and the statistics of the photo.
    """
    number, ridge = len(parameters), 2 * _RIDGE * (np.arange(len(parameters)) >= _LEVELS)
    value, gradient, hessian = 0.0, np.zeros(number), np.diag(ridge + 1e-12)
    for some, own, statistics in _batches(similarities, targets, known):
        sharp = parameters[:_LEVELS][levels] + (statistics @ parameters[_LEVELS:])[:, None]
        logits = some * sharp
        peaks = logits.max(axis=1, keepdims=True)
        shares = np.exp(logits - peaks)
        totals = shares.sum(axis=1, keepdims=True)
        shares /= totals
        rows = np.arange(len(own))
        value += (np.log(totals) + peaks)[:, 0].sum() - logits[rows, own].sum()
        # Means of the features under the softmax, minus those of the right taxa; and the means of their products.
        first = _by_level(shares * some, levels)
        second = _by_level(shares * some**2, levels)
        right = np.zeros(first.shape)
        right[rows, levels[own]] = some[rows, own]
        means = np.hstack([first, first.sum(axis=1, keepdims=True) * statistics])
        gradient += (means - np.hstack([right, right.sum(axis=1, keepdims=True) * statistics])).sum(axis=0)
        hessian[:_LEVELS, :_LEVELS] += np.diag(second.sum(axis=0)) / len(targets)
        mixed = second.T @ statistics / len(targets)
        hessian[:_LEVELS, _LEVELS:] += mixed
        hessian[_LEVELS:, :_LEVELS] += mixed.T
        hessian[_LEVELS:, _LEVELS:] += (statistics.T * second.sum(axis=1)) @ statistics / len(targets)
        hessian -= means.T @ means / len(targets)
    penalty = _RIDGE * float(np.square(parameters[_LEVELS:]).sum())
    return _Loss(value / len(targets) + penalty, gradient / len(targets) + ridge * parameters, hessian)


def _batches(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], known: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]]:
    for start in range(0, len(targets), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield similarities[part].astype(np.float64), targets[part], known[part]


def _by_level(values: NDArray[np.float64], levels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum the values of the taxa of each level, shape (photos, levels)."""
    return np.stack([values[:, levels == level].sum(axis=1) for level in range(_LEVELS)], axis=1)
