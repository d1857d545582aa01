"""Load a PyTorch model: a run, the authors' checkpoint, or an open_clip model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import open_clip
from torch import Tensor

from dalip.encoder.bundle import is_bundle
from dalip.encoder.published import close_aliases
from dalip.errors import TrainingError
from dalip.model import DALIP, MethodConfig
from dalip.progress import no_report
from dalip.training.checkpoint import fitting, load_checkpoint
from dalip.training.config import TrainConfig
from dalip.training.log import ReportLine
from dalip.training.towers.create import Towers, create_towers, load_towers
from dalip.training.towers.from_bundle import bundle_state, check_rebuilt
from dalip.training.towers.official import (
    from_official,
    method_of_official,
    naming,
    not_a_model,
    official_state,
    official_towers,
    read_official,
    to_official,
)

__all__ = ["Loaded", "find_run", "load_model", "load_run", "load_weights", "method_of"]


@dataclass(frozen=True)
class Loaded:
    """A model with its preprocessing and configuration."""

    model: DALIP
    """On the CPU, in evaluation mode; a plain open_clip model has only the first order."""
    towers: Towers
    config: TrainConfig | None
    """Configuration of the run, if the model comes from one."""


def load_model(source: str, *, pretrained: str | None = None, report: ReportLine = no_report) -> Loaded:
    """Load a model from a run, the authors' checkpoint or open_clip.

    Args:
        source: The folder of a finished run, or its `model.pt`; the file of the authors' checkpoint; or an open_clip
            model: a name, `hf-hub:...` or `local-dir:...`.
        pretrained: Which weights of a named open_clip model: a tag or a file.
        report: Called with one line if something had to be assumed about the weights.

    Returns:
        The model.

    Raises:
        TrainingError: The source is missing or damaged, or is not a model.
    """
    path = Path(source)
    if pretrained and path.exists():
        raise TrainingError("weights-not-needed", source=path, weights=pretrained)
    if run := find_run(path):
        model, towers, config = load_run(run)
        return Loaded(model, towers, config)
    if path.is_file():
        model, towers = _load_official(path)
        return Loaded(model, towers, None)
    if path.is_dir():
        raise TrainingError("folder-not-a-run", source=path, folder=path)
    known = ":" in source or source.replace("/", "-") in open_clip.list_models() or close_aliases(source)
    if not known and (path.suffix or len(path.parts) > 1):  # then a path was meant
        raise TrainingError("model-not-found", source=source)
    with TemporaryDirectory(prefix="dalip-") as folder:
        towers = create_towers(source, pretrained, Path(folder), report=report)
    return Loaded(DALIP(towers.clip, None).eval(), towers, None)


def find_run(path: Path) -> Path | None:
    """Return the folder of a run, given the folder or its `model.pt`; `None` if it is not a run."""
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
    """Return the MBDC settings of a run; `None` if it trains only the first order."""
    if not config.second_order:
        return None
    return MethodConfig(**{field.name: getattr(config, field.name) for field in fields(MethodConfig)})


def load_weights(model: DALIP, source: Path) -> None:
    """Load all weights from a model of the same sizes.

    Args:
        model: Its weights are replaced.
        source: The folder of a finished run, its `model.pt`, an exported encoder, or the authors' checkpoint.

    Raises:
        TrainingError: The file is missing or damaged, or a weight does not fit; the error names the first.
        BundleError: The encoder is damaged.
    """
    if is_bundle(source):
        _fit(model, bundle_state(source, model), source)
        check_rebuilt(model, source)
        return
    path = source / "model.pt" if source.is_dir() else source
    if source.is_dir() and not path.exists():
        raise TrainingError("run-unfinished", source=source, run=source)
    content = load_checkpoint(path)
    if state := official_state(content):
        _fit(model, from_official(state), path, named=to_official)
    elif isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        _fit(model, content["model"], path)
    else:
        raise not_a_model(path)


def _load_official(path: Path) -> tuple[DALIP, Towers]:
    state = read_official(path)
    with naming(path):
        method = method_of_official(state)
        with TemporaryDirectory(prefix="dalip-") as folder:
            towers = official_towers(state, Path(folder))
    with fitting(path):
        model = DALIP(towers.clip, method)
    _fit(model, from_official(state), path, named=to_official)
    return model.eval(), towers


def _fit(
    model: DALIP, state: Mapping[str, Tensor], path: Path, named: Callable[[str], str] = lambda name: name
) -> None:
    """Load weights, all of which must exist and fit; torch would list each mismatch on a separate line."""
    expected = model.state_dict()
    if (theirs := "image_bdc.output.weight" in state) != (model.config is not None):
        raise TrainingError("heads-not-expected" if theirs else "heads-missing", source=path)
    for name, value in expected.items():
        found = state.get(name)
        if found is None:
            raise TrainingError("tensor-missing", source=path, name=named(name))
        if found.shape != value.shape:
            raise TrainingError(
                "tensor-shape",
                source=path,
                name=named(name),
                shape=_written(found),
                needed=_written(value),
            )
    if extra := next((name for name in state if name not in expected), None):
        raise TrainingError("tensor-not-expected", source=path, name=named(extra))
    model.load_state_dict(state)


def _written(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"
