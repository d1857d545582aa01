"""From PyTorch to an ONNX bundle that answers the same, and is checked to."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from jaxtyping import Float, Int
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.data import Record
from dalip.encoder import Encoder, EncoderManifest, open_image, preprocess, write_manifest
from dalip.encoder.manifest import Block
from dalip.errors import ExportError, first_line
from dalip.model import DALIP
from dalip.training.data import tokenize
from dalip.training.towers import Towers

__all__ = ["OPSET", "Weights", "check_parity", "export_bundle"]

OPSET = 18
"""ONNX operator set of the exported encoders."""

Weights = Literal["fp32", "int8"]
"""`fp32`: as trained. `int8`: matrices as 8-bit integers with a scale for each row or column, everything else in half
precision."""

_LEAST_COSINE = {"fp32": 0.9999, "int8": 0.99}
_INT8_SIZE = 16_384  # smaller matrices are not worth the rounding


class _ImageEncoder(nn.Module):
    def __init__(self, model: DALIP, first_order: float, mirror: bool) -> None:
        super().__init__()
        self.model, self.first_order, self.mirror = model, first_order, mirror

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor]:
        tokens = self.model.image_tower.project(self.model.image_tower.features(pixels))
        embeddings = self.model.embed_tokens(tokens, self.model.image_bdc)
        if self.mirror:
            embeddings = embeddings.mean_with(self.model.encode_image(pixels.flip(-1)))
        return embeddings.joint(self.first_order), F.normalize(tokens.tokens, dim=-1)


class _TextEncoder(nn.Module):
    def __init__(self, model: DALIP, first_order: float) -> None:
        super().__init__()
        self.model, self.first_order = model, first_order

    def forward(self, input_ids: Int[Tensor, "n l"], attention_mask: Int[Tensor, "n l"]) -> Tensor:
        return self.model.encode_text(input_ids, attention_mask.bool()).joint(self.first_order)


def export_bundle(
    model: DALIP,
    towers: Towers,
    out: Path,
    *,
    name: str,
    first_order: float = 0.5,
    mirror: bool = False,
    weights: Weights = "fp32",
    trained_on: Sequence[str] = (),
    terms: str = "",
    details: dict[str, Any] | None = None,
) -> EncoderManifest:
    """Write an encoder bundle.

    Args:
        model: In evaluation mode, on the CPU.
        towers: What the model was built from: preprocessing and tokeniser.
        out: The bundle's folder; must not hold anything else.
        name: The encoder's name, for people.
        first_order: Scoring weight l1, in [0, 1]; the second order has 1 - l1.
        mirror: Whether the encoder averages each photo with its mirror image: steadier, at twice the time.
        weights: How the weights are stored; both run in fp32.
        trained_on: Names of the sources it was trained on.
        terms: Under which the weights may be used.
        details: Further facts for the manifest, as JSON values.

    Returns:
        The manifest as written.

    Raises:
        ExportError: The folder is in use, or the model cannot be expressed in ONNX.
    """
    if out.exists() and any(p.name not in _BUNDLE_FILES for p in out.iterdir()):
        raise ExportError(f"{out}: holds other files; name an empty folder or an old bundle")
    out.mkdir(parents=True, exist_ok=True)
    size = towers.image.size
    pixels = torch.randn(2, 3, size, size)
    ids, mask = tokenize(
        Tokenizer.from_file(str(towers.tokenizer)), ["a plant", "a photo of a yellow flower"], towers.text
    )
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=towers.text.context_length)
    image = _to_onnx(
        _ImageEncoder(model, first_order, mirror),
        (pixels,),
        {"pixels": {0: batch}},
        ["pixels"],
        ["embedding", "patches"],
    )
    text = _to_onnx(
        _TextEncoder(model, first_order),
        (ids, mask.long()),
        {"input_ids": {0: batch, 1: length}, "attention_mask": {0: batch, 1: length}},
        ["input_ids", "attention_mask"],
        ["embedding"],
    )
    for file, graph in (("image_encoder.onnx", image), ("text_encoder.onnx", text)):
        onnx.save_model(_shrink(graph) if weights == "int8" else graph, out / file)
    shutil.copyfile(towers.tokenizer, out / "tokenizer.json")
    with torch.inference_mode():
        patches = model.image_tower.project(model.image_tower.features(pixels)).tokens.shape[1]
    manifest = EncoderManifest(
        name=name,
        image=towers.image,
        text=towers.text,
        embed_dim=model.embed_dim,
        blocks=(
            Block("first_order", model.embed_dim, first_order),
            Block("second_order", model.embed_dim, 1 - first_order),
        ),
        patch_grid=_grid(patches),
        opset=OPSET,
        precision="fp32" if weights == "fp32" else "int8 matrices, fp16 elsewhere, computed in fp32",
        trained_on=tuple(trained_on),
        terms=terms,
        details=details or {},
    )
    return write_manifest(out, manifest)


_BUNDLE_FILES = frozenset({"manifest.json", "image_encoder.onnx", "text_encoder.onnx", "tokenizer.json"})


def _grid(patches: int) -> tuple[int, int]:
    side = round(patches**0.5)
    return (side, side) if side * side == patches else (1, patches)


def _to_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    dynamic: dict[str, Any],
    input_names: list[str],
    output_names: list[str],
) -> onnx.ModelProto:
    try:
        program = torch.onnx.export(
            module.eval(),
            inputs,
            input_names=input_names,
            output_names=[f"dalip_{name}" for name in output_names],
            dynamic_shapes=dynamic,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    except Exception as error:  # the exporter raises whatever the graph capture raised
        raise ExportError(f"this model cannot be written as ONNX: {first_line(error)}") from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    # The exporter renames outputs without looking whether a value inside already has the name, as `embedding` has
    # in a text tower: so outputs get names of their own first and the real ones here.
    final = {f"dalip_{name}": name for name in output_names} | {
        name: f"inner_{name}" for name in output_names
    }
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces with the paths of this machine
        node.doc_string = ""
        node.input[:] = [final.get(name, name) for name in node.input]
        node.output[:] = [final.get(name, name) for name in node.output]
    for value in (*model.graph.output, *model.graph.value_info):
        value.name = final.get(value.name, value.name)
    return model


def _shrink(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store weights small and compute with them in fp32: onnxruntime folds the conversion away on loading."""
    graph = model.graph
    kept: list[TensorProto] = []
    nodes = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
            kept.append(tensor)
            continue
        name = tensor.name
        if values.ndim == 2 and values.size >= _INT8_SIZE:
            # The matrix is multiplied out before it is used, so a scale for each row and one for each column are
            # both right, whatever the operator: take the one that rounds finer.
            axis = min((0, 1), key=lambda a: _rounding_error(values, a))
            integers, scale = _quantise(values, axis)
            kept += [
                numpy_helper.from_array(integers, f"{name}_int8"),
                numpy_helper.from_array(scale, f"{name}_scale"),
            ]
            nodes += [
                helper.make_node("Cast", [f"{name}_int8"], [f"{name}_float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name]),
            ]
        else:
            kept.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    body = list(graph.node)
    del graph.initializer[:], graph.node[:], graph.value_info[:]
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *body])
    onnx.checker.check_model(model)
    return model


def _quantise(values: np.ndarray[Any, np.dtype[np.float32]], axis: int) -> tuple[Any, Any]:
    scale = np.abs(values).max(axis=1 - axis, keepdims=True) / 127
    scale = np.where(scale == 0, 1, scale).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


def _rounding_error(values: np.ndarray[Any, np.dtype[np.float32]], axis: int) -> float:
    integers, scale = _quantise(values, axis)
    return float(np.square(integers * scale - values).mean())


def check_parity(
    model: DALIP,
    towers: Towers,
    bundle: Path,
    records: Sequence[Record],
    texts: Sequence[str],
    *,
    mirror: bool = False,
    weights: Weights = "fp32",
) -> float:
    """Compare a bundle with the model it came from, on real photos and texts.

    Args:
        model: In evaluation mode, on the CPU.
        towers: What the model was built from.
        bundle: What `export_bundle` wrote.
        records: Readable photos, at least one.
        texts: At least one.
        mirror: As given to `export_bundle`.
        weights: How the bundle stores its weights: decides how close it must come.

    Returns:
        The least cosine between embeddings of the two, over all photos and texts.

    Raises:
        ExportError: They differ by more than rounding.
    """
    encoder = Encoder.load(bundle, verify=True)
    first_order = encoder.manifest.blocks[0].weight
    images: list[Image.Image] = [open_image(record.read_bytes()) for record in records]
    pixels = torch.from_numpy(np.stack([preprocess(image, towers.image) for image in images]))
    ids, mask = tokenize(Tokenizer.from_file(str(towers.tokenizer)), texts, towers.text)
    with torch.inference_mode():
        expected = torch.cat(
            [
                model.encode_image(pixels, mirror=mirror).joint(first_order),
                model.encode_text(ids, mask).joint(first_order),
            ]
        ).numpy()
    got = np.concatenate([encoder.encode_images(images), encoder.encode_text(texts)])
    lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(expected, axis=1)
    least = float(((got * expected).sum(axis=1) / lengths).min())
    if not least > _LEAST_COSINE[weights]:
        raise ExportError(
            f"{bundle}: differs from the model it was exported from (least cosine {least:.5f}, "
            f"needed {_LEAST_COSINE[weights]}); do not use it"
        )
    return least
