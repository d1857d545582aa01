"""Look up the configuration of a model by its name, before its weights are loaded."""

import json
from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import open_clip
from open_clip.factory import parse_model_name
from open_clip.pretrained import download_pretrained_from_hf
from open_clip.transform import PreprocessCfg, merge_preprocess_dict

from dalip.encoder.manifest import ImageSettings
from dalip.encoder.published import close_aliases
from dalip.errors import TrainingError

__all__ = ["CONFIG_FILE", "OURS", "Config", "image_settings", "look_up"]

Config = dict[str, Any]

OURS = ("lite0-minilm", "lite2-minilm", "tiny")
"""Model names defined by DALIP; all others are open_clip's."""

CONFIG_FILE = "open_clip_config.json"
_WEIGHTS = (".safetensors", ".bin", ".pth")  # what open_clip looks for in a folder

_TINY: Config = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "patch_size": 8, "width": 128, "layers": 4, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 4},
}
"""Two small transformers, to train from scratch in minutes on a laptop for a trial."""


class Source(NamedTuple):
    """What is known about a model before its weights are loaded."""

    config: Config
    preprocess: dict[str, Any]
    weights: bool


def look_up(model: str, pretrained: str | None) -> Source:
    """Look up a model; at most its configuration is downloaded.

    Args:
        model: `tiny`, an open_clip architecture, `hf-hub:ORG/REPO` or `local-dir:PATH`.
        pretrained: A tag or a checkpoint file; only for an architecture.

    Returns:
        Configuration of the model and its preprocessing, and whether there are weights to load.

    Raises:
        TrainingError: There is no such model or tag, or the weights were trained with another activation.
        Exception: Any error of open_clip and the hub if the configuration cannot be read.
    """
    if model == "tiny":
        return Source(deepcopy(_TINY), {}, False)
    schema, name = parse_model_name(model)
    if schema == "hf-hub":
        path, weights = Path(download_pretrained_from_hf(name, filename=CONFIG_FILE)), True
    elif schema == "local-dir":
        path = Path(name) / CONFIG_FILE
        weights = any(file.suffix in _WEIGHTS for file in Path(name).iterdir())
    else:
        return _look_up_architecture(model, pretrained)
    content = json.loads(path.read_text(encoding="utf-8"))
    if "model_cfg" not in content:
        raise TrainingError("not-open-clip", file=path)
    return Source(content["model_cfg"], content.get("preprocess_cfg", {}), weights)


def _look_up_architecture(model: str, pretrained: str | None) -> Source:
    config = open_clip.get_model_config(model)
    if config is None:
        close = _close(model, [*OURS, *open_clip.list_models()])
        published = close_aliases(model)
        if published and (published[0] == model or not close):
            raise TrainingError("model-published", close=published[0])
        raise TrainingError("model-unknown", number=len(close), close=close, ours=OURS)
    if not pretrained:
        return Source(config, {}, False)
    tag = open_clip.get_pretrained_cfg(model, pretrained)
    if not tag and not Path(pretrained).is_file():
        tags = open_clip.list_pretrained_tags_by_model(model)
        if not tags:
            raise TrainingError("model-without-weights", tag=pretrained)
        close = _close(pretrained, tags)
        raise TrainingError("tag-unknown", tag=pretrained, number=len(close), close=close, tags=tags)
    activations = ["QuickGELU" if cfg.get("quick_gelu") else "GELU" for cfg in (tag, config)]
    if tag and activations[0] != activations[1]:
        twin = model.removesuffix("-quickgelu") if config.get("quick_gelu") else f"{model}-quickgelu"
        known = twin != model and twin in open_clip.list_models()
        facts = {"weights": pretrained, "activation": activations[0], "other": activations[1]}
        if known:
            raise TrainingError("activation-of-twin", **facts, twin=twin)
        raise TrainingError("activation-differs", **facts)
    return Source(config, tag, True)


def _close(name: str, names: list[str]) -> list[str]:
    """Return the names that may have been meant; empty if none is similar."""
    lower = {known.lower(): known for known in names}
    return [lower[match] for match in get_close_matches(name.lower(), lower, cutoff=0.5)]


def image_settings(preprocess: Mapping[str, Any]) -> ImageSettings:
    """Convert open_clip's preprocessing, which has options that ours does not support.

    Raises:
        TrainingError: The preprocessing is not supported.
    """
    found = merge_preprocess_dict(PreprocessCfg(), preprocess)
    size = found["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise TrainingError("image-not-square", height=height, width=width)
    for field in ("resize_mode", "interpolation"):
        known = get_args(get_type_hints(ImageSettings)[field])
        if found[field] not in known:
            raise TrainingError("preparation-unsupported", field=field, value=str(found[field]), known=known)
    return ImageSettings(
        height, tuple(found["mean"]), tuple(found["std"]), found["resize_mode"], found["interpolation"]
    )
