"""What is known of taxa as vectors: text and photo prototypes, and how they become one vector a taxon."""

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
    "evidence_hit_rates",
    "hit_rates",
    "mean_prototypes",
    "with_unit_appearance",
]

DEFAULT_TEXT_WEIGHT = 0.5
"""Used where there are too few selection photos to choose the weight on."""

_TEXT_WEIGHTS = tuple(step / 20 for step in range(21))


@dataclass(frozen=True)
class Prototypes:
    """One unit vector a taxon for each kind of evidence; a row of zeros where it has none of that kind.

    A photo is its embedding, E numbers, followed by its appearance, A numbers. Texts are compared with the first, for
    text and photo meet there; photos with the second, which keeps more of what tells photos apart.
    """

    text: Vectors
    """Shape (taxa, E)."""
    text_counts: NDArray[np.intp]
    """Texts behind each row, shape (taxa,)."""
    photos: Vectors
    """Shape (taxa, A)."""
    photo_counts: NDArray[np.intp]
    """Photos behind each row, shape (taxa,)."""

    def vectors(self, text_weight: float) -> Vectors:
        """Combine both kinds into the vectors that answers are searched by.

        What a taxon has none of is taken to be as with the average of the others, so that it competes by what it has.
        Where no taxon has a kind, the other has all the weight.

        Args:
            text_weight: Share of the text prototype, 0 to 1.

        Returns:
            Shape (taxa, E + A). An inner product with the row of a taxon that has both kinds is the weighted mean of
            its two similarities.
        """
        has_text, has_photos = self.text_counts > 0, self.photo_counts > 0
        weight = text_weight if has_text.any() and has_photos.any() else float(has_text.any())
        text, photos = _filled(self.text, has_text), _filled(self.photos, has_photos)
        combined: Vectors = np.hstack([weight * text, (1 - weight) * photos]).astype(np.float32)
        return combined

    def similarities(self, photos: Vectors, kind: EvidenceKind, text_weight: float) -> Vectors:
        """Compare photos with the taxa by one kind of evidence.

        Args:
            photos: Shape (photos, E + A).
            kind: The kind.
            text_weight: Share of the text, for `both`.

        Returns:
            Shape (photos, taxa); 0 for a taxon without the kind.
        """
        width = self.text.shape[1]
        if kind == "both":
            return photos @ self.vectors(text_weight).T
        return photos[:, :width] @ self.text.T if kind == "text" else photos[:, width:] @ self.photos.T


def _filled(rows: Vectors, present: NDArray[np.bool_]) -> Vectors:
    mean = rows.sum(axis=0) / max(int(present.sum()), 1)
    filled: Vectors = np.where(present[:, None], rows, mean)
    return filled


def _unit(rows: NDArray[np.floating[Any]]) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units


def with_unit_appearance(photos: Vectors, width: int) -> tuple[Vectors, Vectors]:
    """Bring the appearances of photos to unit length.

    Args:
        photos: As an encoder gives them, shape (photos, E + A).
        width: E.

    Returns:
        The vectors, of the same shape, and the lengths that the appearances had, shape (photos,).
    """
    appearances = photos[:, width:]
    lengths: Vectors = np.linalg.norm(appearances, axis=1)
    return np.hstack([photos[:, :width], _unit(appearances)]), lengths


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


def hit_rates(similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> HitRates:
    """Say how often the right taxon is among the 1 and 5 most similar; ties count against it.

    Args:
        similarities: Shape (photos, taxa), at least one photo.
        targets: The column of the right taxon for each photo, shape (photos,).
    """
    own = similarities[np.arange(len(targets)), targets]
    ranks = (similarities >= own[:, None]).sum(axis=1)
    return HitRates(float((ranks <= 1).mean()), float((ranks <= 5).mean()))


def choose_text_weight(prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]) -> float:
    """Choose the share of text such that selection photos are likeliest.

    The likelihood (each choice at its own best temperature) changes smoothly where the hit rate on a few
    hundred photos jumps about.

    Args:
        prototypes: The taxa.
        photos: The photos to choose on, shape (photos, E + A).
        targets: The row of the right taxon for each photo, shape (photos,).

    Returns:
        The weight, 0 to 1; the default for fewer than `MIN_PHOTOS` photos.
    """
    if len(targets) < MIN_PHOTOS:
        return DEFAULT_TEXT_WEIGHT

    def loss(weight: float) -> tuple[float, float]:
        similarities = prototypes.similarities(photos, "both", weight)
        temperature = fit_temperature(similarities, targets, tolerance=0.02)
        return (
            negative_log_likelihood(similarities, targets, temperature),
            abs(weight - DEFAULT_TEXT_WEIGHT),
        )

    return min(_TEXT_WEIGHTS, key=loss)


def evidence_hit_rates(
    prototypes: Prototypes, text_weight: float, photos: Vectors, targets: NDArray[np.intp]
) -> dict[str, HitRates]:
    """Give the hit rates of each kind of evidence on photos; nothing for no photo.

    Args:
        prototypes: The taxa.
        text_weight: Share of the text.
        photos: Shape (photos, E + A).
        targets: The row of the right taxon for each photo, shape (photos,).
    """
    if not len(targets):
        return {}
    return {
        kind: hit_rates(prototypes.similarities(photos, kind, text_weight), targets)
        for kind in EVIDENCE_KINDS
    }
