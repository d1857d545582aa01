"""The verdict on a photo: confident or not, at which rank, with which prediction set, or why it is rejected."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import LONGEST_SET, Identification, Lazy, Prediction, Verdict
from dalip_index.flora.calibration import IN_FLORA_LEAST, Calibration
from dalip_index.flora.candidates import Candidates

__all__ = ["DEFAULT_COVERAGE", "judge"]

DEFAULT_COVERAGE = 0.9
"""Default coverage of conformal prediction sets: how often they contain the right taxon."""

_LIKELY = 0.015  # rounds to 2 %
_LIKELY_UNCALIBRATED = 3


def judge(
    candidates: Candidates,
    length: float,
    in_flora: float | None,
    calibration: Calibration,
    tree: TaxonTree,
    top_k: int,
    *,
    listed: float = 1.0,
    level: int = 0,
    rank: str | None = None,
    coverage: float = DEFAULT_COVERAGE,
) -> Identification:
    """Decide the answer for a photo from its similarities and probabilities.

    Args:
        candidates: All taxa that may be answered, in the order of the tree.
        length: Length of the photo's appearance.
        in_flora: Value of `Calibration.in_flora`.
        calibration: The flora's calibration.
        tree: The taxa that may be answered, and their higher taxa.
        top_k: Maximum number of taxa to show.
        listed: Total probability, 0 to 1, of these taxa in the whole flora. It limits the probability of a higher taxon
            that contains all of them; otherwise, restricting answers to one family would make that family certain.
        level: Most likely level of evidence of the taxon; see `levels_of`.
        rank: Answer with taxa of this rank or a higher one. By default, predictions are the taxa of the flora, and a
            confident answer is the lowest taxon that is probable enough.
        coverage: How often the conformal prediction set must contain the right taxon.

    Raises:
        ValueError: The coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage is {coverage}; it must be between 0 and 1")
    if rank is None:
        named, first = candidates, candidates.best(top_k)
    else:
        named = candidates.at_rank(tree, rank, np.arange(len(candidates.taxa)))
        first = np.arange(min(top_k, len(named.taxa)))
    shown = named.predictions(first)
    least = calibration.least_probability(coverage, level)
    if least is None or candidates.probabilities is None:
        likely = _predictions(candidates, candidates.best(_LIKELY_UNCALIBRATED))
        return Identification("", shown, "uncalibrated", None, likely=likely)
    misfit = in_flora is not None and in_flora < IN_FLORA_LEAST
    # A misfit may show a plant of another taxon than these. They are then probable only as part of the whole flora, and
    # that one of them is probable says nothing for a taxon that contains all of them.
    share, listed = (listed, 0.0) if misfit else (1.0, listed)
    if rank is None:
        thresholds = calibration.thresholds(misfit)
        sure = tree.lowest(candidates.probabilities * share, thresholds, candidates.experimental, listed)
    else:
        sure = _first(named, calibration.thresholds(misfit, orders=True), share, listed)
    verdict: Verdict = "sure" if sure else "not in flora" if misfit else "unsure"
    if calibration.strange(length):
        verdict = "not a plant"
    taxon, probability = sure if sure and verdict == "sure" else (None, None)
    held, rows = candidates, candidates.at_least(least)
    if rank is not None:
        held = candidates.at_rank(tree, rank, rows)
        rows = np.arange(len(held.taxa))
    else:
        held, rows = candidates.rolled_up(tree, rows, LONGEST_SET)
    return Identification(
        "",
        shown,
        verdict,
        taxon,
        probability,
        _predictions(held, rows),
        coverage,
        calibration.plant(length),
        in_flora,
        likely=_predictions(candidates, candidates.at_least(_LIKELY)),
    )


def _predictions(candidates: Candidates, rows: NDArray[np.intp]) -> Lazy[Prediction]:
    return Lazy(len(rows), lambda: candidates.predictions(rows))


def _first(
    named: Candidates, thresholds: Mapping[str, float], share: float, listed: float
) -> tuple[Taxon, float] | None:
    """Return the most probable taxon of a rank, which comes first, if it is probable enough."""
    (best,) = named.predictions(np.arange(1))
    probability = min((best.probability or 0.0) * share, listed if len(named.taxa) == 1 else 1.0)
    if probability < thresholds.get(best.taxon.taxon_rank, np.inf) or best.experimental:
        return None
    return best.taxon, probability
