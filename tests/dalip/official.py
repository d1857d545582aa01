"""Checkpoints in the format of the authors' code: a full-size one with known features, and small ones."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.model import CLIP
from paths import GOLDEN

from dalip.model import DALIP, MethodConfig
from dalip.training.towers.official import to_official

State = dict[str, torch.Tensor]


def recipe(name: str, shape: list[int]) -> np.ndarray:
    """Return the parameter values for which the authors' features are known (see golden/README.md)."""
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        return 1e-4 * (1 + 0.1 * np.abs(x))
    if name.endswith("running_mean"):
        return 1e-3 * x
    if name == "logit_scale":
        return np.float32(np.log(1 / 0.07))
    if "embedding" in name:
        return 0.02 * x
    if len(shape) == 1:
        return 1 + 0.1 * x if name.endswith("weight") else 0.02 * x
    return x / np.sqrt(np.float32(np.prod(shape[1:])))


def full_state() -> State:
    """Return the checkpoint whose features are in golden/official_model_outputs.npz."""
    shapes = json.loads((GOLDEN / "official_checkpoint_keys.json").read_text())
    return {
        name: torch.zeros(shape, dtype=torch.int64)
        if kind == "int64"
        else torch.from_numpy(np.asarray(recipe(name, shape), dtype=np.float32))
        for name, (shape, kind) in shapes.items()
    }


def small_model(seed: int, **changes: Any) -> DALIP:
    """Make a small model with the authors' architecture and random weights."""
    torch.manual_seed(seed)
    vision = {"image_size": 48, "layers": 2, "width": 128, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 3}
    model = DALIP(CLIP(48, vision | changes, text), MethodConfig(3, 5, count_padding=True)).eval()
    for name, value in model.state_dict().items():
        if "reduction_norm.running" in name:
            value.uniform_(0.5, 2)
    return model


def small_state(model: DALIP) -> State:
    state = {to_official(name): value.clone() for name, value in model.state_dict().items()}
    state["visual.vbdc.conv_dr_block.0.weight"] = state["visual.vbdc.conv_dr_block.0.weight"][
        :, :, None, None
    ]
    return state


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path
