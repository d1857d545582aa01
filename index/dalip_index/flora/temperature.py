"""Temperature scaling: fit the temperature of a softmax by maximum likelihood."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_temperature", "negative_log_likelihood"]

_TEMPERATURES = (1e-4, 1e2)  # wider than unit vectors can ever need


def negative_log_likelihood(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], temperature: float
) -> float:
    """Return the mean negative log-likelihood of the right taxa under a softmax at a temperature.

    Args:
        similarities: Shape (photos, taxa).
        targets: Column of the right taxon for each photo, shape (photos,).
        temperature: Positive.
    """
    logits = similarities.astype(np.float64) / temperature
    peaks = logits.max(axis=1)
    log_sums = peaks + np.log(np.exp(logits - peaks[:, None]).sum(axis=1))
    return float(np.mean(log_sums - logits[np.arange(len(logits)), targets]))


def fit_temperature(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], *, tolerance: float = 1e-4
) -> float:
    """Fit the temperature by maximum likelihood of the right class (temperature scaling).

    The loss is convex in the inverse temperature, so it also has a single minimum on a logarithmic scale.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: Column of the right taxon for each photo, shape (photos,).
        tolerance: Relative precision of the result.

    Returns:
        A temperature between 1e-4 and 100.
    """
    low, high = (math.log(t) for t in _TEMPERATURES)
    return math.exp(
        _golden_section(
            lambda t: negative_log_likelihood(similarities, targets, math.exp(t)), low, high, tolerance
        )
    )


def _golden_section(loss: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    left_loss, right_loss = loss(left), loss(right)
    while high - low > tolerance:
        if left_loss <= right_loss:
            high, right, right_loss = right, left, left_loss
            left = high - ratio * (high - low)
            left_loss = loss(left)
        else:
            low, left, left_loss = left, right, right_loss
            right = low + ratio * (high - low)
            right_loss = loss(right)
    return (low + high) / 2
