"""`dalip train`: the command that makes encoders, and needs PyTorch."""

import ast
import json
import os
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import dalip
from dalip.errors import TrainingError
from dalip_app.cli.export import TermsOption, WeightsOption, need_training
from dalip_app.cli.terminal import complain, print_result
from dalip_app.cli.train_comparison import compared, read_old

__all__ = ["EXAMPLES", "train"]

EXAMPLES = """\b
Examples:
  dalip train --preset tiny --data photos/ runs/trial
  dalip train --data photos/ --taxa garden.csv runs/garden
  dalip train --preset builtin --data shards/ --data other.tar@0.5 runs/mine
  dalip train --init builtin --freeze-towers --data garden/ runs/garden
  dalip train --init runs/mine --data garden/ --old shards/ runs/garden
  dalip train --model ViT-B-32 --pretrained laion2b_e16 --data photos/ b32
  dalip train runs/mine            (goes on where it was stopped)
  torchrun --no-python --nproc-per-node 8 dalip train --preset paper ..."""


def _show_settings(asked: bool) -> None:
    if asked:
        for name, default, about in _settings():
            print_result(f"{name} = {default}" if default else name)
            print_result(textwrap.indent(textwrap.fill(about, 96), "    "))
        raise typer.Exit


def _settings() -> Iterator[tuple[str, str, str]]:
    """Give each field of `TrainConfig`, its default as JSON and its description, without the time to import it."""
    tree = ast.parse((Path(dalip.__file__).parent / "training" / "config.py").read_text(encoding="utf-8"))
    (config,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "TrainConfig")
    for field, about in pairwise(config.body):
        if isinstance(field, ast.AnnAssign) and isinstance(about, ast.Expr):
            text = " ".join(ast.literal_eval(about.value).split())
            default = json.dumps(ast.literal_eval(field.value)) if field.value else ""
            yield ast.unparse(field.target), default, text


_Objective = Literal["dalip", "joint", "first-order", "second-order", "clip", "siglip"]


def train(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; made, or gone on with.")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH[@WEIGHT]",
            help="Photos to learn, named or captioned: .tar shards, a folder of shards, a table (CSV, TSV) or its "
            "folder, or a folder with one sub-folder a taxon. With @0.5 each photo is drawn every other epoch, with @2 "
            "twice an epoch. Repeatable.",
        ),
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
        Literal["default", "tiny", "builtin", "paper"],
        typer.Option(
            help="Settings to start from; other options change them. `tiny`: a small model from nothing, in minutes. "
            "`builtin`: the encoder that ships. `paper`: the DALIP paper's model, for GPUs."
        ),
    ] = "default",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Towers to start from: lite0-minilm, lite2-minilm, tiny, or any open_clip model, hf-hub:NAME and "
            "local-dir:FOLDER included.",
            show_default="lite0-minilm",
        ),
    ] = None,
    pretrained: Annotated[
        str | None, typer.Option(metavar="TAG", help="Which of open_clip's weights, or a file of weights.")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Start from the weights of an exported encoder (`builtin` is the built-in one), of a finished run, or "
            "of the authors' checkpoint; model and sizes are theirs. The run ends with what it brought over that "
            "encoder.",
        ),
    ] = None,
    freeze_towers: Annotated[
        bool,
        typer.Option(
            "--freeze-towers",
            help="Train the heads alone, in minutes on a laptop: --freeze image, --freeze text, and settings for it, "
            "which other options change.",
        ),
    ] = False,
    old: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Photos of what the encoder of --init knew before, to measure what that lost. Repeatable.",
        ),
    ] = None,
    objective: Annotated[
        _Objective | None,
        typer.Option(
            help="What is minimised. `dalip`: both orders, each compared on its own. `joint`: their weighted "
            "similarity. `first-order`, `second-order`: one alone. `clip`, `siglip`: as published, where photos of one "
            "taxon are told apart too.",
            show_default="dalip",
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="What does not learn: image, text, or a parameter name's beginning. Repeatable.",
        ),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the photos.", show_default="20")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, instead of epochs.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pairs a step, over all processes.", show_default="96")
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(help="Embed a batch in so many parts, for less memory.", show_default="1"),
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(help="From 0 to 1: draw taxa with few photos more often.", show_default="0"),
    ] = None,
    tower_lr: Annotated[
        float | None, typer.Option(help="Learning rate of pretrained weights.", show_default="3e-4")
    ] = None,
    head_lr: Annotated[
        float | None, typer.Option(help="Learning rate of new weights.", show_default="1e-3")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Pixels a side of the encoder.", show_default="the model's")
    ] = None,
    precision: Annotated[
        Literal["no", "bf16", "fp16"] | None,
        typer.Option(help="Mixed precision, for a GPU.", show_default="no"),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Read shards from front to back; needs --steps.")
    ] = False,
    validate: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="What a streaming run is evaluated on. Repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything random.", show_default="0")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that load photos.", show_default="2")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other setting, as --settings lists them; VALUE as JSON."
        ),
    ] = None,
    show_settings: Annotated[
        bool,
        typer.Option(
            "--settings",
            callback=_show_settings,
            is_eager=True,
            help="Print every setting with its default and what it does: weights of the orders, heads, dropout, norm, "
            "augmentation, schedule, weight decay, running mean, caches and more; and stop.",
        ),
    ] = False,
    weights: WeightsOption = None,
    terms: TermsOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print data, steps, parameters and memory, and stop.")
    ] = False,
) -> None:
    """Train an encoder on photos and texts, and export it to RUN/encoder.

    Photos are paired with the names of their taxon, sentences about it, or their captions. What is learned from is
    the split `train`, seven tenths of the photos; a photo's split follows from its name alone. The split `selection`
    is evaluated on the way and decides how both orders are weighed in the exported encoder.

    RUN holds the configuration, checkpoints, the log (CSV and TensorBoard), curves, a page about the model, and the
    encoder, checked against the trained model. A run that was stopped, even killed, goes on from its last checkpoint
    when RUN is given again. A GPU is used if there is one; `torchrun` trains on several, as if on one.
    """
    from dalip_index.places import BUILT_IN

    need_training()
    from dalip.export.export_run import finish_run
    from dalip.training import TrainConfig, plan
    from dalip.training import train as run_training
    from dalip.training.inherit import settings_of
    from dalip.training.presets import FREEZE_TOWERS, PRESETS
    from dalip_assets import ENCODER

    saved = run / "config.json"
    given = {
        field.name: _plain(field.name, value)
        for field in fields(TrainConfig)
        if (value := context.params.get(field.name)) is not None
        and value is not False
        and value not in ((), [])
    }
    if init == BUILT_IN:
        given["init"] = str(ENCODER)
    settings = dict(PRESETS.get(preset, {}))
    if "init" in given:
        settings |= settings_of(Path(given["init"]))
    settings |= (FREEZE_TOWERS if freeze_towers else {}) | given
    if freeze_towers and freeze:
        settings["freeze"] = (*FREEZE_TOWERS["freeze"], *freeze)
    settings |= _read_settings(setting or [])
    if not ("data" in settings or saved.exists()):
        raise typer.BadParameter("a new run needs --data")
    start = None if "data" in settings else TrainConfig.load(saved)
    try:
        config = start.with_values(**settings) if start else TrainConfig(**settings)
    except TrainingError as error:
        raise typer.BadParameter(str(error)) from None
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    if dry_run:
        lines = plan(config)  # in every process, for they meet in it
        for line in lines if first else ():
            print_result(line)
        return
    if old and not config.init:
        raise typer.BadParameter(
            "--old measures against the encoder that a run starts from; name it with --init"
        )
    earlier = read_old(old or ())
    run_training(config, run, report=complain)
    if first:
        finish_run(run, compare=lambda: compared(run, earlier), report=complain)


def _plain(name: str, value: Any) -> Any:
    """Make of an option's value that of a field: paths absolute, and tuples of lists."""
    if isinstance(value, list):
        return tuple(_plain(name, item) for item in value)
    if isinstance(value, Path):
        return str(value.resolve())
    return _resolved(value) if name == "data" else value


def _resolved(text: str) -> str:
    """Make the path of PATH[@WEIGHT] absolute; addresses stay as they are."""
    from dalip.training.config import source_of
    from dalip.training.data.corpus import is_remote

    path, weight = source_of(text)
    absolute = path if is_remote(path) else str(Path(path).resolve())
    return absolute if weight == 1 else f"{absolute}@{weight:.12g}"


def _read_settings(settings: list[str]) -> dict[str, Any]:
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
