"""What similarities mean: probabilities, conformal prediction sets and rejection, from photos held out for it."""

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
"""A taxon at least this probable is answered as sure: four times as likely as all others together."""

PLANT_LEAST = 0.01
"""A photo is taken for no plant if a smaller share of the calibration photos is as strange; see `strange`."""

IN_FLORA_LEAST = 0.05
"""A plant is taken for one of another flora if a smaller share of the calibration photos fits as badly; see
`foreign`."""

MIN_PHOTOS = 10
"""With fewer photos nothing is chosen or fitted: the text weight is the default, the flora uncalibrated."""

_KEPT = 1000  # values of each kind; more would be finer than any share that is asked for
_TEMPERATURES = (1e-4, 1e2)  # far beyond anything that unit vectors can need, on both sides


@dataclass(frozen=True)
class Calibration:
    """How a flora weighs its evidence and turns similarities into probabilities."""

    text_weight: float
    """Share of text in a taxon's vector, 0 to 1, chosen on validation photos; the rest is photos."""
    selection_photos: int
    """Validation photos there were; with fewer than `MIN_PHOTOS` the weight is the default."""
    temperature: float | None
    """Divides similarities before the softmax; `None` where the flora is not calibrated."""
    calibration_photos: int
    """Calibration photos there were; with fewer than `MIN_PHOTOS` the flora is not calibrated."""
    right: tuple[float, ...]
    """Probabilities that calibration photos give to their own taxa, ascending; a sample of at most 1,000, like the
    following two. Empty where the flora is not calibrated."""
    fits: tuple[float, ...]
    """Their similarities to the most similar taxa, ascending."""
    lengths: tuple[float, ...]
    """Lengths of their appearances, ascending."""
    chance: float | None
    """Similarity of appearance that calibration photos rarely have with a taxon that they do not show; `None` where
    the flora is not calibrated, or has no two taxa with photos."""
    threshold: float = SURE_THRESHOLD
    """Probability from which an answer is sure."""

    def __post_init__(self) -> None:
        """Reject values that no calibration can have.

        Raises:
            FloraError: A weight or threshold outside 0 to 1, or a temperature that is not positive.
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
        """Turn the similarities to all taxa into probabilities.

        Args:
            similarities: Shape (plants, taxa), every taxon of the flora; `-inf` where one cannot be meant.
            photos: How many photos of a plant they are the mean over.

        Returns:
            Rows that sum to one, in the same order; `None` without a temperature.
        """
        if self.temperature is None:
            return None
        logits = similarities.astype(np.float64) / (self.temperature / photos**0.5)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
        return result

    def least_probability(self, coverage: float) -> float | None:
        """Find the probability from which taxa belong to a conformal prediction set.

        Args:
            coverage: How often the set is to hold the right taxon, between 0 and 1, over many photos that are like the
                calibration photos.

        Returns:
            The probability, 0 where only the set of all taxa has that coverage; `None` without calibration.

        Source: Sadinle et al., "Least ambiguous set-valued classifiers with bounded error levels", 2019.
        """
        if not self.right:
            return None
        place = math.floor((1 - coverage) * (len(self.right) + 1) + 1e-9)
        return self.right[place - 1] if place >= 1 else 0.0

    def in_flora(self, similarity: float, listed: float = 1.0, share: float = 1.0) -> float | None:
        """Say how large a share of photos of the flora's plants fits no better.

        It is a conformal p-value: for photos like the calibration photos it lies below x with probability x at most.

        Where answers are restricted to some taxa, it is so for photos of these. Two things speak against them: that the
        photo fits the best taxon of the whole flora badly; and that the whole flora finds them improbable, compared
        with how probable it finds the right taxa of calibration photos, for together they are at least as probable as
        the right one of them. Each may reject a part of the photos, the first as large a part as that of the flora's
        taxa that may be named, the second the rest (Bonferroni's correction, weighted); where there are too few
        calibration photos for the smaller part, the other is the whole.

        Args:
            similarity: To the most similar taxon of the whole flora.
            listed: Probability among all taxa of the flora, 0 to 1, that those have together that answers are
                restricted to.
            share: How many of the flora's taxa these are, as a share of 1.

        Returns:
            A share of 1; `None` without calibration.
        """
        fits = _share(bisect_right(self.fits, similarity), self.fits)
        as_probable = _share(bisect_right(self.right, listed), self.right)
        if fits is None or as_probable is None:
            return None
        if min(share, 1 - share) * IN_FLORA_LEAST * (len(self.fits) + 1) <= 1:
            return fits if share > 0.5 else as_probable
        return min(fits / share, as_probable / (1 - share), 1.0)

    def plant(self, length: float) -> float | None:
        """Say how large a share of photos of the flora's plants is at least as strange, by the length of appearance."""
        return _share(len(self.lengths) - bisect_left(self.lengths, length), self.lengths)

    @property
    def taught_offset(self) -> float | None:
        """What is added to similarities of appearance of a taxon that is taught later, by a few photos.

        A photo that resembles it as much as it may by chance then fits as badly as one that the flora refuses. `None`
        where photos do not say it: without calibration, or without two taxa that have photos.
        """
        if not self.fits or self.chance is None:
            return None
        return float(np.quantile(self.fits, IN_FLORA_LEAST)) - self.chance

    def strange(self, length: float) -> bool:
        """Say whether a photo is rejected as no plant, by the length of its appearance: one in a hundred is.

        None is with fewer than 100 calibration photos.
        """
        share = self.plant(length)
        return share is not None and share < PLANT_LEAST

    def foreign(self, similarity: float, listed: float = 1.0, share: float = 1.0) -> bool:
        """Say whether a plant is rejected as one of another flora, or as no plant of those asked for: one in twenty is.

        None is with fewer than 20 calibration photos.

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
        """Give one that knows nothing of calibration photos but how many there were; arguments as of the class."""
        return cls(text_weight, selection_photos, temperature, calibration_photos, (), (), (), None)

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read a calibration.

        Raises:
            FloraError: The file is missing, is no JSON, or lacks a field or holds a value that cannot be.
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
    """Calibrate a flora on photos held out for it.

    Args:
        text_weight: Share of text in a taxon's vector.
        selection_photos: How many photos it was chosen on.
        similarities: Of the calibration photos to all taxa, shape (photos, taxa).
        targets: The column of the right taxon for each photo, shape (photos,).
        lengths: Of their appearances, shape (photos,).
        chance: Similarity of appearance that they have by chance with taxa that they do not show.

    Returns:
        What they teach; without a temperature for fewer than `MIN_PHOTOS` of them.
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
    """Give values in ascending order: all of them, or evenly many of each size."""
    ordered = np.sort(values)
    if len(ordered) > _KEPT:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _KEPT).round().astype(int)]
    return tuple(round(float(value), 7) for value in ordered)


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
    """Find the temperature that maximises the likelihood of the right class.

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
