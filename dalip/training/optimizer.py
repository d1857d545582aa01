"""How weights move: learning rates, weight decay, and the running mean that is kept."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dalip.errors import TrainingError
from dalip.model import DALIP
from dalip.training.config import TrainConfig

__all__ = ["freeze", "parameter_groups", "running_mean", "schedule"]


def freeze(model: DALIP, prefixes: Sequence[str]) -> None:
    """Let the parameters learn whose names start with none of the prefixes.

    Raises:
        TrainingError: A prefix fits no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise TrainingError(
                f"freeze: no parameter's name starts with {prefix!r}; the first is {names[0]!r}"
            )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not name.startswith(tuple(prefixes))


def parameter_groups(model: DALIP, config: TrainConfig) -> list[dict[str, Any]]:
    """Split what learns by learning rate (towers, heads) and weight decay (matrices alone)."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        tower = name.startswith(("clip.visual.trunk.", "clip.text.transformer."))
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((config.tower_lr if tower else config.head_lr, decay), []).append(parameter)
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]


def schedule(step: int, total: int, warmup: float) -> float:
    """Give the factor of the learning rates: rise linearly, then fall along a half cosine to zero."""
    rising = max(1, round(total * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising)))


def running_mean(model: DALIP, decay: float) -> AveragedModel:
    """Copy a model into one that follows it, as an exponential mean over steps, statistics of batch norm included."""
    blend = get_ema_multi_avg_fn(decay)

    def follow(mean: Any, now: Any, count: Any) -> None:
        if mean[0].is_floating_point():
            blend(mean, now, count)
        else:  # indices and counters: torch's own function would round their mean down, to other indices
            torch._foreach_copy_(mean, now)

    return AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
