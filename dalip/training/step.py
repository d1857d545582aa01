"""Gradients of one step: the whole batch is compared, across micro-batches (gradient accumulation) and processes."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from dalip.model import DALIP, DalipLoss, Embeddings

__all__ = ["Inputs", "Targets", "backward"]


class Inputs(NamedTuple):
    """A micro-batch of one process, on its device; arguments of `DALIP.forward`."""

    pixels: Tensor | None
    ids: Tensor
    mask: Tensor
    text_features: Tensor | None
    image_features: Tensor | None


class Targets(NamedTuple):
    """What a whole batch should learn, in the order of the processes, on the device."""

    positives: Tensor
    """Pairs that match, or their weights, as returned by `match_matrix`, (n, n)."""
    ignored: Tensor
    """Pairs that are ignored, bool (n, n)."""
    labels: Tensor | None = None
    """Classes of the photos, as returned by `TaxonClassifier.labels`, if the loss has a classifier, (n, ranks)."""


def backward(
    accelerator: Accelerator,
    model: Any,
    loss: DalipLoss,
    parts: Sequence[Inputs],
    targets: Targets,
    seed: int,
) -> Tensor:
    """Add a batch's gradients to the parameters.

    The loss is computed from the embeddings of all processes and micro-batches together. Its gradients with respect to
    the embeddings are then backpropagated through the towers, one micro-batch at a time. With one micro-batch the
    towers run once, with several they run twice.

    Args:
        accelerator: Gathers the embeddings of all processes.
        model: A `DALIP`, prepared by the accelerator.
        loss: The objective.
        parts: Micro-batches of this process's share of the batch; they have the same sizes in all processes.
        targets: What the whole batch should learn.
        seed: Seed of random operations in the model: the same in both passes, different in each micro-batch and
            process.

    Returns:
        The loss; if it is not finite, no gradients were added.

    Source:
        Gradients of embeddings backpropagated through the towers: Gao et al., "Scaling deep contrastive learning batch
        size under memory limited setup", 2021.
    """

    def embed(number: int) -> tuple[list[Tensor], Tensor]:
        torch.manual_seed(seed + accelerator.process_index * len(parts) + number)
        with accelerator.autocast():
            image, text, appearance, scale = model(*parts[number])
        return [*image, *text, *([appearance] if loss.classifier else [])], scale

    whole = len(parts) == 1
    with contextlib.nullcontext() if whole else _rehearsal(accelerator.unwrap_model(model)):
        embedded = [embed(number) for number in range(len(parts))]
    local = [torch.cat(tensors) for tensors in zip(*(e for e, _ in embedded), strict=True)]
    leaves = [_gathered(accelerator, tensor.detach()).requires_grad_() for tensor in local]
    scale = embedded[0][1].detach().requires_grad_()
    image, text, appearance = (
        Embeddings(*leaves[:2]),
        Embeddings(*leaves[2:4]),
        leaves[4] if loss.classifier else None,
    )
    value: Tensor = loss(image, text, scale, targets.positives, targets.ignored, appearance, targets.labels)
    if not torch.isfinite(value):
        return value.detach()
    accelerator.backward(value)
    # Each process backpropagates only its own rows, but gradients are averaged over processes, so scale them up.
    world, n = accelerator.num_processes, len(local[0])
    mine = slice(accelerator.process_index * n, (accelerator.process_index + 1) * n)
    gradients = [_gradient(leaf)[mine] * world for leaf in leaves]
    start = 0
    for number, (tensors, scaling) in enumerate(embedded):
        last = number == len(parts) - 1
        end = start + len(tensors[0])
        with contextlib.nullcontext() if last else accelerator.no_sync(model):
            outputs, factor = (tensors, scaling) if whole else embed(number)
            pairs = [(o, g[start:end]) for o, g in zip(outputs, gradients, strict=True)]
            pairs.append((factor, _gradient(scale) if last else torch.zeros_like(scale)))
            learnt = [(o, g) for o, g in pairs if o.requires_grad]
            torch.autograd.backward([o for o, _ in learnt], [g for _, g in learnt])
        start = end
    return value.detach()


def _gathered(accelerator: Accelerator, rows: Tensor) -> Tensor:
    if not rows.shape[1]:  # no second order, and accelerate cannot gather width 0 on GPUs
        return rows.new_empty(len(rows) * accelerator.num_processes, 0)
    gathered: Tensor = accelerator.gather(rows)
    return gathered


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


@contextlib.contextmanager
def _rehearsal(model: DALIP) -> Iterator[None]:
    """Run the model without gradients and without updating the running statistics of its batch norms."""
    norms = [
        m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats
    ]
    for norm in norms:
        norm.track_running_stats = False  # in training mode, batch statistics are used anyway
    try:
        with torch.no_grad():
            yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
