"""Candidate taxa of an answer, as arrays: rank them by similarity, and group them by taxonomic rank."""

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
    """All taxa that the answer for one plant may contain.

    There may be hundreds of thousands. Objects are created only for the few that an answer shows.
    """

    taxa: Sequence[Taxon]
    similarities: NDArray[np.floating[Any]]
    """Shape (taxa,)."""
    probabilities: NDArray[np.float64] | None
    """Shape (taxa,); `None` if the flora is not calibrated."""
    experimental: NDArray[np.bool_]
    """Which taxa are known from texts alone, shape (taxa,)."""

    def most_similar(self, number: int) -> NDArray[np.intp]:
        """Return the rows of the most similar taxa, best first."""
        return largest(self.similarities, number)

    def at_least(self, probability: float) -> NDArray[np.intp]:
        """Return the rows of taxa with at least this probability, most similar first; empty without calibration."""
        if self.probabilities is None:
            return np.empty(0, np.intp)
        rows = np.flatnonzero(self.probabilities >= probability)
        return rows[largest(self.similarities[rows], len(rows))]

    def predictions(self, rows: NDArray[np.intp]) -> tuple[Prediction, ...]:
        """Create a prediction for each of the given rows."""
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
        """Group taxa by their higher taxon of a rank, with the best similarity and the sum of probabilities.

        Args:
            tree: The taxa and their higher taxa.
            rank: As `TaxonTree.at_rank`.
            rows: Rows of the taxa to group, most similar first.

        Returns:
            The taxa of the rank, most probable first; ties are ordered by similarity.
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
