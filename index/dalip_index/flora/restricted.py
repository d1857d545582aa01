"""Restrict a flora to some of its taxa, as `--only` does."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import FloraError
from dalip.taxon_tree import fold_name
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.flora import Flora
from dalip_index.flora.prototypes import Prototypes
from dalip_index.flora.similarities import Judged

__all__ = ["RestrictedFlora", "alike_names", "restrict"]

_ALIKE = 75  # of 100: names less like one that the flora lacks are not offered
_OFFERED = 3


class RestrictedFlora(Flora):
    """Some taxa of a flora; make one with `restrict`.

    Probabilities are over these taxa, and nothing else is ever named. Photos are compared with all taxa all the same,
    for what fits another one better shows a plant that is not among these.
    """

    def __init__(self, whole: Flora, rows: NDArray[np.intp], unknown: tuple[str, ...] = ()) -> None:
        """Restrict a flora.

        Args:
            whole: The flora, itself not restricted.
            rows: Of the taxa to answer with, ascending, shape (taxa to answer with,).
            unknown: Names that were asked for and that the flora lacks.
        """
        taxa = tuple(whole.taxa[row] for row in rows.tolist())
        super().__init__(whole.folder, whole.manifest, whole.calibration, taxa, whole._index, whole.encoder)
        self.unknown = unknown
        self._whole, self._rows = whole, rows
        self._others = np.setdiff1d(np.arange(len(whole.taxa)), rows)

    @property
    def whole(self) -> Flora:
        """The flora with all its taxa."""
        return self._whole

    @cached_property
    def prototypes(self) -> Prototypes:
        """Those of the taxa to answer with."""
        return self._whole.prototypes.part(self._rows)

    @cached_property
    def _directions(self) -> Vectors:
        return self._whole._directions[self._rows]

    def judged(self, photos: Vectors, evidence: EvidenceKind = "both") -> Judged:
        """Give similarities in the order of the taxa, those to the others apart, and lengths of appearances.

        Args:
            photos: As `Flora.judged`.
            evidence: As `Flora.judged`.

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        found = self._whole.judged(photos, evidence)
        mine, others = found.similarities[:, self._rows], found.similarities[:, self._others]
        return Judged(mine, found.lengths, others)

    def rank(self, photos: Vectors, evidence: EvidenceKind = "both") -> tuple[Vectors, NDArray[np.intp]]:
        """Compare photos with those of the taxa that have the evidence; as `Flora.rank`.

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        similarities, rows = self._whole.rank(photos, evidence)
        places = np.full(len(self._whole.taxa), -1, np.intp)
        places[self._rows] = np.arange(len(self._rows))
        mine = places[rows]
        chosen = mine >= 0
        shape = len(rows), int(chosen[:1].sum())
        return similarities[chosen].reshape(shape), mine[chosen].reshape(shape)


def restrict(flora: Flora, names: Iterable[str]) -> RestrictedFlora:
    """Restrict the answers of a flora to some of its taxa.

    Args:
        flora: The flora.
        names: Scientific names of its taxa, or of species, genera, families and orders that hold some of them. Names
            that it lacks are kept in `unknown`.

    Raises:
        FloraError: It has none of them.
    """
    asked = list(dict.fromkeys(names))
    known = flora.tree.rows_by_name()
    unknown = tuple(name for name in asked if fold_name(name) not in known)
    named = {flora.taxa[row].scientific_name for name in asked for row in known.get(fold_name(name), ())}
    if not named:
        raise FloraError(_nothing_left(flora, unknown))
    rows = sorted(flora.whole.tree.rows[name] for name in named)
    return RestrictedFlora(flora.whole, np.array(rows, np.intp), unknown)


def alike_names(flora: Flora, name: str) -> list[str]:
    """Find names of a flora's taxa, and of what holds them, that are spelt like one that it lacks, best first."""
    from rapidfuzz import fuzz, process

    names = {fold_name(node.scientific_name): node.scientific_name for node in flora.tree.nodes}
    asked = fold_name(name)
    found = process.extract(asked, list(names), scorer=fuzz.WRatio, limit=_OFFERED, score_cutoff=_ALIKE)
    best = sorted((folded for folded, _, _ in found), key=lambda folded: -fuzz.ratio(asked, folded))
    return [names[folded] for folded in best]


def _nothing_left(flora: Flora, unknown: Sequence[str]) -> str:
    if not unknown:
        return "no taxon is named that answers could be restricted to; name one"
    alike = alike_names(flora, unknown[0])
    perhaps = f"; perhaps you mean {' or '.join(alike)}" if alike else ""
    place = flora.folder.parent
    if len(unknown) == 1:
        return f"{unknown[0]}: the flora {place} holds no such taxon, and none inside it{perhaps}"
    return (
        f"{unknown[0]} and {len(unknown) - 1:,} more: the flora {place} holds none of these taxa, and none inside them"
        f"{perhaps}"
    )
