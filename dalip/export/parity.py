"""Check that an exported encoder gives the same embeddings as the PyTorch model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer

from dalip.encoder import Encoder, Vectors, preprocess
from dalip.encoder.manifest import MANIFEST
from dalip.errors import ExportError, ImageError
from dalip.export.onnx_modules import ImageEncoder
from dalip.export.weights import Weights
from dalip.export.whitening import Whitening
from dalip.model import DALIP
from dalip.training.towers.create import Towers
from dalip.training.towers.tokens import tokenize

__all__ = ["check_parity"]

_LEAST_COSINE = {"fp32": 0.9999, "int8": 0.99}


def check_parity(
    model: DALIP,
    towers: Towers,
    bundle: Path,
    images: Sequence[Image.Image],
    texts: Sequence[str],
    *,
    mirror: bool = False,
    whitening: Whitening | None = None,
    weights: Weights = "fp32",
) -> float:
    """Compare a bundle with the model it was exported from; if they differ, delete the bundle's manifest.

    Args:
        model: In evaluation mode, on the CPU.
        towers: What the model was built from.
        bundle: Folder written by `export_bundle`.
        images: One or more upright images, of any size and mode.
        texts: One or more texts.
        mirror: Same as for `export_bundle`.
        whitening: Same as for `export_bundle`.
        weights: Format in which the bundle stores its weights; determines how similar the outputs must be.

    Returns:
        The lowest cosine similarity between the outputs, over embeddings and appearance vectors of all images and
        texts.

    Raises:
        ExportError: They differ by more than rounding.
    """
    encoder = Encoder.load(bundle, verify=True)
    first_order = encoder.manifest.blocks[0].weight
    pixels = torch.from_numpy(np.stack([preprocess(image, towers.image) for image in images]))
    tokenizer = Tokenizer.from_buffer(towers.tokenizer)
    ids, mask = tokenize(tokenizer, texts, towers.text, full=model.counts_padding)
    with torch.inference_mode():
        photos = model.encode_image(pixels, mirror=mirror).joint(first_order)
        appearance = ImageEncoder(model, first_order, mirror, whitening).appearance(pixels)
        described = model.encode_text(ids, mask).joint(first_order)
    rows = (row for _, row in encoder.encode_files(images, appearance=True))
    found = np.stack([row for row in rows if not isinstance(row, ImageError)])  # in memory, all are readable
    # Embed one text separately: an embedding must not depend on the padding of its batch.
    found_texts = np.concatenate([encoder.encode_text(texts[:1]), encoder.encode_text(texts[1:])])
    least = min(
        _least_cosine(found[:, : encoder.width], photos.numpy()),
        _least_cosine(found[:, encoder.width :], appearance.numpy()),
        _least_cosine(found_texts, described.numpy()),
    )
    if not least > _LEAST_COSINE[weights]:
        (bundle / MANIFEST).unlink()
        raise ExportError(
            "export-differs", source=bundle, cosine=f"{least:.5f}", needed=str(_LEAST_COSINE[weights])
        )
    return least


def _least_cosine(found: Vectors, expected: Vectors) -> float:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(axis=1) / lengths).min())
