"""Why an answer: which parts of a photo speak for it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index.flora.flora import Flora

__all__ = ["heat_map"]


def heat_map(flora: Flora, photo: Image.Image, taxon: Taxon, against: Taxon) -> NDArray[np.float32]:
    """Say which parts of a photo speak for one taxon rather than another.

    The vector of each patch is compared with the texts of both taxa, by the first order, whose space patches share.

    Args:
        flora: The flora.
        photo: Upright, of any size and mode; its middle square is looked at.
        taxon: One of the flora's taxa.
        against: Another.

    Returns:
        Shape (rows, columns) of the encoder's patches, from about -1 to 1: positive where a patch speaks for `taxon`.

    Raises:
        FloraError: The flora does not hold a taxon, or has no texts for it.
    """
    width = flora.encoder.manifest.embed_dim
    rows = [flora.row(taxon), flora.row(against)]
    texts = flora.prototypes.text[rows, :width]
    lengths = np.linalg.norm(texts, axis=1, keepdims=True)
    for named, length in zip((taxon, against), lengths.ravel(), strict=True):
        if not length > 0:
            raise FloraError(
                f"{named.scientific_name}: the flora has no texts for it to compare parts of a photo with"
            )
    first, second = texts / lengths
    heat: NDArray[np.float32] = flora.encoder.encode_patches(photo) @ (first - second)
    return heat
