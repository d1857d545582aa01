"""`dalip train --dry-run`: data, steps, parameters, and an estimate of the memory needed."""

from collections import Counter
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from dalip.model import DALIP
from dalip.training.config import TrainConfig
from dalip.training.data.corpus import Corpus, shards_of
from dalip.training.data.sampling import Sampling
from dalip.training.towers.create import Towers
from dalip.training.towers.tokens import tokenize

__all__ = ["describe_plan"]


def describe_plan(config: TrainConfig, corpus: Corpus, model: DALIP, towers: Towers) -> list[str]:
    """Describe a run before its first step.

    Args:
        config: Configuration of the run.
        corpus: Data of the run.
        model: The model before the first step; its frozen parameters do not require gradients.
        towers: What the model was built from.

    Returns:
        Lines to print.
    """
    return [*_data(config, corpus), *_steps(config, corpus), *_model(config, model, towers)]


def _data(config: TrainConfig, corpus: Corpus) -> list[str]:
    lines = []
    if config.stream:
        lines.append(
            f"data: {len(shards_of(config)[0]):,} shards, streamed; the lines below are about the validation data"
        )
    counts = Counter((record.source, record.split) for record in corpus.records)
    for source in sorted({source for source, _ in counts}):
        splits = ", ".join(
            f"{counts[source, s]:,} {s}" for s in ("train", "selection", "calibration", "test")
        )
        lines.append(f"data: {source}: {splits}")
    for source, count in corpus.left_out.items():
        lines.append(
            f"data: {source}: {count:,} skipped because they have neither scientificName nor caption"
        )
    if corpus.skipped:
        lines.append(f"data: {len(corpus.skipped):,} more skipped; the first: {corpus.skipped[0].source}")
    described = f", {len(corpus.descriptions):,} with a description" if corpus.descriptions else ""
    lines.append(f"taxa: {len(corpus.taxa):,} with {len(corpus.every_text):,} texts{described}")
    return lines


def _steps(config: TrainConfig, corpus: Corpus) -> list[str]:
    batch = f"{config.batch_size} pairs per step"
    if config.accumulate > 1:
        batch += f", embedded in {config.accumulate} micro-batches"
    if config.steps:
        return [f"steps: {config.steps:,}, {batch}"]
    weights = [w for w, r in zip(corpus.weights, corpus.records, strict=True) if r.split == "train"]
    sampling = Sampling(weights, config.batch_size, config.seed)
    steps, photos = sampling.steps_in(config.epochs), sampling.per_epoch
    return [f"steps: {steps:,} in {config.epochs:g} epochs of {photos:,} photos, {batch}"]


def _model(config: TrainConfig, model: DALIP, towers: Towers) -> list[str]:
    def count(module: Any) -> str:
        found = list(module.parameters())
        learning = sum(p.numel() for p in found if p.requires_grad)
        return f"{sum(p.numel() for p in found) / 1e6:.1f} M parameters, {learning / 1e6:.1f} M trainable"

    parameters = list(model.parameters())
    learning = sum(p.numel() for p in parameters if p.requires_grad)
    state = 4 * sum(p.numel() for p in parameters) * (2 if config.ema_decay else 1) + 12 * learning
    parts = -(-config.batch_size // config.accumulate)
    kept = _kept_bytes(config, model, towers)
    again = ", plus those of the block that is being recomputed" if config.checkpoint_gradients else ""
    return [
        f"model: {config.model}, joint width {model.embed_dim}, {count(model)}",
        *(f"{n} MBDC: {count(h)}" for n, h in (("image", model.image_bdc), ("text", model.text_bdc)) if h),
        f"estimated memory per process: {state / 2**30:.1f} GiB for weights and optimizer, "
        f"{parts * kept / 2**30:.1f} GiB for the activations of {parts} pairs{again} (less in mixed precision)",
    ]


def _kept_bytes(config: TrainConfig, model: DALIP, towers: Towers) -> float:
    """Measure the bytes of activations kept per pair for the backward pass, at the largest training size, in fp32."""
    seen: dict[int, int] = {}
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    kept: list[Tensor] = []  # kept alive, so that no address is reused

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    size = max((size for _, size in config.train_sizes), default=towers.image.size)
    texts = ["a photo of Quercus agrifolia, coast live oak, family Fagaceae"] * 2
    ids, mask = tokenize(Tokenizer.from_buffer(towers.tokenizer), texts, towers.text)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model.train()(torch.randn(2, 3, size, size), ids, mask)
    return sum(seen.values()) / 2
