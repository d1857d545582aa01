"""Measure how often confident answers are right at the rank that they claim, also for plants left out of the flora."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Verdict
from dalip_index.flora.flora import Flora
from dalip_index.flora.similarities import Similarities

__all__ = ["SureAnswers", "measure_sure"]


@dataclass(frozen=True)
class SureAnswers:
    """How often the confident answers for some photos are right at the rank that they claim.

    An answer is right if it is the taxon in the photo or contains it. All values except counts are fractions of all
    these photos.
    """

    kind: str
    """Source of the photos, or which taxa were left out of the flora."""
    photos: int
    right: Mapping[str, float]
    """Photos with a right confident answer, by its rank."""
    wrong: Mapping[str, float]
    """Photos with a wrong confident answer, by its rank."""
    not_in_flora: float
    """Photos rejected as a plant that is not in the flora."""
    not_a_plant: float
    """Photos rejected as not a plant."""

    @property
    def right_total(self) -> float:
        """Photos with a right confident answer at any rank."""
        return sum(self.right.values())

    @property
    def wrong_total(self) -> float:
        """Photos with a wrong confident answer at any rank."""
        return sum(self.wrong.values())


def measure_sure(
    kind: str, flora: Flora, found: Similarities, truths: Sequence[Taxon], *, leave_out: bool = False
) -> SureAnswers:
    """Measure how often confident answers are right or wrong.

    Args:
        kind: Label for the photos.
        flora: A calibrated flora.
        found: Similarities of the photos to its taxa.
        truths: The taxon in each photo, in the flora or not.
        leave_out: Whether to answer each photo without its taxon and the taxa inside it, as if they were not in the
            flora. The other taxa stay as they are.
    """
    right, wrong = Counter[str](), Counter[str]()
    verdicts = Counter[Verdict]()
    for row, truth in enumerate(truths):
        one = found.part(np.array([row]))
        if leave_out and (rows := _rows_of(flora.tree, truth)):
            one.values[0, rows] = -np.inf
        if not np.isfinite(one.values).any():
            continue  # nothing is left to answer with
        answer = flora.answer_compared("", one, top_k=1)
        verdicts[answer.verdict] += 1
        if answer.taxon:
            same = _key(answer.taxon) == _key(truth) or answer.taxon.contains(truth)
            (right if same else wrong)[answer.taxon.taxon_rank] += 1
    number = max(len(truths), 1)
    return SureAnswers(
        kind,
        len(truths),
        {rank: count / number for rank, count in right.items()},
        {rank: count / number for rank, count in wrong.items()},
        verdicts["not in flora"] / number,
        verdicts["not a plant"] / number,
    )


def _rows_of(tree: TaxonTree, taxon: Taxon) -> list[int]:
    """Return the rows of a flora's taxa that are a taxon or inside it; none if the flora has no such taxon."""
    return tree.rows_in([taxon]) if taxon in tree else []


def _key(taxon: Taxon) -> tuple[str, str]:
    return taxon.taxon_rank, taxon.scientific_name
