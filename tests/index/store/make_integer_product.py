"""Write the model of `dalip_index.store.quantized`: products of 8-bit codes and signed digits.

python make_integer_product.py OUT
"""

import sys

import onnx
from onnx import TensorProto, helper

from dalip_index.store.quantized import ZERO


def integer_product() -> onnx.ModelProto:
    """Return the model: codes (n, width) minus their zero, times digits (width, m), as 32-bit integers (n, m)."""
    inputs = [
        helper.make_tensor_value_info("codes", TensorProto.UINT8, ["n", "width"]),
        helper.make_tensor_value_info("digits", TensorProto.INT8, ["width", "m"]),
    ]
    output = helper.make_tensor_value_info("products", TensorProto.INT32, ["n", "m"])
    zero = helper.make_tensor("zero", TensorProto.UINT8, [], [ZERO])
    node = helper.make_node("MatMulInteger", ["codes", "digits", "zero"], ["products"])
    graph = helper.make_graph([node], "integer_product", inputs, [output], [zero])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    onnx.save(integer_product(), sys.argv[1])
