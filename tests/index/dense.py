"""The vectors that photos are compared with, one per taxon, as a plain matrix: the reference for `Comparison`."""

import numpy as np

from dalip_index.flora.prototypes import Prototypes, telling
from dalip_index.flora.shrinkage import Shrunk


def dense_vectors(prototypes: Prototypes, text_weight: float) -> np.ndarray:
    """Return rows whose inner product with a photo's vector, followed by a 1, is the similarity of a taxon.

    Shape (taxa, E + A + 1).
    """
    taxa, width = len(prototypes.text), prototypes.text.width
    photos = np.zeros((taxa, prototypes.photos.shape[1]), np.float32)
    photos[prototypes.photo_counts > 0] = prototypes.photos
    taught = prototypes.taught
    built = np.where(taught, 0, prototypes.photo_counts)
    has_text, has_photos = (prototypes.text_counts > 0) & ~taught, built > 0
    weight = text_weight if has_text.any() and has_photos.any() else float(has_text.any())
    combined = np.zeros((taxa, width + photos.shape[1] + 1), np.float32)
    if weight:
        combined[:, :width] = prototypes.text[:]
        combined[~has_text, :width] = prototypes.text[:][has_text].mean(axis=0)
        combined[:, :width] *= weight
    if has_photos.any():
        looks = Shrunk(photos, built, prototypes.kin, prototypes.shrinkage).rows
        looks[~looks.any(axis=1)] = photos[has_photos].mean(axis=0)
        combined[:, width:-1] = looks * (1 - weight)
    if taught.any():
        combined[taught, :width] = 0
        combined[taught, width:-1] = telling(photos[taught], photos[has_photos])
        combined[taught, -1] = prototypes.offsets[taught]
    return combined
