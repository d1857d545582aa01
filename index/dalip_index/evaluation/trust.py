"""Measure a flora's calibration, coverage and rejection on labelled photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.taxon_tree import TaxonTree
from dalip_index.flora.answer import LONGEST_SET
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.candidates import Candidates
from dalip_index.flora.similarities import Shares, Similarities

__all__ = [
    "Bin",
    "Rejection",
    "Trust",
    "expected_calibration_error",
    "measure_trust",
    "rejection",
    "reliability",
]

_COVERAGES = (0.8, 0.9, 0.95)
"""Coverages to measure."""

_BINS = 15


@dataclass(frozen=True)
class Bin:
    """Answers with similar probabilities: one point in a reliability diagram."""

    photos: int
    probability: float
    """Mean probability of the best taxon."""
    right: float
    """How often the best taxon was right, 0 to 1; with perfect calibration this equals `probability`."""


@dataclass(frozen=True)
class Trust:
    """How reliable the answers for the photos from one source are. All values except sizes and counts are fractions."""

    source: str
    photos: int
    macro_top1: float
    """Macro-averaged top-1: the mean over taxa."""
    ece: float
    """Expected calibration error (ECE) of the best taxon's probability: the mean gap between probability and accuracy
    over the bins in `reliability`."""
    reliability: tuple[Bin, ...]
    """15 bins with equal numbers of photos, least probable answers first; fewer bins if there are fewer photos."""
    answered: float
    """Photos whose best taxon reaches the threshold."""
    right_if_answered: float
    """Photos answered correctly among those; 0 if there are none."""
    coverage: Mapping[str, float]
    """For each requested coverage, how often the conformal prediction set contains the right taxon."""
    set_size: Mapping[str, float]
    """For each requested coverage, the mean number of taxa in the set."""
    shown_size: Mapping[str, float]
    """For each requested coverage, the mean length of the set as it is shown, where genera, families and orders stand
    for several of its taxa; empty if not measured."""
    not_a_plant: float
    """Photos wrongly rejected as not a plant."""
    not_in_flora: float
    """Photos wrongly rejected as a plant that is not in the flora."""


@dataclass(frozen=True)
class Rejection:
    """How well one score separates photos that the flora should reject from photos that it should identify."""

    kind: str
    """`other plants` or `no plants`."""
    photos: int
    score: str
    """`similarity` to the best taxon, or `strangeness`: the out-of-distribution score, the length of the appearance."""
    auroc: float
    """Area under the ROC curve: how often a photo to identify scores higher than a photo to reject, 0 to 1."""
    fpr_at_95: float
    """Fraction of these photos that pass at the threshold that 95 % of the photos to identify pass."""
    refused: float
    """Fraction rejected, for either reason, at the flora's thresholds."""


def auroc(higher: NDArray[np.floating[Any]], lower: NDArray[np.floating[Any]]) -> float:
    """Return the area under the ROC curve: how often a value in `higher` exceeds one in `lower`; ties count half."""
    ordered = np.sort(lower)
    below, not_above = (np.searchsorted(ordered, higher, side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(ordered)))


def reliability(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Group answers into bins with equal numbers of photos.

    Args:
        probabilities: Probability of each answer, shape (photos,).
        right: Whether each answer was right, shape (photos,).

    Returns:
        15 bins, least probable answers first; fewer bins if there are fewer photos.
    """
    parts = np.array_split(np.argsort(probabilities, kind="stable"), _BINS)
    return tuple(
        Bin(len(part), float(probabilities[part].mean()), float(right[part].mean()))
        for part in parts
        if len(part)
    )


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error (ECE): the mean gap between probability and accuracy, weighted by bin size.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015; here with equal-mass
    bins.
    """
    return sum(b.photos * abs(b.probability - b.right) for b in bins) / sum(b.photos for b in bins)


def measure_trust(
    source: str,
    found: Similarities,
    targets: NDArray[np.intp],
    calibration: Calibration,
    tree: TaxonTree | None = None,
) -> Trust:
    """Measure calibration, coverage and wrong rejections.

    Args:
        source: Label for the photos.
        found: Their similarities to the taxa of a calibrated flora.
        targets: Row of the right taxon for each photo, shape (photos,).
        calibration: The flora's calibration.
        tree: The taxa; without it, the length of prediction sets as they are shown is not measured.
    """
    shares = found.shares(calibration)
    assert shares is not None
    probabilities = shares.probabilities
    own, best = probabilities[np.arange(len(targets)), targets], probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    answered = best >= calibration.threshold
    bins = reliability(best, right)
    held = {f"{c:g}": _sets(shares, calibration, c) for c in _COVERAGES}
    none, other = found.refused(calibration)
    return Trust(
        source,
        len(targets),
        float(np.mean([right[targets == row].mean() for row in np.unique(targets)])),
        expected_calibration_error(bins),
        bins,
        float(answered.mean()),
        float(right[answered].mean()) if answered.any() else 0.0,
        {name: float((own >= least).mean()) for name, least in held.items()},
        {name: float((probabilities >= least[:, None]).sum(axis=1).mean()) for name, least in held.items()},
        {name: _shown_size(found, shares, least, tree) for name, least in held.items()} if tree else {},
        float(none.mean()),
        float(other.mean()),
    )


def _sets(shares: Shares, calibration: Calibration, coverage: float) -> NDArray[np.float64]:
    """Return the minimum probability of the taxa in the prediction set of each photo."""
    return np.array(
        [calibration.least_probability(coverage, level) or 0.0 for level in shares.likely_levels.tolist()]
    )


def _shown_size(found: Similarities, shares: Shares, least: NDArray[np.float64], tree: TaxonTree) -> float:
    taxa = tree.nodes[: found.values.shape[1]]
    experimental, sizes = np.zeros(len(taxa), bool), []
    for row, probability in enumerate(least.tolist()):
        candidates = Candidates(taxa, found.values[row], shares.probabilities[row], experimental)
        sizes.append(len(candidates.rolled_up(tree, candidates.at_least(probability), LONGEST_SET)[1]))
    return float(np.mean(sizes))


def rejection(
    kind: str, named: Similarities, others: Similarities, calibration: Calibration
) -> tuple[Rejection, ...]:
    """Measure how well each score separates photos to reject from photos to identify.

    Args:
        kind: Label for the photos to reject.
        named: The photos to identify, at least one.
        others: The photos to reject, at least one.
        calibration: The flora's calibration.
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
