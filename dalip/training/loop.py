"""The training loop: everything that a run does, from configuration to exported encoder."""

import csv
import ctypes
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from dalip.errors import TrainingError
from dalip.model import DALIP, DalipLoss, MethodConfig, match_matrix
from dalip.training.checkpoint import load_checkpoint, save_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.data import (
    Batch,
    Corpus,
    PhotoDataset,
    batches,
    collate,
    load_corpus,
    steps_per_epoch,
    tokenize,
)
from dalip.training.evaluation import caption_recall, embed_photos, embed_texts, zero_shot
from dalip.training.towers import Towers, create_towers, load_towers

__all__ = ["load_run", "train"]

Report = Callable[[str], None]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def train(config: TrainConfig, run: Path, *, report: Report = _to_stderr) -> Path:
    """Train, or resume, a run until it is done.

    Args:
        config: What to train. A folder that already holds a run goes on only with the same configuration.
        run: The run's folder; made if it is not there.
        report: Called with one line of progress at a time.

    Returns:
        The final checkpoint, `RUN/model.pt`: the running mean of the weights.

    Raises:
        TrainingError: The run belongs to another configuration, the data cannot be used, or the loss is not finite.
        DataError: A source cannot be read.
    """
    _keep_freed_memory()
    run.mkdir(parents=True, exist_ok=True)
    saved = run / "config.json"
    if saved.exists() and TrainConfig.load(saved) != config:
        raise TrainingError(
            f"{run}: holds a run with another configuration; name a new folder or use --resume"
        )
    config.save(saved)
    torch.manual_seed(config.seed)
    corpus = load_corpus(config)
    towers = create_towers(config.model, config.embed_dim, config.image_size, run / "towers")
    model = DALIP(towers.clip, _method(config))
    trainer = _Trainer(config, run, corpus, towers, model, report)
    trainer.resume()
    trainer.run_to_end()
    return run / "model.pt"


def load_run(run: Path) -> tuple[DALIP, Towers, TrainConfig]:
    """Rebuild the model of a finished run on the CPU, in evaluation mode.

    Raises:
        TrainingError: The folder is not a finished run.
    """
    config = TrainConfig.load(run / "config.json")
    towers = load_towers(run / "towers")
    model = DALIP(towers.clip, _method(config))
    model.load_state_dict(load_checkpoint(run / "model.pt")["model"])
    return model.eval(), towers, config


def _method(config: TrainConfig) -> MethodConfig:
    return MethodConfig(config.num_heads, config.reduced_dim, config.dropout)


@dataclass
class _TextFeatures:
    """Features of texts by a frozen tower, each computed once."""

    model: DALIP
    tokenizer: Tokenizer
    towers: Towers
    frozen: bool
    cache: dict[str, Tensor]

    @torch.no_grad()
    def _compute(self, texts: Sequence[str], device: torch.device) -> None:
        ids, mask = tokenize(self.tokenizer, texts, self.towers.text)
        features = self.model.text_tower.features(ids.to(device), mask.to(device)).half().cpu()
        for text, row, length in zip(texts, features, mask.sum(1).tolist(), strict=True):
            self.cache[text] = row[:length]

    def __call__(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
        """Give ids, mask and, where the tower is frozen, its features."""
        ids, mask = tokenize(self.tokenizer, texts, self.towers.text)
        if not self.frozen:
            return ids.to(device), mask.to(device), None
        if missing := [text for text in dict.fromkeys(texts) if text not in self.cache]:
            self._compute(missing, device)
        rows = nn.utils.rnn.pad_sequence([self.cache[text] for text in texts], batch_first=True)
        return ids.to(device), mask.to(device), rows.float().to(device)


class _Trainer:
    """One run in progress."""

    def __init__(
        self, config: TrainConfig, run: Path, corpus: Corpus, towers: Towers, model: DALIP, report: Report
    ) -> None:
        self.config, self.run, self.corpus, self.towers, self.report = config, run, corpus, towers, report
        self.accelerator = Accelerator(mixed_precision=config.precision)
        self.data = PhotoDataset(corpus, config, towers.image)
        self.per_epoch = steps_per_epoch(len(self.data.plants), config)
        self.total = max(1, round(self.per_epoch * config.epochs))
        self.step = 0
        for name, parameter in model.named_parameters():
            parameter.requires_grad = not name.startswith(config.freeze) if config.freeze else True
        optimizer = torch.optim.AdamW(_parameter_groups(model, config))
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.model: Any
        self.model, self.optimizer = self.accelerator.prepare(
            model.to(memory_format=torch.channels_last), optimizer
        )
        self.bare: DALIP = self.accelerator.unwrap_model(self.model)
        average = get_ema_multi_avg_fn(config.ema_decay)
        self.mean = AveragedModel(self.bare, multi_avg_fn=average, use_buffers=True)
        text_parts = [p for n, p in self.bare.named_parameters() if n.startswith("clip.text.transformer.")]
        frozen = bool(text_parts) and not any(p.requires_grad for p in text_parts)
        tokenizer = Tokenizer.from_file(str(towers.tokenizer))
        self.text_features = _TextFeatures(self.bare, tokenizer, towers, frozen, {})
        self.loss = DalipLoss(config.first_order)
        self.unreadable: set[str] = set()

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return
        state = load_checkpoint(path)
        self.bare.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        torch.set_rng_state(state["rng"])
        self.report(f"resumed at step {self.step} of {self.total}")

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        state = {
            "model": self.bare.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "rng": torch.get_rng_state(),
        }
        save_checkpoint(self.run / "checkpoint.pt", state)

    def run_to_end(self) -> None:
        """Take every step that is left, evaluating and saving on the way."""
        config = self.config
        plan = list(batches(len(self.data.plants), len(self.data.replay), config, self.step, self.total))
        loader: DataLoader[Any] = DataLoader(
            self.data,
            batch_sampler=plan,
            collate_fn=collate,
            num_workers=config.workers,
            prefetch_factor=4 if config.workers else None,
        )
        evaluate_steps = max(1, round(config.evaluate_every * self.per_epoch))
        saved = started = time.monotonic()
        first, losses = self.step, []
        for batch in loader:
            losses.append(self.take_step(batch))
            self.step += 1
            now = time.monotonic()
            if self.step % 10 == 0 or self.step == self.total:
                rate = (now - started) / (self.step - first)
                left = rate * (self.total - self.step) / 60
                mean_loss = sum(losses) / len(losses)
                losses.clear()
                self.report(
                    f"step {self.step}/{self.total}  loss {mean_loss:.4f}  {rate:.2f} s/step  {left:.0f} min left"
                )
                self.log({"step": self.step, "loss": round(mean_loss, 5)})
            if self.step % evaluate_steps == 0 or self.step == self.total:
                self.evaluate()
            if now - saved > 60 * config.save_minutes:
                self.save()
                saved = time.monotonic()
        self.save()
        save_checkpoint(self.run / "model.pt", {"model": self.result().state_dict()})

    def result(self) -> DALIP:
        """Give the model that is evaluated and kept: the running mean, where one is kept."""
        return cast(DALIP, self.mean.module) if self.config.ema_decay else self.bare

    def take_step(self, batch: Batch) -> float:
        """Learn from one batch and give its loss."""
        for message in batch.unreadable:
            if message not in self.unreadable:
                self.unreadable.add(message)
                self.report(f"skipped {message}")
        _train_mode(self.bare)
        factor = _schedule(self.step, self.total, self.config.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        device = self.accelerator.device
        ids, mask, features = self.text_features(batch.texts, device)
        positives, ignored = match_matrix(batch.taxa)
        pixels = batch.pixels.to(device, memory_format=torch.channels_last)
        with self.accelerator.autocast():
            image, text, scale = self.model(pixels, ids, mask, features)
        loss = self.loss(image, text, scale, positives.to(device), ignored.to(device))
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss is {loss.item()} at step {self.step}; photos of the batch: {', '.join(batch.keys)}"
            )
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.bare.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.config.ema_decay:
            self.mean.update_parameters(self.bare)
        return float(loss.item())

    def evaluate(self) -> None:
        """Measure on the split `selection` and write it down."""
        model = self.result().eval()
        names = {name: len(texts) for name, texts in self.corpus.texts.items()}
        tokenizer, settings = self.text_features.tokenizer, self.towers.text
        # Statistics of batch norm follow the size trained at; another size would be judged by the wrong ones.
        image = replace(self.towers.image, size=self.config.size_at((self.step - 1) / self.total))
        row: dict[str, float] = {"step": self.step}
        if records := self.corpus.split("selection"):
            texts = embed_texts(
                model, [t for ts in self.corpus.texts.values() for t in ts], tokenizer, settings
            )
            kept, photos = embed_photos(model, records, image)
            for source, result in zero_shot(photos, kept, texts, names).items():
                row[f"{source} top-1"] = round(result.top_1, 4)
                row[f"{source} top-5"] = round(result.top_5, 4)
        if replay := [r for r in self.corpus.replay if r.split == "selection"]:
            kept, photos = embed_photos(model, replay, image)
            captions = embed_texts(model, [r.captions[0] for r in kept], tokenizer, settings)
            row["caption recall@5"] = round(caption_recall(photos, captions, k=5), 4)
        self.report("selection  " + "  ".join(f"{k} {v:g}" for k, v in row.items()))
        self.log(row)

    def log(self, row: dict[str, float]) -> None:
        """Append to `RUN/log.csv`: step, quantity, value."""
        path = self.run / "log.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "quantity", "value"])
            step = row.pop("step")
            writer.writerows([step, name, value] for name, value in row.items())


def _keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks instead of returning them to the kernel between steps.

    Mapping and clearing the activations anew at every step took 40 % of the time of a step on two cores.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
            libc.mallopt(trim_threshold, 2**31 - 1)
            libc.mallopt(mmap_threshold, 2**31 - 1)


def _train_mode(model: DALIP) -> None:
    """Switch to training, but keep the statistics of the towers' batch norms, and frozen dropout, as pretrained."""
    model.train()
    model.clip.visual.eval()
    if not any(
        p.requires_grad for n, p in model.named_parameters() if n.startswith("clip.text.transformer.")
    ):
        model.clip.eval()


def _schedule(step: int, total: int, warmup: float) -> float:
    """Rise linearly, then fall along a half cosine to zero."""
    rising = max(1, round(total * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising)))


def _parameter_groups(model: DALIP, config: TrainConfig) -> list[dict[str, Any]]:
    """Split parameters by learning rate (towers, heads) and weight decay (matrices alone)."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        tower = name.startswith(("clip.visual.trunk.", "clip.text.transformer."))
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((config.tower_lr if tower else config.head_lr, decay), []).append(parameter)
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]
