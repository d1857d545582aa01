"""Training: configuration, data loading, loop, checkpoints and evaluation, in PyTorch."""

from dalip.training.config import TrainConfig
from dalip.training.loop import plan, train
from dalip.training.towers.load_model import load_model, load_run

__all__ = ["TrainConfig", "load_model", "load_run", "plan", "train"]
