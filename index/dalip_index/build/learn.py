"""Learn from the vectors of texts and photos: prototypes, text weight, calibration and hit rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.taxon_tree import TaxonTree
from dalip_index.flora.answer import EVIDENCE_KINDS
from dalip_index.flora.calibration import MIN_PHOTOS, Calibration
from dalip_index.flora.fit_calibration import fit_calibration
from dalip_index.flora.mixture import levels_of
from dalip_index.flora.prototypes import Prototypes, chance_similarity, unit_rows, with_unit_appearance
from dalip_index.flora.temperature import fit_temperature, negative_log_likelihood
from dalip_index.store.catalogue import Role
from dalip_index.store.kept_photos import Halves
from dalip_index.store.manifest import HitRates

__all__ = ["Learned", "PhotoVectors", "choose_text_weight", "hit_rates", "learn"]

_DEFAULT_TEXT_WEIGHT = 0.5
"""Used if there are too few validation photos to choose the weight."""

_TEXT_WEIGHTS = tuple(step / 20 for step in range(21))

_AT_ONCE = 4096  # photos
_CHOOSE_ON = 2000  # photos: more would take longer and not change which of the 21 weights is chosen


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


def learn(text: Vectors, text_counts: NDArray[np.intp], photos: PhotoVectors, tree: TaxonTree) -> Learned:
    """Learn a flora from vectors.

    Photos of the calibration split that are evidence, because their taxa have no other photos, also calibrate the
    flora. While it is calibrated, they are left out of all prototypes, because relatives may share them.

    Args:
        text: Text prototypes, shape (taxa, E), zeros for taxa without texts.
        text_counts: Number of texts per taxon, shape (taxa,).
        photos: Vectors, taxa and roles of the photos.
        tree: The taxa.
    """
    taxa, appearance = len(text), photos.vectors.shape[1] - photos.width
    sums, counts = np.zeros((taxa, appearance)), np.zeros(taxa, np.intp)
    for vectors, labels, _ in photos.of("evidence"):
        np.add.at(sums, labels, vectors[:, photos.width :])
        counts += np.bincount(labels, minlength=taxa)
    prototypes = Prototypes.built(text, text_counts, unit_rows(sums), counts)
    selecting, selecting_labels, _ = photos.all_of("selection")
    calibrating, calibrating_labels, lengths = photos.all_of("calibration")
    some = np.linspace(0, len(selecting) - 1, min(len(selecting), _CHOOSE_ON)).astype(np.intp)
    text_weight = choose_text_weight(prototypes, selecting[some], selecting_labels[some])
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
        tree=tree,
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


def choose_text_weight(prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]) -> float:
    """Choose the text weight that maximises the likelihood of the right class on validation photos.

    The likelihood, with the temperature fitted for each weight, changes smoothly. The hit rate on a few hundred photos
    is too noisy.

    Args:
        prototypes: Prototypes of the taxa.
        photos: The validation photos, shape (photos, E + A).
        targets: Row of the right taxon for each photo, shape (photos,).

    Returns:
        The weight, 0 to 1; the default if there are fewer than `MIN_PHOTOS` photos.
    """
    if len(targets) < MIN_PHOTOS:
        return _DEFAULT_TEXT_WEIGHT

    def loss(weight: float) -> tuple[float, float]:
        similarities = prototypes.similarities(photos, "both", weight)
        temperature = fit_temperature(similarities, targets, tolerance=0.02)
        return (
            negative_log_likelihood(similarities, targets, temperature),
            abs(weight - _DEFAULT_TEXT_WEIGHT),
        )

    return min(_TEXT_WEIGHTS, key=loss)


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
    whole = prototypes.vectors(text_weight)
    width = photos.width
    present = prototypes.photo_counts > 0
    # Weight of photos, the same in each row.
    share = np.linalg.norm(whole[:, width:-1][present], axis=1).max(initial=0)
    total, others = prototypes.photos.sum(axis=0), max(int(present.sum()) - 1, 1)
    for vectors, labels, _ in photos.of("evidence"):
        rows = np.arange(len(labels))
        appearances = vectors[:, width:]
        without = unit_rows(sums[labels] - appearances)
        alone = prototypes.photo_counts[labels] == 1
        text = prototypes.similarities(vectors, "text", text_weight)
        by_photo = prototypes.similarities(vectors, "photos", text_weight)
        both = vectors @ whole[:, :-1].T
        own = (appearances * without).sum(axis=1)
        # Without its only photo, a taxon competes like any taxon without photos: with the mean of the others.
        filled = (appearances * (total - prototypes.photos[labels])).sum(axis=1) / others
        both[rows, labels] += share * (np.where(alone, filled, own) - by_photo[rows, labels])
        by_photo[:, ~present] = -np.inf
        by_photo[rows, labels] = np.where(alone, -np.inf, own)
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
