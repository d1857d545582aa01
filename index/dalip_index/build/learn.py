"""Learn from the vectors of texts and photos: prototypes, text weight, calibration and hit rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.build.weights import choose_weights
from dalip_index.flora.answer import EVIDENCE_KINDS
from dalip_index.flora.calibration import MIN_PHOTOS, Calibration
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.fit_calibration import fit_calibration
from dalip_index.flora.prototypes import Prototypes, chance_similarity, with_unit_appearance
from dalip_index.flora.shrinkage import Kin, unit_rows
from dalip_index.store.catalogue import Role
from dalip_index.store.kept_photos import Halves
from dalip_index.store.manifest import HitRates
from dalip_index.store.quantized import QuantizedVectors

__all__ = ["Learned", "PhotoVectors", "hit_rates", "learn"]

_AT_ONCE = 1024  # photos


@dataclass(frozen=True)
class PhotoVectors:
    """Vectors of photos, with their taxa and roles. All photos are evidence; see `Role`."""

    vectors: Halves
    """Embeddings, each followed by its appearance, shape (photos, E + A)."""
    labels: NDArray[np.intp]
    """Rows of the taxa, shape (photos,)."""
    roles: Sequence[Role]
    """One per photo."""
    width: int
    """E, length of an embedding."""

    def batches(self) -> Iterator[tuple[Vectors, NDArray[np.intp], Vectors]]:
        """Yield all photos in batches: vectors with unit appearance, labels, lengths of appearance."""
        for start in range(0, len(self.labels), _AT_ONCE):
            yield self._some(np.arange(start, min(start + _AT_ONCE, len(self.labels))))

    def of(self, role: Role) -> "_Held":
        """Return the photos with a role."""
        return _Held(*self._some(np.array([i for i, r in enumerate(self.roles) if r == role], np.intp)))

    def _some(self, rows: NDArray[np.intp]) -> tuple[Vectors, NDArray[np.intp], Vectors]:
        unit, lengths = with_unit_appearance(self.vectors[rows].astype(np.float32), self.width)
        return unit, self.labels[rows], lengths


class _Held(NamedTuple):
    """Photos that are held out, for as long as something is measured on them."""

    vectors: Vectors
    """With unit appearance, shape (photos, E + A)."""
    labels: NDArray[np.intp]
    """Rows of their taxa, shape (photos,)."""
    lengths: Vectors
    """Lengths of their appearances, shape (photos,)."""


@dataclass(frozen=True)
class Learned:
    """Everything a flora learns from vectors."""

    prototypes: Prototypes
    calibration: Calibration
    selection: Mapping[str, HitRates]
    """By kind of evidence, on the validation photos."""
    leave_one_out: Mapping[str, HitRates]
    """By kind of evidence, on all photos; see the function `leave_one_out`."""


def learn(
    text: Vectors,
    text_counts: NDArray[np.intp],
    photos: PhotoVectors,
    taxa: Sequence[Taxon],
    *,
    measure: bool = True,
) -> Learned:
    """Learn a flora from vectors.

    All photos are evidence. To choose and calibrate on photos that the flora has not seen, the validation photos are
    left out of all prototypes while the weights are chosen, and the calibration photos while the flora is calibrated.
    It is calibrated with slightly less evidence than it has in the end, so its answers are not overconfident.

    Args:
        text: Text prototypes, shape (taxa, E), zeros for taxa without texts.
        text_counts: Number of texts per taxon, shape (taxa,).
        photos: Vectors, taxa and roles of the photos.
        taxa: The taxa, in the order of the rows of `text`.
        measure: Whether to measure the leave-one-out accuracy, which takes longest.
    """
    counts = np.bincount(photos.labels, minlength=len(taxa))
    places = np.cumsum(counts > 0) - 1
    sums = np.zeros((int((counts > 0).sum()), photos.vectors.shape[1] - photos.width))
    for vectors, labels, _ in photos.batches():
        np.add.at(sums, places[labels], vectors[:, photos.width :])
    kin = Kin.of((taxon.genus, taxon.family) for taxon in taxa)
    prototypes = Prototypes.built(text, text_counts, sums, counts, kin)
    selecting = photos.of("selection")
    others, held = _held_out(prototypes, sums, selecting)
    text_weight, shrinkage = choose_weights(others, held.vectors, held.labels)
    selection = _hit_rates_by_kind(replace(others, shrinkage=shrinkage), text_weight, held)
    prototypes = replace(prototypes, shrinkage=shrinkage)
    others, held = _held_out(prototypes, sums, photos.of("calibration"))
    calibration = fit_calibration(
        text_weight,
        len(selecting.labels),
        Comparison(others, text_weight)(held.vectors),
        held.labels,
        held.lengths,
        chance_similarity(others, held.vectors, held.labels),
        others.photo_counts,
        TaxonTree(taxa if len(held.labels) else ()),  # of hundreds of thousands, it takes seconds
    )
    alone = leave_one_out(prototypes, sums, text_weight, photos) if measure else {}
    return Learned(prototypes, calibration, selection, alone)


def _held_out(prototypes: Prototypes, sums: NDArray[np.float64], held: _Held) -> tuple[Prototypes, _Held]:
    """Leave photos out of the prototypes.

    Args:
        prototypes: Prototypes of all taxa; none of the taxa is taught.
        sums: Sum of the appearances of the photos of each taxon with photos, shape (taxa with photos, A).
        held: The photos to leave out.

    Returns:
        The prototypes without these photos; and those of the photos whose taxa still have others. If these are too few,
        all of them: the photos of a flora with one photo of each taxon are found by texts and by relatives.
    """
    sums, before = sums.copy(), prototypes.photo_counts
    counts = before - np.bincount(held.labels, minlength=len(before))
    np.subtract.at(sums, prototypes.photo_places[held.labels], held.vectors[:, prototypes.text.width :])
    left = QuantizedVectors.of(sums[counts[prototypes.photo_rows] > 0])[:]
    others = replace(prototypes, photos=left, photo_counts=counts)
    found = counts[held.labels] > 0
    if found.sum() < MIN_PHOTOS:
        return others, held
    return others, _Held(held.vectors[found], held.labels[found], held.lengths[found])


def hit_rates(similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> HitRates:
    """Return top-1 and top-5 hit rates; ties count against the right taxon.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: Column of the right taxon for each photo, shape (photos,).
    """
    own = similarities[np.arange(len(targets)), targets]
    ranks = (similarities >= own[:, None]).sum(axis=1)
    return HitRates(float((ranks <= 1).mean()), float((ranks <= 5).mean()))


def _hit_rates_by_kind(prototypes: Prototypes, text_weight: float, held: _Held) -> dict[str, HitRates]:
    """Return the hit rates on photos by kind of evidence; empty if there are no photos."""
    if not len(held.labels):
        return {}
    comparison = Comparison(prototypes, text_weight)
    return {kind: hit_rates(comparison(held.vectors, kind), held.labels) for kind in EVIDENCE_KINDS}


def leave_one_out(
    prototypes: Prototypes, sums: NDArray[np.float64], text_weight: float, photos: PhotoVectors
) -> dict[str, HitRates]:
    """Measure leave-one-out accuracy: each photo is identified with itself removed from its prototype.

    The text weight, which was chosen on some of them, is not changed.

    Args:
        prototypes: Prototypes of all taxa; none of the taxa is taught.
        sums: Sum of the appearances of the photos of each taxon with photos, shape (taxa with photos, A).
        text_weight: Weight of text, 0 to 1.
        photos: The photos.

    Returns:
        Hit rates by kind of evidence; empty if there are no photos. With `photos` alone, the only photo of a taxon
        counts as a miss.
    """
    found: dict[str, list[HitRates]] = {kind: [] for kind in EVIDENCE_KINDS}
    sizes: list[int] = []
    if not len(photos.labels):
        return {}
    comparison, width = Comparison(prototypes, text_weight), photos.width
    looks, present = prototypes.appearances, prototypes.photo_counts > 0
    total, others = prototypes.photos.sum(axis=0), max(len(prototypes.photos) - 1, 1)
    for vectors, labels, _ in photos.batches():
        appearances, places = vectors[:, width:], prototypes.photo_places[labels]
        means = unit_rows(sums[places] - appearances)
        text = comparison(vectors, "text")
        distinct = appearances @ looks.vectors.T
        for i, place in enumerate(places.tolist()):
            rows, changed = looks.shrunk.without(place, means[i])
            # Without its only photo, a taxon without relatives competes with the mean of the others.
            changed[~changed.any(axis=1)] = (total - prototypes.photos[place]) / others
            distinct[i, rows] = changed @ appearances[i]
        by_photo = looks.of_taxa(distinct)
        both = comparison.by_text(vectors[:, :width]) + comparison.photo_weight * by_photo
        by_photo[:, ~present] = -np.inf
        alone = prototypes.photo_counts[labels] == 1
        by_photo[alone, labels[alone]] = -np.inf
        for kind, similarities in (("text", text), ("photos", by_photo), ("both", both)):
            found[kind].append(hit_rates(similarities, labels))
        sizes.append(len(labels))
    return {
        kind: HitRates(
            float(np.average([r.top1 for r in rates], weights=sizes)),
            float(np.average([r.top5 for r in rates], weights=sizes)),
        )
        for kind, rates in found.items()
    }
