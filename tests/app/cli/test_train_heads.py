"""Fine-tuning heads on your own photos, from the built-in encoder or any other folder."""

import re
from collections.abc import Callable
from pathlib import Path

from dalip.encoder import read_manifest
from dalip.training import TrainConfig
from dalip_app.cli.models.train_comparison import compared
from dalip_assets import ENCODER
from tests.app.conftest import Done, World
from tests.dalip.runs import TOY

Dalip = Callable[..., Done]


def test_the_built_in_encoder_can_be_trained_further(dalip: Dalip, world: World, tmp_path: Path) -> None:
    """Its model is rebuilt from the built-in files only, and compared with them."""
    done = dalip("train", "--init", "builtin", "--freeze-towers", "--data", world.photos, "--dry-run", "run")
    assert (done.status, done.err) == (0, ""), done.err
    assert re.search(
        r"model: lite0-minilm, joint width 256, 2\d\.\d M parameters, 2\.\d M trainable", done.out
    )
    assert not (tmp_path / "run").exists()


def test_heads_for_your_own_photos_and_their_improvement(dalip: Dalip, world: World, tmp_path: Path) -> None:
    common = ["--data", world.photos, "--taxa", world.taxa, "--workers", "0"]
    toy = ["--preset", "tiny", "--model", TOY, "--image-size", "32"]
    done = dalip("train", *toy, *common, "--steps", "3", "--batch-size", "16", "first")
    # It did not start from another encoder, so there is no comparison.
    assert (done.status, done.out) == (0, ""), done.err
    heads = ["--init", "first/encoder", "--freeze-towers", "--freeze", "image_bdc.", "--steps", "2"]
    in_the_way = tmp_path / "run" / "encoder" / "notes.txt"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    done = dalip("train", *heads, *common, "run")
    assert (done.status, "run/encoder: the folder contains other files" in done.err) == (1, True), done.err
    in_the_way.unlink()
    done = dalip("train", "run", "--old", world.photos)  # only the export and the comparison are left
    assert done.status == 0, done.err
    config = TrainConfig.load(tmp_path / "run" / "config.json")
    assert config.init == str(tmp_path / "first" / "encoder")
    assert (config.freeze, config.cache_views, config.steps) == (("image", "text", "image_bdc."), 4, 2)
    table = [line.split(" | ") for line in done.out.splitlines()]
    assert [(row[0], row[1]) for row in table[2:]] == [
        (f"| {what}", by) for what in ("this run", "photos") for by in ("their texts", "other photos", "both")
    ]
    for row in table[2:]:
        if row[1] == "other photos":  # photo embeddings are unchanged
            assert (row[4], row[6]) == (row[5], row[7])
    page = (tmp_path / "run" / "README.md").read_text()
    assert done.out in page
    assert "was not measured" not in page
    assert "What the encoder forgot about the plants it was trained on before was not measured" in " ".join(
        compared(tmp_path / "run", old={})
    )


def test_an_unusable_starting_point_is_rejected(dalip: Dalip, world: World, tmp_path: Path) -> None:
    done = dalip("train", "--init", world.bundle, "--freeze-towers", "--data", world.photos, "run")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert f"{world.bundle}: this was exported by an older version of DALIP" in line
    assert "origin" in read_manifest(ENCODER).details
    (tmp_path / "empty").mkdir()
    done = dalip("train", "--init", "empty", "--data", world.photos, "run")
    assert "empty: the folder contains neither a finished run nor an exported encoder" in done.err
    assert not (tmp_path / "run").exists()
