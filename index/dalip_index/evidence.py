"""What is known of taxa as vectors: text and photo prototypes, and how they become one vector a taxon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip_index.answers import EVIDENCE_KINDS, EvidenceKind, Vectors
from dalip_index.calibration import MIN_PHOTOS, fit_temperature, negative_log_likelihood
from dalip_index.manifest import HitRates

__all__ = [
    "DEFAULT_TEXT_WEIGHT",
    "SHRINKAGES",
    "Prototypes",
    "choose_evidence",
    "evidence_hit_rates",
    "hit_rates",
    "mean_prototypes",
    "photo_prototypes",
]

DEFAULT_TEXT_WEIGHT = 0.5
"""Used where there are too few selection photos to choose the weight on."""

SHRINKAGES: tuple[float | None, ...] = (None, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""What a build chooses from, on its selection photos; the first where there are fewer than 50."""

_MANY_PHOTOS = 50  # with fewer, a better shrinkage cannot be told from a lucky one
_TEXT_WEIGHTS = tuple(step / 20 for step in range(21))


@dataclass(frozen=True)
class Prototypes:
    """One unit vector a taxon for each kind of evidence; a row of zeros where it has none of that kind."""

    text: Vectors
    text_counts: NDArray[np.intp]
    """Texts behind each row, shape (taxa,)."""
    photos: Vectors
    photo_counts: NDArray[np.intp]
    """Photos behind each row, shape (taxa,)."""

    def vectors(self, text_weight: float) -> Vectors:
        """Combine both kinds into the vectors that answers are searched by.

        Photos are often closer to photos than to any text, so a taxon known by its texts alone would lose to
        all that have photos. It is therefore moved by the mean difference of both kinds, and so is one without
        texts.

        Args:
            text_weight: Share of the text prototype, 0 to 1.

        Returns:
            Shape (taxa, width). An inner product with the row of a taxon that has both kinds is the weighted
            mean of its two similarities.
        """
        has_text, has_photos = self.text_counts[:, None] > 0, self.photo_counts[:, None] > 0
        gap = _mean_present(self.photos, has_photos) - _mean_present(self.text, has_text)
        if not (has_text.any() and has_photos.any()):
            gap = np.zeros_like(gap)
        text = np.where(has_text, self.text, self.photos - gap)
        photos = np.where(has_photos, self.photos, self.text + gap)
        combined: Vectors = (text_weight * text + (1 - text_weight) * photos).astype(np.float32)
        return combined

    def of_kind(self, kind: EvidenceKind, text_weight: float) -> Vectors:
        """Give the vectors of one kind of evidence, shape (taxa, width)."""
        if kind == "both":
            return self.vectors(text_weight)
        return self.text if kind == "text" else self.photos


def _unit(rows: NDArray[np.floating[Any]]) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units


def _mean_present(rows: Vectors, present: NDArray[np.bool_]) -> Vectors:
    mean: Vectors = rows.sum(axis=0) / max(int(present.sum()), 1)
    return mean


def mean_prototypes(
    embeddings: Vectors, labels: NDArray[np.intp], taxa: int
) -> tuple[Vectors, NDArray[np.intp]]:
    """Average the embeddings of each taxon, and bring the means to unit length.

    Args:
        embeddings: Shape (number, width), unit rows.
        labels: The taxon of each row, 0 to `taxa` - 1, shape (number,).
        taxa: How many taxa there are.

    Returns:
        The prototypes, shape (taxa, width), rows of zeros for taxa without an embedding; and the number of
        embeddings behind each.
    """
    sums = np.zeros((taxa, embeddings.shape[1]), np.float64)
    np.add.at(sums, labels, embeddings)
    return _unit(sums), np.bincount(labels, minlength=taxa)


def photo_prototypes(
    embeddings: Vectors, labels: NDArray[np.intp], taxa: int, *, shrinkage: float | None = None
) -> tuple[Vectors, NDArray[np.intp]]:
    """Make one vector a taxon from photos: their mean direction, or the direction that tells them apart best.

    With `shrinkage`, taxa are assumed to scatter alike (linear discriminant analysis): the vector of a taxon
    is (S + aI)^-1 (its mean - the mean of all means), where S is the scatter within taxa and a its mean
    variance times `shrinkage`.

    Args:
        embeddings: Shape (number, width), unit rows.
        labels: The taxon of each row, 0 to `taxa` - 1, shape (number,).
        taxa: How many taxa there are.
        shrinkage: How far the scatter is drawn towards a sphere: near 0 trusts it fully, large values
            approach plain (centred) means; `None` for plain means.

    Returns:
        As `mean_prototypes`.
    """
    prototypes, counts = mean_prototypes(embeddings, labels, taxa)
    present = counts > 0
    if shrinkage is None or present.sum() < 2:
        return prototypes, counts
    means = np.zeros((taxa, embeddings.shape[1]), np.float64)
    np.add.at(means, labels, embeddings)
    means[present] /= counts[present, None]
    deviations = embeddings - means[labels]
    scatter = deviations.T @ deviations / max(len(embeddings) - int(present.sum()), 1)
    variance = max(float(np.trace(scatter)) / len(scatter), 1e-12)
    scatter[np.diag_indices_from(scatter)] += shrinkage * variance
    directions = np.zeros_like(means)
    directions[present] = np.linalg.solve(scatter, (means[present] - means[present].mean(axis=0)).T).T
    return _unit(directions), counts


def hit_rates(similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> HitRates:
    """Say how often the right taxon is among the 1 and 5 most similar; ties count against it.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: The column of the right taxon for each photo, shape (photos,).
    """
    own = similarities[np.arange(len(targets)), targets]
    ranks = (similarities >= own[:, None]).sum(axis=1)
    return HitRates(float((ranks <= 1).mean()), float((ranks <= 5).mean()))


def choose_evidence(
    text: tuple[Vectors, NDArray[np.intp]],
    train: tuple[Vectors, NDArray[np.intp]],
    selection: tuple[Vectors, NDArray[np.intp]],
    shrinkages: Sequence[float | None] = SHRINKAGES,
) -> tuple[Prototypes, float, float | None]:
    """Choose how photos become prototypes, and the share of text, such that selection photos are likeliest.

    The likelihood (each choice at its own best temperature) changes smoothly where the hit rate on a few
    hundred photos jumps about.

    Args:
        text: Text prototypes and the number of texts behind each, as `mean_prototypes` gives them.
        train: Embeddings and taxon rows of the photos that are evidence.
        selection: Embeddings and taxon rows of the photos to choose on.
        shrinkages: What to choose from for `photo_prototypes`, at least one.

    Returns:
        The prototypes, the text weight and the shrinkage: the first shrinkage for fewer than 50 selection photos,
        the default weight, too, for fewer than `MIN_PHOTOS`.
    """
    taxa = len(text[0])
    embeddings, targets = selection
    choosing = len(targets) >= MIN_PHOTOS
    best: tuple[float, float, Prototypes, float, float | None] | None = None
    for shrinkage in shrinkages if len(targets) >= _MANY_PHOTOS else shrinkages[:1]:
        prototypes = Prototypes(*text, *photo_prototypes(*train, taxa, shrinkage=shrinkage))
        for weight in _TEXT_WEIGHTS if choosing else (DEFAULT_TEXT_WEIGHT,):
            loss = _best_loss(embeddings @ prototypes.vectors(weight).T, targets) if choosing else 0.0
            rank = (loss, abs(weight - DEFAULT_TEXT_WEIGHT))
            if best is None or rank < best[:2]:
                best = (*rank, prototypes, weight, shrinkage)
    if best is None:
        raise ValueError("there is no shrinkage to choose from; give at least one")
    return best[2:]


def _best_loss(similarities: Vectors, targets: NDArray[np.intp]) -> float:
    temperature = fit_temperature(similarities, targets, tolerance=0.02)
    return negative_log_likelihood(similarities, targets, temperature)


def evidence_hit_rates(
    prototypes: Prototypes, text_weight: float, embeddings: Vectors, targets: NDArray[np.intp]
) -> dict[str, HitRates]:
    """Give the hit rates of each kind of evidence on photos; nothing for no photo.

    Args:
        prototypes: The taxa.
        text_weight: Share of the text.
        embeddings: Shape (photos, width).
        targets: The row of the right taxon for each photo, shape (photos,).
    """
    if not len(targets):
        return {}
    return {
        kind: hit_rates(embeddings @ prototypes.of_kind(kind, text_weight).T, targets)
        for kind in EVIDENCE_KINDS
    }
