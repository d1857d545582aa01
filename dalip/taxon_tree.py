"""`TaxonTree`: genera, families and orders above a list of taxa, and a check that the classification is consistent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip.ranks import RANKS
from dalip.taxonomy import Taxon, first_words

__all__ = ["TaxonTree", "agreeing", "check_taxonomy", "place_taxa", "placed_among", "taxon_above"]


_DEPTH = {rank: depth for depth, rank in enumerate(RANKS)}
_HIGHER = RANKS[: RANKS.index("species") + 1]
_NONE = -2  # not -1, which stands for a rank without taxa


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


def place_taxa(taxa: Iterable[Taxon]) -> tuple[list[Taxon], NDArray[np.int32]]:
    """Find the species, genera, families and orders that contain taxa.

    Args:
        taxa: The taxa, each once.

    Returns:
        The higher taxa that are not among the taxa themselves. And for each taxon and each rank, the node that it is or
        is inside of, shape (taxa, ranks), in the order of `RANKS`; -2 if there is none. The nodes are the taxa followed
        by the higher taxa.
    """
    listed = list(taxa)
    nodes = {_key(taxon): place for place, taxon in enumerate(listed)}
    higher: list[Taxon] = []
    above = np.full((len(listed), len(RANKS)), _NONE, np.int32)
    for row, taxon in enumerate(listed):
        above[row, _DEPTH[taxon.taxon_rank]] = row
        for rank in _HIGHER:
            if name := _name_above(taxon, rank):
                place = nodes.setdefault((rank, name), len(listed) + len(higher))
                if place == len(listed) + len(higher):
                    higher.append(taxon_above(taxon, rank))
                above[row, _DEPTH[rank]] = place
    return higher, above


class _Inside(NamedTuple):
    """Which taxa the nodes of a rank contain, apart from themselves."""

    rows: NDArray[np.intp] | None
    """Rows of the taxa that they contain; `None` for those that the nodes of the rank below contain."""
    nodes: NDArray[np.intp]
    """The nodes, ascending."""
    node_of: NDArray[np.intp]
    """For each of the rows, or for each node of the rank below, the place of its node in `nodes`."""


class SomeTaxa(Sequence[Taxon]):
    """Some of the taxa of a flora, or of the nodes of a tree, each read when it is needed."""

    def __init__(self, taxa: "Sequence[Taxon] | TaxonTree", rows: NDArray[np.intp]) -> None:
        self._taxa, self._rows = taxa, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> Taxon: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[Taxon, ...]: ...
    def __getitem__(self, row: int | slice) -> Taxon | tuple[Taxon, ...]:
        if isinstance(row, slice):
            return tuple(self._taxa[place] for place in self._rows[row].tolist())
        return self._taxa[int(self._rows[row])]


class _RowsOfPart(Mapping[str, int]):
    """The rows of some taxa of a flora among themselves, by scientific name."""

    def __init__(self, whole: Mapping[str, int], rows: NDArray[np.intp]) -> None:
        self._whole, self._rows = whole, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._whole if name in self)

    def __getitem__(self, name: str) -> int:
        row = self._whole[name]
        place = int(np.searchsorted(self._rows, row))
        if place == len(self._rows) or self._rows[place] != row:
            raise KeyError(name)
        return place


class TaxonTree:
    """The taxa of a flora and their higher taxa, with the taxa that each contains.

    Taxa are read only where an answer needs them: everything else is computed with arrays.
    """

    def __init__(
        self,
        taxa: Sequence[Taxon],
        placed: tuple[Sequence[Taxon], NDArray[np.int32]] | None = None,
        rows_by_name: Mapping[str, int] | None = None,
    ) -> None:
        """Create a tree, in which taxa of the flora that contain others are used unchanged.

        Args:
            taxa: The taxa of the flora, each once.
            placed: What `place_taxa` returns for them, if it is known already.
            rows_by_name: The row of each taxon by scientific name, if it can be looked up without reading all taxa.
        """
        self.taxa = taxa
        self._rows_by_name = rows_by_name
        self.higher, self.above_rows = place_taxa(taxa) if placed is None else placed
        own = np.arange(len(taxa), dtype=np.int32)
        self._at_rank: NDArray[np.int32] = np.where(
            self.above_rows >= 0, self.above_rows, own[:, None]
        ).T.copy()
        depths: NDArray[np.int8] = np.zeros(len(taxa) + len(self.higher), np.int8)
        self._inside: list[_Inside] = []
        below: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
        for depth, places in reversed([*enumerate(self.above_rows.T)]):
            depths[places[places >= 0]] = depth
            rows = np.flatnonzero((places >= 0) & (places != own))
            if not len(rows):
                continue
            nodes, node_of = _numbered(places[rows])
            parents = _parents(*below, node_of) if below and np.array_equal(below[0], rows) else None
            self._inside.append(
                _Inside(rows, nodes, node_of) if parents is None else _Inside(None, nodes, parents)
            )
            below = rows, node_of
        self._of_rank = [np.flatnonzero(depths == depth) for depth in range(len(RANKS))]
        self._holds_all = self.probabilities(np.ones(len(taxa))) == len(taxa)

    def __len__(self) -> int:
        """Return the number of nodes: the flora's taxa, which come first, and their higher taxa."""
        return len(self.taxa) + len(self.higher)

    def __getitem__(self, place: int) -> Taxon:
        """Return a node."""
        return self.taxa[place] if place < len(self.taxa) else self.higher[place - len(self.taxa)]

    @cached_property
    def nodes(self) -> tuple[Taxon, ...]:
        """All nodes."""
        return (*self.taxa, *self.higher)

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each of the flora's taxa, by scientific name."""
        if self._rows_by_name is not None:
            return self._rows_by_name
        return {taxon.scientific_name: row for row, taxon in enumerate(self.taxa)}

    def __contains__(self, taxon: Taxon) -> bool:
        """Return whether a taxon is in the flora or contains one of its taxa."""
        return self._place(taxon) is not None

    def _place(self, taxon: Taxon) -> int | None:
        row = self.rows.get(taxon.scientific_name)
        if row is not None and self.taxa[row].taxon_rank == taxon.taxon_rank:
            return row
        return self._higher_places.get(_key(taxon))

    @cached_property
    def _higher_places(self) -> dict[tuple[str, str], int]:
        return {_key(taxon): place for place, taxon in enumerate(self.higher, len(self.taxa))}

    def part(self, rows: NDArray[np.intp]) -> tuple["TaxonTree", NDArray[np.intp]]:
        """Return the tree of some of the flora's taxa, and its higher taxa as nodes of this tree.

        Args:
            rows: Rows of the taxa, ascending.
        """
        above = self.above_rows[rows]
        places = np.full(
            len(self) - _NONE, _NONE, np.int32
        )  # also for `_NONE`, which is a place from the end
        places[rows] = np.arange(len(rows))
        others = above[(above >= 0) & (places[above] < 0)]
        found, first = np.unique(others, return_index=True)
        nodes: NDArray[np.intp] = found[np.argsort(first)].astype(np.intp)
        places[nodes] = np.arange(len(rows), len(rows) + len(nodes))
        taxa, higher = SomeTaxa(self.taxa, rows), SomeTaxa(self, nodes)
        return TaxonTree(taxa, (higher, places[above]), _RowsOfPart(self.rows, rows)), nodes

    def at_rank(self, rank: str) -> NDArray[np.int32]:
        """Return for each of the flora's taxa the node of a rank that it is or is inside of, shape (taxa,).

        It is the taxon itself if it has a higher rank, or if its higher taxon is unknown.

        Args:
            rank: One of `RANKS`.
        """
        found: NDArray[np.int32] = self._at_rank[_DEPTH[rank]]
        return found

    def rows_in(self, taxa: Iterable[Taxon]) -> list[int]:
        """Return the rows of the flora's taxa that some nodes are or contain, ascending."""
        wanted: NDArray[np.bool_] = np.zeros(len(self) - _NONE, np.bool_)
        for taxon in taxa:
            if (place := self._place(taxon)) is None:
                raise KeyError(taxon.scientific_name)
            wanted[place] = True
        found: list[int] = np.flatnonzero(wanted[self.above_rows].any(axis=1)).tolist()
        return found

    def probabilities(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the probabilities of the taxa that each node contains.

        Args:
            probabilities: Of the flora's taxa, shape (taxa,).

        Returns:
            Probabilities of the nodes, shape (nodes,); the flora's own taxa come first.
        """
        found: NDArray[np.float64] = np.zeros(len(self))
        found[: len(self.taxa)] = probabilities
        sums = probabilities
        for rows, nodes, node_of in self._inside:
            if rows is not None:
                sums = probabilities if len(rows) == len(probabilities) else probabilities[rows]
            sums = np.asarray(np.bincount(node_of, sums), np.float64)
            found[nodes] += sums
        return found

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
        return self[int(places[lowest])], min(float(found[lowest]), 1.0)

    def best_by_rank(
        self, probabilities: NDArray[np.float64], shut: NDArray[np.bool_], listed: float = 1.0
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Find the most probable taxon of each rank; the arguments are those of `lowest`.

        Returns:
            Nodes in the order of `RANKS`, and their probabilities; -1 and `-inf` for a rank without
            taxa.
        """
        found = self.probabilities(probabilities)
        found[self._holds_all] = np.minimum(found[self._holds_all], listed)
        found[: len(shut)][shut] = -np.inf
        best = [places[found[places].argmax()] if len(places) else -1 for places in self._of_rank]
        at = np.array(best, np.intp)
        return at, np.where(at < 0, -np.inf, found[at])


def _numbered(places: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct places, ascending, and the number of each place among them."""
    present = np.bincount(places) > 0
    return np.flatnonzero(present), (np.cumsum(present) - 1)[places]


def _parents(
    rows: NDArray[np.intp], below: NDArray[np.intp], above: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """Return the node above each node below, given those of the same rows; `None` if one is in several."""
    parents = np.empty(below.max() + 1, np.intp)
    parents[below] = above
    return parents if np.array_equal(parents[below], above) else None


def _key(taxon: Taxon) -> tuple[str, str]:
    return taxon.taxon_rank, taxon.scientific_name
