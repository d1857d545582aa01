"""From PyTorch to an ONNX bundle that answers the same, and is checked to."""

from dalip.export.parity import check_parity
from dalip.export.weights import Weights
from dalip.export.write_bundle import export_bundle, refuse_used

__all__ = ["Weights", "check_parity", "export_bundle", "refuse_used"]
