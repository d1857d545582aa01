"""Write an encoder bundle: both graphs, the tokenizer and the manifest."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer

from dalip.encoder import EncoderManifest, write_manifest
from dalip.encoder.manifest import (
    BUNDLE_FILES,
    EXTERNAL_DATA,
    IMAGE_ENCODER,
    MANIFEST,
    TEXT_ENCODER,
    TOKENIZER,
    Block,
)
from dalip.errors import ExportError
from dalip.export.graph import OPSET, to_onnx
from dalip.export.onnx_modules import ImageEncoder, TextEncoder
from dalip.export.origin import describe_origin
from dalip.export.weights import Weights, quantize_weights
from dalip.export.whitening import Whitening
from dalip.model import DALIP
from dalip.progress import no_report
from dalip.training.towers.create import Towers
from dalip.training.towers.from_bundle import ORIGIN
from dalip.training.towers.tokens import tokenize

__all__ = ["LARGEST_GRAPH", "export_bundle", "refuse_used"]

LARGEST_GRAPH = 2**31 - 2**24
"""Maximum size of the weights in bytes that a graph contains: that of a protobuf message, minus what a graph needs
besides its weights. Larger weights are written to a file next to the graph."""


def export_bundle(
    model: DALIP,
    towers: Towers,
    out: Path,
    *,
    name: str,
    first_order: float = 0.5,
    mirror: bool = False,
    whitening: Whitening | None = None,
    weights: Weights = "fp32",
    trained_on: Sequence[str] = (),
    terms: str = "",
    citation: str = "",
    prompts: Sequence[str] = (),
    details: dict[str, Any] | None = None,
    report: Callable[[str], None] = no_report,
) -> EncoderManifest:
    """Write an encoder bundle: two blocks for a DALIP model, one for a plain CLIP.

    Args:
        model: In evaluation mode, on the CPU.
        towers: What the model was built from: preprocessing and tokeniser.
        out: The bundle's folder; must not contain other files.
        name: Display name of the encoder.
        first_order: Scoring weight l1, in [0, 1]; the second order has 1 - l1. A plain CLIP has only the first order.
        mirror: Whether the encoder averages the embeddings of each photo and its mirror image: more stable, but takes
            twice as long.
        whitening: Whitening of appearance vectors; without it, they are returned as the image tower computes them.
        weights: Format in which the weights are stored; both compute in fp32.
        trained_on: Names of the sources it was trained on.
        terms: Terms of use of the weights.
        citation: How to cite the model.
        prompts: Templates of the texts about a taxon; empty for DALIP's own.
        details: Further facts for the manifest, as JSON values.
        report: Called with one line of progress at a time.

    Returns:
        The manifest as written.

    Raises:
        ExportError: The folder is in use or cannot be written, or the model cannot be expressed in ONNX.
    """
    if model.config is None:
        first_order = 1.0
    digest = _digest(model, first_order, mirror, whitening, weights)
    model = model.folded()
    image = ImageEncoder(model, first_order, mirror, whitening)
    text = TextEncoder(model, first_order, towers.text)
    blocks = [Block("first_order", model.embed_dim, first_order)]
    if model.config:
        blocks.append(Block("second_order", model.embed_dim, 1 - first_order))
    try:
        refuse_used(out)
        out.mkdir(parents=True, exist_ok=True)
        report("writing the image encoder")
        graphs = {IMAGE_ENCODER: _image_graph(image, towers)}
        report("writing the text encoder")
        graphs[TEXT_ENCODER] = _text_graph(text, towers)
        origin = describe_origin(model, towers, graphs, mirror=mirror, weights=weights)
        for file, graph in graphs.items():
            _write(graph, out / file, weights)
        (out / TOKENIZER).write_bytes(towers.tokenizer)
    except OSError as error:
        raise ExportError(
            "export-not-written", source=error.filename or out, cause=error.strerror or error
        ) from error
    manifest = EncoderManifest(
        name=name,
        image=towers.image,
        text=towers.text,
        embed_dim=model.embed_dim,
        blocks=tuple(blocks),
        patch_grid=model.image_tower.grid(towers.image.size, towers.image.size),
        appearance_width=_appearance_width(image, towers.image.size),
        opset=OPSET,
        precision="fp32" if weights == "fp32" else "int8 matrices, fp16 elsewhere, computed in fp32",
        trained_on=tuple(trained_on),
        terms=terms,
        citation=citation,
        prompts=tuple(prompts),
        model_sha256=digest,
        details={**(details or {}), ORIGIN: origin},
    )
    return write_manifest(out, manifest)


def refuse_used(out: Path) -> None:
    """Check that a bundle can be written to a folder.

    Raises:
        ExportError: It contains other files, or is not a folder.
    """
    if out.exists() and not out.is_dir():
        raise ExportError("export-not-a-folder", source=out)
    known = (*BUNDLE_FILES, *EXTERNAL_DATA.values(), MANIFEST)
    if out.exists() and any(path.name not in known for path in out.iterdir()):
        raise ExportError("export-folder-used", source=out)


def _digest(
    model: DALIP, first_order: float, mirror: bool, whitening: Whitening | None, weights: Weights
) -> str:
    """Return the SHA-256 of what determines the embeddings of an export, whatever versions of libraries make it."""
    found = hashlib.sha256(
        json.dumps([asdict(model.config) if model.config else None, first_order, mirror, weights]).encode()
    )
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    for name, array in sorted((arrays | (whitening._asdict() if whitening else {})).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _image_graph(encoder: ImageEncoder, towers: Towers) -> onnx.ModelProto:
    size = towers.image.size
    batch = torch.export.Dim("batch")
    pixels = torch.randn(2, 3, size, size)
    return to_onnx(
        encoder, {"pixels": pixels}, {"pixels": {0: batch}}, ["embedding", "patches", "appearance"]
    )


@torch.inference_mode()
def _appearance_width(encoder: ImageEncoder, size: int) -> int:
    return int(encoder.appearance(torch.zeros(1, 3, size, size)).shape[1])


def _text_graph(encoder: TextEncoder, towers: Towers) -> onnx.ModelProto:
    texts = ["a plant", "a photo of a yellow flower"]
    ids, mask = tokenize(Tokenizer.from_buffer(towers.tokenizer), texts, towers.text)
    inputs = {"input_ids": ids, "attention_mask": mask.long()}
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=towers.text.context_length)
    return to_onnx(encoder, inputs, {name: {0: batch, 1: length} for name in inputs}, ["embedding"])


def _write(graph: onnx.ModelProto, path: Path, weights: Weights) -> None:
    if weights == "int8":
        graph = quantize_weights(graph)
    size = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    data = path.with_name(EXTERNAL_DATA[path.name])
    data.unlink(missing_ok=True)  # onnx would append to it
    onnx.save_model(graph, path, save_as_external_data=size > LARGEST_GRAPH, location=data.name)
