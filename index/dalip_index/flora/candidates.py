"""Candidate taxa of an answer, as arrays: rank them by similarity, and group them by taxonomic rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.ranks import RANKS
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

    def best(self, number: int) -> NDArray[np.intp]:
        """Return the rows of the most probable taxa, best first; of the most similar ones without calibration."""
        if self.probabilities is None:
            return largest(self.similarities, number)
        rows: NDArray[np.intp] = np.arange(len(self.taxa))
        if 0 < number < len(rows):  # sort only the candidates
            rows = np.flatnonzero(self.probabilities >= np.partition(self.probabilities, -number)[-number])
        order = np.lexsort((-self.similarities[rows], -self.probabilities[rows]))
        return rows[order[:number]]

    def at_least(self, probability: float) -> NDArray[np.intp]:
        """Return the rows of taxa with at least this probability, best first; empty without calibration."""
        if self.probabilities is None:
            return np.empty(0, np.intp)
        return self.best(int((self.probabilities >= probability).sum()))

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
            rows: Rows of the taxa to group, best first.

        Returns:
            The taxa of the rank, most probable first; ties are ordered by similarity.
        """
        nodes, node_of = tree.at_rank(rank)
        found, first, place = np.unique(node_of[rows], return_index=True, return_inverse=True)
        similarities, shares = np.full(len(found), -np.inf), None
        np.maximum.at(similarities, place, self.similarities[rows])
        order = np.lexsort((first, -similarities))
        if self.probabilities is not None:
            shares = np.minimum(np.bincount(place, self.probabilities[rows], len(found)), 1.0)
            order = np.lexsort((first, -similarities, -shares))
            shares = shares[order]
        experimental = np.bincount(place, ~self.experimental[rows], len(found)) == 0
        return Candidates(
            [nodes[node] for node in found[order].tolist()], similarities[order], shares, experimental[order]
        )

    def rolled_up(
        self, tree: TaxonTree, rows: NDArray[np.intp], most: int
    ) -> "tuple[Candidates, NDArray[np.intp]]":
        """Shorten a list of taxa: replace several of a list by the species, genus, family or order that contains them.

        Low ranks are tried first, and at each rank the taxa that replace most of the list. The result contains every
        taxon of the list, itself or inside a higher taxon, so a conformal prediction set keeps its coverage.

        Args:
            tree: The taxa and their higher taxa.
            rows: Rows of the taxa on the list, best first.
            most: Length that is short enough. The result is longer if the taxa are of more orders than that.

        Returns:
            Candidates and their rows on the list, most probable first. A higher taxon has the probability of all its
            taxa in the flora.
        """
        entries = np.arange(len(rows))  # which entry of the result stands for each row
        taken: list[tuple[Taxon, float, bool]] = []
        for rank in RANKS[RANKS.index("species") :: -1]:
            number = len(np.unique(entries))
            if number <= most:
                break
            nodes, node_of = tree.at_rank(rank)
            group = node_of[rows]
            _, one = np.unique(entries, return_index=True)  # a row of each entry
            sizes = np.bincount(group[one], minlength=len(nodes))
            order = np.argsort(-sizes, kind="stable")
            needed = int(np.searchsorted(np.cumsum(np.maximum(sizes[order] - 1, 0)), number - most)) + 1
            for node in order[:needed][sizes[order[:needed]] > 1].tolist():
                entries[group == node] = len(rows) + len(taken)
                inside = node_of == node
                taken.append((nodes[node], self._total(inside), bool(self.experimental[inside].all())))
        if not taken:
            return self, rows
        found = self._with(rows, entries, taken)
        return found, np.arange(len(found.taxa))

    def _total(self, inside: NDArray[np.bool_]) -> float:
        return 0.0 if self.probabilities is None else min(float(self.probabilities[inside].sum()), 1.0)

    def _with(
        self, rows: NDArray[np.intp], entries: NDArray[np.intp], taken: Sequence[tuple[Taxon, float, bool]]
    ) -> "Candidates":
        found, first = np.unique(entries, return_index=True)
        similarities = np.full(len(found), -np.inf)
        np.maximum.at(similarities, np.searchsorted(found, entries), self.similarities[rows])
        alone = found < len(rows)
        kept = rows[first[alone]]
        higher = [taken[entry - len(rows)] for entry in found[~alone].tolist()]
        shares = np.zeros(len(found))
        shares[alone] = 0 if self.probabilities is None else self.probabilities[kept]
        shares[~alone] = [share for _, share, _ in higher]
        experimental = np.concatenate([self.experimental[kept], [only for _, _, only in higher]]).astype(bool)
        taxa = [*(self.taxa[row] for row in kept.tolist()), *(taxon for taxon, _, _ in higher)]
        order = np.lexsort((-similarities, -shares))
        return Candidates(
            [taxa[place] for place in order.tolist()], similarities[order], shares[order], experimental[order]
        )
