"""Candidate taxa of an answer, as arrays: rank them by similarity, and group them by taxonomic rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.ranks import RANKS
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Lazy, Prediction
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
    inside: NDArray[np.bool_] | None = None
    """Which taxa occur in the region, themselves or a taxon inside them, shape (taxa,); `None` without a region."""
    bonus: NDArray[np.float64] | None = None
    """Added to the similarities to rank the taxa without calibration, shape (taxa,); `None` without a region."""

    @property
    def scores(self) -> NDArray[np.floating[Any]]:
        """What ranks the taxa without calibration, shape (taxa,)."""
        return self.similarities if self.bonus is None else self.similarities + self.bonus

    def best(self, number: int) -> NDArray[np.intp]:
        """Return the rows of the most probable taxa, best first; of the most similar ones without calibration."""
        if self.probabilities is None:
            return largest(self.scores, number)
        if number >= len(self.taxa):
            return self.at_least(0.0)
        some = self.probabilities
        return self.at_least(some.max() if number == 1 else np.partition(some, -number)[-number])[:number]

    def at_least(self, probability: float) -> NDArray[np.intp]:
        """Return the rows of taxa with at least this probability, best first; empty without calibration."""
        if self.probabilities is None:
            return np.empty(0, np.intp)
        rows = np.flatnonzero(self.probabilities >= probability)  # sort only these
        return rows[np.lexsort((-self.similarities[rows], -self.probabilities[rows]))]

    def predictions(self, rows: NDArray[np.intp]) -> tuple[Prediction, ...]:
        """Create a prediction for each of the given rows."""
        shares = [None] * len(rows) if self.probabilities is None else self.probabilities[rows].tolist()
        parts = zip(
            rows.tolist(),
            self.similarities[rows].tolist(),
            shares,
            self.experimental[rows].tolist(),
            [None] * len(rows) if self.inside is None else self.inside[rows].tolist(),
            strict=True,
        )
        return tuple(Prediction(self.taxa[row], *known) for row, *known in parts)

    def at_rank(self, tree: TaxonTree, rank: str, rows: NDArray[np.intp]) -> "Candidates":
        """Group taxa by their higher taxon of a rank, with the best similarity and the sum of probabilities.

        Args:
            tree: The taxa and their higher taxa.
            rank: As `TaxonTree.at_rank`.
            rows: Rows of the taxa to group.

        Returns:
            The taxa of the rank, most probable first; ties are ordered by similarity.
        """
        node_of = tree.at_rank(rank)
        found, place = np.unique(node_of[rows], return_inverse=True)
        similarities, shares = _largest(self.similarities[rows], place, len(found)), None
        scores = similarities if self.bonus is None else _largest(self.scores[rows], place, len(found))
        order = np.argsort(-scores, kind="stable")
        if self.probabilities is not None:
            shares = np.minimum(np.bincount(place, self.probabilities[rows], len(found)), 1.0)
            order = np.lexsort((-similarities, -shares))
            shares = shares[order]
        experimental = np.bincount(place, ~self.experimental[rows], len(found)) == 0
        inside = None
        if self.inside is not None:
            inside = (np.bincount(place, self.inside[rows], len(found)) > 0)[order]
        nodes = Lazy(len(found), lambda: [tree[node] for node in found[order].tolist()])
        return Candidates(nodes, similarities[order], shares, experimental[order], inside)

    def rolled_up(
        self, tree: TaxonTree, rows: NDArray[np.intp], most: int
    ) -> "tuple[Candidates, NDArray[np.intp]]":
        """Shorten a list of taxa: replace several of a list by the species, genus, family or order that contains them.

        Low ranks are tried first, and at each rank the taxa that replace most of the list. The result contains every
        taxon of the list, itself or inside a higher taxon, so a conformal prediction set keeps its coverage.

        Args:
            tree: The taxa and their higher taxa.
            rows: Rows of the taxa on the list.
            most: Length that is short enough. The result is longer if the taxa are of more orders than that.

        Returns:
            Candidates and their rows on the list, most probable first. A higher taxon has the probability of all its
            taxa in the flora.
        """
        entries = np.arange(len(rows))  # which entry of the result stands for each row
        taken: NDArray[np.intp] = np.empty(0, np.intp)  # nodes, whose entries follow those of the rows
        for rank in RANKS[RANKS.index("species") :: -1]:
            present, first = _first_of(entries, len(rows) + len(taken))
            if len(present) <= most:
                break
            nodes, group = np.unique(tree.at_rank(rank)[rows], return_inverse=True)
            sizes = np.bincount(group[first], minlength=len(nodes))
            several = np.flatnonzero(sizes > 1)
            order = several[np.argsort(-sizes[several], kind="stable")]
            needed = int(np.searchsorted(np.cumsum(sizes[order] - 1), len(present) - most)) + 1
            chosen = order[:needed]
            entry_of = np.full(len(nodes), -1, np.intp)
            entry_of[chosen] = len(rows) + len(taken) + np.arange(len(chosen))
            entries = np.where(entry_of[group] >= 0, entry_of[group], entries)
            taken = np.concatenate([taken, nodes[chosen]])
        if not len(taken):
            return self, rows
        known = np.zeros(len(self.taxa)) if self.probabilities is None else self.probabilities
        share_of = np.minimum(tree.probabilities(known)[taken], 1.0)
        alone = tree.probabilities(np.where(self.experimental, 0.0, 1.0))[taken] == 0
        present, first = _first_of(entries, len(rows) + len(taken))
        similarities = _largest(self.similarities[rows], entries, len(rows) + len(taken))
        own = np.zeros(len(rows)) if self.probabilities is None else self.probabilities[rows]
        share = np.concatenate([own, share_of])[present]
        order = np.lexsort((-similarities[present], -share))
        present, share = present[order], share[order]
        places = np.concatenate([rows, taken])[present]
        experimental = np.concatenate([self.experimental[rows], alone])[present]
        inside = None
        if self.inside is not None:
            holding = tree.probabilities(self.inside.astype(np.float64))[taken] > 0
            inside = np.concatenate([self.inside[rows], holding])[present]
        shown = Lazy(len(present), lambda: [tree[place] for place in places.tolist()])
        candidates = Candidates(shown, similarities[present], share, experimental, inside)
        return candidates, np.arange(len(present))


def _largest(values: NDArray[np.floating[Any]], place: NDArray[np.intp], number: int) -> NDArray[np.float64]:
    """Return the largest of the values at each of a number of places."""
    found = np.full(number, -np.inf)
    np.maximum.at(found, place, values)
    return found


def _first_of(entries: NDArray[np.intp], number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the entries that are present, of a number of them, ascending; and the first place of each."""
    first = np.full(number, -1, np.intp)
    first[entries[::-1]] = np.arange(len(entries) - 1, -1, -1)
    present = np.flatnonzero(first >= 0)
    return present, first[present]
