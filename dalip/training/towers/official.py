"""Load the checkpoint that the authors of the paper released.

The tensors of the towers have OpenAI's names, which open_clip also uses for its native CLIP; those of the MBDC heads
are renamed here. The authors' towers use plain GELU, and their heads count text padding as tokens.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD, SimpleTokenizer
from torch import Tensor

from dalip.encoder.manifest import ImageSettings
from dalip.errors import TrainingError
from dalip.model import MethodConfig
from dalip.training.checkpoint import load_checkpoint
from dalip.training.towers.create import Towers, describe_towers, load_towers
from dalip.training.towers.open_clip_tokenizer import save_tokenizer

__all__ = [
    "from_official",
    "method_of_official",
    "naming",
    "not_a_model",
    "official_state",
    "official_towers",
    "read_official",
    "to_official",
]

_RENAMED = {  # their name prefix to ours
    "visual.fc1.": "image_bdc.projection.",
    "visual.vbdc.conv_dr_block.0.": "image_bdc.reduction.",
    "visual.vbdc.conv_dr_block.1.": "image_bdc.reduction_norm.",
    "visual.vbdc.ln.": "image_bdc.triangle_norm.",
    "visual.vbdc.down.": "image_bdc.hidden.",
    "visual.fc2.": "image_bdc.output.",
    "fc1.": "text_bdc.projection.",
    "tbdc.conv_dr_block.0.": "text_bdc.reduction.",
    "tbdc.conv_dr_block.1.": "text_bdc.reduction_norm.",
    "tbdc.ln.": "text_bdc.triangle_norm.",
    "tbdc.down.": "text_bdc.hidden.",
    "fc2.": "text_bdc.output.",
}
_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # numbers in OpenAI's own files
_HEAD_WIDTH = 64  # of attention, in every CLIP with these names


def official_state(content: Any) -> dict[str, Tensor] | None:
    """Find the tensors of the authors' model in the content of a checkpoint file.

    Args:
        content: The tensors by name, or a dictionary with them as `state_dict`; names may start with `module.`, as
            training on several GPUs leaves them.

    Returns:
        The tensors by the authors' names, or `None` if it is not their model.
    """
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        return None
    tensors = {str(name).removeprefix("module."): value for name, value in state.items()}
    tensors = {name: value for name, value in tensors.items() if name not in _NOT_WEIGHTS}
    known = any(name.startswith(("visual.vbdc.", "tbdc.")) for name in tensors)
    return tensors if known and all(isinstance(value, Tensor) for value in tensors.values()) else None


def read_official(path: Path) -> dict[str, Tensor]:
    """Read the authors' checkpoint: tensors by the authors' names.

    Raises:
        TrainingError: The file is missing or damaged, or contains something else.
    """
    state = official_state(load_checkpoint(path))
    if state is None:
        raise not_a_model(path)
    return state


def not_a_model(path: Path) -> TrainingError:
    """Return the error for a file that contains neither a run's model nor the authors'."""
    return TrainingError("not-a-model", source=path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file name to errors about its content."""
    try:
        yield
    except TrainingError as error:
        raise error.about(path) from None


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the authors' tensors to those of a `DALIP` on a native CLIP; a 1x1 convolution becomes a matrix."""
    renamed = {_rename(name): value for name, value in state.items()}
    name = "image_bdc.reduction.weight"
    return renamed | ({name: renamed[name].flatten(1)} if name in renamed else {})


def _rename(name: str) -> str:
    for theirs, ours in _RENAMED.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return f"clip.{name}"


def to_official(name: str) -> str:
    """Return the authors' name of a `DALIP` tensor, for messages about their file."""
    for theirs, ours in _RENAMED.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name.removeprefix("clip.")


def method_of_official(state: Mapping[str, Tensor]) -> MethodConfig:
    """Infer the sizes of the heads from tensor shapes; all other settings are those the authors trained with.

    Raises:
        TrainingError: A tensor is missing or has an impossible shape; the caller adds the file name.
    """
    reduced_dim, head_width = _shape(state, "tbdc.conv_dr_block.0.weight", 2)
    _, embed_dim = _shape(state, "text_projection", 2)
    return MethodConfig(
        num_heads=max(1, embed_dim // head_width), reduced_dim=reduced_dim, dropout=0.5, count_padding=True
    )


def official_towers(state: Mapping[str, Tensor], folder: Path) -> Towers:
    """Build the towers of the authors' model, any square ViT and text transformer, with untrained weights.

    Args:
        state: The authors' tensors, whose shapes determine the sizes.
        folder: Where the description of the towers is written; created if it does not exist.

    Raises:
        TrainingError: A tensor is missing or has an impossible shape; the caller adds the file name.
    """
    width, _, _, patch_size = _shape(state, "visual.conv1.weight", 4)
    positions, _ = _shape(state, "visual.positional_embedding", 2)
    context_length, text_width = _shape(state, "positional_embedding", 2)
    vocab_size, _ = _shape(state, "token_embedding.weight", 2)
    tokenizer = SimpleTokenizer(context_length=context_length)
    if width % _HEAD_WIDTH or text_width % _HEAD_WIDTH or vocab_size != tokenizer.vocab_size:
        raise TrainingError(
            "official-widths",
            widths=(width, text_width),
            tokens=vocab_size,
            multiple=_HEAD_WIDTH,
            vocabulary=tokenizer.vocab_size,
        )
    image_size = round((positions - 1) ** 0.5) * patch_size
    config = {
        "embed_dim": _shape(state, "text_projection", 2)[1],
        "vision_cfg": {
            "image_size": image_size,
            "layers": _layers(state, "visual.transformer.resblocks."),
            "width": width,
            "patch_size": patch_size,
            "head_width": _HEAD_WIDTH,
        },
        "text_cfg": {
            "context_length": context_length,
            "vocab_size": vocab_size,
            "width": text_width,
            "heads": text_width // _HEAD_WIDTH,
            "layers": _layers(state, "transformer.resblocks."),
        },
    }
    image = ImageSettings(image_size, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    folder.mkdir(parents=True, exist_ok=True)
    describe_towers(folder, config, image, save_tokenizer(tokenizer, folder / "tokenizer.json"), ())
    return load_towers(folder)


def _shape(state: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    if name not in state:
        raise TrainingError("official-lacks-tensor", name=name)
    shape = tuple(state[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise TrainingError("official-shape", name=name, shape=" x ".join(map(str, shape)) or "1")
    return shape


def _layers(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})
