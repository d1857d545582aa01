"""How weights move: learning rates, weight decay, and the running mean that is kept."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dalip.errors import TrainingError
from dalip.model import DALIP
from dalip.training.config import TrainConfig

__all__ = ["freeze", "parameter_groups", "running_mean", "schedule", "weights_hash"]


def freeze(model: DALIP, what: Sequence[str]) -> None:
    """Let the parameters learn that are not named.

    Args:
        model: The model.
        what: `image` or `text`, a tower without its projection; or the beginning of the names of parameters.

    Raises:
        TrainingError: A beginning fits no parameter.
    """
    towers = {"image": model.image_tower.body, "text": model.text_tower.body}
    still = {id(parameter) for word in what for parameter in towers.get(word, ())}
    prefixes = tuple(word for word in what if word not in towers)
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise TrainingError(
                f"freeze: {prefix!r} is neither image nor text, and no parameter's name starts with it; "
                f"the first is {names[0]!r}"
            )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = id(parameter) not in still and not name.startswith(prefixes)


def parameter_groups(model: DALIP, fresh: Sequence[str], config: TrainConfig) -> list[dict[str, Any]]:
    """Split what learns by learning rate (pretrained, new) and weight decay (matrices alone).

    Args:
        model: The model.
        fresh: Beginnings of the names of parameters of `model.clip` that hold no pretrained weights.
        config: The rates; a run that starts from another has nothing but trained weights, but keeps both rates.

    Raises:
        TrainingError: Nothing is left to learn.
    """
    groups: dict[tuple[float, float], list[Tensor]] = {}
    new = tuple(f"clip.{prefix}" for prefix in fresh)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        pretrained = name.startswith("clip.") and not name.startswith(new)
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((config.tower_lr if pretrained else config.head_lr, decay), []).append(parameter)
    if not groups:
        raise TrainingError("freeze: nothing is left to learn; leave something out")
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]


def weights_hash(tensors: Iterable[Tensor]) -> str:
    """Tell weights from any others, in 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def schedule(step: int, total: int, warmup: float, shape: str = "cosine") -> float:
    """Give the factor of the learning rates: rise linearly, then fall to zero as `shape` says.

    Args:
        step: From 0.
        total: Steps of the run.
        warmup: Part of the run in which the rate rises.
        shape: `cosine`, `linear`, or `constant`, which does not fall.
    """
    rising = max(1, round(total * warmup))
    if step < rising:
        return (step + 1) / rising
    left = 1 - (step - rising) / max(1, total - rising)
    return {"cosine": 0.5 * (1 - math.cos(math.pi * left)), "linear": left, "constant": 1.0}[shape]


def running_mean(model: DALIP, decay: float) -> AveragedModel:
    """Copy a model into one that follows it, as an exponential mean over steps, statistics of batch norm included."""
    blend = get_ema_multi_avg_fn(decay)

    def follow(mean: Any, now: Any, count: Any) -> None:
        if mean[0].is_floating_point():
            blend(mean, now, count)
        else:  # indices and counters: torch's own function would round their mean down, to other indices
            torch._foreach_copy_(mean, now)

    return AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
