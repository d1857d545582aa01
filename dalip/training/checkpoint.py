"""Save and load the checkpoints of a training run; writes are atomic."""

import contextlib
import pickle
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from dalip.errors import TrainingError, first_line
from dalip.files import atomic_write
from dalip.training.config import TrainConfig

__all__ = ["fitting", "load_checkpoint", "refuse_other", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically: a run killed at any time keeps either the old one or the new one.

    Args:
        path: The file to replace.
        state: Its content: tensors, numbers, strings, lists and dictionaries.

    Raises:
        TrainingError: The disk is full or the folder cannot be written.
    """
    try:
        with atomic_write(path, durable=True) as part, part.open("wb") as file:
            torch.save(state, file)
    except torch.OutOfMemoryError:  # GPU memory; also a RuntimeError
        raise
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        free = shutil.disk_usage(path.parent).free // 2**20  # torch drops the system's message
        raise TrainingError(
            "checkpoint-not-written", source=path, cause=first_line(error), free=free
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without executing code from it.

    Raises:
        TrainingError: The file is missing or not a checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError("checkpoint-missing", source=path) from None
    except pickle.UnpicklingError:
        raise TrainingError("checkpoint-unsafe", source=path) from None
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise TrainingError("checkpoint-damaged", source=path, cause=first_line(error)) from error
    return state


def refuse_other(path: Path, state: Mapping[str, Any], config: TrainConfig, data: str) -> None:
    """Reject a checkpoint that belongs to another run.

    Args:
        path: Path of the checkpoint.
        state: Content of the checkpoint.
        config: Configuration of the run that would resume from it.
        data: Fingerprint of that run's photos and texts.

    Raises:
        TrainingError: The checkpoint has another configuration or other data.
    """
    if different := TrainConfig(**state["config"]).differing(config):
        raise TrainingError("checkpoint-of-other-settings", source=path, fields=different)
    if state["data"] != data:
        raise TrainingError("checkpoint-of-other-data", source=path)


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Convert the errors that torch raises if a checkpoint does not fit the model to a one-line error.

    Raises:
        TrainingError: A part is missing, or names or shapes differ.
    """
    try:
        yield
    except torch.OutOfMemoryError:  # GPU memory; also a RuntimeError
        raise
    except KeyError as error:
        raise TrainingError("checkpoint-lacks-part", source=path, part=error) from error
    except (RuntimeError, TypeError, ValueError) as error:
        # The first line of torch's message says that there are errors; the other lines list them.
        lines = str(error).splitlines()
        why = lines[1].strip() if len(lines) > 1 else first_line(error)
        raise TrainingError("checkpoint-misfit", source=path, cause=f"{why:.200}") from error
