"""What a flora makes of photos before it answers: how similar they are to all of its taxa."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.calibration import Calibration

__all__ = ["Judged"]


@dataclass(frozen=True)
class Judged:
    """What a flora makes of some photos."""

    similarities: Vectors
    """To all taxa in the order of the flora, shape (photos, taxa)."""
    lengths: Vectors
    """Of their appearances, shape (photos,)."""
    left_out: Vectors | None = None
    """To the flora's other taxa where answers are restricted to some, shape (photos, other taxa)."""

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Judged":
        """Give some of the photos."""
        left_out = None if self.left_out is None else self.left_out[chosen]
        return Judged(self.similarities[chosen], self.lengths[chosen], left_out)

    def together(self) -> "Judged":
        """Take photos of one plant for one, by their means."""
        left_out = None if self.left_out is None else self.left_out.mean(axis=0)[None]
        return Judged(self.similarities.mean(axis=0)[None], self.lengths.mean()[None], left_out)

    def fits(self, calibration: Calibration, photos: int = 1) -> list[tuple[float, float, float]]:
        """Give what `Calibration.in_flora` asks of each photo.

        Args:
            calibration: The flora's.
            photos: How many photos of a plant each row is the mean over.
        """
        every, taxa = self.similarities, self.similarities.shape[1]
        if self.left_out is not None:
            every = np.hstack([every, self.left_out])
        shares = calibration.probabilities(every, photos)
        listed = np.ones(len(every)) if shares is None else shares[:, :taxa].sum(axis=1)
        share = taxa / every.shape[1]
        return [(*fit, share) for fit in zip(every.max(axis=1).tolist(), listed.tolist(), strict=True)]

    def refused(self, calibration: Calibration) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which photos are refused as no plant, and which others as plants of another flora."""
        none = np.array([calibration.strange(length) for length in self.lengths.tolist()], bool)
        other = np.array([calibration.foreign(*fit) for fit in self.fits(calibration)], bool)
        return none, other & ~none
