"""`TrainConfig`, the configuration of a training run, saved as JSON in the run's folder; does not import torch."""

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.inspect import (
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    StrType,
    UnionType,
    VarTupleType,
    type_info,
)

from dalip.errors import TrainingError
from dalip.files import atomic_write

__all__ = ["CARRIED_OUT", "Setting", "TrainConfig", "settings", "source_of"]

CARRIED_OUT = ("save_minutes", "workers", "cache")
"""Fields that do not change the outcome of a run, except for `workers` when streaming."""

Objective = Literal["dalip", "joint", "first-order", "second-order", "clip", "siglip"]
"""Same as in `dalip.model.loss`, which imports torch."""

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(gt=0)]
Amount = Annotated[float, Meta(ge=0)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Part = Annotated[float, Meta(ge=0, lt=1)]


def described(text: str) -> Meta:
    """Describe a field, for `dalip train --help`, `dalip train --settings` and readers of this module."""
    return Meta(description=text)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that determines the outcome of a run, apart from the machine it runs on.

    Raises:
        TrainingError: A value is invalid; the error names the field and the values it accepts.
    """

    data: Annotated[
        tuple[str, ...],
        Meta(min_length=1),
        described(
            "Training photos with names or captions: .tar shards, a folder of shards, a table (CSV or TSV) or the "
            "folder that contains it, or a folder with one sub-folder per taxon. @0.5 draws each photo every other "
            "epoch, @2 twice per epoch. Only the training split (`train`) is trained on."
        ),
    ]
    taxa: Annotated[
        str | None,
        described("List of taxa, whose names and ranks replace those that come with the photos."),
    ] = None
    descriptions: Annotated[
        str | None,
        described(
            "JSON Lines file (optionally .gz) with `scientificName` and `description`: additional text to train on, "
            "one sentence at a time."
        ),
    ] = None
    stream: Annotated[
        bool,
        described(
            "Read shards sequentially instead of by random access, for data that is too large to index. Shards may be "
            "on the network (anything that the webdataset library can open). Requires `steps`."
        ),
    ] = False
    shuffle: Annotated[Positive, described("Size of the shuffle buffer of a stream, in photos.")] = 2000
    validate: Annotated[
        tuple[str, ...],
        described(
            "Photos whose validation split a streaming run is evaluated on; other runs use that of `data`."
        ),
    ] = ()

    model: Annotated[
        str,
        described(
            "Image and text towers to start from: `lite0-minilm`, `lite2-minilm`, `tiny`, or any open_clip model, "
            "including `hf-hub:NAME` and `local-dir:FOLDER`."
        ),
    ] = "lite0-minilm"
    pretrained: Annotated[
        str | None,
        described(
            "Pretrained weights: an open_clip tag or a weights file; by default those that come with the model, if any."
        ),
    ] = None
    init: Annotated[
        str | None,
        described(
            "Start from the weights of an exported encoder (`builtin` for the built-in one), a finished run, or the "
            "authors' checkpoint, which also determine the model and its sizes."
        ),
    ] = None
    freeze: Annotated[
        tuple[str, ...],
        described(
            "Parameters to freeze: `image` or `text` for a tower without its projection, or a prefix of parameter "
            "names."
        ),
    ] = ()
    cache_views: Annotated[
        Count,
        described(
            "Number of augmented views per photo to cache as features of a frozen image tower, which then does not run "
            "in training steps. 0 runs the tower at every step."
        ),
    ] = 0
    cache: Annotated[
        str | None,
        described(
            "Folder for the cached features of frozen towers, which several runs can share; by default in the "
            "run's folder."
        ),
    ] = None

    objective: Annotated[
        Objective,
        described(
            "Training loss. `dalip`: both orders, each with a separate loss. `joint`: one loss on their weighted "
            "similarity. `first-order`, `second-order`: only that order. `clip`, `siglip`: the first order with the "
            "published loss, in which other photos of the same taxon are negatives."
        ),
    ] = "dalip"
    first_order: Annotated[
        Share, described("Weight l1 of the first order in the objectives `dalip` and `joint`.")
    ] = 0.5
    genus_weight: Annotated[
        Share,
        described(
            "Target weight of a photo and a text of different taxa of the same genus; those of the same taxon have "
            "weight 1, and the weights of each photo and text are scaled to sum 1. No effect on `clip` and `siglip`."
        ),
    ] = 0.0
    family_weight: Annotated[
        Share,
        described(
            "Target weight of a photo and a text of different genera of the same family, as `genus_weight`."
        ),
    ] = 0.0
    classifier: Annotated[
        Amount,
        described(
            "Weight of the loss of cosine classifiers of taxa, genera, families and orders, beside the loss of the "
            "pairs; 0 trains none. They see the features with which floras compare the appearance of photos, and are "
            "not part of the exported encoder. Not available for streams."
        ),
    ] = 0.0
    embed_dim: Annotated[
        Positive | None, described("Width D of the joint space, if the model does not fix it.")
    ] = None
    num_heads: Annotated[Positive, described("Number of MBDC heads h.")] = 4
    reduced_dim: Annotated[Positive, described("Channels r of each MBDC head.")] = 24
    dropout: Annotated[
        Part,
        described(
            "Dropout of image channels and of text tokens before the Gram matrix; the authors' release uses 0.5."
        ),
    ] = 0.0
    norm: Annotated[
        Literal["batch", "layer"],
        described(
            "Normalisation of the image channels after reduction: `layer`, whose result does not depend on how a batch "
            "is divided and which was no worse in our measurements, or the paper's `batch`."
        ),
    ] = "layer"
    count_padding: Annotated[
        bool, described("Whether text padding counts as tokens, as in the authors' release.")
    ] = False
    folded: Annotated[
        bool,
        described(
            "Whether MBDC ends in one linear map instead of the paper's two consecutive ones, which are no more "
            "expressive. Exported encoders have one, and so do runs that start from them."
        ),
    ] = False

    epochs: Annotated[Rate, described("Passes over the training photos.")] = 20.0
    steps: Annotated[Positive | None, described("Number of steps, instead of `epochs`.")] = None
    batch_size: Annotated[
        int,
        Meta(ge=2),
        described("Photo-text pairs per step, over all processes; each is compared with all others."),
    ] = 96
    accumulate: Annotated[
        Positive,
        described(
            "Micro-batches (gradient accumulation) into which each process divides its share of a batch, to save "
            "memory. Each pair is still compared with the whole batch, and a step takes about a third longer (Gao et "
            "al., 2021)."
        ),
    ] = 1
    checkpoint_gradients: Annotated[
        bool,
        described(
            "Whether the towers use gradient checkpointing: activations are recomputed instead of kept, which saves "
            "memory but is slower."
        ),
    ] = False
    balance: Annotated[
        Share,
        described(
            "Oversample taxa with few photos, in proportion to (number of photos) ** -balance; 1 draws all taxa "
            "equally often. Not available for streams."
        ),
    ] = 0.0
    description_share: Annotated[
        Share,
        described(
            "Share of draws that pair a photo with a sentence from its taxon's description instead of a name."
        ),
    ] = 0.25

    image_size: Annotated[
        Positive | None,
        described(
            "Input size of the encoder, in pixels per side; by default the size that the model's weights are for."
        ),
    ] = None
    train_sizes: Annotated[
        tuple[tuple[float, Positive], ...],
        described(
            "Input sizes during training, in pixels per side, as pairs [until this fraction of the run, size]; by "
            "default the size of the encoder. Smaller sizes first make training faster."
        ),
    ] = ()
    crop_scale: Annotated[
        float, Meta(gt=0, le=1), described("Minimum fraction of the photo's area in a training crop.")
    ] = 0.25
    low_resolution: Annotated[
        Share,
        described(
            "Probability that a training photo is first reduced to a random size: a short side between 96 pixels and "
            "its own."
        ),
    ] = 0.0
    augment: Annotated[
        Literal["none", "colour", "trivial"],
        described(
            "Further augmentation of a training crop: `none`; `colour`, mild colour jitter; or `trivial`, one random "
            'operation of random strength (Müller and Hutter, "TrivialAugment", 2021).'
        ),
    ] = "colour"
    erasing: Annotated[
        Share,
        described(
            "Probability that a random rectangle of a training crop is erased (Zhong et al., "
            '"Random erasing data augmentation", 2020).'
        ),
    ] = 0.0
    mirror: Annotated[
        bool,
        described(
            "Whether the exported encoder averages the embeddings of each photo and its mirror image: more stable, "
            "but takes twice as long."
        ),
    ] = False

    tower_lr: Annotated[Amount, described("Peak learning rate of pretrained weights.")] = 3e-4
    head_lr: Annotated[
        Amount,
        described(
            "Peak learning rate of new weights: MBDC, and projections and towers without pretrained weights."
        ),
    ] = 1e-3
    classifier_lr: Annotated[Amount, described("Peak learning rate of the classifiers.")] = 3e-3
    weight_decay: Annotated[Amount, described("Weight decay of AdamW, on matrices only.")] = 0.05
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        described("Learning rate schedule after warm-up: `cosine` or `linear` decay, or `constant`."),
    ] = "cosine"
    warmup: Annotated[Part, described("Fraction of the run used for learning rate warm-up.")] = 0.05
    grad_clip: Annotated[Rate, described("Maximum norm of the gradient, for clipping.")] = 1.0
    ema_decay: Annotated[
        Part,
        described(
            "Decay per step of the EMA weights, which are the weights evaluated and exported; 0 disables EMA."
        ),
    ] = 0.995
    precision: Annotated[
        Literal["no", "bf16", "fp16"],
        described(
            "Mixed precision of the towers, on a GPU: `no`, `bf16` or `fp16`. Gram matrices and distances always stay "
            "in fp32."
        ),
    ] = "no"

    seed: Annotated[
        Count,
        described(
            "Random seed for the initial heads, the order of the photos, the crops and the choice of text."
        ),
    ] = 0
    workers: Annotated[
        Count,
        described("Data loading processes; does not change the outcome unless the data is streamed."),
    ] = 2
    save_minutes: Annotated[
        Amount, described("Minutes between checkpoints; does not change the outcome.")
    ] = 3.0
    evaluate_every: Annotated[
        Amount,
        described(
            "Epochs between evaluations on the validation split; 0 disables them. An epoch of a stream has "
            "`steps / epochs` steps."
        ),
    ] = 2.0
    weights: Annotated[
        Literal["fp32", "int8"],
        described(
            "Format in which the exported encoder stores its weights: `fp32`, or `int8` at a quarter of the size; does "
            "not change the trained model."
        ),
    ] = "fp32"
    terms: Annotated[str, described("Terms of use of the weights, for the exported encoder's manifest.")] = ""

    def __post_init__(self) -> None:
        """Validate the values, and convert the lists and integers of JSON to tuples and floats."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise _wrong(field.name, value, field.type)
            try:
                checked = msgspec.convert(value, field.type)
            except msgspec.ValidationError:
                raise _wrong(field.name, value, field.type) from None
            object.__setattr__(self, field.name, checked)
        self._check_together()

    def _check_together(self) -> None:
        """Reject fields that contradict each other."""
        sizes, width = self.train_sizes, self.embed_dim
        if self.accumulate > self.batch_size:
            raise TrainingError("setting-accumulate", value=self.accumulate, most=self.batch_size)
        if self.stream and self.steps is None:
            raise TrainingError("setting-stream-without-steps")
        if self.stream and self.balance:
            raise TrainingError("setting-balance-of-stream", value=repr(self.balance))
        if self.stream and self.classifier:
            raise TrainingError("setting-classifier-of-stream", value=repr(self.classifier))
        if self.validate and not self.stream:
            raise TrainingError("setting-validate-without-stream", value=self.validate)
        if width is not None and width % self.num_heads:
            raise TrainingError("setting-heads", value=self.num_heads, width=width)
        if sizes and sizes[-1][0] < 1:
            raise TrainingError("setting-sizes-end", value=repr(sizes))

    @property
    def second_order(self) -> bool:
        """Whether the objective uses the second order; otherwise the model has no MBDC heads."""
        return self.objective in ("dalip", "joint", "second-order")

    def size_at(self, progress: float, size: int) -> int:
        """Return the crop size in pixels per side at this fraction of the run, in [0, 1); `size` if none is set."""
        return next((s for until, s in self.train_sizes if progress < until or until >= 1), size)

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, atomically."""
        with atomic_write(path) as part:
            # ASCII only: JSON has no other way to write paths that are not valid UTF-8.
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read a configuration that `save` wrote.

        Raises:
            TrainingError: The file is missing or is not JSON, or contains an unknown field or an invalid value.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError("config-not-read", source=path, cause=error) from error
        if not isinstance(values, dict) or "data" not in values:
            raise TrainingError("not-a-config", source=path)
        if unknown := [name for name in values if name not in {field.name for field in fields(cls)}]:
            raise TrainingError("config-of-newer-version", source=path, fields=unknown)
        try:
            return cls(**values)
        except TrainingError as error:
            raise error.about(path) from None

    def differing(self, other: "TrainConfig") -> list[str]:
        """Return the names of the fields that differ, except for those that do not affect the trained weights."""
        free = {*CARRIED_OUT, "weights", "terms"} - ({"workers"} if self.stream else set())
        names = [field.name for field in fields(self) if field.name not in free]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def with_values(self, **values: Any) -> "TrainConfig":
        """Copy the configuration with some values changed."""
        return replace(self, **values)


class Setting(NamedTuple):
    """A field of `TrainConfig`, as commands describe it."""

    name: str
    kind: Any
    """Its type, without constraints."""
    default: Any
    """`None` if there is none."""
    about: str


def settings() -> Iterator[Setting]:
    """Yield the fields of `TrainConfig`, in order."""
    plain, annotated = get_type_hints(TrainConfig), get_type_hints(TrainConfig, include_extras=True)
    for field in fields(TrainConfig):
        default = None if field.default is MISSING else field.default
        description = annotated[field.name].__metadata__[-1].description
        yield Setting(field.name, plain[field.name], default, description)


def _wrong(name: str, value: object, annotation: Any) -> TrainingError:
    """Return the error for an invalid value, with the values that the annotation accepts."""
    found: Any = type_info(annotation)
    while isinstance(found, Metadata | UnionType):
        found = found.type if isinstance(found, Metadata) else found.types[0]  # the other one is None
    facts: dict[str, Any] = {"field": name, "value": repr(value)}
    if isinstance(found, LiteralType):
        return TrainingError("setting-choice", **facts, choices=found.values)
    if isinstance(found, IntType | FloatType):
        signs = {"≥": found.ge, ">": found.gt, "≤": found.le, "<": found.lt}
        bounds = [f"{sign} {bound}" for sign, bound in signs.items() if bound is not None]
        number = "whole" if isinstance(found, IntType) else "finite"
        return TrainingError("setting-number", **facts, number=number, bounds=bounds)
    if isinstance(found, VarTupleType):
        of = "texts" if isinstance(found.item_type, StrType) else "pairs"
        return TrainingError("setting-list", **facts, of=of)
    return TrainingError("setting-type", **facts, wanted="text" if isinstance(found, StrType) else "switch")


def source_of(text: str) -> tuple[str, float]:
    """Read an entry of `data`: a path, or `PATH@WEIGHT`.

    Raises:
        TrainingError: The weight is not a number above 0.
    """
    path, at, weight = text.rpartition("@")
    if not at or "/" in weight:
        return text, 1.0
    with contextlib.suppress(OSError):  # a URL or a command may be too long for a path
        if Path(text).exists():
            return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise TrainingError("source-weight", source=text)
    return path, value
