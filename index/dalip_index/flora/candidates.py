"""The taxa that an answer may name, as arrays: which come first, which those of a rank are, and how to show some."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Prediction
from dalip_index.flora.similarities import largest

__all__ = ["Candidates"]


@dataclass(frozen=True)
class Candidates:
    """What is known of each taxon that the answer for one plant may name.

    There may be hundreds of thousands, of which an answer shows a few: only for these is an object made.
    """

    taxa: Sequence[Taxon]
    similarities: NDArray[np.floating[Any]]
    """Shape (taxa,)."""
    probabilities: NDArray[np.float64] | None
    """Shape (taxa,); `None` where the flora is not calibrated."""
    experimental: NDArray[np.bool_]
    """Which are known from texts alone, shape (taxa,)."""

    def most_similar(self, number: int) -> NDArray[np.intp]:
        """Find the rows of the most similar taxa, best first."""
        return largest(self.similarities, number)

    def at_least(self, probability: float) -> NDArray[np.intp]:
        """Find the rows of the taxa that are at least so probable, most similar first; none without calibration."""
        if self.probabilities is None:
            return np.empty(0, np.intp)
        rows = np.flatnonzero(self.probabilities >= probability)
        return rows[largest(self.similarities[rows], len(rows))]

    def predictions(self, rows: NDArray[np.intp]) -> tuple[Prediction, ...]:
        """Make an object for each of some taxa."""
        shares = [None] * len(rows) if self.probabilities is None else self.probabilities[rows].tolist()
        parts = zip(
            rows.tolist(),
            self.similarities[rows].tolist(),
            shares,
            self.experimental[rows].tolist(),
            strict=True,
        )
        return tuple(Prediction(self.taxa[row], *known) for row, *known in parts)

    def at_rank(self, tree: TaxonTree, rank: str, rows: NDArray[np.intp]) -> "Candidates":
        """Put taxa together that one taxon of a rank holds: the best similarity, the sum of probabilities.

        Args:
            tree: The taxa and their higher taxa.
            rank: As `TaxonTree.at_rank`.
            rows: Of the taxa to put together, most similar first.

        Returns:
            The taxa of the rank, most probable first, and of equally probable ones the more similar.
        """
        nodes, node_of = tree.at_rank(rank)
        found, first, place = np.unique(node_of[rows], return_index=True, return_inverse=True)
        similarities, shares = self.similarities[rows[first]], None
        order = np.lexsort((first, -similarities))
        if self.probabilities is not None:
            shares = np.minimum(np.bincount(place, self.probabilities[rows], len(found)), 1.0)
            order = np.lexsort((first, -similarities, -shares))
            shares = shares[order]
        experimental = np.bincount(place, ~self.experimental[rows], len(found)) == 0
        return Candidates(
            [nodes[node] for node in found[order].tolist()], similarities[order], shares, experimental[order]
        )
