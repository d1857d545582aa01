"""The training loop: everything that a run does, from configuration to trained model."""

import ctypes
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from dalip.errors import TrainingError
from dalip.model import DALIP, DalipLoss, MethodConfig, match_matrix
from dalip.training.checkpoint import fitting, load_checkpoint, save_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.data import (
    Batch,
    Corpus,
    PhotoDataset,
    batches,
    collate,
    load_corpus,
    steps_per_epoch,
)
from dalip.training.evaluation import caption_recall, embed_naming, embed_photos, embed_texts, zero_shot
from dalip.training.log import forget_after, log
from dalip.training.optimizer import freeze, parameter_groups, running_mean, schedule
from dalip.training.text_features import TextFeatures
from dalip.training.towers import Towers, create_towers, load_towers

__all__ = ["load_run", "train"]

Report = Callable[[str], None]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def train(config: TrainConfig, run: Path, *, report: Report = _to_stderr) -> Path:
    """Train, or resume, a run until it is done.

    Args:
        config: What to train. A folder that already holds a run goes on only with the same configuration, but for
            the fields that do not change the outcome.
        run: The run's folder; made if it is not there.
        report: Called with one line of progress at a time.

    Returns:
        The final checkpoint, `RUN/model.pt`: the running mean of the weights.

    Raises:
        TrainingError: The run belongs to another configuration, the data cannot be used, or the loss is not finite.
        DataError: A source cannot be read.
    """
    saved = run / "config.json"
    if saved.exists() and not TrainConfig.load(saved).same_outcome(config):
        raise TrainingError(
            f"{run}: holds a run with another configuration; name a new folder, or this one alone to go on with it"
        )
    corpus = load_corpus(config)
    _keep_freed_memory()
    torch.manual_seed(config.seed)
    try:
        run.mkdir(parents=True, exist_ok=True)
        towers = create_towers(config.model, config.embed_dim, config.image_size, run / "towers")
        model = DALIP(towers.clip, _method(config))
        if config.init:
            _load_weights(model, Path(config.init))
        trainer = _Trainer(config, run, corpus, towers, model, report)
        config.save(saved)  # not before: a configuration that cannot start must not claim the folder
        trainer.resume()
        trainer.run_to_end()
    except OSError as error:
        raise TrainingError(
            f"{error.filename or run}: {error.strerror or error}; put that right and give the command again"
        ) from error
    return run / "model.pt"


def load_run(run: Path) -> tuple[DALIP, Towers, TrainConfig]:
    """Rebuild the model of a finished run on the CPU, in evaluation mode.

    Raises:
        TrainingError: The folder is not a finished run.
    """
    config = TrainConfig.load(run / "config.json")
    towers = load_towers(run / "towers")
    model = DALIP(towers.clip, _method(config))
    _load_weights(model, run)
    return model.eval(), towers, config


def _load_weights(model: DALIP, run: Path) -> None:
    path = run / "model.pt"
    if not path.exists():
        raise TrainingError(
            f"{run}: not a finished run; `dalip train {run}` goes on with one that was stopped"
        )
    state = load_checkpoint(path)
    with fitting(path):
        model.load_state_dict(state["model"])


def _method(config: TrainConfig) -> MethodConfig:
    return MethodConfig(config.num_heads, config.reduced_dim, config.dropout)


class _Trainer:
    """One run in progress."""

    def __init__(
        self, config: TrainConfig, run: Path, corpus: Corpus, towers: Towers, model: DALIP, report: Report
    ) -> None:
        self.config, self.run, self.corpus, self.towers, self.report = config, run, corpus, towers, report
        try:
            self.accelerator = Accelerator(mixed_precision=config.precision)
        except ValueError as error:
            raise TrainingError(f"precision {config.precision} cannot be used here: {error}") from error
        self.data = PhotoDataset(corpus, config, towers.image)
        self.per_epoch = steps_per_epoch(len(self.data.plants), config)
        self.total = max(1, round(self.per_epoch * config.epochs))
        self.step = 0
        freeze(model, config.freeze)
        optimizer = torch.optim.AdamW(parameter_groups(model, config))
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.model: Any
        self.model, self.optimizer = self.accelerator.prepare(
            model.to(memory_format=torch.channels_last), optimizer
        )
        self.bare: DALIP = self.accelerator.unwrap_model(self.model)
        self.mean = running_mean(self.bare, config.ema_decay)
        tokenizer = Tokenizer.from_file(str(towers.tokenizer))
        self.text_features = TextFeatures(self.bare, tokenizer, towers.text)
        self.loss = DalipLoss(config.first_order)
        self.unreadable: set[str] = set()

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        path = self.run / "checkpoint.pt"
        if path.exists():
            state = load_checkpoint(path)
            with fitting(path):
                self.bare.load_state_dict(state["model"])
                self.mean.load_state_dict(state["mean"])
                self.optimizer.load_state_dict(state["optimizer"])
                if self.accelerator.scaler is not None:
                    self.accelerator.scaler.load_state_dict(state["scaler"])
                self.step = state["step"]
            self.report(f"resumed at step {self.step} of {self.total}")
        forget_after(self.run / "log.csv", self.step)

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        state = {
            "model": self.bare.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else {},
            "step": self.step,
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
            log(self.run / "log.csv", self.step, {"loss": round(losses[-1], 6)})
            now = time.monotonic()
            if self.step % 10 == 0 or self.step == self.total:
                rate = (now - started) / (self.step - first)
                left = rate * (self.total - self.step) / 60
                mean_loss = sum(losses) / len(losses)
                losses.clear()
                self.report(
                    f"step {self.step}/{self.total}  loss {mean_loss:.4f}  {rate:.2f} s/step  {left:.0f} min left"
                )
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
        if not batch.keys:
            raise TrainingError(f"no photo of a whole batch could be read; the first: {batch.unreadable[0]}")
        # Dropout follows from seed and step alone, as the batches do: nothing of it need be kept to resume.
        torch.manual_seed(int(np.random.default_rng([self.config.seed, self.step]).integers(2**31)))
        self.train_mode()
        factor = schedule(self.step, self.total, self.config.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        device = self.accelerator.device
        ids, mask, features = self.text_features(batch.texts, device)
        positives, ignored = match_matrix(batch.taxa)
        pixels = batch.pixels.to(device, memory_format=torch.channels_last)
        with self.accelerator.autocast():
            image, text, scale = self.model(pixels, ids, mask, features)
        loss = self.loss(image, text, scale, positives.to(device), ignored.to(device))
        value = float(loss.item())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step}; photos of the batch: {', '.join(batch.keys)}"
            )
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.bare.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.bare.limit_logit_scale()
        if self.config.ema_decay:
            self.mean.update_parameters(self.bare)
        return value

    def train_mode(self) -> None:
        """Switch to training, but keep the image tower's batch norms as pretrained, and a frozen text tower exact."""
        self.bare.train()
        self.bare.clip.visual.eval()
        if self.text_features.frozen:
            self.bare.clip.eval()

    def evaluate(self) -> None:
        """Measure on the split `selection` and write it down."""
        model = self.result().eval()
        tokenizer, settings = self.text_features.tokenizer, self.towers.text
        # Statistics of batch norm follow the size trained at; another size would be judged by the wrong ones.
        image = replace(self.towers.image, size=self.config.size_at((self.step - 1) / self.total))
        row: dict[str, float] = {}
        if records := self.corpus.split("selection"):
            naming = embed_naming(model, self.corpus, records, tokenizer, settings, image)
            for source, result in zero_shot(naming).items():
                row[f"{source} top-1"] = round(result.top_1, 4)
                row[f"{source} top-5"] = round(result.top_5, 4)
        if replay := [r for r in self.corpus.replay if r.split == "selection"]:
            kept, photos = embed_photos(model, replay, image)
            captions = embed_texts(model, [r.captions[0] for r in kept], tokenizer, settings)
            if kept:
                row["caption recall@5"] = round(caption_recall(photos, captions, k=5), 4)
        self.report(f"selection  step {self.step}  " + "  ".join(f"{k} {v:g}" for k, v in row.items()))
        log(self.run / "log.csv", self.step, row)


def _keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks instead of returning them to the kernel between steps.

    Mapping and clearing the activations anew at every step took 40 % of the time of a step on two cores.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
            libc.mallopt(trim_threshold, 2**31 - 1)
            if not libc.mallopt(mmap_threshold, 2**31 - 1):
                libc.mallopt(mmap_threshold, 2**25)  # the most that glibc before 2.35 takes
