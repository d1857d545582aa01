"""Training: configuration, data loading, loop, checkpoints and evaluation, in PyTorch."""

from dalip.training.config import TrainConfig
from dalip.training.load import load_model, load_run
from dalip.training.loop import plan, train

__all__ = ["TrainConfig", "load_model", "load_run", "plan", "train"]
