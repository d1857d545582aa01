"""A flora is used with the encoder that built it, without naming the encoder again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dalip_app.server.floras import Floras
from dalip_assets import ENCODER, FLORA
from dalip_index import load_flora
from dalip_index.places import encoder_of, find_encoder
from tests.app.conftest import Done, World, paint

Dalip = Callable[..., Done]


@pytest.fixture
def garden(dalip: Dalip, world: World, tmp_path: Path) -> Path:
    """A flora that was built with another encoder than the built-in one."""
    bundle = shutil.copytree(world.bundle, tmp_path / "encoder")
    built = dalip("index", "build", tmp_path / "garden", "--photos", world.photos, "--encoder", bundle)
    assert built.status == 0
    return tmp_path / "garden"


def test_no_command_needs_the_encoder_again(dalip: Dalip, garden: Path, world: World, tmp_path: Path) -> None:
    photo = world.photos / "Flos_red" / "red-00.png"
    other, data = paint(tmp_path / "other.png", "yellow"), tmp_path / "data"
    for command in (
        ("identify", photo, "--flora", garden),
        ("index", "add", other, "--flora", garden, "--taxon", "Flos alius"),
        ("index", "remove", "--flora", garden, "--taxon", "Flos alius"),
        ("index", "build", garden, "--photos", world.photos),
        ("index", "rebuild", garden),
        ("index", "merge", garden, tmp_path / "merged"),
        ("library", "add", world.photos, "--flora", garden),
        ("search", "red", "--all"),
        ("search", "--image", photo),
        ("evaluate", "flora", "--flora", garden, "--photos", world.photos),
        ("space", tmp_path / "space", "--flora", garden),
    ):
        done = dalip(*command)
        assert done.status == 0, (command, done.err)
    for flora in (garden, tmp_path / "merged"):
        assert load_flora(flora, encoder_of(flora, data)).manifest.encoder.name == "tiny-0"
    assert Floras([garden], data, None).encoder.manifest.name == "tiny-0"


def test_an_encoder_that_was_moved_has_to_be_named_once(
    dalip: Dalip, garden: Path, world: World, tmp_path: Path
) -> None:
    photo = world.photos / "Flos_red" / "red-00.png"
    moved = (tmp_path / "encoder").rename(tmp_path / "moved")
    done = dalip("identify", photo, "--flora", garden)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert all(word in done.err for word in (str(garden), "tiny-0", "--encoder", "dalip index rebuild"))
    assert dalip("identify", photo, "--flora", garden, "--encoder", moved).status == 0
    assert dalip("identify", photo, "--flora", garden).status == 1, "identifying a photo writes nothing"
    assert dalip("index", "build", garden, "--photos", world.photos, "--encoder", moved).status == 0
    assert dalip("identify", photo, "--flora", garden).status == 0


def test_a_flora_whose_encoder_is_gone_moves_to_the_built_in_one(
    dalip: Dalip, garden: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "encoder")
    done = dalip("index", "rebuild", garden)
    assert done.status == 0
    assert find_encoder(load_flora(garden).manifest.encoder.fingerprint, tmp_path / "none") == ENCODER


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"folder": 3}', '{"folder": "/nowhere"}'])
def test_a_damaged_note_of_an_encoder_is_ignored(tmp_path: Path, content: str) -> None:
    fingerprint = "0" * 64
    note = tmp_path / "encoders" / f"{fingerprint[:16]}.json"
    note.parent.mkdir()
    note.write_text(content, encoding="utf-8")
    assert find_encoder(fingerprint, tmp_path) is None
    note.write_text(json.dumps({"folder": str(ENCODER)}), encoding="utf-8")
    assert find_encoder(fingerprint, tmp_path) is None, "another encoder is there"
    assert encoder_of(FLORA, tmp_path) == ENCODER
