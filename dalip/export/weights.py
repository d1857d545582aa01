"""Store the weights of an ONNX graph as fp32, or quantise them to int8."""

from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dalip.training.towers.from_bundle import FLOAT, HALF, INT8, SCALE

__all__ = ["Weights", "quantize_weights"]

Weights = Literal["fp32", "int8"]
"""`fp32`: as trained. `int8`: matrices as 8-bit integers with a scale for each row or column, everything else in half
precision."""

_INT8_SIZE = 16_384  # for smaller matrices, the savings are not worth the rounding error


def quantize_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Quantise stored weights; computation stays in fp32, because onnxruntime folds the conversion on loading."""
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
            # The matrix is dequantised before it is used, so scales per row and per column are both correct for any
            # operator: take those with the smaller rounding error.
            axis = min((0, 1), key=lambda a: _rounding_error(values, a))
            integers, scale = _quantise(values, axis)
            kept += [
                numpy_helper.from_array(integers, name + INT8),
                numpy_helper.from_array(scale, name + SCALE),
            ]
            nodes += [
                helper.make_node("Cast", [name + INT8], [name + FLOAT], to=TensorProto.FLOAT),
                helper.make_node("Mul", [name + FLOAT, name + SCALE], [name]),
            ]
        else:
            kept.append(numpy_helper.from_array(values.astype(np.float16), name + HALF))
            nodes.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
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
