"""How similar photos are to the taxa of a flora: computed for all taxa at once, and what follows for the photos."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.calibration import Calibration

__all__ = ["Similarities", "compare", "largest"]


def compare(photos: Vectors, vectors: Vectors) -> Vectors:
    """Compare photos with taxa, all in one matrix product.

    Args:
        photos: Each an embedding and an appearance of unit length, shape (photos, E + A).
        vectors: Of the taxa, each followed by what is added to its similarities, shape (taxa, E + A + 1).

    Returns:
        Inner products, shape (photos, taxa).
    """
    similarities: Vectors = photos @ vectors[:, :-1].T
    similarities += vectors[:, -1]
    return similarities


def largest(values: NDArray[np.floating[Any]], number: int) -> NDArray[np.intp]:
    """Find the places of the largest values, the largest first; of equal ones the earlier comes first.

    Args:
        values: Shape (values,).
        number: How many to find at most.
    """
    places: NDArray[np.intp] = np.arange(len(values))
    if number < len(values):  # sort only what can be among them
        least = np.partition(values, len(values) - number)[len(values) - number]
        places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")
    return places[order[:number]]


@dataclass(frozen=True)
class Similarities:
    """How similar some photos are to the taxa of a flora, and how strange they are."""

    values: Vectors
    """Similarities to all taxa in the order of the flora, shape (photos, taxa)."""
    lengths: Vectors
    """Lengths of the photos' appearances, shape (photos,)."""
    others: Vectors | None = None
    """To the flora's other taxa where answers are restricted to some, shape (photos, other taxa)."""

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Similarities":
        """Give those of some of the photos."""
        others = None if self.others is None else self.others[chosen]
        return Similarities(self.values[chosen], self.lengths[chosen], others)

    def together(self) -> "Similarities":
        """Take photos of one plant for one, by their means."""
        others = None if self.others is None else self.others.mean(axis=0)[None]
        return Similarities(self.values.mean(axis=0)[None], self.lengths.mean()[None], others)

    def fits(self, calibration: Calibration, photos: int = 1) -> list[tuple[float, float, float]]:
        """Give what `Calibration.in_flora` asks of each photo.

        Args:
            calibration: The flora's.
            photos: How many photos of a plant each row is the mean over.
        """
        if self.others is None:
            return [(best, 1.0, 1.0) for best in self.values.max(axis=1).tolist()]
        every, taxa = np.hstack([self.values, self.others]), self.values.shape[1]
        shares = calibration.probabilities(every, photos)
        listed = np.ones(len(every)) if shares is None else shares[:, :taxa].sum(axis=1)
        share = taxa / every.shape[1]
        return [(*fit, share) for fit in zip(every.max(axis=1).tolist(), listed.tolist(), strict=True)]

    def refused(self, calibration: Calibration) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which photos are rejected as no plant, and which others as plants of another flora."""
        none = np.array([calibration.strange(length) for length in self.lengths.tolist()], bool)
        other = np.array([calibration.foreign(*fit) for fit in self.fits(calibration)], bool)
        return none, other & ~none
