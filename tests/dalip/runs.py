"""Small training runs, shared by several tests."""

import os
import signal
import tempfile
import time
from pathlib import Path

from paths import ROOT
from warm import TRAINING, fork

from dalip.training import TrainConfig

TOY = f"local-dir:{ROOT / 'tests' / 'dalip' / 'toy'}"
"""An open_clip model without pretrained weights: two image layers, one text layer, and a tokenizer of letters.

Some of its matrices are just large enough to be stored in int8.
"""


def small_config(data: Path | str | tuple[str, ...], **changes: object) -> TrainConfig:
    small: dict[str, object] = {
        "data": data if isinstance(data, tuple) else (str(data),),
        "freeze": ("text",),
        "embed_dim": 32,
        "num_heads": 2,
        "reduced_dim": 6,
        "dropout": 0.1,
        "epochs": 2,
        "batch_size": 8,
        "image_size": 64,
        "workers": 0,
        "ema_decay": 0.8,
        "evaluate_every": 100,
        "save_minutes": 1000,  # with 0, each step is saved, which takes longer than the step
    }
    return TrainConfig(**(small | changes))  # type: ignore[arg-type]


def tiny_config(data: Path | str | tuple[str, ...], **changes: object) -> TrainConfig:
    """Return the settings of the fastest run: a dozen steps take a second."""
    return small_config(data, **({"model": TOY, "image_size": 32} | changes))


_SLOWLY = """
import sys, time
from pathlib import Path
from dalip.training import TrainConfig, trainer
from dalip.training.loop import train

step = trainer.Trainer.take_step
def slow(self, batch):
    print(self.step, flush=True)
    time.sleep(0.2)
    return step(self, batch)
trainer.Trainer.take_step = slow
run = Path(sys.argv[2])
train(TrainConfig.load(Path(sys.argv[1])), run, report=lambda line: print(line, file=sys.stderr, flush=True))
"""


def stop_at(
    step: int, how: signal.Signals, config: TrainConfig, run: Path, *, late: float = 0.0
) -> tuple[int, str]:
    """Train in a separate process and send it a signal during a step, or `late` seconds after that.

    Returns:
        The exit status, and the content of stderr.
    """
    saved = run.with_suffix(".json")
    config.save(saved)
    with tempfile.TemporaryFile("w+") as errors:
        arguments = [str(saved), str(run)]
        process = fork(_SLOWLY, arguments, os.environ, modules=TRAINING, stderr=errors)
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= step:
                time.sleep(late)
                process.send_signal(how)
                break
        process.stdout.read()
        status = process.wait()
        errors.seek(0)
        return status, errors.read()
