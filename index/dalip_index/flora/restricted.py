"""Restrict answers to some taxa in a flora, as `--only` does."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.names.resolution import Resolution
from dalip.encoder import Vectors
from dalip.errors import DalipError, FloraError
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.flora import Flora
from dalip_index.flora.prototypes import Prototypes
from dalip_index.flora.similarities import Similarities
from dalip_index.store.name_index import NameIndex

__all__ = ["RestrictedFlora", "alike_names", "name_not_held", "restrict"]

_OFFERED = 3


class RestrictedFlora(Flora):
    """Some of the taxa in a flora; create one with `restrict`.

    Probabilities are over these taxa, and answers contain no others. Photos are still compared with all taxa, because a
    photo that fits another taxon better shows a plant that is not among these.
    """

    def __init__(self, whole: Flora, rows: NDArray[np.intp], asked: Sequence[Resolution] = ()) -> None:
        """Restrict a flora.

        Args:
            whole: The flora, which must not be restricted itself.
            rows: Rows of the taxa to answer with, ascending, shape (taxa to answer with,).
            asked: What the requested names stand for.
        """
        tree, self._higher = whole.tree.part(rows)
        super().__init__(
            whole.folder, whole.manifest, whole.calibration, tree, whole.prototypes, whole.encoder
        )
        self.unknown = tuple(found.given for found in asked if found.taxon is None)
        """Requested names that do not stand for one taxon of the flora."""
        self.noted = tuple(found for found in asked if found.taxon and found.noted)
        """Requested names that were read as other ones."""
        self._whole, self._rows = whole, rows
        self._others = np.delete(np.arange(len(whole.taxa)), rows)

    @property
    def whole(self) -> Flora:
        """The flora with all its taxa."""
        return self._whole

    @cached_property
    def name_index(self) -> NameIndex:
        """Looks up the names of the taxa to answer with and of their higher taxa."""
        return self._whole.name_index.among(self._rows, self._higher)

    @cached_property
    def prototypes(self) -> Prototypes:
        """The prototypes of the taxa to answer with."""
        return self._whole.prototypes.part(self._rows)

    def similarities(self, photos: Vectors, evidence: EvidenceKind = "both") -> Similarities:
        """Compare photos with the taxa to answer with and, separately, with the others.

        Args:
            photos: As `Flora.similarities`.
            evidence: As `Flora.similarities`.

        Raises:
            FloraError: The vectors have the wrong width or are not finite.
        """
        return self.of_whole(self._whole.similarities(photos, evidence))

    def of_whole(self, found: Similarities) -> Similarities:
        """Divide similarities to all taxa into those to answer with and the others."""
        order = np.concatenate([self._rows, self._others])
        levels = None if found.levels is None else found.levels[order]
        some, others = found.values[:, self._rows], found.values[:, self._others]
        return Similarities(some, found.lengths, others, levels, self.prior)

    def to_whole(self, found: Similarities) -> Similarities:
        """Reverse `of_whole`."""
        place = np.argsort(np.concatenate([self._rows, self._others]))
        levels = None if found.levels is None else found.levels[place]
        parts = found.values if found.others is None else np.hstack([found.values, found.others])
        return Similarities(parts[:, place], found.lengths, levels=levels)


def restrict(flora: Flora, names: Iterable[str] | Mapping[str, Sequence[str]]) -> RestrictedFlora:
    """Restrict the answers of a flora to some of its taxa.

    Args:
        flora: The flora.
        names: Names of its taxa, or of species, genera, families and orders that contain some of them. Names that do
            not stand for one taxon of the flora are stored in `unknown`. In a mapping, each name has synonyms, which
            are looked up if the flora does not contain the name itself.

    Raises:
        FloraError: None of the names is in the flora.
    """
    synonyms = names if isinstance(names, Mapping) else {}
    asked = [r for name in dict.fromkeys(names) for r in _resolved(flora, name, synonyms.get(name, ()))]
    rows = flora.tree.rows_in(found.taxon for found in asked if found.taxon)
    if not rows:
        if not asked:
            raise FloraError("nothing-asked-for")
        raise name_not_held(flora, asked[0].given, len(asked) - 1)
    return RestrictedFlora(flora.whole, flora.rows_in_whole[rows], asked)


def _resolved(flora: Flora, name: str, synonyms: Sequence[str]) -> list[Resolution]:
    """Resolve a name; a flora may also have one or several taxa with names that a list takes for its synonyms."""
    found = flora.names.resolve(name)
    if found.how == "exact" or not synonyms:
        return [found]
    taxa = dict.fromkeys(taxon for other in synonyms if (taxon := flora.names.named(other)))
    return [Resolution(name, "synonym", taxon) for taxon in taxa] or [found]


def alike_names(flora: Flora, name: str) -> list[str]:
    """Find taxa and higher taxa in a flora whose names are spelt like an unknown name (fuzzy match), best first."""
    return flora.name_index.similar_names(name, _OFFERED)


def name_not_held(flora: Flora, name: str, others: int = 0) -> DalipError:
    """Return the error for a name that does not stand for a taxon in a flora, with suggestions of similar names.

    Args:
        flora: The flora.
        name: The requested name.
        others: Number of further requested names, if all names are unknown.
    """
    found = flora.names.resolve(name)
    if found.refused:
        return found.error
    alike, place = alike_names(flora, name), flora.whole.folder.parent
    kind = "names-not-held" if others else "name-not-held"
    return FloraError(kind, source=name, flora=place, others=others, alike=alike, alternatives=len(alike))
