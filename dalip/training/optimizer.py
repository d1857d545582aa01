"""The optimizer: learning rates, weight decay, schedule, and EMA weights."""

import copy
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dalip.errors import TrainingError
from dalip.model import DALIP
from dalip.training.config import TrainConfig

__all__ = ["EmaWeights", "freeze", "parameter_groups", "schedule", "weights_hash"]


Model = TypeVar("Model", bound=nn.Module)


def freeze(model: DALIP, what: Sequence[str]) -> None:
    """Freeze some parameters and make all others trainable.

    Args:
        model: The model.
        what: `image` or `text` for a tower without its projection, or prefixes of parameter names.

    Raises:
        TrainingError: A prefix matches no parameter.
    """
    towers = {"image": model.image_tower.body, "text": model.text_tower.body}
    still = {id(parameter) for word in what for parameter in towers.get(word, ())}
    # A checkpoint of SigLIP has this bias; our loss has its own.
    if getattr(model.clip, "logit_bias", None) is not None:
        still.add(id(model.clip.logit_bias))
    prefixes = tuple(word for word in what if word not in towers)
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise TrainingError("setting-freeze", part=prefix, first=names[0])
    for name, parameter in model.named_parameters():
        parameter.requires_grad = id(parameter) not in still and not name.startswith(prefixes)


def parameter_groups(model: DALIP, fresh: Sequence[str], config: TrainConfig) -> list[dict[str, Any]]:
    """Group the trainable parameters by learning rate (pretrained, new) and weight decay (matrices only).

    Args:
        model: The model.
        fresh: Name prefixes of the parameters of `model.clip` without pretrained weights.
        config: Has the rates. In a run that starts from another one all weights are trained, but it uses both rates.

    Raises:
        TrainingError: All parameters are frozen.
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
        raise TrainingError("setting-freezes-all")
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]


def weights_hash(tensors: Iterable[Tensor]) -> str:
    """Return the SHA-256 hash of weights, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def schedule(step: int, total: int, warmup: float, shape: str = "cosine") -> float:
    """Return the factor of the learning rates: linear warm-up, then decay to zero according to `shape`.

    Args:
        step: Number of the step, from 0.
        total: Steps of the run.
        warmup: Fraction of the run used for warm-up.
        shape: `cosine`, `linear`, or `constant`, which does not decay.
    """
    rising = max(1, round(total * warmup))
    if step < rising:
        return (step + 1) / rising
    left = 1 - (step - rising) / max(1, total - rising)
    return {"cosine": 0.5 * (1 - math.cos(math.pi * left)), "linear": left, "constant": 1.0}[shape]


class EmaWeights(Generic[Model]):
    """A copy of a model with the exponential moving average (EMA) of its weights over steps."""

    def __init__(self, model: Model, decay: float) -> None:
        """Copy a model.

        Args:
            model: The model to follow. Its trainable parameters and the statistics of its batch norms are averaged when
                `follow` is called. Everything else, such as frozen towers and the causal attention mask, is unchanged.
            decay: Weight of the previous average at each step, in [0, 1).
        """
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.steps = decay, 0
        norms = {
            f"{name}.{buffer}" if name else buffer
            for name, module in model.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            for buffer, _ in module.named_buffers(recurse=False)
        }
        own = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        followed = dict(model.named_parameters()) | dict(model.named_buffers())
        pairs = [(own[n], t) for n, t in followed.items() if t.requires_grad or n in norms]
        self._means = [(mean, now) for mean, now in pairs if now.is_floating_point()]
        self._counters = [(mean, now) for mean, now in pairs if not now.is_floating_point()]

    @torch.no_grad()
    def follow(self) -> None:
        """Update the average with the current weights; the first call copies them."""
        weight = 1 - self.decay if self.steps else 1.0
        means, now = [mean for mean, _ in self._means], [now.detach() for _, now in self._means]
        torch._foreach_lerp_(means, now, weight)
        for mean, count in self._counters:
            mean.copy_(count)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state that `load_state_dict` restores."""
        return {"model": self.model.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""
        self.model.load_state_dict(state["model"])
        self.steps = state["steps"]
