"""`train` runs a training configuration to its end; `plan` describes what it would do."""

import contextlib
import os
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs, parse_flag_from_env
from torch import nn

from dalip.errors import DataError, TrainingError, first_line
from dalip.files import hold_lock
from dalip.model import DALIP
from dalip.progress import no_report
from dalip.training.config import TrainConfig
from dalip.training.data.corpus import Corpus, load_corpus
from dalip.training.dry_run import describe_plan
from dalip.training.inherit import inherit_towers, keep_start
from dalip.training.log import ReportLine
from dalip.training.malloc import keep_freed_memory
from dalip.training.optimizer import freeze, parameter_groups
from dalip.training.towers.create import Towers, create_towers, load_towers
from dalip.training.towers.load_model import load_weights, method_of
from dalip.training.trainer import Trainer

__all__ = ["plan", "train"]

_PATIENCE = timedelta(days=1)
"""How long processes wait while one of them computes features or evaluates."""


def train(config: TrainConfig, run: Path, *, report: ReportLine = no_report) -> Path:
    """Train a run to its end, or resume it.

    When started with `accelerate launch` or `torchrun`, all processes train one model.

    Args:
        config: Configuration of the run. An existing run is resumed only with the same configuration, except for fields
            that do not change the outcome.
        run: The run's folder; created if it does not exist.
        report: Called with one line of progress at a time, only in the first process.

    Returns:
        Path of the final weights, `RUN/model.pt`: the EMA weights, or those of the last step if EMA is disabled.

    Raises:
        TrainingError: The run belongs to another configuration, another process is training it, the data cannot be
            used, or the loss is not finite.
        DataError: A source cannot be read.
    """
    saved = run / "config.json"
    begun = (run / "checkpoint.pt").exists() or (run / "model.pt").exists()
    if begun and saved.exists() and (different := TrainConfig.load(saved).differing(config)):
        raise TrainingError("run-of-other-settings", source=run, fields=different)
    corpus = load_corpus(config)
    accelerator = _accelerator(config)
    if not accelerator.is_main_process:
        report = no_report
    _report_left_out(corpus, report)
    keep_freed_memory()
    held = contextlib.ExitStack()
    try:
        run.mkdir(parents=True, exist_ok=True)
        if accelerator.is_main_process:
            held.enter_context(
                hold_lock(run / ".lock", lambda holder: TrainingError("run-busy", source=run, holder=holder))
            )
        resuming = (run / "checkpoint.pt").exists() and (run / "towers").exists()
        ours = resuming or accelerator.is_main_process
        # The first process may have to download weights, which the others then find in the cache.
        with tempfile.TemporaryDirectory() as aside, accelerator.local_main_process_first():
            folder = run / "towers" if ours else Path(aside)
            model, towers = _start(config, folder, report, resuming=resuming)
        trainer = Trainer(config, run, corpus, towers, model, accelerator, report)
        if accelerator.is_main_process:
            if not resuming:
                keep_start(config, run)
            config.save(saved)
        trainer.resume()
        trainer.run_to_end()
        del model, towers, trainer
        accelerator.free_memory()  # what follows may need the GPU
    except torch.OutOfMemoryError as error:
        raise TrainingError("gpu-memory", cause=first_line(error)) from error
    except OSError as error:
        raise TrainingError(
            "run-not-written", source=error.filename or run, cause=error.strerror or error
        ) from error
    finally:
        held.close()
    return run / "model.pt"


def _report_left_out(corpus: Corpus, report: ReportLine) -> None:
    for source, photos in corpus.left_out.items():
        report(DataError("shard-without-texts", source=source, photos=photos))
    for photo in corpus.skipped:
        report(photo.error)


def plan(config: TrainConfig, *, report: ReportLine = no_report) -> list[str]:
    """Describe what `train` would do, in lines to print, without training.

    Args:
        config: Configuration of the run.
        report: Called with what would be skipped in the data, and why.

    Raises:
        TrainingError: The configuration or its data cannot be used.
        DataError: A source cannot be read.
    """
    corpus = load_corpus(config)
    _report_left_out(corpus, report)
    _accelerator(config)
    with tempfile.TemporaryDirectory() as folder:
        model, towers = _start(config, Path(folder), report, untrained=True)
        parameter_groups(model, towers.fresh, config)
        return describe_plan(config, corpus, model, towers)


def _start(
    config: TrainConfig, folder: Path, report: ReportLine, *, resuming: bool = False, untrained: bool = False
) -> tuple[DALIP, Towers]:
    """Create the model before the first step; with untrained weights if the run has a checkpoint."""
    torch.manual_seed(config.seed)
    if resuming:  # the source of the weights may no longer exist
        towers = load_towers(folder)
    elif config.init:
        towers = inherit_towers(config, folder)
    else:
        towers = create_towers(
            config.model,
            config.pretrained,
            folder,
            embed_dim=config.embed_dim,
            image_size=config.image_size,
            untrained=untrained,
            report=report,
        )
    try:
        model = DALIP(towers.clip, method_of(config))
    except ValueError as error:
        raise TrainingError("model-refused", source=config.model, cause=error) from error
    if config.init and not resuming:
        load_weights(model, Path(config.init))
    if config.init and towers.fresh == ("",):
        towers = replace(towers, fresh=())
    for module in towers.clip.modules():
        if isinstance(module, nn.Dropout):  # it would differ between micro-batches
            module.p = 0.0
    _try_sizes(config, model)
    freeze(model, config.freeze)
    still = not any(p.requires_grad for p in model.image_tower.body)
    if config.cache_views and (config.stream or not still):
        raise TrainingError("setting-cache-views", value=config.cache_views)
    if config.classifier and still:
        raise TrainingError("setting-classifier-frozen", value=repr(config.classifier))
    if config.checkpoint_gradients:
        try:
            model.clip.set_grad_checkpointing()
        except Exception as error:  # towers without gradient checkpointing raise all kinds of errors
            raise TrainingError(
                "model-without-gradient-checkpoints", source=config.model, cause=first_line(error)
            ) from error
    return model, towers


@torch.no_grad()
def _try_sizes(config: TrainConfig, model: DALIP) -> None:
    for size in sorted({size for _, size in config.train_sizes}):
        try:
            model.eval().image_tower.features(torch.zeros(1, 3, size, size))
        except Exception as error:  # towers with a fixed input size raise all kinds of errors
            raise TrainingError(
                "setting-train-size", model=config.model, size=size, cause=first_line(error)
            ) from error


def _accelerator(config: TrainConfig) -> Accelerator:
    AcceleratorState._reset_state()  # an earlier run in this Python process may have used another precision
    handlers = [InitProcessGroupKwargs(timeout=_PATIENCE)]
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if here > gpus > 0 and not parse_flag_from_env("ACCELERATE_USE_CPU"):
        raise TrainingError("processes-exceed-gpus", processes=here, gpus=gpus)
    try:
        # Without a GPU, accelerate treats several processes as independent unless told that they are on the CPU.
        cpu = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not gpus
        accelerator = Accelerator(mixed_precision=config.precision, cpu=cpu, kwargs_handlers=handlers)
    except ValueError as error:
        raise TrainingError("precision-unusable", precision=config.precision, cause=error) from error
    # accelerate would compute in fp32 without a warning.
    if config.precision != "no" and not accelerator.native_amp:
        raise TrainingError("precision-needs-gpu", precision=config.precision)
    share, left = divmod(config.batch_size, accelerator.num_processes)
    if left:
        raise TrainingError(
            "setting-batch-size", value=config.batch_size, processes=accelerator.num_processes
        )
    if config.accumulate > share:
        raise TrainingError("setting-accumulate", value=config.accumulate, most=share)
    return accelerator
