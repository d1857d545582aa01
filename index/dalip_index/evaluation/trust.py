"""Calibration, coverage and rejection of a flora, on labelled photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip_index.flora.calibration import Calibration
from dalip_index.flora.similarities import Similarities

__all__ = [
    "COVERAGES",
    "Bin",
    "Rejection",
    "Trust",
    "expected_calibration_error",
    "measure_trust",
    "rejection",
    "reliability",
]

COVERAGES = (0.8, 0.9, 0.95)
"""Coverages that are measured."""

_BINS = 15


@dataclass(frozen=True)
class Bin:
    """Answers that were about equally probable: a point of a reliability diagram."""

    photos: int
    probability: float
    """Mean of the best taxon's."""
    right: float
    """How often it was right, as a share of 1; with good calibration equal to the probability."""


@dataclass(frozen=True)
class Trust:
    """How far the answers for the photos of one source can be trusted; all but sizes and counts are shares of 1."""

    source: str
    photos: int
    macro_top1: float
    """Top-1 as a mean over taxa, each counting alike."""
    ece: float
    """Expected calibration error of the best taxon's probability: how far it is from how often it is right, as a mean
    over `reliability`."""
    reliability: tuple[Bin, ...]
    """15 bins of equally many photos, the least probable answers first; fewer for fewer photos."""
    answered: float
    """Photos whose best taxon reaches the threshold."""
    right_if_answered: float
    """How many of these are right; 0 where there are none."""
    coverage: Mapping[str, float]
    """By coverage: how often the set holds the right taxon."""
    set_size: Mapping[str, float]
    """By coverage: taxa in the set, as a mean."""
    not_a_plant: float
    """Photos rejected as no plant, all of them wrongly."""
    not_in_flora: float
    """Photos rejected as a plant of another flora, all of them wrongly."""


@dataclass(frozen=True)
class Rejection:
    """How well photos of one kind that the flora should reject are separated from those that it should name."""

    kind: str
    """`other plants` or `no plants`."""
    photos: int
    score: str
    """The score that separates them: `similarity` to the best taxon, or `strangeness`, the length of appearance."""
    auroc: float
    """Area under the ROC curve: how often the right one of two such photos scores higher, as a share of 1."""
    fpr_at_95: float
    """Share that passes where 95 % of the photos to name pass."""
    refused: float
    """Share rejected, for either reason, by the flora's own thresholds."""


def auroc(higher: NDArray[np.floating[Any]], lower: NDArray[np.floating[Any]]) -> float:
    """Say how often a value of the first is above one of the second, the area under the ROC curve; ties count half."""
    ordered = np.sort(lower)
    below, not_above = (np.searchsorted(ordered, higher, side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(ordered)))


def reliability(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Put answers into bins of equally many photos.

    Args:
        probabilities: Of the answers, shape (photos,).
        right: Whether each was right.

    Returns:
        15 bins, the least probable first; fewer for fewer photos.
    """
    parts = np.array_split(np.argsort(probabilities, kind="stable"), _BINS)
    return tuple(
        Bin(len(part), float(probabilities[part].mean()), float(right[part].mean()))
        for part in parts
        if len(part)
    )


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Give the mean distance between how probable answers were and how often they were right.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015; with bins of equally
    many photos.
    """
    return sum(b.photos * abs(b.probability - b.right) for b in bins) / sum(b.photos for b in bins)


def measure_trust(
    source: str, found: Similarities, targets: NDArray[np.intp], calibration: Calibration
) -> Trust:
    """Measure how far answers can be trusted.

    Args:
        source: What to call the photos.
        found: How similar they are to the taxa of a calibrated flora.
        targets: The right taxon of each.
        calibration: The flora's.
    """
    probabilities = calibration.probabilities(found.values)
    assert probabilities is not None
    own, best = probabilities[np.arange(len(targets)), targets], probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    answered = best >= calibration.threshold
    bins = reliability(best, right)
    least = {f"{c:g}": calibration.least_probability(c) or 0.0 for c in COVERAGES}
    none, other = found.refused(calibration)
    return Trust(
        source,
        len(targets),
        float(np.mean([right[targets == row].mean() for row in np.unique(targets)])),
        expected_calibration_error(bins),
        bins,
        float(answered.mean()),
        float(right[answered].mean()) if answered.any() else 0.0,
        {name: float((own >= value).mean()) for name, value in least.items()},
        {name: float((probabilities >= value).sum(axis=1).mean()) for name, value in least.items()},
        float(none.mean()),
        float(other.mean()),
    )


def rejection(
    kind: str, named: Similarities, others: Similarities, calibration: Calibration
) -> tuple[Rejection, ...]:
    """Measure how well photos are separated from those that the flora should name, by each score.

    Args:
        kind: What to call them.
        named: The photos to name, at least one.
        others: The photos to reject, at least one.
        calibration: The flora's.
    """
    refused = float(np.logical_or(*others.refused(calibration)).mean())
    scores = {
        "similarity": (named.values.max(axis=1), others.values.max(axis=1)),
        "strangeness": (-named.lengths, -others.lengths),
    }
    return tuple(
        Rejection(
            kind,
            len(others.lengths),
            score,
            auroc(passes, fails),
            float((fails >= np.quantile(passes, 0.05)).mean()),
            refused,
        )
        for score, (passes, fails) in scores.items()
    )
