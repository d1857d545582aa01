"""Convert a PyTorch module to an ONNX graph."""

import warnings
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from dalip.errors import ExportError, first_line

__all__ = ["OPSET", "to_onnx"]

OPSET = 18
"""ONNX operator set of the exported encoders."""


def to_onnx(
    module: nn.Module, inputs: dict[str, Tensor], dynamic: dict[str, dict[int, Any]], outputs: list[str]
) -> onnx.ModelProto:
    """Capture a module as a graph that contains no paths of this machine.

    Args:
        module: On the CPU.
        inputs: An example of each argument of `forward`, by name and in order.
        dynamic: The dynamic sizes of each input, by dimension.
        outputs: Names of the outputs of `forward`.

    Returns:
        The graph with its weights.

    Raises:
        ExportError: The module cannot be expressed in ONNX.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the names of dynamic sizes, and about torch's own code
            program = torch.onnx.export(
                module.eval(),
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=[f"dalip_{name}" for name in outputs],
                dynamic_shapes=dynamic,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever the graph capture raised
        raise ExportError("onnx-unsupported", cause=first_line(error)) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    # The exporter renames outputs without checking whether an inner value already has the name, such as `embedding` in
    # a text tower. So outputs get unique names first, and their final names here.
    final = {f"dalip_{name}": name for name in outputs} | {name: f"inner_{name}" for name in outputs}
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces with the paths of this machine
        node.doc_string = ""
        node.input[:] = [final.get(name, name) for name in node.input]
        node.output[:] = [final.get(name, name) for name in node.output]
    for value in (*model.graph.output, *model.graph.value_info):
        value.name = final.get(value.name, value.name)
    return model
