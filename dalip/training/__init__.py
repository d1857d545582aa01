"""Training: configuration, data loading, loop, checkpoints and evaluation, in PyTorch.

Only modules that need PyTorch import it; `config` and `presets` do not.
"""

from dalip.training.config import TrainConfig

__all__ = ["TrainConfig"]
