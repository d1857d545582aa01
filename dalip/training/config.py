"""What a training run is: one frozen dataclass, saved as JSON beside the run."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from dalip.errors import TrainingError
from dalip.training.files import replacing

__all__ = ["PRESETS", "TrainConfig", "to_tuples"]


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a run, apart from the machine it runs on."""

    data: tuple[str, ...]
    """Shards or folders of photos with names; records of the split `train` are learned from."""
    replay: tuple[str, ...] = ()
    """Shards or folders of photos with captions, mixed in so that general ability is kept."""
    taxa: str | None = None
    """A taxa file (CSV or TSV) whose names and ranks complete those of the photos."""
    descriptions: str | None = None
    """JSON lines (optionally .gz) with `scientificName` and `description`: further texts, a sentence at a time."""
    model: str = "lite0-minilm"
    """Towers to start from; see `dalip.training.towers`."""
    init: str | None = None
    """A finished run of the same sizes, whose weights to start from instead of the pretrained towers' alone."""
    mirror: bool = False
    """Whether the exported encoder averages each photo with its mirror image: steadier, at twice the time."""
    embed_dim: int = 256
    """Width D of the joint space."""
    num_heads: int = 4
    """Heads h of MBDC."""
    reduced_dim: int = 24
    """Channels r of each head."""
    dropout: float = 0.0
    """Before the Gram matrix; the authors' release has 0.5."""
    first_order: float = 0.5
    """Weight l1 of the first order in the loss."""
    freeze: tuple[str, ...] = ()
    """Parameters whose names start with one of these stay as they are."""
    epochs: float = 20.0
    """Passes over the plant photos."""
    batch_size: int = 96
    """Pairs a step, replay included."""
    replay_share: float = 0.1
    """Part of each batch that is replay."""
    description_share: float = 0.25
    """How often a photo is paired with a sentence of its taxon's description instead of its names."""
    image_size: int = 224
    """Pixels a side at which the encoder will be used."""
    train_sizes: tuple[tuple[float, int], ...] = ((1.0, 224),)
    """Pixels a side in training: (until this part of the run, size), smaller first to go faster."""
    crop_scale: float = 0.25
    """Least part of the photo's area that a training crop keeps."""
    augment: Literal["colour", "trivial"] = "colour"
    """What else is done to a crop: its colours jittered a little, or one random change of random strength (Müller and
    Hutter, "TrivialAugment", 2021)."""
    erasing: float = 0.0
    """How often a rectangle of a training crop is blanked (Zhong et al., "Random erasing data augmentation", 2020)."""
    tower_lr: float = 3e-4
    """Peak learning rate of the towers' own weights."""
    head_lr: float = 1e-3
    """Peak learning rate of projections, MBDC and the logit scale."""
    weight_decay: float = 0.05
    """AdamW's, on matrices only."""
    warmup: float = 0.05
    """Part of the run in which the learning rate rises; it falls along a cosine after."""
    grad_clip: float = 1.0
    """Largest norm of the gradient."""
    ema_decay: float = 0.995
    """Decay a step of the running mean of the weights, which is what is evaluated and exported; 0 turns it off."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the towers; Gram and distances always stay in fp32."""
    seed: int = 0
    """Decides initial heads, order of the photos, crops and texts."""
    workers: int = 2
    """Processes that load photos; does not change the outcome."""
    save_minutes: float = 3.0
    """Time between checkpoints; does not change the outcome."""
    evaluate_every: float = 2.0
    """Epochs between evaluations on the split `selection`."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            TrainingError: A value is of another kind than its default, or out of range.
        """
        for field in fields(self):
            kind = (int, float) if isinstance(field.default, float) else type(field.default)
            if isinstance(field.default, str | int | float | tuple) and not isinstance(
                getattr(self, field.name), kind
            ):
                raise TrainingError(
                    f"{field.name} = {getattr(self, field.name)!r} cannot be trained with; "
                    f"it must be like {field.default!r}"
                )
        sizes = [size for _, size in self.train_sizes]
        checks = {
            "data": isinstance(self.data, tuple) and bool(self.data),
            "precision": self.precision in ("no", "bf16", "fp16"),
            "seed": self.seed >= 0,
            "workers": self.workers >= 0,
            "epochs": self.epochs > 0,
            "batch_size": self.batch_size >= 2,
            "replay_share": self.replay_share >= 0
            and round(self.batch_size * self.replay_share) < self.batch_size,
            "dropout": 0 <= self.dropout < 1,
            "reduced_dim": self.reduced_dim > 0,
            "image_size": self.image_size > 0,
            "description_share": 0 <= self.description_share <= 1,
            "first_order": 0 <= self.first_order <= 1,
            "crop_scale": 0 < self.crop_scale <= 1,
            "augment": self.augment in ("colour", "trivial"),
            "erasing": 0 <= self.erasing <= 1,
            "warmup": 0 <= self.warmup < 1,
            "ema_decay": 0 <= self.ema_decay < 1,
            "grad_clip": self.grad_clip > 0,
            "embed_dim": self.embed_dim > 0,
            "num_heads": self.num_heads > 0 and self.embed_dim % self.num_heads == 0,
            "train_sizes": bool(sizes) and min(sizes) > 0 and self.train_sizes[-1][0] >= 1,
        }
        for name, good in checks.items():
            if not good:
                raise TrainingError(
                    f"{name} = {getattr(self, name)!r} cannot be trained with; see its description"
                )

    def size_at(self, progress: float) -> int:
        """Give the pixels a side of training crops after this part of the run, in [0, 1)."""
        return next(size for until, size in self.train_sizes if progress < until or until >= 1)

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, whole or not at all."""
        with replacing(path) as part:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read a configuration that `save` wrote.

        Raises:
            TrainingError: The file is missing, not JSON, or names an unknown field.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values = {k: to_tuples(v) for k, v in values.items()}
            return cls(**values)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path}: not a training configuration ({error})") from error

    def same_outcome(self, other: "TrainConfig") -> bool:
        """Say whether the two differ at most in how a run is carried out."""
        return self == other.with_values(workers=self.workers, save_minutes=self.save_minutes)

    def with_values(self, **values: Any) -> "TrainConfig":
        """Copy the configuration with some values changed."""
        return replace(self, **values)


def to_tuples(value: Any) -> Any:
    """Turn the lists of JSON into the tuples of a configuration."""
    return tuple(to_tuples(v) for v in value) if isinstance(value, list) else value


PRESETS: dict[str, dict[str, Any]] = {
    # The encoder that ships, about a minute and a half an epoch on 2 cores.
    "builtin": {
        "model": "lite0-minilm",
        "freeze": (
            "clip.text.transformer.",
            "clip.visual.trunk.conv_stem.",
            "clip.visual.trunk.bn1.",
            "clip.visual.trunk.blocks.0.",
            "clip.visual.trunk.blocks.1.",
        ),
        "epochs": 30,
        "train_sizes": ((0.4, 160), (0.75, 192), (1.0, 224)),
        # Training crops show plants larger than whole photos do, so a larger size of use makes up for it (Touvron et
        # al., "Fixing the train-test resolution discrepancy", 2019): the best of 224, 256 and 288 on selection photos.
        "image_size": 256,
        "mirror": True,
        "augment": "trivial",
        "erasing": 0.25,
        "ema_decay": 0.997,
    },
}
"""Named settings that `dalip train --preset` starts from."""
