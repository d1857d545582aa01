"""Rebuild a PyTorch model from an exported encoder, and check that both return the same embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor

from dalip.encoder import Encoder, EncoderManifest, preprocess, read_manifest, verify_bundle
from dalip.encoder.manifest import IMAGE_ENCODER, MANIFEST, TEXT_ENCODER, TOKENIZER
from dalip.errors import TrainingError, first_line
from dalip.model import DALIP
from dalip.training.towers.create import write_description
from dalip.training.towers.tokens import tokenize

__all__ = [
    "FLOAT",
    "HALF",
    "INT8",
    "ORIGIN",
    "SCALE",
    "Origin",
    "Place",
    "bundle_settings",
    "bundle_state",
    "check_rebuilt",
    "origin_of",
    "read_tensors",
    "write_bundle_towers",
]

ORIGIN = "origin"
"""Key of the `Origin` in the details of a manifest."""

INT8, SCALE, FLOAT, HALF = "_int8", "_scale", "_float", "_half"
"""Suffixes of tensor names: an integer matrix, the scale of its rows or columns, the matrix as float before it is
multiplied by the scale, and half precision."""

_LEAST_COSINE = 0.999
_TEXTS = ("", "a rose", "Bellis perennis, the common daisy, family Asteraceae", "a photo of a plant")


@dataclass(frozen=True)
class Place:
    """Location in a bundle of a model tensor that has another name there."""

    file: str
    name: str
    transposed: bool


@dataclass(frozen=True)
class Origin:
    """What is needed to rebuild the model that a bundle was exported from, apart from weights and tokenizer."""

    towers: dict[str, Any]
    """Same as `Towers.description`."""
    method: dict[str, Any] | None
    """The fields of a `MethodConfig`; `None` if the model has only the first order."""
    logit_scale: float
    """Logarithm of the factor from cosine to logit; embeddings do not depend on it."""
    mirror: bool
    """Whether each photo is averaged with its mirror image."""
    weights: Literal["fp32", "int8"]
    """How the weights are stored."""
    places: dict[str, Place]
    """Renamed tensors by their names in the model; all others are called `model.NAME`."""


def origin_of(folder: Path) -> tuple[EncoderManifest, Origin]:
    """Read what a bundle records about the model that it was exported from.

    Raises:
        BundleError: The bundle is incomplete or damaged.
        TrainingError: The record is missing, because an earlier version of DALIP exported the bundle, or invalid.
    """
    manifest = read_manifest(folder)
    try:
        return manifest, msgspec.convert(manifest.details[ORIGIN], Origin)
    except KeyError:
        raise TrainingError("origin-missing", source=folder, version=manifest.created_by) from None
    except msgspec.ValidationError as error:
        raise TrainingError("origin-damaged", source=folder / MANIFEST, cause=error) from None


def bundle_settings(folder: Path) -> dict[str, Any]:
    """Return the fields of a training configuration that are determined by a bundle.

    Raises:
        DalipError: As `origin_of`.
    """
    manifest, origin = origin_of(folder)
    return {
        "model": str(manifest.details.get("model", manifest.name)),
        "pretrained": None,
        "embed_dim": None,
        "image_size": None,
        "objective": "dalip" if origin.method else "first-order",
        "mirror": origin.mirror,
        "weights": origin.weights,
        "terms": manifest.terms,
        **(origin.method or {}),
    }


def write_bundle_towers(folder: Path, towers: Path) -> None:
    """Write the files from which the towers of a bundle's model are rebuilt, without weights.

    Raises:
        DalipError: As `origin_of`.
    """
    _, origin = origin_of(folder)
    try:
        write_description(towers, origin.towers, (folder / TOKENIZER).read_bytes())
    except TrainingError as error:
        raise error.about(folder / MANIFEST) from None


def bundle_state(folder: Path, model: DALIP) -> dict[str, Tensor]:
    """Read all weights of a bundle, by their names in the model.

    Args:
        folder: The bundle.
        model: Determines the tensors to read; those that do not affect embeddings are copied from it.

    Raises:
        BundleError: The bundle is incomplete or damaged.
        TrainingError: The bundle does not contain a tensor.
    """
    verify_bundle(folder)
    _, origin = origin_of(folder)
    stored = {name: read_tensors(folder / name) for name in (IMAGE_ENCODER, TEXT_ENCODER)}
    state = {}
    for name, value in model.state_dict().items():
        if name == "clip.logit_scale":
            state[name] = torch.full_like(value, origin.logit_scale)
        elif not value.is_floating_point() or name == "clip.logit_bias":
            state[name] = value
        else:
            found = torch.from_numpy(_find(stored, origin.places.get(name), name, folder))
            state[name] = found.view_as(value) if found.numel() == value.numel() else found
    return state


def _find(
    stored: Mapping[str, Mapping[str, NDArray[np.float32]]], place: Place | None, name: str, folder: Path
) -> NDArray[np.float32]:
    full = place.name if place else f"model.{name}"
    files = [place.file] if place else list(stored)
    found = next((stored[file][full] for file in files if full in stored.get(file, ())), None)
    if found is None:
        raise TrainingError("bundle-lacks-tensor", source=folder, name=name)
    # A copy, because the stored arrays are read-only.
    return np.array(found.T if place and place.transposed else found, order="C")


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the floating-point weights of an encoder's graph, dequantised to the values it computes with.

    Raises:
        TrainingError: The file is not a graph.
    """
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf and the system may raise anything
        raise TrainingError("graph-not-read", source=path, cause=first_line(error)) from error
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, values in stored.items():
        if name.endswith(INT8):
            base = name.removesuffix(INT8)
            found[base] = values.astype(np.float32) * stored[base + SCALE]
        elif name.endswith(HALF) and values.dtype == np.float16:
            found[name.removesuffix(HALF)] = values.astype(np.float32)
        elif values.dtype == np.float32:
            found[name] = values
    return found


@torch.inference_mode()
def check_rebuilt(model: DALIP, folder: Path) -> None:
    """Check that a rebuilt model returns the same embeddings as its bundle.

    Args:
        model: With the bundle's weights; on the CPU.
        folder: The bundle.

    Raises:
        TrainingError: The embeddings differ.
        BundleError: The bundle cannot be run.
    """
    encoder = Encoder.load(folder)
    manifest, first_order = encoder.manifest, encoder.manifest.blocks[0].weight
    _, origin = origin_of(folder)
    pictures = [Image.radial_gradient("L").resize((320, 240)), Image.linear_gradient("L").convert("RGB")]
    pixels = torch.from_numpy(np.stack([preprocess(picture, manifest.image) for picture in pictures]))
    ids, mask = tokenize(
        Tokenizer.from_file(str(folder / TOKENIZER)), _TEXTS, manifest.text, full=model.counts_padding
    )
    training = model.training
    model.eval()
    expected = (encoder.encode_images(pictures), encoder.encode_text(_TEXTS))
    found = (
        model.encode_image(pixels, mirror=origin.mirror).joint(first_order).numpy(),
        model.encode_text(ids, mask).joint(first_order).numpy(),
    )
    model.train(training)
    least = min(float((a * b).sum(axis=1).min()) for a, b in zip(found, expected, strict=True))
    if not least >= _LEAST_COSINE:
        raise TrainingError(
            "rebuilt-differs", source=folder, cosine=f"{least:.5f}", needed=str(_LEAST_COSINE)
        )
