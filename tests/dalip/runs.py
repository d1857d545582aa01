"""The small training runs that several tests start from."""

from pathlib import Path

from dalip.training import TrainConfig


def small_config(data: Path | str | tuple[str, ...], **changes: object) -> TrainConfig:
    small: dict[str, object] = {
        "data": data if isinstance(data, tuple) else (str(data),),
        "freeze": ("text",),
        "embed_dim": 32,
        "num_heads": 2,
        "reduced_dim": 6,
        "dropout": 0.1,
        "epochs": 2,
        "batch_size": 8,
        "image_size": 64,
        "workers": 0,
        "ema_decay": 0.8,
        "evaluate_every": 100,
        "save_minutes": 0,
    }
    return TrainConfig(**(small | changes))  # type: ignore[arg-type]


def tiny_config(data: Path | str | tuple[str, ...], **changes: object) -> TrainConfig:
    """Give the quickest run that there is: a second for a dozen steps."""
    return small_config(data, **({"model": "tiny", "image_size": 32} | changes))
