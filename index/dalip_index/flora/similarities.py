"""Similarities of photos to all taxa in a flora, and the rejections that follow from them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.calibration import Calibration, softmax

__all__ = ["Shares", "Similarities", "largest"]


def largest(values: NDArray[np.floating[Any]], number: int) -> NDArray[np.intp]:
    """Return the indices of the largest values, largest first; of equal values, the earlier comes first.

    Args:
        values: Shape (values,).
        number: Maximum number of indices.
    """
    if number < len(values):  # sort only the candidates
        least = values.max() if number == 1 else np.partition(values, -number)[-number]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    order = np.argsort(-values[places], kind="stable")
    return places[order[:number]]


@dataclass(frozen=True)
class Shares:
    """Probabilities of the taxa that answers may contain."""

    probabilities: NDArray[np.float64]
    """Over these taxa, shape (plants, taxa)."""
    listed: NDArray[np.float64]
    """Total probability of these taxa among all taxa in the flora, shape (plants,)."""
    likely_levels: NDArray[np.intp]
    """Most likely level of evidence of the taxon in each photo, shape (plants,); see `levels_of`."""


@dataclass(frozen=True)
class Similarities:
    """Similarities of photos to the taxa in a flora, and their out-of-distribution scores."""

    values: Vectors
    """Similarities to all taxa in the order of the flora, shape (photos, taxa)."""
    lengths: Vectors
    """Lengths of the photos' appearances, the out-of-distribution scores, shape (photos,)."""
    others: Vectors | None = None
    """Similarities to the flora's other taxa if answers are restricted, shape (photos, other taxa)."""
    levels: NDArray[np.intp] | None = None
    """Level of evidence of each taxon, the other taxa last; see `levels_of`. `None` if the calibration needs none."""
    prior: NDArray[np.float64] | None = None
    """What is added to the logits of the taxa that may be answered, shape (taxa,), because a region is known; see
    `Region`. Rejection does not depend on it."""

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Similarities":
        """Return the similarities of some of the photos."""
        others = None if self.others is None else self.others[chosen]
        return replace(self, values=self.values[chosen], lengths=self.lengths[chosen], others=others)

    def together(self) -> "Similarities":
        """Combine photos of one plant into one row: the mean."""
        if len(self.values) == 1:
            return self
        others = None if self.others is None else self.others.mean(axis=0)[None]
        mean, length = self.values.mean(axis=0)[None], self.lengths.mean()[None]
        return replace(self, values=mean, lengths=length, others=others)

    def shares(self, calibration: Calibration, photos: int = 1) -> Shares | None:
        """Convert similarities to probabilities.

        Args:
            calibration: The flora's calibration.
            photos: Number of photos of one plant that each row is the mean of.

        Returns:
            The probabilities; `None` if the flora is not calibrated.
        """
        every = self.values if self.others is None else np.hstack([self.values, self.others])
        found = calibration.logits(every, photos, self.levels)
        if found is None:
            return None
        logits, likely = found
        taxa = self.values.shape[1]
        weighed = logits[:, :taxa] if self.prior is None else logits[:, :taxa] + self.prior
        listed = np.ones(len(logits)) if self.others is None else softmax(logits)[:, :taxa].sum(axis=1)
        return Shares(softmax(weighed), listed, likely)

    def bonus(self, logit_scale: float, photos: int = 1) -> NDArray[np.float64] | None:
        """Return what a region adds to the similarities of a flora without calibration, to rank its taxa.

        Args:
            logit_scale: Of the encoder.
            photos: As `shares`; more photos say more about the plant, as in `Calibration.logits`.

        Returns:
            Shape (taxa,); `None` without a region.
        """
        return None if self.prior is None else self.prior / (logit_scale * photos**0.5)

    def fits(self, calibration: Calibration, photos: int = 1) -> list[tuple[float, float, float]]:
        """Return the arguments of `Calibration.in_flora` for each photo.

        Args:
            calibration: The flora's calibration.
            photos: Number of photos of one plant that each row is the mean of.
        """
        if self.others is None:
            return [(best, 1.0, 1.0) for best in self.values.max(axis=1).tolist()]
        best = np.maximum(self.values.max(axis=1), self.others.max(axis=1, initial=-np.inf))
        shares = self.shares(calibration, photos)
        listed = np.ones(len(best)) if shares is None else shares.listed
        share = self.values.shape[1] / (self.values.shape[1] + self.others.shape[1])
        return [(*fit, share) for fit in zip(best.tolist(), listed.tolist(), strict=True)]

    def refused(self, calibration: Calibration) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which photos are rejected as not a plant, and which others fit no taxon well."""
        none = np.array([calibration.strange(length) for length in self.lengths.tolist()], bool)
        other = np.array([calibration.foreign(*fit) for fit in self.fits(calibration)], bool)
        return none, other & ~none
