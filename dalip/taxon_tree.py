"""`TaxonTree`: genera, families and orders above a list of taxa, and a check that the classification is consistent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip.ranks import RANKS
from dalip.taxonomy import Taxon, first_words

__all__ = ["TaxonTree", "agreeing", "check_taxonomy", "placed_among", "taxon_above"]


_DEPTH = {rank: depth for depth, rank in enumerate(RANKS)}


def taxon_above(taxon: Taxon, rank: str) -> Taxon:
    """Return the higher taxon of a taxon at a given rank.

    Args:
        taxon: Any taxon.
        rank: One of `RANKS`.

    Returns:
        The higher taxon; the taxon itself if it has that rank or a higher one, or if its higher taxon is unknown.
    """
    name, above = _name_above(taxon, rank), _DEPTH[rank]
    if not name:
        return taxon
    return Taxon(
        name,
        rank,
        genus=taxon.genus if above >= _DEPTH["genus"] else "",
        family=taxon.family if above >= _DEPTH["family"] else "",
        order=taxon.order,
    )


def _name_above(taxon: Taxon, rank: str) -> str:
    """Return the name of a higher taxon; empty if unknown, or if the taxon has that rank or a higher one."""
    if _DEPTH[taxon.taxon_rank] <= _DEPTH[rank]:
        return ""
    if rank == "species":
        name = first_words(taxon.scientific_name, 2)
    else:
        name = getattr(taxon, rank) if rank in ("genus", "family", "order") else ""
    return "" if name == taxon.scientific_name else name


def check_taxonomy(taxa: Sequence[Taxon]) -> None:
    """Make sure that taxa have a consistent classification.

    Raises:
        FloraError: A genus is in two families, or a family in two orders.
    """
    _, problems = agreeing(taxa)
    if problems:
        raise problems[0]


def agreeing(taxa: Iterable[Taxon]) -> tuple[list[Taxon], list[FloraError]]:
    """Separate taxa with a consistent classification from those that contradict an earlier one.

    Returns:
        The consistent taxa, and an error for each of the others: a genus in two families, or a family in two orders.
    """
    said: dict[tuple[str, str], tuple[str, Taxon]] = {}
    agreed: list[Taxon] = []
    problems: list[FloraError] = []
    for taxon in taxa:
        places = (("genus", taxon.genus, taxon.family), ("family", taxon.family, taxon.order))
        given = [(rank, name, above) for rank, name, above in places if name and above]
        for rank, name, above in given:
            other, who = said.get((rank, name), (above, taxon))
            if other != above:
                problems.append(_contradiction(rank, name, who, other, taxon, above))
                break
        else:
            agreed.append(taxon)
            for rank, name, above in given:
                said.setdefault((rank, name), (above, taxon))
    return agreed, problems


def _contradiction(rank: str, name: str, who: Taxon, one: str, taxon: Taxon, other: str) -> FloraError:
    return FloraError(
        "contradiction",
        rank=rank,
        name=name,
        one=one,
        plant=who.scientific_name,
        other=other,
        given=taxon.scientific_name,
    )


def placed_among(taxon: Taxon, others: Sequence[Taxon]) -> Taxon:
    """Fill in a taxon's missing family and order from other taxa of the same genus and family."""
    family = taxon.family or _first(t.family for t in others if taxon.genus and t.genus == taxon.genus)
    if taxon.taxon_rank == "family":
        family = taxon.scientific_name
    order = taxon.order or _first(t.order for t in others if family and t.family == family)
    return replace(taxon, family="" if family == taxon.scientific_name else family, order=order)


def _first(names: Iterable[str]) -> str:
    return next((name for name in names if name), "")


class TaxonTree:
    """The taxa of a flora and their higher taxa, with the taxa that each contains."""

    def __init__(self, taxa: Sequence[Taxon]) -> None:
        """Find the species, genera, families and orders of the taxa; those that are in the flora are used unchanged."""
        self.rows = {taxon.scientific_name: row for row, taxon in enumerate(taxa)}
        self._taxa = taxa
        self._nodes: dict[tuple[str, str], Taxon] = {_key(taxon): taxon for taxon in taxa}
        places = self._places = {key: place for place, key in enumerate(self._nodes)}
        pairs: list[tuple[int, int]] = []
        for row, taxon in enumerate(taxa):
            pairs.append((places[_key(taxon)], row))
            for rank in RANKS:
                if name := _name_above(taxon, rank):
                    if (rank, name) not in self._nodes:
                        self._nodes[rank, name] = taxon_above(taxon, rank)
                    pairs.append((places.setdefault((rank, name), len(places)), row))
        self._node, self._row = np.array(pairs, np.intp).reshape(-1, 2).T
        self.nodes = tuple(self._nodes.values())
        self._depth = np.array([_DEPTH[node.taxon_rank] for node in self.nodes], np.intp)
        self._of_rank = [np.flatnonzero(self._depth == depth) for depth in range(len(RANKS))]
        self._holds_all = np.bincount(self._node, minlength=len(self.nodes)) == len(taxa)
        self._by_rank: dict[str, tuple[tuple[Taxon, ...], NDArray[np.intp]]] = {}

    def above(self, taxon: Taxon, rank: str) -> Taxon:
        """Return the higher taxon at a rank for one of the flora's taxa; the flora's own entry if it has one."""
        found = taxon_above(taxon, rank)
        return self._nodes.get(_key(found), found)

    def at_rank(self, rank: str) -> tuple[tuple[Taxon, ...], NDArray[np.intp]]:
        """Return the higher taxa of the flora's taxa at a rank, as `above` does; computed once per rank.

        Args:
            rank: One of `RANKS`.

        Returns:
            The higher taxa, and for each of the flora's taxa the index of its higher taxon, shape (taxa,).
        """
        if rank not in self._by_rank:
            above = [self.above(taxon, rank) for taxon in self._taxa]
            places: dict[str, int] = {}
            place_of = [places.setdefault(taxon.scientific_name, len(places)) for taxon in above]
            by_name = {taxon.scientific_name: taxon for taxon in reversed(above)}
            self._by_rank[rank] = tuple(by_name[name] for name in places), np.array(place_of, np.intp)
        return self._by_rank[rank]

    def __contains__(self, taxon: Taxon) -> bool:
        """Return whether a taxon is in the flora or contains one of its taxa."""
        return _key(taxon) in self._nodes

    def rows_in(self, taxa: Iterable[Taxon]) -> list[int]:
        """Return the rows of the flora's taxa that some nodes are or contain, ascending."""
        wanted = [self._places[_key(taxon)] for taxon in taxa]
        return sorted(set(self._row[np.isin(self._node, wanted)].tolist()))

    def probabilities(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the probabilities of the taxa that each node contains.

        Args:
            probabilities: Of the flora's taxa, shape (taxa,).

        Returns:
            Probabilities of the nodes, shape (nodes,); the flora's own taxa come first.
        """
        return np.asarray(np.bincount(self._node, probabilities[self._row], len(self.nodes)), np.float64)

    def lowest(
        self,
        probabilities: NDArray[np.float64],
        thresholds: Mapping[str, float],
        shut: NDArray[np.bool_],
        listed: float = 1.0,
    ) -> tuple[Taxon, float] | None:
        """Find the lowest taxon whose probability reaches the threshold of its rank.

        Args:
            probabilities: Of the flora's taxa, shape (taxa,).
            thresholds: Minimum probability, in [0, 1], by rank; taxa of other ranks are never the answer.
            shut: Mask of the flora's taxa that cannot be the answer themselves, although their higher taxa can.
            listed: Probability, in [0, 1], that the answer is one of these taxa; it caps the probability of a higher
                taxon that contains all of them.

        Returns:
            The taxon and its probability, the most probable one if several have the same rank; `None` if no taxon
            reaches its threshold.
        """
        places, found = self.best_by_rank(probabilities, shut, listed)
        enough = np.flatnonzero(found >= np.array([thresholds.get(rank, np.inf) for rank in RANKS]))
        if not len(enough):
            return None
        lowest = enough[-1]
        return self.nodes[places[lowest]], min(float(found[lowest]), 1.0)

    def best_by_rank(
        self, probabilities: NDArray[np.float64], shut: NDArray[np.bool_], listed: float = 1.0
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Find the most probable taxon of each rank; the arguments are those of `lowest`.

        Returns:
            Positions in `nodes` in the order of `RANKS`, and their probabilities; -1 and `-inf` for a rank without
            taxa.
        """
        found = self.probabilities(probabilities)
        found[self._holds_all] = np.minimum(found[self._holds_all], listed)
        found[: len(shut)][shut] = -np.inf
        best = [places[found[places].argmax()] if len(places) else -1 for places in self._of_rank]
        at = np.array(best, np.intp)
        return at, np.where(at < 0, -np.inf, found[at])

    @cached_property
    def above_rows(self) -> NDArray[np.intp]:
        """For each of the flora's taxa and each rank, the position in `nodes` of the taxon that it is or is inside of.

        Shape (taxa, ranks), in the order of `RANKS`; -2 if there is none.
        """
        found = np.full((len(self._taxa), len(RANKS)), -2, np.intp)
        found[self._row, self._depth[self._node]] = self._node
        return found


def _key(taxon: Taxon) -> tuple[str, str]:
    return taxon.taxon_rank, taxon.scientific_name
