"""What a training run is: one frozen dataclass, saved as JSON beside the run."""

import contextlib
import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from dalip.errors import TrainingError
from dalip.files import atomic_write
from dalip.model import Objective

__all__ = ["CARRIED_OUT", "TrainConfig", "source_of", "to_tuples"]

CARRIED_OUT = ("save_minutes", "workers", "cache")
"""Fields that say how a run is carried out; its outcome does not depend on them, but for the workers of a stream."""

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class TrainConfig:
    """Everything that decides the outcome of a run, apart from the machine it runs on.

    Raises:
        TrainingError: A value cannot be trained with; names the field and what it must be.
    """

    data: Annotated[tuple[str, ...], Field(min_length=1)]
    """Shards or folders of photos with names or captions; records of the split `train` are learned from. `PATH@WEIGHT`
    draws each photo WEIGHT times an epoch instead of once."""
    taxa: str | None = None
    """A taxa file (CSV or TSV) whose names and ranks complete those of the photos."""
    descriptions: str | None = None
    """JSON lines (optionally .gz) with `scientificName` and `description`: further texts, a sentence at a time."""
    stream: bool = False
    """Read shards from front to back instead of at random: for more data than a machine should index, also from the
    network (whatever the library webdataset opens). Needs `steps`."""
    shuffle: Positive = 2000
    """Photos that a stream holds back and mixes."""
    validate: tuple[str, ...] = ()
    """What a streaming run is evaluated on; other runs use their own data's split `selection`."""

    model: str = "lite0-minilm"
    """Towers to start from: `lite0-minilm`, `lite2-minilm`, `tiny`, or any model that open_clip knows, `hf-hub:NAME`
    and `local-dir:FOLDER` included; see `dalip.training.towers.create`."""
    pretrained: str | None = None
    """open_clip's name of the weights, or a file of weights; without it, those that belong to the model, if any."""
    init: str | None = None
    """A finished run, an exported encoder or the authors' checkpoint, of the same sizes, to start from its weights."""
    freeze: tuple[str, ...] = ()
    """What stays as it is: `image` and `text`, the towers without their projections; or beginnings of the names of
    parameters."""
    cache_views: Count = 0
    """With a frozen image tower: so many augmented views of each photo go through it once, and training reads what it
    gave. 0 runs the tower at every step."""
    cache: str | None = None
    """Where the features of frozen towers are kept, for several runs to share; by default in the run."""

    objective: Objective = "dalip"
    """What is minimised: `dalip`, `joint`, `second-order`; or `first-order`, `clip`, `siglip`, which make a model of
    the first order alone. See `dalip.model.loss.DalipLoss`."""
    first_order: Share = 0.5
    """Weight l1 of the first order in the objectives `dalip` and `joint`."""
    embed_dim: Positive | None = None
    """Width D of the joint space, where the model leaves it open."""
    num_heads: Positive = 4
    """Heads h of MBDC."""
    reduced_dim: Positive = 24
    """Channels r of each head."""
    dropout: Part = 0.0
    """Part of the image channels, or of the text tokens, left out before the Gram matrix in training; the authors'
    release has 0.5."""
    norm: Literal["batch", "layer"] = "layer"
    """What normalises the image channels after reduction: `layer`, which gives the same result however a batch is
    divided, and was no worse where we measured it; or the paper's `batch`."""
    count_padding: bool = False
    """Whether the padding of a text counts as tokens, as in the authors' release."""
    folded: bool = False
    """Whether MBDC ends in one linear map instead of the paper's two in a row, which say no more: so it is in an
    exported encoder, and in a run that starts from one."""

    epochs: Rate = 20.0
    """Passes over the photos."""
    steps: Positive | None = None
    """Steps of the run, instead of `epochs`."""
    batch_size: Annotated[int, Field(ge=2)] = 96
    """Pairs a step, over all processes; each is compared with all others."""
    accumulate: Positive = 1
    """Parts in which each process embeds its share of a batch, to need less memory. The comparison stays whole, and a
    step takes about a third longer (Gao et al., "Scaling deep contrastive learning batch size under memory limited
    setup", 2021)."""
    checkpoint_gradients: bool = False
    """Whether the towers compute activations twice instead of keeping them: less memory, slower."""
    balance: Share = 0.0
    """Draw taxa with few photos more often, by (number of photos) ** -balance; at 1 all taxa are drawn alike.
    Not for a stream, which does not know how many there are."""
    description_share: Share = 0.25
    """How often a photo is paired with a sentence of its taxon's description instead of its names."""

    image_size: Positive | None = None
    """Pixels a side at which the encoder will be used; by default what the model's weights were made for."""
    train_sizes: tuple[tuple[float, Positive], ...] = ()
    """Pixels a side in training, if others: (until this part of the run, size), smaller first to go faster."""
    crop_scale: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Least part of the photo's area that a training crop keeps."""
    augment: Literal["none", "colour", "trivial"] = "colour"
    """What else is done to a crop: `none`; `colour`, its colours jittered a little; or `trivial`, one random change of
    random strength (Müller and Hutter, "TrivialAugment", 2021)."""
    erasing: Share = 0.0
    """How often a rectangle of a training crop is blanked (Zhong et al., "Random erasing data augmentation", 2020)."""
    mirror: bool = False
    """Whether the exported encoder averages each photo with its mirror image: steadier, at twice the time."""

    tower_lr: Amount = 3e-4
    """Peak learning rate of weights that came pretrained."""
    head_lr: Amount = 1e-3
    """Peak learning rate of weights that start anew: MBDC, and projections and towers without pretrained weights."""
    weight_decay: Amount = 0.05
    """AdamW's, on matrices only."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after warm-up: `cosine`, `linear`, or `constant`, which does not."""
    warmup: Part = 0.05
    """Part of the run in which the learning rate rises."""
    grad_clip: Rate = 1.0
    """Largest norm of the gradient."""
    ema_decay: Part = 0.995
    """Decay a step of the running mean of the weights, which is what is evaluated and exported; 0 turns it off."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the towers, `no`, `bf16` or `fp16`; Gram and distances always stay in fp32."""

    seed: Count = 0
    """Decides initial heads, order of the photos, crops and texts."""
    workers: Count = 2
    """Processes that load photos; does not change the outcome, unless the data is streamed."""
    save_minutes: Amount = 3.0
    """Time between checkpoints; does not change the outcome."""
    evaluate_every: Amount = 2.0
    """Epochs between evaluations on the split `selection`, 0 for none; those of a stream are `steps / epochs` long."""
    weights: Literal["fp32", "int8"] = "fp32"
    """How the exported encoder stores its weights, `fp32` or `int8`; does not change the trained model."""
    terms: str = ""
    """Under which terms the weights may be used, for the exported encoder's manifest."""

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Say in one line what is wrong, of single fields or of fields together."""
        try:
            config = handler(values)
        except ValidationError as error:
            wrong = error.errors()[0]
            field = str(wrong["loc"][0])
            value = (values.kwargs or {}).get(field)  # of the whole field, and not of a part that is wrong
            rule = wrong["msg"].removeprefix("Input ").removeprefix("Tuple ")
            raise TrainingError(f"{field} = {value!r}: {rule}") from None
        for field, kept, rule in config._rules():
            if not kept:
                raise TrainingError(f"{field} = {getattr(config, field)!r}: {rule}")
        return config

    def _rules(self) -> list[tuple[str, bool, str]]:
        steps, sizes, heads = self.steps, self.train_sizes, self.num_heads
        return [
            (
                "accumulate",
                self.accumulate <= self.batch_size,
                f"should be at most batch_size, {self.batch_size}",
            ),
            ("stream", not self.stream or steps is not None, "needs steps, for a stream has no end"),
            (
                "balance",
                not (self.stream and self.balance),
                "should be 0 for a stream, of which nobody counts taxa",
            ),
            (
                "validate",
                self.stream or not self.validate,
                "is for streams; others use their own selection photos",
            ),
            ("num_heads", self.embed_dim is None or self.embed_dim % heads == 0, "should divide embed_dim"),
            ("train_sizes", not sizes or sizes[-1][0] >= 1, "should go on until 1, the end of the run"),
        ]

    @property
    def second_order(self) -> bool:
        """Whether the model has a second order: the objective looks at it."""
        return self.objective in ("dalip", "joint", "second-order")

    def size_at(self, progress: float, size: int) -> int:
        """Give the pixels a side of training crops after this part of the run, in [0, 1); `size` where none is set."""
        return next((s for until, s in self.train_sizes if progress < until or until >= 1), size)

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, whole or not at all."""
        with atomic_write(path) as part:
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
        """Name the fields in which two configurations differ, but for those that change nothing in the weights."""
        free = {*CARRIED_OUT, "weights", "terms"} - ({"workers"} if self.stream else set())
        names = [field.name for field in fields(self) if field.name not in free]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def with_values(self, **values: Any) -> "TrainConfig":
        """Copy the configuration with some values changed."""
        return replace(self, **values)


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
