"""A training configuration refuses invalid values by name, and the presets train what they should."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from wording import refuses, said

from dalip.errors import TrainingError
from dalip.model import DALIP, Objective
from dalip.training import TrainConfig
from dalip.training import config as config_module
from dalip.training.data.corpus import load_corpus
from dalip.training.optimizer import freeze
from dalip.training.presets import FREEZE_TOWERS, PRESETS
from dalip.training.towers.create import create_towers
from dalip.training.towers.load_model import method_of


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"balance": 2.0}, "balance = 2.0: must be a finite number ≥ 0, ≤ 1"),
        ({"steps": 1.5}, "steps = 1.5: must be a whole number > 0"),
        ({"cache": 5}, "cache = 5: must be a string"),
        ({"norm": "group"}, "norm = 'group': must be one of batch, layer"),
        ({"freeze": "image"}, "freeze = 'image': must be a list of strings"),
        ({"train_sizes": ((0.5, 1.5),)}, "train_sizes = ((0.5, 1.5),): must be a list of pairs of numbers"),
        ({"epochs": float("inf")}, "epochs = inf: must be a finite number > 0"),
        ({"stream": True}, "stream = True: needs steps"),
        ({"stream": True, "steps": 9, "classifier": 1.0}, "classifier = 1.0: must be 0 for a stream"),
        ({"mirror": 1}, "mirror = 1: must be true or false"),
        ({"grad_clip": float("nan")}, "grad_clip = nan: must be a finite number > 0"),
        ({"batch_size": True}, "batch_size = True: must be a whole number ≥ 2"),
    ],
)
def test_the_error_states_the_rule(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError) as error:
        TrainConfig(data=("photos",), **wrong)  # type: ignore[arg-type]
    assert message in said(error.value)


def test_no_numeric_field_accepts_negative_infinite_or_nan_values() -> None:
    """Catches new fields without a range check."""
    config = TrainConfig(data=("photos",))
    numbers = [f.name for f in fields(config) if type(f.default) in (int, float)] + ["steps", "embed_dim"]
    for name in numbers:
        for wrong in (-1, float("nan"), float("inf")):
            with refuses(TrainingError, match=rf"^{name} = "):
                config.with_values(**{name: wrong})


def test_a_saved_configuration_that_cannot_be_trained_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"data": ["photos"], "head_lr": -1}))
    with refuses(TrainingError, match=r"config\.json: head_lr = -1: must be a finite number ≥ 0$"):
        TrainConfig.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"cannot be read \(.*\); copy it again"),
        ("[1]", "not the configuration of a run; specify"),
        (
            '{"data": ["photos"], "colour": 1}',
            "settings that this version of DALIP does not know: colour; upgrade",
        ),
    ],
)
def test_a_file_that_is_not_a_configuration_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with refuses(TrainingError, match=rf"config\.json: .*{message}"):
        TrainConfig.load(path)


def test_a_configuration_round_trip(tmp_path: Path) -> None:
    """With integers and lists, as read from JSON, and with file names that are not valid Unicode."""
    config = TrainConfig(
        data=("photos", "caf\udce9/"), freeze=["image"], epochs=3, train_sizes=[[0.5, 160], [1, 224]]
    )  # type: ignore[arg-type]
    assert (config.freeze, config.train_sizes) == (("image",), ((0.5, 160), (1.0, 224)))
    assert isinstance(config.epochs, float)
    config.save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json") == config


def test_the_objectives_are_those_of_the_loss() -> None:
    """They are listed twice, because the loss needs torch and the configuration must not import it."""
    assert get_args(config_module.Objective) == get_args(Objective)


def test_only_fields_that_change_the_result_count_as_differing() -> None:
    config = TrainConfig(data=("photos",))
    assert (
        config.differing(config.with_values(workers=9, terms="none", save_minutes=1.0, cache="elsewhere"))
        == []
    )
    assert config.differing(config.with_values(norm="batch", seed=1)) == ["norm", "seed"]
    stream = config.with_values(stream=True, steps=9)
    assert stream.differing(stream.with_values(workers=9)) == ["workers"]


@pytest.mark.parametrize("data", ["http://example.org/a.tar", "pipe:cat a.tar"])
def test_remote_data_can_only_be_streamed(data: str) -> None:
    with refuses(TrainingError, match="only a streaming run"):
        load_corpus(TrainConfig(data=(data,)))


@pytest.mark.parametrize("preset", [FREEZE_TOWERS, PRESETS["builtin"]], ids=["heads", "builtin"])
def test_presets_freeze_existing_weights_and_train_the_rest(preset: dict[str, Any], tmp_path: Path) -> None:
    config = TrainConfig(data=("photos",), **preset)
    towers = create_towers(config.model, config.pretrained, tmp_path, image_size=64)
    model = DALIP(towers.clip, method_of(config))
    freeze(model, config.freeze)
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    trunk = {name for name in learning if name.startswith("clip.visual.trunk.")}
    assert not any(name.startswith("clip.text.transformer.") for name in learning)
    assert any(name.startswith("image_bdc.") for name in learning)
    if preset is FREEZE_TOWERS:
        assert not trunk
    else:
        assert {name.split(".")[4] for name in trunk if ".blocks." in name} == set("23456")
        assert not any("conv_stem" in name or ".trunk.bn1." in name for name in trunk)
    with refuses(TrainingError, match="neither image nor text"):
        freeze(model, ("clip.visual.trunk.gone.",))
