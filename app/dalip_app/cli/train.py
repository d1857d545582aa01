"""`dalip train`: the command that makes encoders, and needs PyTorch.

Most options are fields of `TrainConfig`, and take name, type and help from there.
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
from dalip_app.cli.export import need_training
from dalip_app.cli.terminal import complain, print_result
from dalip_app.cli.train_comparison import compared, read_old
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
  dalip train runs/mine            (resumes where it was stopped)
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
"""The fields that have an option of their own, and what the help writes for a value; `--set` sets all fields."""
_PATHS = ("FILE", "FOLDER", "PATH")
"""What the help writes for a path, which is made absolute: a run may be resumed from another folder."""


def _with_field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of `_OPTIONS`, behind RUN and --preset; `**given` takes their values."""
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
    """Make the option of a field; without it on the command line, its value is `None`."""
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
    """Write a default for the help; `False` where there is none that says anything."""
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
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; made, or resumed.")],
    preset: Annotated[
        Literal["default", "tiny", "builtin", "paper"],
        typer.Option(
            help="Settings to start from; other options change them. `tiny`: a small model from nothing, in minutes. "
            "`builtin`: the encoder that ships. `paper`: the DALIP paper's model, for GPUs."
        ),
    ] = "default",
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
            "augmentation, schedule, weight decay, EMA weights, caches and more; and stop.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print data, steps, parameters and memory, and stop.")
    ] = False,
    **given: Any,
) -> None:
    """Train an encoder on photos and texts, and export it to RUN/encoder.

    Photos are paired with the names of their taxon, sentences about it, or their captions. What is learned from is
    the split `train`, seven tenths of the photos; a photo's split follows from its name alone. The validation split
    (`selection`) is evaluated on the way and decides how both orders are weighed in the exported encoder.

    RUN holds the configuration, checkpoints, the log (CSV and TensorBoard), curves, a page about the model, and the
    encoder, checked against the trained model. A run that was stopped, even killed, resumes from its last checkpoint
    when RUN is given again. A GPU is used if there is one; `torchrun` trains on several, as if on one.

    A run with --init ends with what it brought over the encoder that it started from.
    """
    need_training()
    from dalip.export.export_run import export_and_describe
    from dalip.training.loop import plan
    from dalip.training.loop import train as run_training

    config = _configuration(run, preset, freeze_towers, _values(given), _read_settings(setting or []))
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    if dry_run:
        # In every process, because they meet in it.
        lines = plan(config, report=complain if first else no_report)
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
        export_and_describe(run, compare=lambda: compared(run, earlier), describe=describe, report=complain)


def _configuration(
    run: Path, preset: str, freeze_towers: bool, given: Mapping[str, Any], set_values: Mapping[str, Any]
) -> TrainConfig:
    """Put together what is to be trained: preset, then what --init brings, --freeze-towers, options, --set."""
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
    """Make of the options that were given the values of fields: paths are absolute, lists are tuples."""
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
    """Make the path of PATH[@WEIGHT] absolute; addresses stay as they are."""
    from dalip.training.data.corpus import is_remote

    path, weight = source_of(text)
    absolute = path if is_remote(path) else str(Path(path).resolve())
    return absolute if weight == 1 else f"{absolute}@{weight:.12g}"


def _read_settings(given: list[str]) -> dict[str, Any]:
    """Read the values of --set; what is no JSON is a text."""
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
