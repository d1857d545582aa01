"""How texts and photos are weighed against each other, and how far each of them goes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.answer import EVIDENCE_KINDS
from dalip_index.flora.calibration import MIN_PHOTOS, fit_temperature, negative_log_likelihood
from dalip_index.flora.prototypes import Prototypes
from dalip_index.store.manifest import HitRates

__all__ = ["DEFAULT_TEXT_WEIGHT", "choose_text_weight", "evidence_hit_rates", "hit_rates"]

DEFAULT_TEXT_WEIGHT = 0.5
"""Used where there are too few selection photos to choose the weight on."""

_TEXT_WEIGHTS = tuple(step / 20 for step in range(21))


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
