"""Training from an exported encoder: the rebuilt model has the same embeddings, and its heads can be trained."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from wording import refuses, said

from dalip.encoder import Encoder, read_manifest
from dalip.encoder.manifest import IMAGE_ENCODER, MANIFEST
from dalip.errors import BundleError, TrainingError
from dalip.export import Weights, export_bundle
from dalip.export.export_run import _inherited_whitening, export_and_describe
from dalip.export.whitening import read_whitening
from dalip.model import DALIP
from dalip.training import TrainConfig
from dalip.training.inherit import START, inherit_towers, keep_start, settings_of
from dalip.training.loop import train
from dalip.training.presets import FREEZE_TOWERS
from dalip.training.towers.create import create_towers, load_towers
from dalip.training.towers.from_bundle import check_rebuilt, write_bundle_towers
from dalip.training.towers.load_model import load_run, load_weights, method_of
from tests.dalip.runs import TOY, tiny_config

pytestmark = pytest.mark.usefixtures("unchecked_shapes")


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def finished(shard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without pretrained weights, and its encoder exported as int8."""
    run = tmp_path_factory.mktemp("runs") / "first"
    train(
        tiny_config(
            shard,
            freeze=(),
            mirror=True,
            count_padding=True,
            norm="batch",
            weights="int8",
            terms="for me",
            epochs=1,
        ),
        run,
        report=quiet,
    )
    export_and_describe(run)
    return run


@pytest.fixture
def bundle(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished / "encoder", tmp_path / "bundle"))


def rebuilt(bundle: Path, folder: Path) -> DALIP:
    config = TrainConfig(data=("none",), init=str(bundle), **settings_of(bundle))
    model = DALIP(inherit_towers(config, folder).clip, method_of(config))
    load_weights(model, bundle)
    return model


def test_a_run_is_rebuilt_from_its_bundle(finished: Path, tmp_path: Path) -> None:
    assert_rebuilt(load_run(finished)[0], finished / "encoder", tmp_path / "again", weights="int8")


def assert_rebuilt(model: DALIP, bundle: Path, folder: Path, weights: Weights) -> None:
    """Compare the model rebuilt from a bundle with the exported one."""
    found = rebuilt(bundle, folder)  # this already checks that it embeds like the bundle
    assert found.config == (model.config and replace(model.config, folded=True))
    expected = model.folded().state_dict()
    assert found.state_dict().keys() == expected.keys()
    for name, value in found.state_dict().items():
        rounding = 1e-6 if weights == "fp32" else 0.01 * float(expected[name].abs().max())
        if value.is_floating_point():  # others are counts, on which no embedding depends
            torch.testing.assert_close(value, expected[name], atol=rounding, rtol=0, msg=name)
    assert float(found.logit_scale.detach()) == pytest.approx(float(model.logit_scale.detach()), rel=1e-5)


def test_a_plain_clip_is_rebuilt_from_its_bundle(tmp_path: Path) -> None:
    torch.manual_seed(0)
    towers = create_towers(TOY, None, tmp_path / "towers", embed_dim=32, image_size=32, report=quiet)
    model = DALIP(towers.clip, None).eval()
    with torch.no_grad():
        model.clip.logit_scale.fill_(3.5)
    export_bundle(model, towers, tmp_path / "out", name="made", weights="fp32")
    assert float(model.logit_scale.detach()) == pytest.approx(np.exp(3.5), rel=1e-5)
    assert_rebuilt(model, tmp_path / "out", tmp_path / "again", weights="fp32")


def test_heads_are_trained_from_an_encoder_only(bundle: Path, shard: Path, tmp_path: Path) -> None:
    """The towers, the whitening of appearances, the terms and the sources are kept."""
    before = Encoder.load(bundle)
    settings = {**settings_of(bundle), **FREEZE_TOWERS, "init": str(bundle), "epochs": 3.0}
    config = tiny_config(shard, **settings)
    run = tmp_path / "run"
    train(config.with_values(steps=1), tmp_path / "other", report=quiet)
    train(config, run, report=quiet)
    shutil.rmtree(bundle)  # the run does not need it any more
    said: list[str] = []
    export_and_describe(run, compare=lambda: ["so much better"], report=said.append)
    assert "so much better" in (run / "README.md").read_text()
    assert not any("appearance of photos" in line for line in said)

    first, last = (load_run(tmp_path / name)[0].state_dict() for name in ("other", "run"))
    changed = {name for name, value in first.items() if not torch.equal(last[name], value)}
    heads = ("image_bdc.", "text_bdc.", "clip.visual.proj", "clip.text_projection", "clip.logit_scale")
    assert {name.partition("_bdc.")[0] for name in changed} >= {"image", "text"}
    assert all(name.startswith(heads) for name in changed)
    after = Encoder.load(run / "encoder", verify=True)
    old, new = before.manifest, after.manifest
    assert (new.terms, new.precision, new.trained_on) == ("for me", old.precision, old.trained_on)
    assert read_manifest(run / START).fingerprint == old.fingerprint != new.fingerprint
    kept, now = read_whitening(run / START), read_whitening(run / "encoder")
    assert kept is not None
    assert now is not None
    for one, other in zip(kept, now, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)

    again = tmp_path / "again"  # the result can be a starting point in turn, as a run and as an encoder
    for source in (run, run / "encoder"):
        train(config.with_values(**settings_of(source), init=str(source), steps=1), again, report=quiet)
        assert read_manifest(again / START).fingerprint == new.fingerprint
        shutil.rmtree(again)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"mirror": False}, False),
        ({"image_size": 40}, False),
        ({"freeze": ("text",), "cache_views": 0}, False),
    ],
)
def test_the_whitening_is_kept_if_the_image_tower_and_its_input_are_unchanged(
    changes: dict[str, Any], kept: bool, bundle: Path, tmp_path: Path
) -> None:
    settings = {**settings_of(bundle), **FREEZE_TOWERS, "init": str(bundle)} | changes
    config = TrainConfig(data=("none",), **settings)
    keep_start(config, tmp_path)
    write_bundle_towers(bundle, tmp_path / "towers")
    towers = load_towers(tmp_path / "towers")
    if config.image_size:
        towers = replace(towers, image=replace(towers.image, size=config.image_size))
    found = _inherited_whitening(tmp_path, DALIP(towers.clip, method_of(config)), towers, config)
    assert (found is not None) == kept
    keep_start(config.with_values(init=None), tmp_path)
    assert not (tmp_path / START).exists()


def rewrite(bundle: Path, **origin: Any) -> None:
    content = json.loads((bundle / MANIFEST).read_text())
    if origin:
        content["details"]["origin"] |= origin
    else:
        del content["details"]["origin"]
    (bundle / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({}, "was exported by an older version of DALIP"),
        ({"logit_scale": "large"}, "its details.origin is damaged"),
        ({"towers": {}}, "its details.origin does not contain open_clip_config.json"),
        ({"places": {}}, "no tensor that can be recognised as clip"),
    ],
)
def test_a_bundle_that_cannot_be_rebuilt_is_refused_in_one_line(
    origin: dict[str, Any], message: str, bundle: Path, shard: Path, tmp_path: Path
) -> None:
    settings = settings_of(bundle)
    rewrite(bundle, **origin)
    assert Encoder.load(bundle).encode_text(["a rose"]).any()  # it still works for identification
    with refuses(TrainingError, match=message) as caught:
        train(tiny_config(shard, **settings, init=str(bundle)), tmp_path / "run", report=quiet)
    assert str(bundle) in said(caught.value)
    assert "\n" not in said(caught.value)


def test_damaged_encoders_and_other_folders_are_refused(bundle: Path, tmp_path: Path) -> None:
    model = rebuilt(bundle, tmp_path / "towers")
    with torch.no_grad():
        model.clip.visual.proj.mul_(-1)
    with refuses(TrainingError, match="the model rebuilt from it returns different embeddings"):
        check_rebuilt(model, bundle)
    (tmp_path / "empty").mkdir()
    with refuses(
        TrainingError, match="empty: the folder contains neither a finished run nor an exported encoder"
    ):
        settings_of(tmp_path / "empty")
    content = bytearray((bundle / IMAGE_ENCODER).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / IMAGE_ENCODER).write_bytes(content)
    with refuses(BundleError, match=r"image_encoder\.onnx: the file was changed"):
        load_weights(model, bundle)
