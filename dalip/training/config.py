"""What a training run is: one frozen dataclass, saved as JSON beside the run. It loads no torch."""

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
"""Fields that say how a run is carried out; its outcome does not depend on them, except for the workers of a stream."""

Objective = Literal["dalip", "joint", "first-order", "second-order", "clip", "siglip"]
"""Those of `dalip.model.loss`, which needs torch."""

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(gt=0)]
Amount = Annotated[float, Meta(ge=0)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Part = Annotated[float, Meta(ge=0, lt=1)]


def described(text: str) -> Meta:
    """Give a field its one description: for `dalip train --help`, `dalip train --settings` and the reader of this."""
    return Meta(description=text)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a run, apart from the machine it runs on.

    Raises:
        TrainingError: A value cannot be trained with; names the field and what it must be.
    """

    data: Annotated[
        tuple[str, ...],
        Meta(min_length=1),
        described(
            "Photos to learn from, with names or captions: .tar shards, a folder of shards, a table (CSV, TSV) or its "
            "folder, or a folder with one sub-folder a taxon. With @0.5 each photo is drawn every other epoch, with "
            "@2 twice an epoch. Records of the split `train` are learned from."
        ),
    ]
    taxa: Annotated[
        str | None, described("A CSV or TSV file whose names and ranks of taxa complete those of the photos.")
    ] = None
    descriptions: Annotated[
        str | None,
        described(
            "JSON lines (optionally .gz) with `scientificName` and `description`: further texts to learn from, one "
            "sentence at a time."
        ),
    ] = None
    stream: Annotated[
        bool,
        described(
            "Read shards from front to back instead of at random: for more data than a machine should index, also "
            "from the network (whatever the library webdataset opens). Needs `steps`."
        ),
    ] = False
    shuffle: Annotated[Positive, described("Photos that a stream holds back and mixes.")] = 2000
    validate: Annotated[
        tuple[str, ...],
        described(
            "What a streaming run is evaluated on; other runs use the validation split of their own data."
        ),
    ] = ()

    model: Annotated[
        str,
        described(
            "Towers to start from: `lite0-minilm`, `lite2-minilm`, `tiny`, or any model that open_clip knows, "
            "`hf-hub:NAME` and `local-dir:FOLDER` included."
        ),
    ] = "lite0-minilm"
    pretrained: Annotated[
        str | None,
        described(
            "open_clip's tag of the weights, or a file of weights; without it, those that belong to the model, if any."
        ),
    ] = None
    init: Annotated[
        str | None,
        described(
            "Start from the weights of an exported encoder (`builtin` is the built-in one), of a finished run, or of "
            "the authors' checkpoint; model and sizes are theirs."
        ),
    ] = None
    freeze: Annotated[
        tuple[str, ...],
        described(
            "What does not learn: `image` or `text`, a tower without its projection; or the beginning of parameter "
            "names."
        ),
    ] = ()
    cache_views: Annotated[
        Count,
        described(
            "With a frozen image tower: so many augmented views of each photo go through it once, and training reads "
            "the features. 0 runs the tower at every step."
        ),
    ] = 0
    cache: Annotated[
        str | None,
        described(
            "Where the features of frozen towers are kept, for several runs to share; by default in the run."
        ),
    ] = None

    objective: Annotated[
        Objective,
        described(
            "What is minimised. `dalip`: both orders, each compared on its own. `joint`: their weighted similarity. "
            "`first-order`, `second-order`: one alone. `clip`, `siglip`: the first order as published, where photos "
            "of one taxon are told apart too."
        ),
    ] = "dalip"
    first_order: Annotated[
        Share, described("Weight l1 of the first order in the objectives `dalip` and `joint`.")
    ] = 0.5
    embed_dim: Annotated[
        Positive | None, described("Width D of the joint space, where the model leaves it open.")
    ] = None
    num_heads: Annotated[Positive, described("Heads h of MBDC.")] = 4
    reduced_dim: Annotated[Positive, described("Channels r of each head.")] = 24
    dropout: Annotated[
        Part,
        described(
            "Part of the image channels, or of the text tokens, left out before the Gram matrix in training; the "
            "authors' release has 0.5."
        ),
    ] = 0.0
    norm: Annotated[
        Literal["batch", "layer"],
        described(
            "What normalises the image channels after reduction: `layer`, which gives the same result however a batch "
            "is divided, and was no worse where we measured it; or the paper's `batch`."
        ),
    ] = "layer"
    count_padding: Annotated[
        bool, described("Whether the padding of a text counts as tokens, as in the authors' release.")
    ] = False
    folded: Annotated[
        bool,
        described(
            "Whether MBDC ends in one linear map instead of the paper's two in a row, which can express no more: an "
            "exported encoder has one, and so does a run that starts from it."
        ),
    ] = False

    epochs: Annotated[Rate, described("Passes over the photos.")] = 20.0
    steps: Annotated[Positive | None, described("Steps of the run, instead of epochs.")] = None
    batch_size: Annotated[
        int, Meta(ge=2), described("Pairs per step, over all processes; each is compared with all others.")
    ] = 96
    accumulate: Annotated[
        Positive,
        described(
            "Micro-batches in which each process embeds its share of a batch, to need less memory. The comparison "
            "stays whole, and a step takes about a third longer (Gao et al., 2021)."
        ),
    ] = 1
    checkpoint_gradients: Annotated[
        bool,
        described(
            "Whether the towers compute activations twice instead of keeping them: less memory, slower."
        ),
    ] = False
    balance: Annotated[
        Share,
        described(
            "Draw taxa with few photos more often, by (number of photos) ** -balance; at 1 all taxa are drawn equally "
            "often. Not for a stream."
        ),
    ] = 0.0
    description_share: Annotated[
        Share,
        described(
            "How often a photo is paired with a sentence of its taxon's description instead of its names."
        ),
    ] = 0.25

    image_size: Annotated[
        Positive | None,
        described(
            "Side in pixels at which the encoder will be used; by default what the model's weights were made for."
        ),
    ] = None
    train_sizes: Annotated[
        tuple[tuple[float, Positive], ...],
        described(
            "Side in pixels in training, if another: [until this part of the run, size], smaller first to go faster."
        ),
    ] = ()
    crop_scale: Annotated[
        float, Meta(gt=0, le=1), described("Least part of the photo's area that a training crop keeps.")
    ] = 0.25
    augment: Annotated[
        Literal["none", "colour", "trivial"],
        described(
            "What else is done to a crop: `none`; `colour`, its colours jittered a little; or `trivial`, one random "
            'change of random strength (Müller and Hutter, "TrivialAugment", 2021).'
        ),
    ] = "colour"
    erasing: Annotated[
        Share,
        described(
            "How often a rectangle of a training crop is blanked (Zhong et al., "
            '"Random erasing data augmentation", 2020).'
        ),
    ] = 0.0
    mirror: Annotated[
        bool,
        described(
            "Whether the exported encoder averages each photo with its mirror image: steadier, at twice the time."
        ),
    ] = False

    tower_lr: Annotated[Amount, described("Peak learning rate of pretrained weights.")] = 3e-4
    head_lr: Annotated[
        Amount,
        described(
            "Peak learning rate of new weights: MBDC, and projections and towers without pretrained weights."
        ),
    ] = 1e-3
    weight_decay: Annotated[Amount, described("AdamW's, on matrices only.")] = 0.05
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        described(
            "How the learning rate falls after warm-up: `cosine`, `linear`, or `constant`, which does not."
        ),
    ] = "cosine"
    warmup: Annotated[Part, described("Part of the run in which the learning rate rises.")] = 0.05
    grad_clip: Annotated[Rate, described("Largest norm of the gradient.")] = 1.0
    ema_decay: Annotated[
        Part,
        described(
            "Decay per step of the EMA weights, which are what is evaluated and exported; 0 turns them off."
        ),
    ] = 0.995
    precision: Annotated[
        Literal["no", "bf16", "fp16"],
        described(
            "Mixed precision of the towers, for a GPU: `no`, `bf16` or `fp16`; Gram and distances always stay in fp32."
        ),
    ] = "no"

    seed: Annotated[Count, described("Decides initial heads, order of the photos, crops and texts.")] = 0
    workers: Annotated[
        Count,
        described("Processes that load photos; does not change the outcome, unless the data is streamed."),
    ] = 2
    save_minutes: Annotated[Amount, described("Time between checkpoints; does not change the outcome.")] = 3.0
    evaluate_every: Annotated[
        Amount,
        described(
            "Epochs between evaluations on the validation split, 0 for none; those of a stream are `steps / epochs` "
            "long."
        ),
    ] = 2.0
    weights: Annotated[
        Literal["fp32", "int8"],
        described(
            "How the exported encoder stores its weights: `fp32`, or `int8`, a quarter of the size; does not change "
            "the trained model."
        ),
    ] = "fp32"
    terms: Annotated[
        str, described("Terms under which the weights may be used, for the exported encoder's manifest.")
    ] = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, and turn the lists and whole numbers of JSON into tuples and floats."""
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
        """Refuse fields that contradict each other."""
        sizes, width = self.train_sizes, self.embed_dim
        if self.accumulate > self.batch_size:
            raise TrainingError("setting-accumulate", value=self.accumulate, most=self.batch_size)
        if self.stream and self.steps is None:
            raise TrainingError("setting-stream-without-steps")
        if self.stream and self.balance:
            raise TrainingError("setting-balance-of-stream", value=repr(self.balance))
        if self.validate and not self.stream:
            raise TrainingError("setting-validate-without-stream", value=self.validate)
        if width is not None and width % self.num_heads:
            raise TrainingError("setting-heads", value=self.num_heads, width=width)
        if sizes and sizes[-1][0] < 1:
            raise TrainingError("setting-sizes-end", value=repr(sizes))

    @property
    def second_order(self) -> bool:
        """Whether the model has a second order: the objective looks at it."""
        return self.objective in ("dalip", "joint", "second-order")

    def size_at(self, progress: float, size: int) -> int:
        """Give the pixels per side of crops after this part of the run, in [0, 1); `size` where none is set."""
        return next((s for until, s in self.train_sizes if progress < until or until >= 1), size)

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, whole or not at all."""
        with atomic_write(path) as part:
            # In ASCII: paths that are not valid UTF-8 have no other form in JSON.
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read a configuration that `save` wrote.

        Raises:
            TrainingError: The file is missing, not JSON, names an unknown field, or holds what cannot be trained.
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
        """Name the fields in which two configurations differ, except for those that change nothing in the weights."""
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
    """`None` where there is none."""
    about: str


def settings() -> Iterator[Setting]:
    """Give the fields of `TrainConfig`, in their order."""
    plain, annotated = get_type_hints(TrainConfig), get_type_hints(TrainConfig, include_extras=True)
    for field in fields(TrainConfig):
        default = None if field.default is MISSING else field.default
        description = annotated[field.name].__metadata__[-1].description
        yield Setting(field.name, plain[field.name], default, description)


def _wrong(name: str, value: object, annotation: Any) -> TrainingError:
    """Say what a field must be, from its annotation."""
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
    with contextlib.suppress(OSError):  # an address or a command may be too long for a path
        if Path(text).exists():
            return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise TrainingError("source-weight", source=text)
    return path, value
