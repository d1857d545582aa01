"""Export a PyTorch model to an ONNX encoder bundle, and check that both return the same embeddings."""

from dalip.export.parity import check_parity
from dalip.export.weights import Weights
from dalip.export.write_bundle import export_bundle, refuse_used

__all__ = ["Weights", "check_parity", "export_bundle", "refuse_used"]
