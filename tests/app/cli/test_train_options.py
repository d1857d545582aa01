"""Options of `dalip train`: the help is correct, and the values reach the configuration."""

import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import get_origin

import pytest
import typer
from paths import ROOT
from typer.testing import CliRunner

from dalip.training import TrainConfig
from dalip.training.config import settings
from dalip.training.presets import PRESETS
from dalip.training.towers.find_model import look_up
from dalip_app.cli.main import app
from dalip_app.cli.models.train import train
from tests.app.conftest import Done, World

Dalip = Callable[..., Done]


def test_settings_lists_every_field_with_its_default(dalip: Dalip) -> None:
    done = dalip("train", "--settings")
    assert (done.status, done.err) == (0, "")
    listed = dict(re.findall(r"^(\w+)(?: = (.*))?\n    \S", done.out, re.MULTILINE))
    config = TrainConfig(data=("photos",))
    assert list(listed) == [field.name for field in fields(TrainConfig)]
    for name, default in listed.items():
        value = getattr(config, name)
        if name != "data":
            assert json.loads(default) == (list(value) if isinstance(value, tuple) else value), name


def test_options_match_the_configuration_fields() -> None:
    """The name, choices, default and help of each option come from the configuration."""
    alone = typer.Typer()
    alone.command()(train)
    options = {option.name: option for option in typer.main.get_command(alone).params}
    assert {"data", "model", "epochs", "batch_size", "tower_lr", "weights"} <= options.keys()
    for setting in settings():
        if option := options.get(setting.name):
            assert option.opts == [f"--{setting.name.replace('_', '-')}"]
            assert (option.help or "").removesuffix(" Repeatable.") == setting.about
            assert option.multiple == (get_origin(setting.kind) is tuple)
            if setting.default not in (None, False, "", ()):
                text = option.show_default
                assert (float(text) if isinstance(setting.default, int | float) else text) == setting.default
    assert options["seed"].show_default == "0"
    assert CliRunner().invoke(app, ["train", "--objective", "clap", "run"]).exit_code == 2


def test_models_named_in_help_and_guides_are_available() -> None:
    """open_clip knows them, with matching weights; nothing is downloaded."""
    files = [
        *ROOT.glob("app/dalip_app/*.py"),
        *ROOT.glob("dalip/**/*.py"),
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
    ]
    named: set[tuple[str, str]] = set()
    for path in files:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"(ViT-[\w-]+)@(\w+)", text))
        named |= set(re.findall(r"--model (ViT-[\w-]+) --pretrained (\w+)", text))
        named |= set(re.findall(r"dalip export (ViT-[\w-]+) \S+ --pretrained (\w+)", text))
    paper = PRESETS["paper"]
    for model, tag in {*named, (paper["model"], paper["pretrained"])}:
        assert look_up(model, tag)[2], (model, tag)
    assert named


def test_the_papers_preset_is_the_papers_model() -> None:
    config, preprocess, _ = look_up(PRESETS["paper"]["model"], PRESETS["paper"]["pretrained"])
    assert config["quick_gelu"]
    assert (config["vision_cfg"]["patch_size"], config["embed_dim"]) == (16, 512)
    assert preprocess["mean"] == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert TrainConfig(data=("photos",), **PRESETS["paper"]).num_heads == 4


@pytest.mark.parametrize(
    "preset", [pytest.param(name, marks=[pytest.mark.slow] * (name == "paper")) for name in PRESETS]
)
def test_every_preset_can_be_planned(preset: str, dalip: Dalip, world: World) -> None:
    """Including `paper`, without its weights: a plan downloads nothing."""
    done = dalip("train", "--preset", preset, "--data", world.photos, "--dry-run", "run")
    assert done.status == 0, done.err
    assert "trainable" in done.out
    frozen = PRESETS[preset].get("freeze", ())
    total, trainable = map(
        float, re.findall(r"^model: .*, ([\d.]+) M parameters, ([\d.]+) M trainable", done.out, re.M)[0]
    )
    assert (trainable < total) == bool(frozen)


@pytest.mark.slow
def test_a_stream_reads_from_a_command(dalip: Dalip, tmp_path: Path, world: World) -> None:
    shard = tmp_path / "photos.tar"
    with tarfile.open(shard, "w") as archive:
        for path in world.photos.glob("*/*.png"):
            archive.add(path, path.name)
            said = tmp_path / "said.json"
            said.write_text(json.dumps({"scientificName": path.parent.name.replace("_", " ")}))
            archive.add(said, f"{path.stem}.json")
    small = ("--preset", "tiny", "--batch-size", "8", "--workers", "0", "--stream", "--steps", "2")
    done = dalip("train", *small, "--data", f"pipe:cat {shard}", "run")
    assert done.status == 0, done.err
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"] == [f"pipe:cat {shard}"]
    assert "(default, without validation photos): 0.5" in done.err
    assert "validation  step" not in done.err
    assert "There were no validation photos" in (tmp_path / "run" / "README.md").read_text()


def test_options_become_fields(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[TrainConfig] = []
    monkeypatch.setattr("dalip.training.loop.train", lambda config, run, report: taken.append(config))
    monkeypatch.setattr("dalip.export.export_run.export_and_describe", lambda run, **more: None)
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "photos.csv"
    rows = [f"{path},{path.parent.name.replace('_', ' ')}" for path in sorted(world.photos.glob("*/*.png"))]
    table.write_text("\n".join(["file,scientificName", *rows]))
    options = ("--workers", "0", "--seed", "0", "--balance", "0", "--freeze", "text", "--set", "dropout=0.25")
    train = ["train", "--preset", "tiny", "--data", "photos.csv@0.5", "--steps", "1", *options, "run"]
    assert CliRunner().invoke(app, train).exit_code == 0
    (config,) = taken
    assert config.data == (f"{table}@0.5",)
    assert (config.workers, config.seed, config.balance, config.freeze, config.dropout) == (
        0,
        0,
        0,
        ("text",),
        0.25,
    )
