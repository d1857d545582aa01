"""Attribution: a heat map of the parts of a photo that support the first or the second name."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.encoder import visible_box
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import Identification
from dalip_index.flora.flora import Flora

__all__ = ["heat_map", "heat_picture"]

_SIDE = 448  # pixels
_FOR, _AGAINST = (230, 97, 1), (50, 60, 200)
_STRONGEST = 0.75  # opacity of the colour at the strongest attribution


def heat_map(flora: Flora, photo: Image.Image, taxon: Taxon, against: Taxon) -> NDArray[np.float32]:
    """Compute which parts of a photo support one taxon rather than another.

    The vector of each patch is compared with the texts of both taxa. Only the first order is used, because patches
    share that space.

    Args:
        flora: The flora.
        photo: An upright image of any size and mode; only its central square is used.
        taxon: One of the flora's taxa.
        against: Another of the flora's taxa.

    Returns:
        Shape (rows, columns) of the encoder's patches, from about -1 to 1; positive where a patch supports `taxon`.

    Raises:
        FloraError: A taxon is not in the flora, or the flora has no texts for it.
    """
    width = flora.encoder.manifest.embed_dim
    rows = [flora.row(taxon), flora.row(against)]
    texts = flora.prototypes.text[rows][:, :width]
    lengths = np.linalg.norm(texts, axis=1, keepdims=True)
    for named, length in zip((taxon, against), lengths.ravel(), strict=True):
        if not length > 0:
            raise FloraError("taxon-without-texts", source=named.scientific_name)
    first, second = texts / lengths
    heat: NDArray[np.float32] = flora.encoder.encode_patches(photo) @ (first - second)
    return heat


def heat_picture(flora: Flora, photo: Image.Image, answer: Identification) -> Image.Image | None:
    """Overlay the heat map on the part of a photo that was used: orange supports the first name, blue the second.

    Args:
        flora: The flora that answered.
        photo: An upright RGB image.
        answer: The answer for the photo, with taxa of the flora.

    Returns:
        A square of 448 pixels. `None` if there are fewer than two predictions, the photo was rejected as not a plant, a
        taxon has no texts, or a taxon was taught from photos.
    """
    if len(answer.predictions) < 2 or answer.verdict == "not a plant":
        return None
    first, second = (prediction.taxon for prediction in answer.predictions[:2])
    rows, known = [flora.row(first), flora.row(second)], flora.prototypes
    if known.taught[rows].any() or not known.text_counts[rows].all():
        return None
    heat = heat_map(flora, photo, first, second)
    box = visible_box(photo.width, photo.height, flora.encoder.manifest.image)
    square = photo.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box, reducing_gap=3)
    return _coloured(square, heat)


def _coloured(square: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    strength = heat / max(float(np.abs(heat).max()), 1e-6)
    smooth = np.asarray(Image.fromarray(strength).resize(square.size, Image.Resampling.BICUBIC)).clip(-1, 1)
    grey = np.asarray(square.convert("L").convert("RGB"), np.float32)
    colour = np.where(smooth[..., None] > 0, np.array(_FOR, np.float32), np.array(_AGAINST, np.float32))
    share = _STRONGEST * np.abs(smooth)[..., None]
    return Image.fromarray((grey * (1 - share) + colour * share).round().astype(np.uint8))
