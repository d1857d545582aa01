"""Models from wherever they are kept: a run, the authors' checkpoint, open_clip."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import open_clip
from torch import Tensor

from dalip.errors import TrainingError
from dalip.model import DALIP, MethodConfig
from dalip.training.checkpoint import fitting, load_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.log import Report, to_stderr
from dalip.training.official import (
    from_official,
    method_of_official,
    official_state,
    official_towers,
    to_official,
)
from dalip.training.towers import Towers, create_towers, load_towers, resize_towers

__all__ = [
    "Loaded",
    "find_run",
    "inherit_towers",
    "load_model",
    "load_run",
    "load_weights",
    "method_of",
    "settings_of",
]


@dataclass(frozen=True)
class Loaded:
    """A model with what feeds it."""

    model: DALIP
    """On the CPU, in evaluation mode; of the first order alone where it is a plain open_clip model."""
    towers: Towers
    config: TrainConfig | None
    """Of the run that it comes from, if it comes from one."""


def load_model(source: str, *, pretrained: str | None = None, report: Report = to_stderr) -> Loaded:
    """Load a model from wherever it is kept.

    Args:
        source: The folder of a finished run, or its `model.pt`; the file of the authors' checkpoint; or an open_clip
            model: a name, `hf-hub:...` or `local-dir:...`.
        pretrained: Which weights of a named open_clip model: a tag or a file.
        report: Called with one line about what had to be assumed.

    Returns:
        The model. What `towers` has on disk is kept while `towers` itself is.

    Raises:
        TrainingError: There is no such thing, it is damaged, or not what it should be.
        DalipError: A tower of an open_clip model keeps no tokens.
    """
    path = Path(source)
    if pretrained and path.exists():
        raise TrainingError(f"{path}: brings its own weights; leave out {pretrained!r}")
    if run := find_run(path):
        model, towers, config = load_run(run)
        return Loaded(model, towers, config)
    if path.is_file():
        model, towers = _load_official(path)
        return Loaded(model, towers, None)
    if path.is_dir():
        raise TrainingError(f"{path}: not a run; an open_clip model in a folder is named local-dir:{path}")
    known = ":" in source or source.replace("/", "-") in open_clip.list_models()
    if not known and (path.suffix or len(path.parts) > 1):  # meant as a path, then
        raise TrainingError(f"{source}: no such run or file, nor a model that open_clip knows")
    towers = _kept_aside(lambda folder: create_towers(source, pretrained, folder, report=report))
    return Loaded(DALIP(towers.clip, None).eval(), towers, None)


def find_run(path: Path) -> Path | None:
    """Give the folder of a run, from itself or from its `model.pt`; `None` if there is no run."""
    folder = path.parent if path.name == "model.pt" else path
    return folder if (folder / "config.json").is_file() else None


def load_run(run: Path) -> tuple[DALIP, Towers, TrainConfig]:
    """Rebuild the model of a finished run on the CPU, in evaluation mode.

    Raises:
        TrainingError: The folder is not a finished run.
    """
    config = TrainConfig.load(run / "config.json")
    towers = load_towers(run / "towers")
    model = DALIP(towers.clip, method_of(config))
    load_weights(model, run)
    return model.eval(), towers, config


def method_of(config: TrainConfig) -> MethodConfig | None:
    """Give what a run adds to its towers; `None` where it trains the first order alone."""
    if not config.second_order:
        return None
    return MethodConfig(
        config.num_heads, config.reduced_dim, config.dropout, config.norm, config.count_padding
    )


def load_weights(model: DALIP, source: Path) -> None:
    """Load all weights of a model of the same sizes.

    Args:
        model: Its weights are replaced.
        source: The folder of a finished run, its `model.pt`, or the authors' checkpoint.

    Raises:
        TrainingError: There is no such file, it is damaged, or its weights do not fit; names the first that does not.
    """
    path = source / "model.pt" if source.is_dir() else source
    if source.is_dir() and not path.exists():
        raise TrainingError(
            f"{source}: not a finished run; `dalip train {source}` goes on with one that was stopped"
        )
    content = load_checkpoint(path)
    if state := official_state(content):
        _fit(model, from_official(state), path, named=to_official)
    elif isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        _fit(model, content["model"], path)
    else:
        raise _unknown(path)


def settings_of(source: Path) -> dict[str, Any]:
    """Give the fields of a training configuration that follow from the weights a run is to start from.

    Args:
        source: As for `load_weights`.

    Raises:
        TrainingError: There is no such thing, or it is damaged.
    """
    if run := find_run(source):
        config = TrainConfig.load(run / "config.json")
        return {name: getattr(config, name) for name in _OF_WEIGHTS}
    state = _read_official(source)
    with _naming(source):
        method = method_of_official(state)
    return {"model": source.name, "pretrained": None, "embed_dim": None, "image_size": None, **asdict(method)}


_OF_WEIGHTS = (
    "model",
    "pretrained",
    "embed_dim",
    "num_heads",
    "reduced_dim",
    "norm",
    "count_padding",
    "objective",
    "image_size",
)
_MAY_CHANGE = ("objective", "image_size", "dropout")


def inherit_towers(config: TrainConfig, folder: Path) -> Towers:
    """Rebuild the towers of what a run starts from, with untrained weights, and leave in `folder` what rebuilds them.

    Args:
        config: Names it as `init`.
        folder: Made if it is not there.

    Raises:
        TrainingError: There is no such thing, it is damaged, or the configuration describes another model.
    """
    source = Path(config.init or "")
    for name, value in settings_of(source).items():
        if name not in _MAY_CHANGE and getattr(config, name) != value:
            raise TrainingError(
                f"{source}: has {name} = {value!r}, and a run that starts from it cannot have "
                f"{getattr(config, name)!r}"
            )
    if run := find_run(source):
        load_towers(run / "towers")
        shutil.copytree(run / "towers", folder, dirs_exist_ok=True)
    else:
        state = _read_official(source)
        with _naming(source):
            official_towers(state, folder)
    if config.image_size:
        resize_towers(folder, config.image_size)
    return load_towers(folder)


def _read_official(path: Path) -> dict[str, Tensor]:
    state = official_state(load_checkpoint(path))
    if state is None:
        raise _unknown(path)
    return state


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors about what it holds."""
    try:
        yield
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from None


def _load_official(path: Path) -> tuple[DALIP, Towers]:
    state = _read_official(path)
    with _naming(path):
        method = method_of_official(state)
        towers = _kept_aside(lambda folder: official_towers(state, folder))
    with fitting(path):
        model = DALIP(towers.clip, method)
    _fit(model, from_official(state), path, named=to_official)
    return model.eval(), towers


def _fit(
    model: DALIP, state: Mapping[str, Tensor], path: Path, named: Callable[[str], str] = lambda name: name
) -> None:
    """Load weights that must all be there and fit; torch would name all that do not, a line each."""
    expected = model.state_dict()
    if (theirs := "image_bdc.output.weight" in state) != (model.config is not None):
        have, take = (
            ("has", "dalip, joint or second-order") if theirs else ("lacks", "first-order, clip or siglip")
        )
        raise TrainingError(f"{path}: {have} the heads of the second order; take the objective {take}")
    for name, value in expected.items():
        found = state.get(name)
        if found is None:
            raise TrainingError(f"{path}: does not fit this model: {named(name)} is missing")
        if found.shape != value.shape:
            raise TrainingError(
                f"{path}: does not fit this model: {named(name)} has the shape {tuple(found.shape)}, "
                f"needed is {tuple(value.shape)}"
            )
    if extra := next((name for name in state if name not in expected), None):
        raise TrainingError(f"{path}: does not fit this model, which has no place for its {named(extra)}")
    model.load_state_dict(state)


def _unknown(path: Path) -> TrainingError:
    return TrainingError(
        f"{path}: holds neither a run's model nor the authors'; "
        "name the weights of a plain CLIP with --pretrained, after its open_clip model"
    )


def _kept_aside(create: Callable[[Path], Towers]) -> Towers:
    """Create towers in a folder that is deleted when they are no longer used."""
    folder = Path(tempfile.mkdtemp(prefix="dalip-"))
    try:
        towers = create(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(towers, shutil.rmtree, folder, ignore_errors=True)
    return towers
