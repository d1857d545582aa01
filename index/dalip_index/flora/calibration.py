"""Calibration: temperature scaling, conformal prediction sets, thresholds and out-of-distribution detection."""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError, first_line
from dalip.files import from_json, to_json
from dalip.ranks import RANKS
from dalip_index.flora.sharpness import Sharpness

__all__ = [
    "CALIBRATION",
    "IN_FLORA_LEAST",
    "MIN_PHOTOS",
    "MISFIT_THRESHOLD",
    "REGION_SHARE",
    "Calibration",
    "softmax",
    "thresholds_by_rank",
]

CALIBRATION = "calibration.json"
"""Name of the calibration in a version's folder."""

SURE_THRESHOLD = 0.8
"""Default minimum probability of a confident answer: four times as likely as all other taxa together."""

MISFIT_THRESHOLD = 0.95
"""Minimum probability of a genus or family as the answer for a photo that fits no taxon well."""

PLANT_LEAST = 0.01
"""A photo is rejected as not a plant if a smaller share of the calibration photos is as far out of distribution; see
`strange`."""

IN_FLORA_LEAST = 0.05
"""A photo is rejected as a plant that is not in the flora if a smaller share of the calibration photos fits as badly;
see `foreign`."""

REGION_SHARE = 0.95
"""Assumed share of the photos taken in a region that show a taxon which is known to occur there."""

MIN_PHOTOS = 10
"""With fewer photos, the text weight is the default and the flora is not calibrated."""


@dataclass(frozen=True)
class Calibration:
    """How a flora weighs its evidence and turns similarities into probabilities."""

    text_weight: float
    """Weight of text in a taxon's vector, 0 to 1, chosen on validation photos; photos have the rest."""
    selection_photos: int
    """Number of validation photos; with fewer than `MIN_PHOTOS`, the text weight is the default."""
    temperature: float | None
    """Divides similarities before the softmax; `None` if the flora is not calibrated. With `sharpness`, it is that of a
    usual photo and the taxa with many photos."""
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
    sharpness: Sharpness | None = None
    """Replaces the temperature if the taxa have unequal evidence; `None` if one temperature is used for all of them."""
    right_by_level: tuple[tuple[float, ...], ...] = ()
    """As `right`, for the calibration photos whose taxon most likely has each level of evidence; empty for a level with
    too few of them."""
    region_logit: float | None = None
    """Logit of the prior probability of the taxa of a region, all together; `None` if it was not fitted, as in older
    floras. It is then the logit of `REGION_SHARE`."""

    def __post_init__(self) -> None:
        """Reject invalid values.

        Raises:
            FloraError: A weight or threshold is outside 0 to 1, the temperature is not positive, or a number or list
                is not finite, or a list not ascending.
        """
        if not 0 <= self.text_weight <= 1 or not 0 <= self.threshold <= 1:
            raise FloraError(
                "calibration-share", text_weight=str(self.text_weight), threshold=str(self.threshold)
            )
        if self.temperature is not None and not (math.isfinite(self.temperature) and self.temperature > 0):
            raise FloraError("calibration-temperature", temperature=str(self.temperature))
        for values in (self.right, self.fits, self.lengths, *self.right_by_level):
            if not np.isfinite(values).all() or (np.diff(values) < 0).any():
                raise FloraError("calibration-order")
        if self.region_logit is not None and not math.isfinite(self.region_logit):
            raise FloraError("calibration-region", logit=str(self.region_logit))

    def logits(
        self, similarities: NDArray[np.floating[Any]], photos: int = 1, levels: NDArray[np.intp] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
        """Convert similarities to logits: logarithms of probabilities, up to a constant for each row.

        Args:
            similarities: Shape (plants, taxa), with every taxon of the flora; `-inf` for an excluded taxon.
            photos: Number of photos of one plant that each row is the mean of.
            levels: Level of evidence of each taxon, shape (taxa,); needed by `sharpness`.

        Returns:
            The logits, and the most likely level of evidence of the taxon in each photo, shape (plants,); `None` if the
            flora is not calibrated.

        Raises:
            ValueError: There is a sharpness, but no levels are given.
        """
        if self.temperature is None:
            return None
        if self.sharpness is None:
            logits = similarities.astype(np.float64) / (self.temperature / photos**0.5)
            return logits, np.zeros(len(logits), np.intp)
        if levels is None:
            raise ValueError("this calibration needs the levels of evidence of the taxa")
        logits, likely = self.sharpness.logits(similarities, levels)
        return logits * photos**0.5, likely

    def probabilities(
        self, similarities: NDArray[np.floating[Any]], photos: int = 1, levels: NDArray[np.intp] | None = None
    ) -> NDArray[np.float64] | None:
        """Convert similarities to probabilities; the arguments are those of `logits`.

        Returns:
            Rows that sum to one, in the same order; `None` if the flora is not calibrated.
        """
        found = self.logits(similarities, photos, levels)
        return None if found is None else softmax(found[0])

    def least_probability(self, coverage: float, level: int = 0) -> float | None:
        """Return the minimum probability of the taxa in a conformal prediction set.

        Args:
            coverage: How often the set must contain the right taxon, between 0 and 1, over many photos like the
                calibration photos.
            level: The most likely level of evidence of the taxon. The coverage then holds for the photos of each level
                (Mondrian conformal prediction).

        Returns:
            The probability, 0 if only the set of all taxa has that coverage; `None` without calibration.

        Source: Sadinle et al., "Least ambiguous set-valued classifiers with bounded error levels", 2019; Vovk,
        "Conditional validity of inductive conformal predictors", 2012.
        """
        of_level = self.right_by_level[level] if level < len(self.right_by_level) else ()
        right = of_level or self.right
        if not right:
            return None
        place = math.floor((1 - coverage) * (len(right) + 1) + 1e-9)
        return right[place - 1] if place >= 1 else 0.0

    def thresholds(self, misfit: bool = False, *, orders: bool = False) -> dict[str, float]:
        """Return the minimum probability of a confident answer by rank, as `thresholds_by_rank` does.

        Args:
            misfit: Whether the photo fits no taxon well; see `foreign`.
            orders: Whether the answer may be an order.
        """
        return thresholds_by_rank(self.threshold, misfit, orders=orders)

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

    def region_weight(self, inside: int, taxa: int) -> float:
        """Return what is subtracted from the logits of the taxa that do not occur in a region, at least 0.

        Probabilities without a region have the same prior for each taxon. In a region, the taxa that occur there share
        one prior probability, 95 % if it was not fitted, and the others the rest. So the weight is the logarithm of the
        odds of these two priors, plus that of the number of other taxa for each taxon inside.

        Args:
            inside: Number of taxa that occur there, at least 1.
            taxa: Number of taxa that may be answered.
        """
        if inside == taxa:
            return 0.0
        logit = self.region_logit
        prior = math.log(REGION_SHARE / (1 - REGION_SHARE)) if logit is None else logit
        return max(prior + math.log((taxa - inside) / inside), 0.0)

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


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities, which sum to one in each row, from logits of shape (plants, taxa)."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def thresholds_by_rank(threshold: float, misfit: bool, *, orders: bool = False) -> dict[str, float]:
    """Return the minimum probability of a confident answer by rank; taxa of other ranks are no confident answers.

    An order says too little to be an answer unless it is asked for. A photo that fits no taxon well may show a species
    that is not in the flora, so it is not named below the genus, and genus and family must be more probable.

    Args:
        threshold: Minimum probability for photos that fit.
        misfit: Whether the photo fits no taxon well.
        orders: Whether the answer may be an order.
    """
    ranks = RANKS[: RANKS.index("genus") + 1] if misfit else RANKS
    least = max(threshold, MISFIT_THRESHOLD) if misfit else threshold
    return {rank: least for rank in ranks if orders or rank != "order"}
