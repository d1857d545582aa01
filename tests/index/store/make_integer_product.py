"""Write the model of `dalip_index.store.quantized`: inner products of quantized vectors and queries.

python make_integer_product.py OUT
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dalip_index.store.quantized import DIGITS, ZERO


def integer_product() -> onnx.ModelProto:
    """Return the model.

    Inputs: codes, uint8 (n, width); the digits of q queries, int8 (width, q * digits); scales, float32 (n, 1).
    Output: the inner products times the scales, float32 (n, q).
    """
    inputs = [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, ["n", "width"]),
        helper.make_tensor_value_info("digits", TensorProto.INT8, ["width", "m"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, ["n", 1]),
    ]
    output = helper.make_tensor_value_info("products", TensorProto.FLOAT, ["n", "q"])
    constants = {
        "zero": np.array(ZERO, np.uint8),
        "values": np.array(DIGITS, np.float32)[:, None],
        "by_query": np.array([0, -1, len(DIGITS)]),
        "flat": np.array([0, -1]),
    }
    nodes = [
        helper.make_node("MatMulInteger", ["codes", "digits", "zero"], ["integers"]),
        helper.make_node("Cast", ["integers"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["floats", "by_query"], ["of_digits"]),
        helper.make_node("MatMul", ["of_digits", "values"], ["sums"]),
        helper.make_node("Reshape", ["sums", "flat"], ["unscaled"]),
        helper.make_node("Mul", ["unscaled", "scales"], ["products"]),
    ]
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "integer_product", inputs, [output], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    onnx.save(integer_product(), sys.argv[1])
