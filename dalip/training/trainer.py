"""One run in progress: its steps, its checkpoints, and what is measured on the way."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from dalip.errors import TrainingError
from dalip.model import DALIP, DalipLoss, match_matrix
from dalip.training.checkpoint import fitting, load_checkpoint, save_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.corpus import Corpus, load_texts
from dalip.training.data import Batch, PhotoDataset, collate
from dalip.training.embedder import TorchEmbedder
from dalip.training.log import Log
from dalip.training.optimizer import RunningMean, parameter_groups, schedule
from dalip.training.photo_features import cache_photo_features
from dalip.training.sampling import Sampling
from dalip.training.selection import measure_selection
from dalip.training.step import Inputs, backward
from dalip.training.stream import StreamDataset
from dalip.training.text_features import TextFeatures
from dalip.training.towers import Towers

__all__ = ["Report", "Trainer"]

Report = Callable[[str], None]
"""Called with one line of progress at a time."""


class Trainer:
    """One run in progress, in one of its processes."""

    def __init__(
        self,
        config: TrainConfig,
        run: Path,
        corpus: Corpus,
        towers: Towers,
        model: DALIP,
        accelerator: Accelerator,
        report: Report,
    ) -> None:
        self.config, self.run, self.corpus, self.towers, self.report = config, run, corpus, towers, report
        self.accelerator = accelerator
        self.photos = PhotoDataset(corpus, config, towers.image)
        self.sampling = Sampling(self.photos.weights or [1.0], config.batch_size, config.seed)
        self.total = config.steps or max(1, round(self.sampling.steps_per_epoch * config.epochs))
        self.step = 0
        self.loss = DalipLoss(config.first_order, objective=config.objective).to(accelerator.device)
        groups = parameter_groups(model, towers.fresh, config)
        if self.loss.bias is not None:
            groups.append({"params": [self.loss.bias], "lr": config.head_lr, "weight_decay": 0.0})
        optimizer = torch.optim.AdamW(groups)
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.model: Any
        self.model, self.optimizer = accelerator.prepare(
            model.to(memory_format=torch.channels_last), optimizer
        )
        self.bare: DALIP = accelerator.unwrap_model(self.model)
        self.mean = RunningMean(self.bare, config.ema_decay)
        tokenizer = Tokenizer.from_file(str(towers.tokenizer))
        self.text_features = TextFeatures(self.bare, tokenizer, towers.text)
        self.skipped: set[str] = set()

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        path = self.run / "checkpoint.pt"
        if path.exists():
            state = load_checkpoint(path)
            with fitting(path):
                self.bare.load_state_dict(state["model"])
                self.mean.load_state_dict(state["mean"])
                self.loss.load_state_dict(state["loss"])
                self.optimizer.load_state_dict(state["optimizer"])
                if self.accelerator.scaler is not None:
                    self.accelerator.scaler.load_state_dict(state["scaler"])
                self.step, self.skipped = state["step"], set(state.get("skipped", ()))
            self.report(f"resumed at step {self.step} of {self.total}")
        if self.accelerator.is_main_process:
            self.log = Log(self.run, self.step)

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        state = {
            "model": self.bare.state_dict(),
            "mean": self.mean.state_dict(),
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else {},
            "step": self.step,
            "skipped": sorted(self.skipped),
        }
        save_checkpoint(self.run / "checkpoint.pt", state)

    def run_to_end(self) -> None:
        """Take every step that is left, evaluating and saving on the way."""
        if self.step < self.total:
            self._prepare_features()
        main = self.accelerator.is_main_process
        wanted = self.config.evaluate_every
        epoch = self.total / self.config.epochs if self.config.stream else self.sampling.steps_per_epoch
        every = max(1, round(wanted * epoch))
        saved = started = time.monotonic()
        first, losses = self.step, []
        for batch in self._batches():
            losses.append(self.take_step(batch))
            self.step += 1
            now = time.monotonic()
            if main:
                self.log.add(self.step, self._measured(losses[-1]))
                if self.step % 10 == 0 or self.step == self.total:
                    self._report_progress((now - started) / (self.step - first), losses)
            if wanted and (self.step % every == 0 or self.step == self.total):
                if main:
                    self.evaluate()
                self.accelerator.wait_for_everyone()
            if main and now - saved > 60 * self.config.save_minutes:
                self.save()
                saved = time.monotonic()
        if main:
            left_out = sum(self.corpus.left_out.values()) + len(self.corpus.faults)
            if self.skipped or left_out:
                self.report(
                    f"in all, {len(self.skipped):,} photos or shards were skipped in training, "
                    f"and {left_out:,} photos left out before"
                )
            self.save()
            save_checkpoint(self.run / "model.pt", {"model": self.result().state_dict()})
            self.log.close()
        self.accelerator.wait_for_everyone()

    def _prepare_features(self) -> None:
        """Compute what frozen towers give, beforehand and once."""
        folder = Path(self.config.cache) if self.config.cache else self.run / "cache"
        self.bare.eval()
        if not self.config.stream:
            with self.accelerator.main_process_first():
                captions = [text for record in self.photos.records for text in record.captions]
                described = [text for texts in self.corpus.descriptions.values() for text in texts]
                self.text_features.prepare(
                    [*self.corpus.every_text, *described, *captions], folder, self.report
                )
        if self.config.cache_views:
            if any(parameter.requires_grad for parameter in self.bare.image_tower.body) or self.config.stream:
                raise TrainingError(
                    f"cache_views = {self.config.cache_views} needs a frozen image tower and photos that are not "
                    "streamed; add 'image' to freeze, or set it to 0"
                )
            with self.accelerator.main_process_first():
                features = cache_photo_features(
                    self.bare, self.photos.records, self.config, self.towers.image, folder, report=self.report
                )
            self.photos = PhotoDataset(self.corpus, self.config, self.towers.image, features)

    def _batches(self) -> Iterator[Batch]:
        """Load this process's share of every batch that is left."""
        config, process, processes = (
            self.config,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        settings: dict[str, Any] = {
            "num_workers": config.workers,
            "prefetch_factor": 4 if config.workers else None,
            "pin_memory": self.accelerator.device.type == "cuda",
        }
        if config.stream:
            stream = StreamDataset(
                config,
                load_texts(config),
                self.towers.image,
                start=self.step,
                process=process,
                processes=processes,
            )
            return iter(DataLoader(stream, batch_size=None, **settings))
        share = config.batch_size // processes
        mine = slice(process * share, (process + 1) * share)
        size = self.towers.image.size
        plan = [
            batch[mine]
            for batch in self.sampling.batches(self.step, self.total, lambda p: config.size_at(p, size))
        ]
        return iter(DataLoader(self.photos, batch_sampler=plan, collate_fn=collate, **settings))

    def _measured(self, loss: float) -> dict[str, float]:
        values = {"loss": round(loss, 6)}
        if self.step % 10 == 0:
            rates = [group["lr"] for group in self.optimizer.param_groups]
            values |= {
                "learning rate": max(rates),
                "logit scale": round(float(self.bare.logit_scale.detach()), 3),
            }
        return values

    def _report_progress(self, rate: float, losses: list[float]) -> None:
        left = rate * (self.total - self.step) / 60
        self.report(
            f"step {self.step}/{self.total}  loss {sum(losses) / len(losses):.4f}  {rate:.2f} s/step  "
            f"{self.config.batch_size / rate:.0f} photos/s  {left:.0f} min left"
        )
        losses.clear()

    def result(self) -> DALIP:
        """Give the model that is evaluated and kept: the running mean, where one is kept."""
        return self.mean.model if self.config.ema_decay else self.bare

    def take_step(self, batch: Batch) -> float:
        """Learn from one batch and give its loss."""
        labels, skipped = list(zip(batch.taxa, batch.keys, strict=True)), batch.unreadable
        if self.accelerator.num_processes > 1:
            labels, skipped = gather_object(labels), gather_object(skipped)
        for message in skipped:
            if message not in self.skipped:
                self.skipped.add(message)
                self.report(f"skipped {message}")
        if len(labels) < self.config.batch_size:
            raise TrainingError(f"step {self.step}: too few photos of the batch could be read: {skipped[0]}")
        # Dropout follows from seed and step alone, as the batches do: nothing of it need be kept to resume.
        seed = int(np.random.default_rng([self.config.seed, self.step]).integers(2**31))
        self.train_mode()
        factor = schedule(self.step, self.total, self.config.warmup, self.config.schedule)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        positives, ignored = match_matrix([taxon for taxon, _ in labels], [key for _, key in labels])
        device = self.accelerator.device
        loss = backward(
            self.accelerator,
            self.model,
            self.loss,
            self._parts(batch),
            positives.to(device),
            ignored.to(device),
            seed,
        )
        value = float(loss)
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step}; photos of the batch: {', '.join(batch.keys)}"
            )
        self.accelerator.clip_grad_norm_(self.bare.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.bare.limit_logit_scale()
        if self.config.ema_decay:
            self.mean.follow()
        return value

    def _parts(self, batch: Batch) -> list[Inputs]:
        device = self.accelerator.device
        parts = []
        for rows in np.array_split(np.arange(len(batch.keys)), self.config.accumulate):
            first, end = int(rows[0]), int(rows[-1]) + 1
            photos = batch.photos[first:end].to(device, non_blocking=True)
            ids, mask, features = self.text_features(batch.texts[first:end], device)
            if self.config.cache_views:
                parts.append(Inputs(None, ids, mask, features, photos))
            else:
                pixels = photos.contiguous(memory_format=torch.channels_last)
                parts.append(Inputs(pixels, ids, mask, features, None))
        return parts

    def train_mode(self) -> None:
        """Switch to training, but keep the statistics and dropouts of pretrained towers as they came."""
        self.bare.train()
        if self.towers.fresh != ("",):
            self.bare.clip.visual.eval()
        if self.text_features.frozen:
            self.bare.clip.eval()

    def evaluate(self) -> None:
        """Measure on the split `selection` and write it down."""
        # Statistics of batch norm follow the size trained at; another size would be judged by the wrong ones.
        size = self.config.size_at((self.step - 1) / self.total, self.towers.image.size)
        towers = replace(self.towers, image=replace(self.towers.image, size=size))
        row = measure_selection(TorchEmbedder(self.result().eval(), towers), self.corpus)
        self.report(f"selection  step {self.step}  " + "  ".join(f"{k} {v:g}" for k, v in row.items()))
        self.log.add(self.step, row)
