"""Learn from the vectors of texts and photos: prototypes, text weight, calibration and hit rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.build.weights import choose_weights
from dalip_index.flora.answer import EVIDENCE_KINDS
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.fit_calibration import fit_calibration
from dalip_index.flora.mixture import levels_of
from dalip_index.flora.prototypes import Prototypes, chance_similarity, with_unit_appearance
from dalip_index.flora.shrinkage import Kin, unit_rows
from dalip_index.store.catalogue import Role
from dalip_index.store.faiss_index import rounded_rows
from dalip_index.store.kept_photos import Halves
from dalip_index.store.manifest import HitRates

__all__ = ["Learned", "PhotoVectors", "hit_rates", "learn"]

_AT_ONCE = 1024  # photos


@dataclass(frozen=True)
class PhotoVectors:
    """Vectors of photos, with their taxa and roles."""

    vectors: Halves
    """Embeddings, each followed by its appearance, shape (photos, E + A)."""
    labels: NDArray[np.intp]
    """Rows of the taxa, shape (photos,)."""
    roles: Sequence[Role]
    """One per photo."""
    width: int
    """E, length of an embedding."""
    calibrate_too: NDArray[np.bool_] | None = None
    """Which photos with the role `evidence` also calibrate the flora, shape (photos,): those of the calibration split
    whose taxon has no other photos. `None` for none."""

    def of(self, role: Role) -> Iterator[tuple[Vectors, NDArray[np.intp], Vectors]]:
        """Yield the photos with a role in batches: vectors with unit appearance, labels, lengths of appearance."""
        chosen = np.array([i for i, r in enumerate(self.roles) if r == role], np.intp)
        for start in range(0, len(chosen), _AT_ONCE):
            yield self.some(chosen[start : start + _AT_ONCE])

    def some(self, rows: NDArray[np.intp]) -> tuple[Vectors, NDArray[np.intp], Vectors]:
        """Return the photos of some rows, as `of` yields them."""
        unit, lengths = with_unit_appearance(self.vectors[rows].astype(np.float32), self.width)
        return unit, self.labels[rows], lengths

    def all_of(self, role: Role) -> tuple[Vectors, NDArray[np.intp], Vectors]:
        """Return all photos with a role, as `of` yields them."""
        empty = (
            np.empty((0, self.vectors.shape[1]), np.float32),
            np.empty(0, np.intp),
            np.empty(0, np.float32),
        )
        parts = zip(empty, *self.of(role), strict=True)
        vectors, labels, lengths = (np.concatenate(part) for part in parts)
        return vectors, labels, lengths


@dataclass(frozen=True)
class Learned:
    """Everything a flora learns from vectors."""

    prototypes: Prototypes
    calibration: Calibration
    selection: Mapping[str, HitRates]
    """By kind of evidence, on the validation photos."""
    leave_one_out: Mapping[str, HitRates]
    """By kind of evidence, on the photos used as evidence; see the function `leave_one_out`."""


def learn(
    text: Vectors, text_counts: NDArray[np.intp], photos: PhotoVectors, taxa: Sequence[Taxon]
) -> Learned:
    """Learn a flora from vectors.

    Photos of the calibration split that are evidence, because their taxa have no other photos, also calibrate the
    flora. While it is calibrated, they are left out of all prototypes, because relatives may share them.

    Args:
        text: Text prototypes, shape (taxa, E), zeros for taxa without texts.
        text_counts: Number of texts per taxon, shape (taxa,).
        photos: Vectors, taxa and roles of the photos.
        taxa: The taxa, in the order of the rows of `text`.
    """
    sums = np.zeros((len(taxa), photos.vectors.shape[1] - photos.width))
    counts = np.zeros(len(taxa), np.intp)
    for vectors, labels, _ in photos.of("evidence"):
        np.add.at(sums, labels, vectors[:, photos.width :])
        counts += np.bincount(labels, minlength=len(taxa))
    kin = Kin.of((taxon.genus, taxon.family) for taxon in taxa)
    # Rounded as in the flora's files, so that weights and calibration fit what answers will be computed from.
    prototypes = Prototypes.built(rounded_rows(text), text_counts, rounded_rows(unit_rows(sums)), counts, kin)
    selecting, selecting_labels, _ = photos.all_of("selection")
    calibrating, calibrating_labels, lengths = photos.all_of("calibration")
    text_weight, shrinkage = choose_weights(prototypes, selecting, selecting_labels)
    prototypes = replace(prototypes, shrinkage=shrinkage)
    chance = chance_similarity(prototypes, calibrating, calibrating_labels)
    fitted = prototypes
    if photos.calibrate_too is not None and photos.calibrate_too.any():
        more, more_labels, more_lengths = photos.some(np.flatnonzero(photos.calibrate_too))
        fitted = _without(prototypes, sums, more[:, photos.width :], more_labels)
        calibrating = np.concatenate([calibrating, more])
        calibrating_labels = np.concatenate([calibrating_labels, more_labels])
        lengths = np.concatenate([lengths, more_lengths])
    calibration = fit_calibration(
        text_weight,
        len(selecting),
        fitted.similarities(calibrating, "both", text_weight),
        calibrating_labels,
        lengths,
        chance,
        levels=levels_of(fitted.photo_counts),
        tree=TaxonTree(taxa),
    )
    return Learned(
        prototypes,
        calibration,
        _hit_rates_by_kind(prototypes, text_weight, selecting, selecting_labels),
        leave_one_out(prototypes, sums, text_weight, photos),
    )


def _without(
    prototypes: Prototypes, sums: NDArray[np.float64], appearances: Vectors, labels: NDArray[np.intp]
) -> Prototypes:
    """Return the prototypes without some of the photos.

    Args:
        prototypes: Prototypes of all taxa; none of the taxa is taught.
        sums: Sum of the appearances of each taxon's evidence photos, shape (taxa, A).
        appearances: Appearances of the photos to leave out, shape (photos, A).
        labels: Rows of their taxa, shape (photos,).
    """
    sums, counts = sums.copy(), prototypes.photo_counts - np.bincount(labels, minlength=len(sums))
    np.subtract.at(sums, labels, appearances)
    sums[counts == 0] = 0  # not a rest from rounding
    return replace(prototypes, photos=unit_rows(sums), photo_counts=counts)


def hit_rates(similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> HitRates:
    """Return top-1 and top-5 hit rates; ties count against the right taxon.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: Column of the right taxon for each photo, shape (photos,).
    """
    own = similarities[np.arange(len(targets)), targets]
    ranks = (similarities >= own[:, None]).sum(axis=1)
    return HitRates(float((ranks <= 1).mean()), float((ranks <= 5).mean()))


def _hit_rates_by_kind(
    prototypes: Prototypes, text_weight: float, photos: Vectors, targets: NDArray[np.intp]
) -> dict[str, HitRates]:
    """Return the hit rates on photos by kind of evidence; empty if there are no photos.

    Args:
        prototypes: Prototypes of the taxa.
        text_weight: Weight of text, 0 to 1.
        photos: Shape (photos, E + A).
        targets: Row of the right taxon for each photo, shape (photos,).
    """
    if not len(targets):
        return {}
    return {
        kind: hit_rates(prototypes.similarities(photos, kind, text_weight), targets)
        for kind in EVIDENCE_KINDS
    }


def leave_one_out(
    prototypes: Prototypes, sums: NDArray[np.float64], text_weight: float, photos: PhotoVectors
) -> dict[str, HitRates]:
    """Measure leave-one-out accuracy: each evidence photo is identified with itself removed from its prototype.

    The text weight, which was chosen on other photos, is not changed.

    Args:
        prototypes: Prototypes of all taxa; none of the taxa is taught.
        sums: Sum of the appearances of each taxon's evidence photos, shape (taxa, A).
        text_weight: Weight of text, 0 to 1.
        photos: The photos.

    Returns:
        Hit rates by kind of evidence; empty if there are no photos. With `photos` alone, the only photo of a taxon
        counts as a miss.
    """
    found: dict[str, list[HitRates]] = {kind: [] for kind in EVIDENCE_KINDS}
    sizes: list[int] = []
    whole, width, present = prototypes.vectors(text_weight), photos.width, prototypes.photo_counts > 0
    # Weight of photos, the same in each row.
    share = np.linalg.norm(whole[:, width:-1][present], axis=1).max(initial=0)
    total, others = prototypes.photos[present].sum(axis=0), max(int(present.sum()) - 1, 1)
    for vectors, labels, _ in photos.of("evidence"):
        appearances = vectors[:, width:]
        means = unit_rows(sums[labels] - appearances)
        text = prototypes.similarities(vectors, "text", text_weight)
        by_photo = appearances @ prototypes.appearances.T
        for i, label in enumerate(labels.tolist()):
            rows, changed = prototypes.shrunk.without(label, means[i])
            # Without its only photo, a taxon without relatives competes with the mean of the others.
            changed[~changed.any(axis=1)] = (total - prototypes.photos[label]) / others
            by_photo[i, rows] = changed @ appearances[i]
        both = vectors[:, :width] @ whole[:, :width].T
        both += share * by_photo
        by_photo[:, ~present] = -np.inf
        alone = prototypes.photo_counts[labels] == 1
        by_photo[alone, labels[alone]] = -np.inf
        for kind, similarities in (("text", text), ("photos", by_photo), ("both", both)):
            found[kind].append(hit_rates(similarities, labels))
        sizes.append(len(labels))
    if not sizes:
        return {}
    return {
        kind: HitRates(
            float(np.average([r.top1 for r in rates], weights=sizes)),
            float(np.average([r.top5 for r in rates], weights=sizes)),
        )
        for kind, rates in found.items()
    }
