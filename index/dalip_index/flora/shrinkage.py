"""Shrinkage: draw the photo prototypes of taxa with few photos towards their genus and family."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.store.manifest import Shrinkage

__all__ = ["Appearances", "Kin", "Shrunk", "unit_rows"]


@dataclass(frozen=True)
class Kin:
    """The genus and family of each taxon, as numbers; -1 if unknown."""

    genera: NDArray[np.intp]
    """Shape (taxa,)."""
    families: NDArray[np.intp]
    """Shape (taxa,)."""

    @classmethod
    def of(cls, places: Iterable[tuple[str, str]]) -> "Kin":
        """Number genera and families.

        Args:
            places: Names of the genus and family of each taxon; empty if unknown. A missing family is that of the
                genus, if another taxon gives it.
        """
        given = list(places)
        family_of = {genus: family for genus, family in given if genus and family}
        return cls(
            _numbers(genus for genus, _ in given),
            _numbers(family or family_of.get(genus, "") for genus, family in given),
        )

    @classmethod
    def unknown(cls, taxa: int) -> "Kin":
        """Return that nothing is known of a number of taxa."""
        nothing = np.full(taxa, -1, np.intp)
        return cls(nothing, nothing)

    def part(self, rows: NDArray[np.intp]) -> "Kin":
        """Return the genus and family of some taxa."""
        return Kin(self.genera[rows], self.families[rows])

    def and_unknown(self) -> "Kin":
        """Append a taxon of which nothing is known."""
        return Kin(np.append(self.genera, -1), np.append(self.families, -1))


def _numbers(names: Iterable[str]) -> NDArray[np.intp]:
    found: dict[str, int] = {"": -1}
    return np.array([found.setdefault(name, len(found) - 1) for name in names], np.intp)


_WITHOUT_PHOTOS = 0.75
"""Length of the prototype of a taxon without photos. It resembles photos of every species in the genus; with length 1,
it would often come before the species that a photo shows."""


class _Groups:
    """The genera, or the families, with the direction of the mean of each."""

    def __init__(
        self, numbers: NDArray[np.intp], means: Vectors, present: NDArray[np.bool_], strength: float
    ) -> None:
        """Compute the means.

        Args:
            numbers: Number of the group of each taxon, -1 if unknown, shape (taxa,).
            means: Unit means of photos, shape (taxa, A).
            present: Which taxa have photos, shape (taxa,).
            strength: How strongly prototypes are drawn towards these means.
        """
        self._numbers, self._strength = numbers, np.float32(strength)
        groups, known = int(numbers.max(initial=-1)) + 1, (numbers >= 0) & present
        # The last row is for unknown groups.
        self._totals = np.zeros((groups + 1, means.shape[1]), np.float32)
        if known.any():  # sorted sums, because `np.add.at` would take most of the time of loading a flora
            rows = np.flatnonzero(known)[np.argsort(numbers[known], kind="stable")]
            found, starts = np.unique(numbers[rows], return_index=True)
            self._totals[found] = np.add.reduceat(means[rows], starts, axis=0)
        self._sizes = np.bincount(numbers[known], minlength=groups + 1)
        self._pulls = self._strength * unit_rows(self._totals)

    def pulls(self, rows: NDArray[np.intp]) -> Vectors:
        """Return what is added to the photos of some taxa, shape (rows, A)."""
        found: Vectors = self._pulls[self._numbers[rows]]
        return found

    def changed_pulls(self, rows: NDArray[np.intp], taxon: int, change: Vectors, stays: bool) -> Vectors:
        """Return the same after the mean of a taxon has changed by `change`, shape (A,), or all its photos are gone."""
        pulls, group = self.pulls(rows), self._numbers[taxon]
        if group >= 0:
            left = stays or self._sizes[group] > 1  # rounding errors have a direction, too
            total = (self._totals[group] + change)[None] * left
            pulls[self._numbers[rows] == group] = self._strength * unit_rows(total)
        return pulls


class Shrunk:
    """Photo prototypes after shrinkage.

    The prototype of a taxon with n photos is the direction of n m + a g + b f: m is the mean of its photos, g the mean
    of its genus and f the mean of its family, all of unit length, and a and b are the strengths. Each taxon with photos
    counts once in the means of its genus and family. So the influence of both falls with the number of photos, and a
    taxon without photos has the prototype of its genus and family alone, which is shorter.
    """

    def __init__(self, means: Vectors, counts: NDArray[np.intp], kin: Kin, shrinkage: Shrinkage) -> None:
        """Compute the prototypes.

        Args:
            means: Unit means of the photos of each taxon, shape (taxa, A); ignored for taxa without photos.
            counts: Number of photos per taxon, shape (taxa,).
            kin: Genera and families.
            shrinkage: The strengths.
        """
        self._counts, self._kin = counts, kin
        self._means: Vectors = np.where(counts[:, None] > 0, means, np.float32(0))
        self._groups = [
            _Groups(kin.genera, self._means, counts > 0, shrinkage.genus),
            _Groups(kin.families, self._means, counts > 0, shrinkage.family),
        ]

    @property
    def rows(self) -> Vectors:
        """The prototypes, shape (taxa, A); zeros for taxa without photos in their family."""
        every = np.arange(len(self._counts))
        return _combined(self._means, self._counts, [groups.pulls(every) for groups in self._groups])

    def without(self, taxon: int, mean: Vectors) -> tuple[NDArray[np.intp], Vectors]:
        """Compute the prototypes that change when a photo of a taxon is left out.

        Args:
            taxon: Row of the taxon.
            mean: Unit mean of its other photos, shape (A,); not used if there are none.

        Returns:
            The rows of the taxon and of those in its genus and family, ascending; and their prototypes.
        """
        left, rows = int(self._counts[taxon]) - 1, self._relatives(taxon)
        means, counts, place = self._means[rows], self._counts[rows], np.searchsorted(rows, taxon)
        means[place], counts[place] = mean if left else 0, left
        change = means[place] - self._means[taxon]
        pulls = [groups.changed_pulls(rows, taxon, change, left > 0) for groups in self._groups]
        return rows, _combined(means, counts, pulls)

    def _relatives(self, taxon: int) -> NDArray[np.intp]:
        order, starts, group_of = self._relations
        group = group_of[taxon]
        return order[starts[group] : starts[group + 1]]

    @cached_property
    def _relations(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Groups of relatives: the taxa in the order of their groups, where each group starts, and each taxon's group.

        A group is a family, or a genus without a family, or a single taxon.
        """
        genera, families, taxa = self._kin.genera, self._kin.families, len(self._counts)
        wide = np.where(genera >= 0, taxa + genera, 2 * taxa + np.arange(taxa))
        _, group_of = np.unique(np.where(families >= 0, families, wide), return_inverse=True)
        starts = np.concatenate([[0], np.cumsum(np.bincount(group_of))])
        return np.argsort(group_of, kind="stable"), starts, group_of


class Appearances:
    """What the appearances of photos are compared with: photo prototypes after shrinkage, each distinct one once.

    Taxa without photos have the prototype of their genus and family, which is the same for all of them in a genus. If
    no relative has photos either, it is the mean over the taxa with photos.
    """

    def __init__(
        self,
        photos: Vectors,
        rows: NDArray[np.intp],
        counts: NDArray[np.intp],
        kin: Kin,
        shrinkage: Shrinkage,
    ) -> None:
        """Compute the prototypes.

        Args:
            photos: Unit means of the photos of each taxon that has photos, shape (taxa with photos, A).
            rows: Rows of these taxa, ascending, shape (taxa with photos,).
            counts: Number of photos per taxon, 0 for those whose photos do not count, shape (taxa,).
            kin: Genera and families.
            shrinkage: The strengths.
        """
        self.index: NDArray[np.intp] = np.empty(len(counts), np.intp)
        """Place of each taxon in `vectors`, shape (taxa,); the taxa with photos come first, in their order."""
        lacking = np.ones(len(counts), bool)
        lacking[rows] = False
        others = np.flatnonzero(lacking)
        kinds = kin.genera[others] * (kin.families.max(initial=-1) + 2) + kin.families[others]
        _, first, place = np.unique(kinds, return_index=True, return_inverse=True)
        self.index[rows] = np.arange(len(rows))
        self.index[others] = len(rows) + place
        distinct = np.concatenate([rows, others[first]])
        means = np.concatenate([photos, np.zeros((len(first), photos.shape[1]), np.float32)])
        self.shrunk = Shrunk(means, counts[distinct], kin.part(distinct), shrinkage)
        """The prototypes before those without relatives are replaced by the mean."""
        self.vectors = self.shrunk.rows
        """The distinct prototypes, shape (distinct, A)."""
        if (built := counts[rows] > 0).any():
            self.vectors[~self.vectors.any(axis=1)] = photos[built].mean(axis=0)

    def similarities(self, appearances: Vectors) -> Vectors:
        """Compare the appearances of photos, shape (photos, A), with all taxa, shape (photos, taxa)."""
        return self.of_taxa(appearances @ self.vectors.T)

    def of_taxa(self, values: Vectors) -> Vectors:
        """Return the values of all taxa, shape (photos, taxa), from those of the distinct prototypes."""
        return np.take(values, self.index, axis=1)


def _combined(means: Vectors, counts: NDArray[np.intp], pulls: Sequence[Vectors]) -> Vectors:
    sums = means * counts[:, None].astype(np.float32)
    for pull in pulls:
        sums += pull
    units = unit_rows(sums)
    units[counts == 0] *= np.float32(_WITHOUT_PHOTOS)
    return units


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """Normalise rows to unit length; rows of zeros stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    lengths[lengths == 0] = 1
    units: Vectors = (rows / lengths[:, None]).astype(np.float32, copy=False)
    return units
