"""`dalip export`: turns a model into an encoder that the other commands accept."""

import json
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch

from tests.app.conftest import Done, World

Dalip = Callable[..., Done]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small open_clip model with random weights."""
    folder = tmp_path_factory.mktemp("clip")
    config = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 48, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32},
        "text_cfg": {"width": 64, "heads": 2, "layers": 1},
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    model = open_clip.create_model(f"local-dir:{folder}")
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"local-dir:{folder}"


def test_an_exported_clip_identifies_and_embeds(
    dalip: Dalip, world: World, clip: str, tmp_path: Path
) -> None:
    done = dalip("export", clip, "encoder", "--name", "small", "--terms", "for tests", "--weights", "int8")
    assert (done.status, done.out) == (0, ""), done.err
    lines = done.err.splitlines()
    assert all(line.startswith("dalip: ") for line in lines), done.err
    assert lines[0] == f"dalip: loading {clip}"
    assert "exported encoder; lowest cosine similarity" in lines[-1]
    weights = Path(clip.removeprefix("local-dir:")) / "open_clip_pytorch_model.bin"
    assert sum(f.stat().st_size for f in tmp_path.glob("encoder/*.onnx")) < 0.3 * weights.stat().st_size
    manifest = json.loads((tmp_path / "encoder" / "manifest.json").read_text())
    assert (manifest["name"], manifest["terms"]) == ("small", "for tests")
    done = dalip("index", "build", "--encoder", "encoder", "--taxa", world.taxa, "flora")
    assert done.status == 0, done.err
    photo = world.photos / "Flos_red" / "red-00.png"
    done = dalip("identify", photo, "--flora", "flora", "--encoder", "encoder", "--json")
    assert done.status == 0, done.err
    assert len(json.loads(done.out)["predictions"]) == 5


def test_a_failed_export_is_a_one_line_error(dalip: Dalip, tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_text("no weights")
    for arguments, words in (
        (("notes.pt", "out"), ("notes.pt", "not a readable checkpoint")),
        (("tiny", "out"), ("tiny: the model has no trained weights", "--pretrained")),
    ):
        done = dalip("export", *arguments)
        assert (done.status, done.out) == (1, ""), done
        last = done.err.splitlines()[-1]
        assert last.startswith("dalip: ")
        for word in words:
            assert word in last
        assert not (tmp_path / "out").exists()
    assert dalip("export", "tiny", "out", "--first-order", "2").status == 2
