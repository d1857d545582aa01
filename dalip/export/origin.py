"""What a bundle records about the model that it was exported from, so that training can continue from it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from dalip.export.weights import Weights
from dalip.model import DALIP
from dalip.training.towers.create import Towers
from dalip.training.towers.from_bundle import Origin, Place

__all__ = ["describe_origin"]


def describe_origin(
    model: DALIP,
    towers: Towers,
    graphs: Mapping[str, onnx.ModelProto],
    *,
    mirror: bool,
    weights: Weights,
) -> dict[str, Any]:
    """Return the record from which `dalip.training.towers.from_bundle` rebuilds a model.

    Args:
        model: The exported model, folded.
        towers: What the model was built from.
        graphs: Its exported graphs by file name, before quantisation.
        mirror: Same as for `export_bundle`.
        weights: Same as for `export_bundle`.

    Returns:
        JSON values.
    """
    return asdict(
        Origin(
            towers=dict(towers.description),
            method=asdict(replace(model.config, folded=True)) if model.config else None,
            logit_scale=float(model.clip.logit_scale.detach()),
            mirror=mirror,
            weights=weights,
            places=_places(model, graphs),
        )
    )


def _places(model: DALIP, graphs: Mapping[str, onnx.ModelProto]) -> dict[str, Place]:
    """Find the tensors of a model that the exporter renamed, by their values.

    The exporter transposes matrices, reshapes tensors, and keeps only one of several equal ones.
    """
    own = {tensor.name for graph in graphs.values() for tensor in graph.graph.initializer}
    named = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    lost = {name: value for name, value in named.items() if f"model.{name}" not in own}
    found = {
        _digest(values): (file, tensor.name)
        for file, graph in graphs.items()
        for tensor, values in _floats(graph)
    }
    places = {}
    for name, value in lost.items():
        array = value.detach().to(torch.float32).numpy()
        for transposed in (False, True):
            if place := found.get(_digest(array.T if transposed else array)):
                places[name] = Place(*place, transposed)
                break
    return places


def _floats(graph: onnx.ModelProto) -> Iterator[tuple[onnx.TensorProto, NDArray[np.float32]]]:
    for tensor in graph.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            yield tensor, numpy_helper.to_array(tensor)


def _digest(values: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
