"""`dalip train`: train an encoder (needs PyTorch).

Most options are fields of `TrainConfig`, which provides their names, types and help.
"""

import inspect
import json
import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import typer

from dalip.errors import TrainingError
from dalip.progress import no_report
from dalip.training.config import Setting, TrainConfig, settings, source_of
from dalip.training.presets import FREEZE_TOWERS, PRESETS
from dalip_app.cli.models.train_comparison import compared, read_old
from dalip_app.cli.options import need_training
from dalip_app.cli.terminal import complain, print_result
from dalip_app.messages.errors import describe

__all__ = ["EXAMPLES", "train"]

EXAMPLES = """\b
Examples:
  dalip train --preset tiny --data photos/ runs/trial
  dalip train --data photos/ --taxa garden.csv runs/garden
  dalip train --preset builtin --data shards/ --data other.tar@0.5 runs/mine
  dalip train --init builtin --freeze-towers --data garden/ runs/garden
  dalip train --init runs/mine --data garden/ --old shards/ runs/garden
  dalip train --model ViT-B-32 --pretrained laion2b_e16 --data photos/ b32
  dalip train runs/mine            (resumes an interrupted run)
  torchrun --no-python --nproc-per-node 8 dalip train --preset paper ..."""


_OPTIONS = {
    "data": "PATH[@WEIGHT]",
    "taxa": "FILE",
    "descriptions": "FILE",
    "model": "NAME",
    "pretrained": "TAG",
    "init": "FOLDER",
    "objective": None,
    "freeze": "PART",
    "epochs": None,
    "steps": None,
    "batch_size": None,
    "accumulate": None,
    "balance": None,
    "tower_lr": None,
    "head_lr": None,
    "image_size": None,
    "precision": None,
    "stream": None,
    "validate": "PATH",
    "seed": None,
    "workers": None,
    "weights": None,
    "terms": None,
}
"""Fields with a separate option, and the metavar of its value; `--set` can set any field."""
_PATHS = ("FILE", "FOLDER", "PATH")
"""Metavars of paths. They are made absolute, because a run may be resumed from another folder."""


def _with_field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `_OPTIONS` to a command, after RUN and --preset; `**given` receives their values."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    fields = {setting.name: setting for setting in settings()}
    options = [_option(fields[name], metavar) for name, metavar in _OPTIONS.items()]
    command.__signature__ = inspect.Signature([*own[:2], *options, *own[2:]])  # type: ignore[attr-defined]
    return command


def _option(setting: Setting, metavar: str | None) -> inspect.Parameter:
    """Make the option of a field; its value is `None` if it is not on the command line."""
    repeatable = get_origin(setting.kind) is tuple
    kind = setting.kind
    if metavar in _PATHS:
        kind = list[Path] if repeatable else Path
    elif repeatable:
        kind = list[str]
    option = typer.Option(
        None,
        f"--{setting.name.replace('_', '-')}",
        metavar=metavar,
        help=setting.about + (" Repeatable." if repeatable else ""),
        show_default=_written(setting.default),
    )
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind | None
    )


def _written(default: Any) -> str | bool:
    """Format a default for the help; `False` if there is no meaningful default."""
    if isinstance(default, int | float) and not isinstance(default, bool):
        return f"{default:g}"
    return str(default) if default else False


def _show_settings(asked: bool) -> None:
    if asked:
        for setting in settings():
            default = "" if setting.name == "data" else f" = {json.dumps(setting.default)}"
            print_result(setting.name + default)
            print_result(textwrap.indent(textwrap.fill(setting.about, 96), "    "))
        raise typer.Exit


@_with_field_options
def train(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of the run; created, or resumed if it exists.")
    ],
    preset: Annotated[
        Literal["default", "tiny", "builtin", "paper"],
        typer.Option(
            help="Base settings, which other options override. `tiny`: a small model trained from scratch in minutes. "
            "`builtin`: the built-in encoder. `paper`: the model of the DALIP paper, for GPUs."
        ),
    ] = "default",
    freeze_towers: Annotated[
        bool,
        typer.Option(
            "--freeze-towers",
            help="Train only the heads, in minutes on a laptop: the same as --freeze image --freeze text with suitable "
            "settings, which other options override.",
        ),
    ] = False,
    old: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Photos like those that the --init encoder was trained on, to measure how much it forgets. "
            "Repeatable.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting (see --settings), with VALUE as JSON. Repeatable.",
        ),
    ] = None,
    show_settings: Annotated[
        bool,
        typer.Option(
            "--settings",
            callback=_show_settings,
            is_eager=True,
            help="Print every setting with its default and description, and exit: weights of the orders, heads, "
            "dropout, norm, augmentation, schedule, weight decay, EMA weights, caches and more.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print data, steps, parameters and memory, and exit.")
    ] = False,
    **given: Any,
) -> None:
    """Train an encoder on photos and text, and export it to RUN/encoder.

    Photos are paired with the names of their taxon, sentences about it, or their captions. The model learns from the
    training split (`train`), 70 % of the photos; the split of a photo depends only on its name. The validation split
    (`selection`) is evaluated during training and determines the weights of both orders in the exported encoder.

    RUN contains the configuration, checkpoints, logs (CSV and TensorBoard), curves, a model card (README.md), and the
    encoder, checked against the trained model. You can interrupt or kill a run at any time; `dalip train RUN` resumes
    from its last checkpoint. A GPU is used if available; with `torchrun`, several GPUs train as if they were one.

    A run with --init ends with a comparison with the encoder that it started from.
    """
    need_training()
    from dalip.export.export_run import export_and_describe
    from dalip.training.loop import plan
    from dalip.training.loop import train as run_training

    config = _configuration(run, preset, freeze_towers, _values(given), _read_settings(setting or []))
    first = os.environ.get("RANK", "0") == "0"  # rank 0 of the processes that torchrun started
    if dry_run:
        # Runs in every process, because the processes synchronise in it.
        lines = plan(config, report=complain if first else no_report)
        for line in lines if first else ():
            print_result(line)
        return
    if old and not config.init:
        raise typer.BadParameter(
            "--old needs --init: it compares the run with the encoder that it starts from"
        )
    earlier = read_old(old or ())
    run_training(config, run, report=complain)
    if first:
        export_and_describe(run, compare=lambda: compared(run, earlier), describe=describe, report=complain)


def _configuration(
    run: Path, preset: str, freeze_towers: bool, given: Mapping[str, Any], set_values: Mapping[str, Any]
) -> TrainConfig:
    """Build the configuration; later sources override: preset, --init, --freeze-towers, options, --set."""
    from dalip.training.inherit import settings_of

    values = dict(PRESETS.get(preset, {}))
    if "init" in given:
        values |= settings_of(Path(given["init"]))
    values |= FREEZE_TOWERS if freeze_towers else {}
    values |= given
    if freeze_towers and "freeze" in given:
        values["freeze"] = (*FREEZE_TOWERS["freeze"], *given["freeze"])
    values |= set_values
    saved = run / "config.json"
    if not ("data" in values or saved.exists()):
        raise typer.BadParameter("a new run needs --data")
    start = None if "data" in values else TrainConfig.load(saved)
    try:
        return start.with_values(**values) if start else TrainConfig(**values)
    except TrainingError as error:
        raise typer.BadParameter(describe(error)) from None


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the given options to field values, with absolute paths and tuples for lists."""
    from dalip_assets import ENCODER
    from dalip_index.places import BUILT_IN

    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value is False or value == []:
            continue
        if name == "init" and value == BUILT_IN:
            found[name] = str(ENCODER)
        elif name == "data":
            found[name] = tuple(map(_resolved, value))
        elif _OPTIONS[name] in _PATHS:
            paths = value if isinstance(value, list) else [value]
            texts = tuple(str(path.resolve()) for path in paths)
            found[name] = texts if isinstance(value, list) else texts[0]
        else:
            found[name] = value
    return found


def _resolved(text: str) -> str:
    """Make the path in PATH[@WEIGHT] absolute; URLs are not changed."""
    from dalip.training.data.corpus import is_remote

    path, weight = source_of(text)
    absolute = path if is_remote(path) else str(Path(path).resolve())
    return absolute if weight == 1 else f"{absolute}@{weight:.12g}"


def _read_settings(given: list[str]) -> dict[str, Any]:
    """Parse the values of --set; a value that is not JSON is used as a string."""
    known = sorted(setting.name for setting in settings())
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise typer.BadParameter(f"--set {text}: use NAME=VALUE with one of {', '.join(known)}")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values
