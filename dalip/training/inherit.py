"""`dalip train --init`: start from the weights of another run, an exported encoder, or the authors' checkpoint."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dalip.encoder.bundle import is_bundle
from dalip.encoder.manifest import BUNDLE_FILES, MANIFEST
from dalip.errors import TrainingError
from dalip.training.config import TrainConfig
from dalip.training.towers.create import Towers, load_towers, resize_towers
from dalip.training.towers.from_bundle import bundle_settings, write_bundle_towers
from dalip.training.towers.load_model import find_run
from dalip.training.towers.official import method_of_official, naming, official_towers, read_official

__all__ = ["START", "inherit_towers", "keep_start", "settings_of"]

START = "start"
"""Folder in a run that contains the encoder it started from."""


def settings_of(source: Path) -> dict[str, Any]:
    """Return the configuration fields that are determined by the weights a run starts from.

    Args:
        source: A finished run, its `model.pt`, an exported encoder, or the authors' checkpoint.

    Raises:
        TrainingError: The source is missing or damaged, or was exported by an earlier version of DALIP.
    """
    if is_bundle(source):
        return bundle_settings(source)
    if run := find_run(source):
        config = TrainConfig.load(run / "config.json")
        return {name: getattr(config, name) for name in _OF_WEIGHTS}
    if source.is_dir():
        raise TrainingError("start-unknown", source=source, manifest=MANIFEST)
    state = read_official(source)
    with naming(source):
        method = method_of_official(state)
    return {"model": source.name, "pretrained": None, "embed_dim": None, "image_size": None, **asdict(method)}


_OF_WEIGHTS = (
    "model",
    "pretrained",
    "embed_dim",
    "num_heads",
    "reduced_dim",
    "norm",
    "count_padding",
    "folded",
    "objective",
    "image_size",
    "mirror",
    "weights",
    "terms",
)
_MAY_CHANGE = ("objective", "image_size", "dropout", "mirror", "weights", "terms")


def inherit_towers(config: TrainConfig, folder: Path) -> Towers:
    """Rebuild the towers that a run starts from, with untrained weights, and write their description to `folder`.

    Args:
        config: Its `init` is what the run starts from.
        folder: Created if it does not exist.

    Raises:
        TrainingError: The source is missing or damaged, or the configuration describes another model.
    """
    source = Path(config.init or "")
    for name, value in settings_of(source).items():
        if name not in _MAY_CHANGE and getattr(config, name) != value:
            raise TrainingError(
                "start-differs",
                source=source,
                field=name,
                value=repr(value),
                asked=repr(getattr(config, name)),
            )
    if is_bundle(source):
        write_bundle_towers(source, folder)
    elif run := find_run(source):
        load_towers(run / "towers")  # raises an error if they are damaged
        shutil.copytree(run / "towers", folder, dirs_exist_ok=True)
    else:
        state = read_official(source)
        with naming(source):
            official_towers(state, folder)
    if config.image_size:
        resize_towers(folder, config.image_size)
    return load_towers(folder)


def keep_start(config: TrainConfig, run: Path) -> None:
    """Copy the encoder that a run starts from, if any, into the run, and remove an earlier copy.

    The finished run is compared with it, and `export_run` takes over its list of sources and, where it still fits, its
    whitening.

    Raises:
        OSError: The encoder cannot be copied.
    """
    kept = run / START
    shutil.rmtree(kept, ignore_errors=True)
    source = Path(config.init) if config.init else None
    if source and not is_bundle(source) and (inherited := find_run(source)):
        source = inherited / "encoder"
    if source and is_bundle(source):
        kept.mkdir()
        for name in (*BUNDLE_FILES, MANIFEST):
            shutil.copyfile(source / name, kept / name)
