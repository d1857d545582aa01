"""Training: configuration, data loading, loop, checkpoints and evaluation, in PyTorch."""

from dalip.training.config import TrainConfig
from dalip.training.loop import load_run, train

__all__ = ["TrainConfig", "load_run", "train"]
