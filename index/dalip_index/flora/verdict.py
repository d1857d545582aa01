"""From taxa in order of likeness to an answer: how sure, at which rank, among which taxa, or why there is none."""

from collections.abc import Sequence

import numpy as np

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Identification, Prediction, Verdict
from dalip_index.flora.calibration import IN_FLORA_LEAST, Calibration

__all__ = ["DEFAULT_COVERAGE", "judge"]

DEFAULT_COVERAGE = 0.9
"""How often the right taxon is in the set of an answer, if nothing else is asked for."""


def judge(
    ranked: Sequence[Prediction],
    length: float,
    in_flora: float | None,
    calibration: Calibration,
    tree: TaxonTree,
    *,
    listed: float = 1.0,
    rank: str | None = None,
    coverage: float = DEFAULT_COVERAGE,
) -> Identification:
    """Say what a photo shows.

    Args:
        ranked: All taxa that may be answered, best first.
        length: Of the photo's appearance.
        in_flora: As `Calibration.in_flora`.
        calibration: The flora's.
        tree: The taxa that may be answered and what holds them.
        listed: How probable the whole flora finds it, 0 to 1, that it is one of these. What holds all of them is no
            more probable, else to be asked about one family would be to be sure of it.
        rank: Answer with taxa of this rank or a higher one; by default with those of the flora, and surely with the
            lowest that is probable enough.
        coverage: How often the right taxon shall be in the set.

    Raises:
        ValueError: A coverage that is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage is {coverage}; it lies between 0 and 1")
    shown = tuple(ranked) if rank is None else _gathered(ranked, tree, rank)
    least = calibration.least_probability(coverage)
    if least is None:
        return Identification("", shown, "uncalibrated", None)
    sure = _lowest(ranked, calibration, tree, listed) if rank is None else _first(shown, calibration, listed)
    verdict: Verdict = "sure" if sure else "unsure"
    if in_flora is not None and in_flora < IN_FLORA_LEAST:
        verdict = "not in flora"
    if calibration.strange(length):
        verdict = "not a plant"
    taxon, probability = sure if sure and verdict == "sure" else (None, None)
    taxon_set = tuple(p for p in ranked if p.probability is not None and p.probability >= least)
    if rank is not None:
        taxon_set = _gathered(taxon_set, tree, rank)
    return Identification(
        "",
        shown,
        verdict,
        taxon,
        probability,
        taxon_set,
        coverage,
        calibration.plant(length),
        in_flora,
    )


def _lowest(
    ranked: Sequence[Prediction], calibration: Calibration, tree: TaxonTree, listed: float
) -> tuple[Taxon, float] | None:
    probabilities, shut = np.zeros(len(tree.rows)), np.zeros(len(tree.rows), bool)
    for prediction in ranked:
        row = tree.rows[prediction.taxon.scientific_name]
        probabilities[row], shut[row] = prediction.probability, prediction.experimental
    return tree.lowest(probabilities, calibration.threshold, shut, listed)


def _first(
    shown: Sequence[Prediction], calibration: Calibration, listed: float
) -> tuple[Taxon, float] | None:
    best = max(shown, key=lambda prediction: prediction.probability or 0.0)
    probability = min(best.probability or 0.0, listed if len(shown) == 1 else 1.0)
    if probability < calibration.threshold or best.experimental:
        return None
    return best.taxon, probability


def _gathered(ranked: Sequence[Prediction], tree: TaxonTree, rank: str) -> tuple[Prediction, ...]:
    """Put predictions of one taxon of a rank together: the best similarity, the sum of probabilities."""
    groups: dict[str, list[Prediction]] = {}
    taxa: dict[str, Taxon] = {}
    for prediction in ranked:
        taxon = tree.above(prediction.taxon, rank)
        taxa.setdefault(taxon.scientific_name, taxon)
        groups.setdefault(taxon.scientific_name, []).append(prediction)
    gathered = [
        Prediction(
            taxa[name],
            max(p.similarity for p in group),
            None if group[0].probability is None else min(sum(p.probability or 0.0 for p in group), 1.0),
            all(p.experimental for p in group),
        )
        for name, group in groups.items()
    ]
    gathered.sort(key=lambda p: (-(p.probability or 0.0), -p.similarity))
    return tuple(gathered)
