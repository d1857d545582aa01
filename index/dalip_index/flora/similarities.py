"""Similarities of photos to all taxa in a flora, and the rejections that follow from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.calibration import Calibration

__all__ = ["Similarities", "compare", "largest"]


def compare(photos: Vectors, vectors: Vectors) -> Vectors:
    """Compare photos with taxa in a single matrix product.

    Args:
        photos: Embeddings, each followed by an appearance of unit length, shape (photos, E + A).
        vectors: Vectors of the taxa, each followed by the offset added to its similarities, shape (taxa, E + A + 1).

    Returns:
        Inner products, shape (photos, taxa).
    """
    similarities: Vectors = photos @ vectors[:, :-1].T
    similarities += vectors[:, -1]
    return similarities


def largest(values: NDArray[np.floating[Any]], number: int) -> NDArray[np.intp]:
    """Return the indices of the largest values, largest first; of equal values, the earlier comes first.

    Args:
        values: Shape (values,).
        number: Maximum number of indices.
    """
    places: NDArray[np.intp] = np.arange(len(values))
    if number < len(values):  # sort only the candidates
        least = np.partition(values, len(values) - number)[len(values) - number]
        places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")
    return places[order[:number]]


@dataclass(frozen=True)
class Similarities:
    """Similarities of photos to the taxa in a flora, and their out-of-distribution scores."""

    values: Vectors
    """Similarities to all taxa in the order of the flora, shape (photos, taxa)."""
    lengths: Vectors
    """Lengths of the photos' appearances, the out-of-distribution scores, shape (photos,)."""
    others: Vectors | None = None
    """Similarities to the flora's other taxa if answers are restricted, shape (photos, other taxa)."""

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Similarities":
        """Return the similarities of some of the photos."""
        others = None if self.others is None else self.others[chosen]
        return Similarities(self.values[chosen], self.lengths[chosen], others)

    def together(self) -> "Similarities":
        """Combine photos of one plant into one row: the mean."""
        others = None if self.others is None else self.others.mean(axis=0)[None]
        return Similarities(self.values.mean(axis=0)[None], self.lengths.mean()[None], others)

    def fits(self, calibration: Calibration, photos: int = 1) -> list[tuple[float, float, float]]:
        """Return the arguments of `Calibration.in_flora` for each photo.

        Args:
            calibration: The flora's calibration.
            photos: Number of photos of one plant that each row is the mean of.
        """
        if self.others is None:
            return [(best, 1.0, 1.0) for best in self.values.max(axis=1).tolist()]
        every, taxa = np.hstack([self.values, self.others]), self.values.shape[1]
        shares = calibration.probabilities(every, photos)
        listed = np.ones(len(every)) if shares is None else shares[:, :taxa].sum(axis=1)
        share = taxa / every.shape[1]
        return [(*fit, share) for fit in zip(every.max(axis=1).tolist(), listed.tolist(), strict=True)]

    def refused(self, calibration: Calibration) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which photos are rejected as not a plant, and which others as plants that are not in the flora."""
        none = np.array([calibration.strange(length) for length in self.lengths.tolist()], bool)
        other = np.array([calibration.foreign(*fit) for fit in self.fits(calibration)], bool)
        return none, other & ~none
