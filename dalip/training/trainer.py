"""`Trainer`: the training loop of a run, with its steps, checkpoints and validation."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from dalip.cpus import available_cpus
from dalip.errors import DalipError, TrainingError
from dalip.model import DALIP, DalipLoss, TaxonClassifier, match_matrix
from dalip.taxonomy import Taxon
from dalip.training.checkpoint import fitting, load_checkpoint, refuse_other, save_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.data.batches import Batch
from dalip.training.data.corpus import Corpus
from dalip.training.data.feed import Feed
from dalip.training.error_json import write_error
from dalip.training.interrupts import Interrupts
from dalip.training.log import Log, ReportLine
from dalip.training.optimizer import EmaWeights, parameter_groups, schedule
from dalip.training.step import Targets, backward
from dalip.training.step_timer import StepTimer
from dalip.training.torch_embedder import TorchEmbedder
from dalip.training.towers.create import Towers
from dalip.training.validation import measure_selection

__all__ = ["Trainer"]


class Trainer:
    """A training run in progress, in one of its processes."""

    def __init__(
        self,
        config: TrainConfig,
        run: Path,
        corpus: Corpus,
        towers: Towers,
        model: DALIP,
        accelerator: Accelerator,
        report: ReportLine,
    ) -> None:
        self.config, self.run, self.corpus, self.towers, self.report = config, run, corpus, towers, report
        self.accelerator = accelerator
        self.step, self.seconds = 0, 0.0
        self.loss = self._objective(model).to(accelerator.device)
        groups = parameter_groups(model, towers.fresh, config)
        if self.loss.bias is not None:
            groups.append({"params": [self.loss.bias], "lr": config.head_lr, "weight_decay": 0.0})
        classifier = self.loss.classifier
        if classifier:
            own = list(classifier.parameters())
            groups.append({"params": own, "lr": config.classifier_lr, "weight_decay": 0.0})
        optimizer = torch.optim.AdamW(groups)
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.model: Any
        self.model, self.optimizer = accelerator.prepare(
            model.to(memory_format=torch.channels_last), optimizer
        )
        self.bare: DALIP = accelerator.unwrap_model(self.model)
        self.ema = EmaWeights(self.bare, config.ema_decay) if config.ema_decay else None
        self.classifier_ema = (
            EmaWeights(classifier, config.ema_decay) if classifier and config.ema_decay else None
        )
        self.feed = Feed(config, corpus, towers, self.bare, accelerator)
        self.total, self.data = self.feed.total, self.feed.fingerprint()
        self.skipped: set[str] = set()  # errors as `write_error` writes them
        self.interrupts = Interrupts(alone=accelerator.num_processes == 1)

    def _objective(self, model: DALIP) -> DalipLoss:
        """Return the loss, with a classifier of the training taxa if the configuration has one."""
        config, classifier = self.config, None
        if config.classifier:
            shown = {r.taxon.scientific_name for r in self.corpus.plants("train") if r.taxon}
            taxa = [self.corpus.taxa[name] for name in shown]
            width = model.appearance_width(self.towers.image.size)
            classifier = TaxonClassifier(taxa, width, seed=config.seed)
        return DalipLoss(
            config.first_order,
            objective=config.objective,
            classifier=classifier,
            classifier_weight=config.classifier,
        )

    def resume(self) -> None:
        """Resume from the last checkpoint, if there is one.

        Raises:
            TrainingError: The checkpoint is damaged, or belongs to another model, configuration or data.
        """
        path = self.run / "checkpoint.pt"
        if path.exists():
            state = load_checkpoint(path)
            with fitting(path):
                self.bare.load_state_dict(state["model"])
                if self.ema:
                    self.ema.load_state_dict(state["mean"])
                if self.classifier_ema:
                    self.classifier_ema.load_state_dict(state["classifier mean"])
                self.loss.load_state_dict(state["loss"])
                self.optimizer.load_state_dict(state["optimizer"])
                if self.accelerator.scaler is not None:
                    self.accelerator.scaler.load_state_dict(state["scaler"])
                self.step, self.seconds, self.skipped = state["step"], state["seconds"], set(state["skipped"])
                refuse_other(path, state, self.config, self.data)
            self.report(f"resumed at step {self.step} of {self.total}")
        if self.accelerator.num_processes > 1 and len(set(gather_object([self.step]))) > 1:
            raise TrainingError("checkpoint-not-shared", source=self.run)
        if self.accelerator.is_main_process:
            self.log = Log(self.run, self.step)

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        state = {
            "config": asdict(self.config),
            "data": self.data,
            "model": self.bare.state_dict(),
            "mean": self.ema.state_dict() if self.ema else {},
            "classifier mean": self.classifier_ema.state_dict() if self.classifier_ema else {},
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else {},
            "step": self.step,
            "seconds": self.seconds,
            "skipped": sorted(self.skipped),
        }
        save_checkpoint(self.run / "checkpoint.pt", state)

    def run_to_end(self) -> None:
        """Run the remaining steps, with evaluations and checkpoints; on Ctrl-C, save and stop.

        Raises:
            TrainingError: The loss or its gradient is not finite, or too few photos of a batch can be read.
        """
        if self.step < self.total:
            self.feed.prepare(Path(self.config.cache or self.run / "cache"), self.report)
        main = self.accelerator.is_main_process
        try:
            with self.interrupts.handled():
                self._take_steps()
        except KeyboardInterrupt:
            if self.interrupts.between_steps:
                if main:
                    self.save()
                    self.report(
                        f"stopped at step {self.step} of {self.total}; `dalip train {self.run}` resumes it"
                    )
                self.accelerator.wait_for_everyone()  # when one process ends, torchrun ends the others
            raise
        if main:
            left_out = sum(self.corpus.left_out.values()) + len(self.corpus.skipped)
            if self.skipped or left_out:
                self.report(
                    f"total skipped: {len(self.skipped):,} photos or shards during training, "
                    f"{left_out:,} photos before training"
                )
            self.save()
            done = {
                "model": self.result().state_dict(),
                "seconds": self.seconds,
                "machine": self._machine(),
                "skipped": sorted(self.skipped),
            }
            save_checkpoint(self.run / "model.pt", done)
            self.log.close()
        self.accelerator.wait_for_everyone()

    def _take_steps(self) -> None:
        main = self.accelerator.is_main_process
        every = max(1, round(self.config.evaluate_every * self.feed.steps_per_epoch))
        before, saved = self.seconds, 0.0
        timer = StepTimer(self.step, self.total, self.config.batch_size, self.report)
        for batch in self.feed.batches(self.step):
            with self.interrupts.held():
                loss = self.take_step(batch)
                self.step += 1
                self.seconds = before + timer.seconds
                timer.count(self.step, loss)
                if main:
                    self.log.add(self.step, self._measured(loss))
                if self.config.evaluate_every and (self.step % every == 0 or self.step == self.total):
                    if main:
                        self.evaluate()
                    self.accelerator.wait_for_everyone()
                if main and timer.seconds - saved > 60 * self.config.save_minutes:
                    self.save()
                    saved = timer.seconds

    def _machine(self) -> str:
        processes, device = self.accelerator.num_processes, self.accelerator.device
        name = torch.cuda.get_device_name() if device.type == "cuda" else f"{available_cpus()} CPU cores"
        return f"{processes} x {name}" if processes > 1 else name

    def _measured(self, loss: float) -> dict[str, float]:
        values = {"loss": round(loss, 6)}
        if self.step % 10 == 0:
            rates = [group["lr"] for group in self.optimizer.param_groups]
            values |= {
                "learning rate": max(rates),
                "logit scale": round(float(self.bare.logit_scale.detach()), 3),
            }
        return values

    def result(self) -> DALIP:
        """Return the model that is evaluated and saved: with the EMA weights, if enabled."""
        return self.ema.model if self.ema else self.bare

    def take_step(self, batch: Batch) -> float:
        """Train on one batch and return its loss.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed in one of several processes; all stop before the step.
            TrainingError: As `run_to_end`.
        """
        labels, skipped = list(zip(batch.taxa, batch.keys, strict=True)), batch.skipped
        if self.accelerator.num_processes > 1:
            if any(gather_object([self.interrupts.asked])):
                raise KeyboardInterrupt
            labels, skipped = gather_object(labels), gather_object(skipped)
        self._skip(skipped)
        if len(labels) < self.config.batch_size:
            raise TrainingError("batch-too-small", step=self.step, cause=skipped[0])
        # Dropout depends only on seed and step, as the batches do, so no random state is saved for resuming.
        seed = int(np.random.default_rng([self.config.seed, self.step]).integers(2**31))
        self.train_mode()
        factor = schedule(self.step, self.total, self.config.warmup, self.config.schedule)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        targets = self._targets(labels)
        loss = backward(self.accelerator, self.model, self.loss, self.feed.parts(batch), targets, seed)
        value = float(loss)
        if not np.isfinite(value):
            raise self._not_finite("loss", value, labels)
        norm = self.accelerator.clip_grad_norm_(self.bare.parameters(), self.config.grad_clip)
        # A gradient scaler skips such a step itself and reduces its scale.
        if self.accelerator.scaler is None and norm is not None and not torch.isfinite(norm):
            raise self._not_finite("gradient", float(norm), labels)
        self.optimizer.step()
        if self.accelerator.scaler is not None and self.accelerator.scaler.get_scale() < 1:
            raise self._not_finite("scaled", float("nan"), labels)
        self.optimizer.zero_grad()
        self.bare.limit_logit_scale()
        if self.ema:
            self.ema.follow()
        if self.classifier_ema:
            self.classifier_ema.follow()
        return value

    def _targets(self, labels: Sequence[tuple[Taxon | None, str]]) -> Targets:
        taxa, device, config = [taxon for taxon, _ in labels], self.accelerator.device, self.config
        positives, ignored = match_matrix(
            taxa, [key for _, key in labels], genus=config.genus_weight, family=config.family_weight
        )
        classes = self.loss.classifier.labels(taxa).to(device) if self.loss.classifier else None
        return Targets(positives.to(device), ignored.to(device), classes)

    def _not_finite(self, what: str, value: float, labels: Sequence[tuple[Any, str]]) -> TrainingError:
        photos = [key for _, key in labels]
        return TrainingError("not-finite", what=what, value=repr(value), step=self.step, photos=photos)

    def _skip(self, errors: Iterable[DalipError]) -> None:
        for error in errors:
            if (text := write_error(error)) not in self.skipped:
                self.skipped.add(text)
                self.report(error)

    def train_mode(self) -> None:
        """Switch to training mode, but do not update the batch norm statistics of pretrained towers."""
        self.bare.train()
        if self.towers.fresh != ("",):
            self.bare.clip.visual.eval()
        if self.feed.text_features.frozen:
            self.bare.clip.eval()

    def evaluate(self) -> None:
        """Evaluate on the validation split, if there is one, and log the result."""
        # Batch norm statistics are those of the current training size, so evaluate at this size.
        size = self.config.size_at((self.step - 1) / self.total, self.towers.image.size)
        towers = replace(self.towers, image=replace(self.towers.image, size=size))
        cached = self.feed.text_features if self.feed.text_features.frozen else None
        embedder = TorchEmbedder(self.result().eval(), towers, text_features=cached)
        classifier = self.classifier_ema.model if self.classifier_ema else self.loss.classifier
        row, skipped = measure_selection(embedder, self.corpus, classifier)
        self._skip(skipped)
        if row:
            self.report(f"validation  step {self.step}  " + "  ".join(f"{k} {v:g}" for k, v in row.items()))
            self.log.add(self.step, row)
