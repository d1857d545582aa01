"""Calibration on held-out photos: temperature scaling, conformal prediction sets and out-of-distribution detection."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError, first_line
from dalip.files import from_json, to_json

__all__ = [
    "CALIBRATION",
    "IN_FLORA_LEAST",
    "MIN_PHOTOS",
    "Calibration",
    "fit_calibration",
    "fit_temperature",
    "negative_log_likelihood",
]

CALIBRATION = "calibration.json"
"""Name of the calibration in a version's folder."""

SURE_THRESHOLD = 0.8
"""Minimum probability of a confident answer: four times as likely as all other taxa together."""

PLANT_LEAST = 0.01
"""A photo is rejected as not a plant if a smaller share of the calibration photos is as far out of distribution; see
`strange`."""

IN_FLORA_LEAST = 0.05
"""A photo is rejected as a plant that is not in the flora if a smaller share of the calibration photos fits as badly;
see `foreign`."""

MIN_PHOTOS = 10
"""With fewer photos, the text weight is the default and the flora is not calibrated."""

_KEPT = 1000  # values per list, finer than any share that is needed
_TEMPERATURES = (1e-4, 1e2)  # wider than unit vectors can ever need


@dataclass(frozen=True)
class Calibration:
    """How a flora weighs its evidence and turns similarities into probabilities."""

    text_weight: float
    """Weight of text in a taxon's vector, 0 to 1, chosen on validation photos; photos have the rest."""
    selection_photos: int
    """Number of validation photos; with fewer than `MIN_PHOTOS`, the text weight is the default."""
    temperature: float | None
    """Divides similarities before the softmax; `None` if the flora is not calibrated."""
    calibration_photos: int
    """Number of calibration photos; with fewer than `MIN_PHOTOS`, the flora is not calibrated."""
    right: tuple[float, ...]
    """Probabilities of the right taxa of calibration photos, ascending. Like the next two lists, a sample of at most
    1,000 values, and empty if the flora is not calibrated."""
    fits: tuple[float, ...]
    """Similarities of calibration photos to their most similar taxa, ascending."""
    lengths: tuple[float, ...]
    """Lengths of the appearances of calibration photos, ascending."""
    chance: float | None
    """Similarity of appearance that calibration photos rarely reach with a wrong taxon; `None` if the flora is not
    calibrated, or fewer than two taxa have photos."""
    threshold: float = SURE_THRESHOLD
    """Minimum probability of a confident answer."""

    def __post_init__(self) -> None:
        """Reject invalid values.

        Raises:
            FloraError: A weight or threshold is outside 0 to 1, the temperature is not positive, or a list is not
                finite and ascending.
        """
        if not 0 <= self.text_weight <= 1 or not 0 <= self.threshold <= 1:
            raise FloraError(
                "calibration-share", text_weight=str(self.text_weight), threshold=str(self.threshold)
            )
        if self.temperature is not None and not (math.isfinite(self.temperature) and self.temperature > 0):
            raise FloraError("calibration-temperature", temperature=str(self.temperature))
        for values in (self.right, self.fits, self.lengths):
            if not np.isfinite(values).all() or (np.diff(values) < 0).any():
                raise FloraError("calibration-order")

    def probabilities(
        self, similarities: NDArray[np.floating[Any]], photos: int = 1
    ) -> NDArray[np.float64] | None:
        """Convert similarities to probabilities by temperature scaling: a softmax at the fitted temperature.

        Args:
            similarities: Shape (plants, taxa), with every taxon of the flora; `-inf` for an excluded taxon.
            photos: Number of photos of one plant that each row is the mean of.

        Returns:
            Rows that sum to one, in the same order; `None` if there is no temperature.
        """
        if self.temperature is None:
            return None
        logits = similarities.astype(np.float64) / (self.temperature / photos**0.5)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result

    def least_probability(self, coverage: float) -> float | None:
        """Return the minimum probability of the taxa in a conformal prediction set.

        Args:
            coverage: How often the set must contain the right taxon, between 0 and 1, over many photos like the
                calibration photos.

        Returns:
            The probability, 0 if only the set of all taxa has that coverage; `None` without calibration.

        Source: Sadinle et al., "Least ambiguous set-valued classifiers with bounded error levels", 2019.
        """
        if not self.right:
            return None
        place = math.floor((1 - coverage) * (len(self.right) + 1) + 1e-9)
        return self.right[place - 1] if place >= 1 else 0.0

    def in_flora(self, similarity: float, listed: float = 1.0, share: float = 1.0) -> float | None:
        """Return the share of photos of the flora's plants that fit no better.

        This is a conformal p-value: for photos like the calibration photos, it is below x with probability at most x.

        If answers are restricted to some taxa (the listed taxa), this is true for photos of those taxa. Two tests can
        reject a photo. The first is its similarity to the best taxon of the whole flora. The second is the total
        probability of the listed taxa in the whole flora, compared with the probabilities of the right taxa of
        calibration photos. If the photo shows a listed taxon, the total is at least the probability of the right taxon,
        so the comparison is valid. The tests are combined by a weighted Bonferroni correction: the first has the weight
        `share`, the second the rest. If there are too few calibration photos for the test with the smaller weight, only
        the other one is used.

        Args:
            similarity: Similarity to the most similar taxon of the whole flora.
            listed: Total probability of the listed taxa among all taxa in the flora, 0 to 1.
            share: Number of listed taxa divided by the number of taxa in the flora, 0 to 1.

        Returns:
            A value from 0 to 1; `None` without calibration.
        """
        fits = _share(bisect_right(self.fits, similarity), self.fits)
        as_probable = _share(bisect_right(self.right, listed), self.right)
        if fits is None or as_probable is None:
            return None
        if min(share, 1 - share) * IN_FLORA_LEAST * (len(self.fits) + 1) <= 1:
            return fits if share > 0.5 else as_probable
        return min(fits / share, as_probable / (1 - share), 1.0)

    def plant(self, length: float) -> float | None:
        """Return the share of photos of the flora's plants that are at least as far out of distribution.

        The length of the appearance is the out-of-distribution score.
        """
        return _share(len(self.lengths) - bisect_left(self.lengths, length), self.lengths)

    @property
    def taught_offset(self) -> float | None:
        """Offset added to the appearance similarities of a taxon that is taught later from a few photos.

        With this offset, a photo that is similar to the taxon only by chance (`chance`) fits as badly as a photo at the
        rejection limit. `None` if it cannot be measured: without calibration, or if fewer than two taxa have photos.
        """
        if not self.fits or self.chance is None:
            return None
        return float(np.quantile(self.fits, IN_FLORA_LEAST)) - self.chance

    def strange(self, length: float) -> bool:
        """Return whether a photo is rejected as not a plant, by the length of its appearance.

        One in a hundred photos of the flora's plants is. With fewer than 100 calibration photos, no photo is rejected.
        """
        share = self.plant(length)
        return share is not None and share < PLANT_LEAST

    def foreign(self, similarity: float, listed: float = 1.0, share: float = 1.0) -> bool:
        """Return whether a photo is rejected as a plant that is not in the flora or not among the listed taxa.

        One in twenty photos of plants that may be answered is. With fewer than 20 calibration photos, no photo is
        rejected.

        Args:
            similarity: As `in_flora`.
            listed: As `in_flora`.
            share: As `in_flora`.
        """
        found = self.in_flora(similarity, listed, share)
        return found is not None and found < IN_FLORA_LEAST

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        path.write_text(to_json(self), encoding="utf-8")

    @classmethod
    def bare(
        cls, text_weight: float, selection_photos: int, temperature: float | None, calibration_photos: int
    ) -> "Calibration":
        """Create a calibration without values from calibration photos; the arguments are those of the class."""
        return cls(text_weight, selection_photos, temperature, calibration_photos, (), (), (), None)

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read a calibration.

        Raises:
            FloraError: The file is missing or is not JSON, or a field is missing or invalid.
        """
        try:
            return from_json(path.read_bytes(), cls)
        except FloraError as error:
            raise error.about(path) from error
        except (OSError, ValueError) as error:
            raise FloraError("calibration-unreadable", source=path, cause=first_line(error)) from error


def _share(count: int, values: tuple[float, ...]) -> float | None:
    return (count + 1) / (len(values) + 1) if values else None


def fit_calibration(
    text_weight: float,
    selection_photos: int,
    similarities: NDArray[np.floating[Any]],
    targets: NDArray[np.intp],
    lengths: NDArray[np.floating[Any]],
    chance: float | None = None,
) -> Calibration:
    """Calibrate a flora on held-out photos.

    Args:
        text_weight: Weight of text in a taxon's vector.
        selection_photos: Number of validation photos that it was chosen on.
        similarities: Similarities of the calibration photos to all taxa, shape (photos, taxa).
        targets: Column of the right taxon for each photo, shape (photos,).
        lengths: Lengths of their appearances, shape (photos,).
        chance: Similarity of appearance that they have by chance with wrong taxa.

    Returns:
        The calibration; without a temperature if there are fewer than `MIN_PHOTOS` photos.
    """
    if len(targets) < MIN_PHOTOS:
        return Calibration.bare(text_weight, selection_photos, None, len(targets))
    temperature = fit_temperature(similarities, targets)
    bare = Calibration.bare(text_weight, selection_photos, temperature, len(targets))
    probabilities = bare.probabilities(similarities)
    assert probabilities is not None
    return replace(
        bare,
        right=_kept(probabilities[np.arange(len(targets)), targets]),
        fits=_kept(similarities.max(axis=1)),
        lengths=_kept(lengths),
        chance=chance,
    )


def _kept(values: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Return values in ascending order: all of them, or an evenly spaced sample."""
    ordered = np.sort(values)
    if len(ordered) > _KEPT:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _KEPT).round().astype(int)]
    return tuple(round(float(value), 7) for value in ordered)


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
