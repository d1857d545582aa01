"""What a training run is: one frozen dataclass, saved as JSON beside the run."""

import contextlib
import json
from dataclasses import asdict, dataclass, fields, replace
from math import inf, isfinite
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dalip.errors import TrainingError
from dalip.model import Objective
from dalip.training.files import replacing

__all__ = ["TrainConfig", "source_of", "to_tuples"]


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a run, apart from the machine it runs on."""

    data: tuple[str, ...]
    """Shards or folders of photos with names or captions; records of the split `train` are learned from. `PATH@WEIGHT`
    draws each photo WEIGHT times an epoch instead of once."""
    taxa: str | None = None
    """A taxa file (CSV or TSV) whose names and ranks complete those of the photos."""
    descriptions: str | None = None
    """JSON lines (optionally .gz) with `scientificName` and `description`: further texts, a sentence at a time."""
    stream: bool = False
    """Read shards from front to back instead of at random: for more data than a machine should index, also from the
    network (whatever the library webdataset opens). Needs `steps`."""
    shuffle: int = 2000
    """Photos that a stream holds back and mixes."""
    validate: tuple[str, ...] = ()
    """What a streaming run is evaluated on; other runs use their own data's split `selection`."""

    model: str = "lite0-minilm"
    """Towers to start from: `lite0-minilm`, `lite2-minilm`, `tiny`, or any model that open_clip knows, `hf-hub:NAME`
    and `local-dir:FOLDER` included; see `dalip.training.towers`."""
    pretrained: str | None = None
    """open_clip's name of the weights, or a file of weights; without it, those that belong to the model, if any."""
    init: str | None = None
    """A finished run or the authors' checkpoint, of the same sizes, whose weights to start from."""
    freeze: tuple[str, ...] = ()
    """What stays as it is: `image` and `text`, the towers without their projections; or beginnings of the names of
    parameters."""
    cache_views: int = 0
    """With a frozen image tower: so many augmented views of each photo go through it once, and training reads what it
    gave. 0 runs the tower at every step."""
    cache: str | None = None
    """Where the features of frozen towers are kept, for several runs to share; by default in the run."""

    objective: Objective = "dalip"
    """What is minimised: `dalip`, `joint`, `second-order`; or `first-order`, `clip`, `siglip`, which make a model of
    the first order alone. See `dalip.model.loss.DalipLoss`."""
    first_order: float = 0.5
    """Weight l1 of the first order in the objectives `dalip` and `joint`."""
    embed_dim: int | None = None
    """Width D of the joint space, where the model leaves it open."""
    num_heads: int = 4
    """Heads h of MBDC."""
    reduced_dim: int = 24
    """Channels r of each head."""
    dropout: float = 0.0
    """Part of the image channels, or of the text tokens, left out before the Gram matrix in training; the authors'
    release has 0.5."""
    norm: Literal["batch", "layer"] = "batch"
    """What normalises the image channels after reduction: `batch`, or `layer`, which gives the same result however a
    batch is divided."""
    count_padding: bool = False
    """Whether the padding of a text counts as tokens, as in the authors' release."""

    epochs: float = 20.0
    """Passes over the photos."""
    steps: int | None = None
    """Steps of the run, instead of `epochs`."""
    batch_size: int = 96
    """Pairs a step, over all processes; each is compared with all others."""
    accumulate: int = 1
    """Parts in which each process embeds its share of a batch, to need less memory. The comparison stays whole, and a
    step takes about a third longer (Gao et al., "Scaling deep contrastive learning batch size under memory limited
    setup", 2021)."""
    checkpoint_gradients: bool = False
    """Whether the towers compute activations twice instead of keeping them: less memory, slower."""
    balance: float = 0.0
    """Draw taxa with few photos more often, by (number of photos) ** -balance; at 1 all taxa are drawn alike.
    Not for a stream, which does not know how many there are."""
    description_share: float = 0.25
    """How often a photo is paired with a sentence of its taxon's description instead of its names."""

    image_size: int | None = None
    """Pixels a side at which the encoder will be used; by default what the model's weights were made for."""
    train_sizes: tuple[tuple[float, int], ...] = ()
    """Pixels a side in training, if others: (until this part of the run, size), smaller first to go faster."""
    crop_scale: float = 0.25
    """Least part of the photo's area that a training crop keeps."""
    augment: Literal["none", "colour", "trivial"] = "colour"
    """What else is done to a crop: `none`; `colour`, its colours jittered a little; or `trivial`, one random change of
    random strength (Müller and Hutter, "TrivialAugment", 2021)."""
    erasing: float = 0.0
    """How often a rectangle of a training crop is blanked (Zhong et al., "Random erasing data augmentation", 2020)."""
    mirror: bool = False
    """Whether the exported encoder averages each photo with its mirror image: steadier, at twice the time."""

    tower_lr: float = 3e-4
    """Peak learning rate of weights that came pretrained."""
    head_lr: float = 1e-3
    """Peak learning rate of weights that start anew: MBDC, and projections and towers without pretrained weights."""
    weight_decay: float = 0.05
    """AdamW's, on matrices only."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after warm-up: `cosine`, `linear`, or `constant`, which does not."""
    warmup: float = 0.05
    """Part of the run in which the learning rate rises."""
    grad_clip: float = 1.0
    """Largest norm of the gradient."""
    ema_decay: float = 0.995
    """Decay a step of the running mean of the weights, which is what is evaluated and exported; 0 turns it off."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the towers, `no`, `bf16` or `fp16`; Gram and distances always stay in fp32."""

    seed: int = 0
    """Decides initial heads, order of the photos, crops and texts."""
    workers: int = 2
    """Processes that load photos; does not change the outcome, unless the data is streamed."""
    save_minutes: float = 3.0
    """Time between checkpoints; does not change the outcome."""
    evaluate_every: float = 2.0
    """Epochs between evaluations on the split `selection`; 0 leaves them out."""
    weights: Literal["fp32", "int8"] = "fp32"
    """How the exported encoder stores its weights, `fp32` or `int8`; does not change the trained model."""
    terms: str = ""
    """Under which terms the weights may be used, for the exported encoder's manifest."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            TrainingError: A value is of another kind than its field, or out of range; says what it must be.
        """
        for name, kind in get_type_hints(type(self)).items():
            if not _fits(getattr(self, name), kind):
                self._refuse(name, f"must be {_in_words(kind)}")
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                self._refuse(
                    name,
                    f"must be {least:g} or more" if most == inf else f"must be from {least:g} to {most:g}",
                )
        for name in _ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and value <= 0:
                self._refuse(name, "must be above 0")
        sizes = self.train_sizes
        rules = [
            ("data", bool(self.data), "must name photos"),
            ("dropout", self.dropout < 1, "must be below 1"),
            ("warmup", self.warmup < 1, "must be below 1"),
            ("ema_decay", self.ema_decay < 1, "must be below 1"),
            (
                "accumulate",
                self.accumulate <= self.batch_size,
                f"must be at most batch_size, {self.batch_size}",
            ),
            ("stream", not self.stream or self.steps is not None, "needs steps, for a stream has no end"),
            (
                "balance",
                not (self.stream and self.balance),
                "must be 0 for a stream, whose taxa nobody has counted",
            ),
            (
                "validate",
                self.stream or not self.validate,
                "is for streams; other runs use their own selection photos",
            ),
            ("num_heads", (self.embed_dim or self.num_heads) % self.num_heads == 0, "must divide embed_dim"),
            ("train_sizes", all(size > 0 for _, size in sizes), "must have sizes above 0"),
            ("train_sizes", not sizes or sizes[-1][0] >= 1, "must go on until 1, the end of the run"),
        ]
        for name, good, rule in rules:
            if not good:
                self._refuse(name, rule)

    def _refuse(self, name: str, rule: str) -> None:
        raise TrainingError(f"{name} = {getattr(self, name)!r}: {rule}")

    @property
    def second_order(self) -> bool:
        """Whether the model has a second order: the objective looks at it."""
        return self.objective in ("dalip", "joint", "second-order")

    def size_at(self, progress: float, size: int) -> int:
        """Give the pixels a side of training crops after this part of the run, in [0, 1); `size` where none is set."""
        return next((s for until, s in self.train_sizes if progress < until or until >= 1), size)

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, whole or not at all."""
        with replacing(path) as part:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read a configuration that `save` wrote.

        Raises:
            TrainingError: The file is missing, not JSON, names an unknown field, or holds what cannot be trained.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values = {k: to_tuples(v) for k, v in values.items()}
            return cls(**values)
        except TrainingError as error:
            raise TrainingError(f"{path}: {error}") from None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path}: not a training configuration ({error})") from error

    def differing(self, other: "TrainConfig") -> list[str]:
        """Name the fields in which two configurations differ, but for those of how a run is carried out."""
        carried_out = {"save_minutes", "weights", "terms", *([] if self.stream else ["workers"])}
        names = [field.name for field in fields(self) if field.name not in carried_out]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def with_values(self, **values: Any) -> "TrainConfig":
        """Copy the configuration with some values changed."""
        return replace(self, **values)


_RANGES = (
    ("seed", 0, inf),
    ("workers", 0, inf),
    ("batch_size", 2, inf),
    ("accumulate", 1, inf),
    ("cache_views", 0, inf),
    ("weight_decay", 0, inf),
    ("evaluate_every", 0, inf),
    ("save_minutes", 0, inf),
    ("balance", 0, 1),
    ("description_share", 0, 1),
    ("first_order", 0, 1),
    ("dropout", 0, 1),
    ("crop_scale", 0, 1),
    ("erasing", 0, 1),
    ("warmup", 0, 1),
    ("ema_decay", 0, 1),
)
_ABOVE_ZERO = (
    *("epochs", "steps", "shuffle", "num_heads", "reduced_dim", "embed_dim", "image_size"),
    *("crop_scale", "tower_lr", "head_lr", "grad_clip"),
)


def _fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of the kind of a field; a float may be written as an integer, and must be finite."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in arguments
    if origin is UnionType:
        return any(_fits(value, argument) for argument in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _in_words(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is UnionType:
        return " or ".join(map(_in_words, arguments))
    if origin is tuple:
        parts = [_in_words(argument) for argument in arguments if argument is not Ellipsis]
        return f"a list, each {parts[0]}" if arguments[-1] is Ellipsis else f"a pair of {' and '.join(parts)}"
    words = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}
    return words.get(kind, "nothing")


def to_tuples(value: Any) -> Any:
    """Turn the lists of JSON into the tuples of a configuration."""
    return tuple(to_tuples(v) for v in value) if isinstance(value, list) else value


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
        raise TrainingError(f"{text}: what follows the @ must be a number above 0, as in photos/@0.5")
    return path, value
