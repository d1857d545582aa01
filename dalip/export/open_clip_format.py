"""Write a first-order encoder in open_clip's format for hubs, so that other programs can load it."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file

from dalip.errors import DataError, ExportError
from dalip.files import from_json, to_json
from dalip.model import DALIP
from dalip.prompt_templates import check_templates
from dalip.training.towers.create import load_towers
from dalip.training.towers.find_model import CONFIG_FILE
from dalip.training.towers.from_bundle import bundle_state, check_rebuilt, origin_of, write_bundle_towers

__all__ = ["read_besides", "write_open_clip"]

_BESIDES = "dalip.json"


@dataclass(frozen=True)
class _Besides:
    """The fields of a manifest that open_clip's format lacks; in a repository, `dalip.json` contains them."""

    prompts: tuple[str, ...] = ()
    citation: str = ""
    trained_on: tuple[str, ...] = ()


def read_besides(folder: Path) -> _Besides:
    """Read what `write_open_clip` wrote besides a model; the fields are empty if another program wrote the model.

    Raises:
        ExportError: The file is damaged.
    """
    path = folder / _BESIDES
    if not path.exists():
        return _Besides()
    try:
        found = from_json(path.read_bytes(), _Besides)
        check_templates(found.prompts)
    except (OSError, ValueError, DataError) as error:
        raise ExportError("besides-damaged", source=path, cause=str(error)) from error
    return found


def write_open_clip(bundle: Path, out: Path, repository: str) -> None:
    """Rebuild the model of an encoder, check that it returns the same embeddings, and write open_clip's files.

    Args:
        bundle: An exported encoder with only the first order.
        out: An existing folder; gets `open_clip_config.json`, `open_clip_model.safetensors`, `tokenizer.json`,
            `dalip.json` and, for a text tower of transformers, `config.json`.
        repository: `ORG/REPO`, where open_clip will look for the tokenizer and configuration of such a text tower.

    Raises:
        ExportError: The encoder averages each photo with its mirror image or has a second order; open_clip has neither.
        TrainingError: The model cannot be rebuilt, or returns other embeddings.
        BundleError: The encoder is damaged.
    """
    manifest, origin = origin_of(bundle)
    if origin.method is not None or origin.mirror:
        raise ExportError("open-clip-cannot-express", source=bundle)
    with TemporaryDirectory(prefix="dalip-") as towers:
        write_bundle_towers(bundle, Path(towers))
        model = DALIP(load_towers(Path(towers)).clip, None)
        model.load_state_dict(bundle_state(bundle, model))
        check_rebuilt(model, bundle)
        description = json.loads((Path(towers) / CONFIG_FILE).read_text(encoding="utf-8"))
        text_config = Path(towers) / "text" / "config.json"
        config = description["model_cfg"]
        if text_config.exists():
            config["text_cfg"] |= {"hf_model_name": repository, "hf_tokenizer_name": repository}
            (out / "config.json").write_bytes(text_config.read_bytes())
    image = manifest.image
    config["vision_cfg"]["image_size"] = image.size
    preprocess = {
        "mean": image.mean,
        "std": image.std,
        "interpolation": image.interpolation.removesuffix("-float"),
        "resize_mode": image.resize_mode,
    }
    besides = _Besides(manifest.prompts, manifest.citation, manifest.trained_on)
    (out / _BESIDES).write_text(to_json(besides), encoding="utf-8")
    content = {"model_cfg": config, "preprocess_cfg": preprocess}
    (out / CONFIG_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (out / "tokenizer.json").write_bytes((bundle / "tokenizer.json").read_bytes())
    state: dict[str, torch.Tensor] = {
        name: value.clone().contiguous() for name, value in model.clip.state_dict().items()
    }
    save_file(state, out / "open_clip_model.safetensors", metadata={"format": "pt"})
