"""From what is known of all taxa to an answer: how sure, at which rank, among which taxa, or why there is none."""

import numpy as np

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Identification, Lazy, Verdict
from dalip_index.flora.calibration import IN_FLORA_LEAST, Calibration
from dalip_index.flora.candidates import Candidates

__all__ = ["DEFAULT_COVERAGE", "judge"]

DEFAULT_COVERAGE = 0.9
"""How often the right taxon is in the set of an answer, if nothing else is asked for."""


def judge(
    candidates: Candidates,
    length: float,
    in_flora: float | None,
    calibration: Calibration,
    tree: TaxonTree,
    top_k: int,
    *,
    listed: float = 1.0,
    rank: str | None = None,
    coverage: float = DEFAULT_COVERAGE,
) -> Identification:
    """Say what a photo shows.

    Args:
        candidates: All taxa that may be answered, in the order of the tree's.
        length: Of the photo's appearance.
        in_flora: As `Calibration.in_flora`.
        calibration: The flora's.
        tree: The taxa that may be answered and their higher taxa.
        top_k: How many taxa to show at most.
        listed: How probable the whole flora finds it, 0 to 1, that it is one of these. A higher taxon of all of
            them is no more probable, else to be asked about one family would be to be sure of it.
        rank: Answer with taxa of this rank or a higher one; by default with those of the flora, and surely with the
            lowest that is probable enough.
        coverage: How often the set is to hold the right taxon.

    Raises:
        ValueError: A coverage that is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage is {coverage}; it lies between 0 and 1")
    if rank is None:
        named, first = candidates, candidates.most_similar(top_k)
    else:
        named = candidates.at_rank(tree, rank, candidates.most_similar(len(candidates.taxa)))
        first = np.arange(min(top_k, len(named.taxa)))
    shown = named.predictions(first)
    least = calibration.least_probability(coverage)
    if least is None or candidates.probabilities is None:
        return Identification("", shown, "uncalibrated", None)
    if rank is None:
        sure = tree.lowest(candidates.probabilities, calibration.threshold, candidates.experimental, listed)
    else:
        sure = _first(named, calibration, listed)
    verdict: Verdict = "sure" if sure else "unsure"
    if in_flora is not None and in_flora < IN_FLORA_LEAST:
        verdict = "not in flora"
    if calibration.strange(length):
        verdict = "not a plant"
    taxon, probability = sure if sure and verdict == "sure" else (None, None)
    held, rows = candidates, candidates.at_least(least)
    if rank is not None:
        held = candidates.at_rank(tree, rank, rows)
        rows = np.arange(len(held.taxa))
    return Identification(
        "",
        shown,
        verdict,
        taxon,
        probability,
        Lazy(len(rows), lambda: held.predictions(rows)),
        coverage,
        calibration.plant(length),
        in_flora,
    )


def _first(named: Candidates, calibration: Calibration, listed: float) -> tuple[Taxon, float] | None:
    """Give the most probable taxon of a rank, which comes first, where it is probable enough."""
    (best,) = named.predictions(np.arange(1))
    probability = min(best.probability or 0.0, listed if len(named.taxa) == 1 else 1.0)
    if probability < calibration.threshold or best.experimental:
        return None
    return best.taxon, probability
