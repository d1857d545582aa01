"""`dalip train` and `dalip export`: the only commands that need PyTorch."""

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dalip.errors import DalipError, TrainingError
from dalip_app.terminal import complain

__all__ = ["EXPORT_EXAMPLES", "TRAIN_EXAMPLES", "export", "train"]

TRAIN_EXAMPLES = """\b
Examples:
  dalip train --data photos/ --taxa garden.csv runs/garden
  dalip train --preset builtin --data shards/ --replay captions.tar runs/mine
  dalip train runs/mine            (goes on where it was stopped)"""

EXPORT_EXAMPLES = """\b
Example:
  dalip export runs/mine encoder-small --weights int8"""

WeightsOption = Annotated[
    Literal["fp32", "int8"],
    typer.Option(help="How the encoder stores its weights: int8 is a quarter of the size."),
]
TermsOption = Annotated[str, typer.Option(help="Terms of the weights, kept in the encoder's manifest.")]


_PACKAGES = (
    "torch",
    "torchvision",
    "open_clip",
    "accelerate",
    "transformers",
    "onnx",
    "onnxscript",
    "jaxtyping",
)
_INSTALL = "pip install 'dalip[builtin]'"


def _need_training() -> None:
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise DalipError(f"this command needs packages that are missing: {', '.join(missing)}; {_INSTALL}")


def train(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; made, or gone on with.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Named photos to learn: .tar shards, or a folder. Repeatable."),
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Captioned photos mixed in, to keep general ability. Repeatable."),
    ] = None,
    taxa: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or TSV with more names of the taxa.")
    ] = None,
    descriptions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="JSON lines with scientificName and description, to learn from too."
        ),
    ] = None,
    preset: Annotated[
        Literal["default", "builtin"],
        typer.Option(help="Settings to start from; `builtin` makes the encoder that ships."),
    ] = "default",
    init: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Start from the weights of a finished run of the same sizes."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the photos.", show_default="20")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pairs a step.", show_default="96")] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Pixels a side of the encoder.", show_default="224")
    ] = None,
    precision: Annotated[
        Literal["no", "bf16", "fp16"] | None,
        typer.Option(help="Mixed precision, for a GPU.", show_default="no"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything random.", show_default="0")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that load photos.", show_default="2")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other setting of dalip.training.TrainConfig, as JSON."
        ),
    ] = None,
    weights: WeightsOption = "fp32",
    terms: TermsOption = "",
) -> None:
    """Train an encoder on photos and texts, and export it to RUN/encoder.

    A run that was stopped, even killed, goes on from its last checkpoint when the command is given again, or RUN
    alone. A GPU is used if there is one.
    """
    _need_training()
    from dalip.training import TrainConfig
    from dalip.training import train as run_training
    from dalip.training.config import PRESETS
    from dalip.training.finish import export_run

    saved = run / "config.json"
    given: dict[str, Any] = {
        "data": _paths(data),
        "replay": _paths(replay),
        "taxa": str(taxa.resolve()) if taxa else None,
        "descriptions": str(descriptions.resolve()) if descriptions else None,
        "init": str(init.resolve()) if init else None,
        "epochs": epochs,
        "batch_size": batch_size,
        "image_size": image_size,
        "train_sizes": ((1.0, image_size),) if image_size else None,
        "precision": precision,
        "seed": seed,
        "workers": workers,
    }
    settings = PRESETS.get(preset, {}) | {k: v for k, v in given.items() if v is not None}
    settings |= _read_settings(setting or [])
    if not ("data" in settings or saved.exists()):
        raise typer.BadParameter("a new run needs --data")
    start = None if "data" in settings else TrainConfig.load(saved)
    try:
        config = start.with_values(**settings) if start else TrainConfig(**settings)
    except (TrainingError, TypeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    run_training(config, run, report=complain)
    export_run(run, run / "encoder", weights=weights, terms=terms, report=complain)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run of dalip train.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the encoder.")],
    weights: WeightsOption = "fp32",
    name: Annotated[str | None, typer.Option(help="Name of the encoder; the run's if left out.")] = None,
    terms: TermsOption = "",
) -> None:
    """Export a run to ONNX, checked against the trained model on real photos and texts."""
    _need_training()
    from dalip.training.finish import export_run

    export_run(run, out, weights=weights, name=name, terms=terms, report=complain)


def _paths(paths: list[Path] | None) -> tuple[str, ...] | None:
    return tuple(str(path.resolve()) for path in paths) if paths else None


def _read_settings(settings: list[str]) -> dict[str, Any]:
    import json

    from dalip.training import TrainConfig
    from dalip.training.config import to_tuples

    known = {field.name for field in fields(TrainConfig)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise typer.BadParameter(
                f"--set {setting}: use NAME=VALUE with one of {', '.join(sorted(known))}"
            )
        try:
            values[name] = to_tuples(json.loads(text))
        except ValueError:
            values[name] = text
    return values
