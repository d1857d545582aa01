"""From similarities to probabilities: one temperature, fitted on photos kept aside for it."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip_index.answers import Verdict

__all__ = [
    "CALIBRATION",
    "MIN_PHOTOS",
    "SURE_THRESHOLD",
    "Calibration",
    "fit_temperature",
    "negative_log_likelihood",
]

CALIBRATION = "calibration.json"
"""Name of the calibration in a version's folder."""

SURE_THRESHOLD = 0.5
"""A prediction at least this probable is answered as sure: it is then likelier than all others together."""

MIN_PHOTOS = 10
"""With fewer photos nothing is chosen or fitted: the text weight is the default, the flora uncalibrated."""

_TEMPERATURES = (1e-4, 1e2)  # far beyond anything that unit vectors can need, on both sides


@dataclass(frozen=True)
class Calibration:
    """How a flora weighs its evidence and turns similarities into probabilities."""

    text_weight: float
    """Share of text in a taxon's vector, 0 to 1, chosen on selection photos; the rest is photos."""
    selection_photos: int
    """Selection photos there were; with fewer than `MIN_PHOTOS` the weight is the default."""
    temperature: float | None
    """Divides similarities before the softmax; `None` where the flora is not calibrated."""
    calibration_photos: int
    """Calibration photos there were; with fewer than `MIN_PHOTOS` there is no temperature."""
    threshold: float = SURE_THRESHOLD
    """Probability from which an answer is sure."""

    def __post_init__(self) -> None:
        """Reject values that no calibration can have.

        Raises:
            FloraError: A weight or threshold outside 0 to 1, or a temperature that is not positive.
        """
        if not 0 <= self.text_weight <= 1 or not 0 <= self.threshold <= 1:
            raise FloraError(
                f"a text weight of {self.text_weight} and a threshold of {self.threshold} cannot be; "
                "both lie between 0 and 1"
            )
        if self.temperature is not None and not (math.isfinite(self.temperature) and self.temperature > 0):
            raise FloraError(f"a temperature of {self.temperature} is no calibration; it is positive")

    def probabilities(self, similarities: NDArray[np.floating[Any]]) -> NDArray[np.float64] | None:
        """Turn the similarities to all taxa into probabilities.

        Args:
            similarities: Shape (photos, taxa), every taxon of the flora; `-inf` where one cannot be meant.

        Returns:
            Rows that sum to one, in the same order; `None` without a temperature.
        """
        if self.temperature is None:
            return None
        logits = similarities.astype(np.float64) / self.temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result

    def verdict(self, probability: float | None) -> Verdict:
        """Say how far the best prediction can be trusted, from its probability."""
        if probability is None:
            return "uncalibrated"
        return "sure" if probability >= self.threshold else "unsure"

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read a calibration.

        Raises:
            FloraError: The file is missing, is no JSON, or holds fields or values that do not belong.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, FloraError) as error:
            raise FloraError(f"{path}: not a calibration ({error}); build the flora again") from error


def negative_log_likelihood(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], temperature: float
) -> float:
    """Give the mean negative log-likelihood of the right taxa under a softmax at a temperature.

    Args:
        similarities: Shape (photos, taxa).
        targets: The column of the right taxon for each photo, shape (photos,).
        temperature: Positive.
    """
    logits = similarities.astype(np.float64) / temperature
    peaks = logits.max(axis=1)
    log_sums = peaks + np.log(np.exp(logits - peaks[:, None]).sum(axis=1))
    return float(np.mean(log_sums - logits[np.arange(len(logits)), targets]))


def fit_temperature(
    similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp], *, tolerance: float = 1e-4
) -> float:
    """Find the temperature under which the right taxa are likeliest.

    The loss is convex in the inverse temperature, so it has one valley on the logarithmic scale, too.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: The column of the right taxon for each photo, shape (photos,).
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
