"""What is known of taxa as vectors: text and photo prototypes, and how they become one vector a taxon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip_index.answers import EVIDENCE_KINDS, EvidenceKind, Vectors
from dalip_index.calibration import MIN_PHOTOS, fit_temperature, negative_log_likelihood
from dalip_index.manifest import HitRates

__all__ = [
    "DEFAULT_TEXT_WEIGHT",
    "Prototypes",
    "choose_text_weight",
    "hit_rates",
    "mean_prototypes",
    "photo_prototypes",
]

DEFAULT_TEXT_WEIGHT = 0.5
"""Used where there are too few selection photos to choose the weight on."""

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

        Args:
            text_weight: Share of the text prototype, 0 to 1; a taxon with one kind of evidence uses it alone.

        Returns:
            Shape (taxa, width). An inner product with a row is the weighted mean of the two similarities.
        """
        shares = np.where(self.photo_counts == 0, 1.0, np.where(self.text_counts == 0, 0.0, text_weight))
        weights = shares[:, None].astype(np.float32)
        return weights * self.text + (1 - weights) * self.photos

    def of_kind(self, kind: EvidenceKind, text_weight: float) -> Vectors:
        """Give the vectors of one kind of evidence, shape (taxa, width)."""
        if kind == "both":
            return self.vectors(text_weight)
        return self.text if kind == "text" else self.photos


def _unit(rows: NDArray[np.floating[Any]]) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units


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


def choose_text_weight(
    prototypes: Prototypes, embeddings: Vectors, targets: NDArray[np.intp]
) -> tuple[float, Mapping[str, HitRates]]:
    """Choose the share of text evidence that makes selection photos likeliest.

    The likelihood (each weight at its own best temperature) changes smoothly where the hit rate on a few
    hundred photos jumps about.

    Args:
        prototypes: The taxa.
        embeddings: The selection photos, shape (photos, width); may be empty.
        targets: The row of the right taxon for each, shape (photos,).

    Returns:
        The weight, the default one for fewer than `MIN_PHOTOS` photos; and the hit rates of each kind of
        evidence, none for no photo.
    """

    def loss(weight: float) -> float:
        similarities = embeddings @ prototypes.vectors(weight).T
        return negative_log_likelihood(similarities, targets, fit_temperature(similarities, targets))

    weight = DEFAULT_TEXT_WEIGHT
    if len(targets) >= MIN_PHOTOS:
        weight = min(_TEXT_WEIGHTS, key=lambda w: (loss(w), abs(w - DEFAULT_TEXT_WEIGHT)))
    elif not len(targets):
        return weight, {}
    return weight, {
        kind: hit_rates(embeddings @ prototypes.of_kind(kind, weight).T, targets) for kind in EVIDENCE_KINDS
    }
