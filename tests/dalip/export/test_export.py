"""Exporting other models: the bundle returns the same embeddings as open_clip and the authors' model."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import open_clip
import pytest
import torch
from paths import temporary
from PIL import Image
from torch.nn import functional as F
from wording import refuses

from dalip.encoder import Encoder, read_manifest, write_manifest
from dalip.encoder.manifest import EncoderManifest
from dalip.encoder.sessions import Session
from dalip.errors import BundleError, DalipError, ExportError, TrainingError
from dalip.export import check_parity
from dalip.export import write_bundle as bundle
from dalip.export.export_model import export_model
from dalip.export.write_bundle import refuse_used
from dalip.model import DALIP
from dalip.training.towers.from_bundle import bundle_state
from dalip.training.towers.load_model import load_model
from tests.dalip.official import GOLDEN, full_state, save, small_model, small_state

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

TEXTS = ["a rose", "", "Viola odorata, the sweet violet: “common” by the river", "long " * 100]
CAUSAL = {"width": 64, "heads": 2, "layers": 1}
SEES_PADDING = CAUSAL | {"no_causal_mask": True, "pool_type": "last"}  # as in SigLIP


def write_clip(folder: Path, text: dict[str, Any], **changes: Any) -> str:
    """Write a small open_clip model with random weights to a folder, and return its name."""
    folder.mkdir()
    vision = {"image_size": 48, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32}
    config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text} | changes
    content = {"model_cfg": config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    torch.manual_seed(0)
    clip = open_clip.create_model(f"local-dir:{folder}")
    torch.save(clip.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"local-dir:{folder}"


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(5)
    return [Image.fromarray(random.integers(0, 256, (48, 48, 3), dtype=np.uint8)) for _ in range(3)]


@pytest.mark.parametrize(
    ("text", "changes"), [(CAUSAL, {}), (SEES_PADDING, {"custom_text": True})], ids=["causal", "sees padding"]
)
def test_a_plain_clip_answers_as_in_open_clip(
    tmp_path: Path, text: dict[str, Any], changes: dict[str, Any]
) -> None:
    source = write_clip(tmp_path / "clip", text, **changes)
    lines: list[str] = []
    manifest = export_model(source, tmp_path / "out", report=lines.append)
    assert [(block.name, block.width, block.weight) for block in manifest.blocks] == [("first_order", 32, 1)]
    assert (manifest.name, manifest.patch_grid) == ("clip", (3, 3))
    assert lines[0] == f"loading {source}"
    assert "lowest cosine similarity to the model, over 4 pictures and 5 texts: 1.00000" in lines[-1]

    encoder = Encoder.load(tmp_path / "out", verify=True)
    clip, _, prepare = open_clip.create_model_and_transforms(source)
    tokens = open_clip.get_tokenizer(source)(TEXTS)
    with torch.inference_mode():
        photos = clip.eval().encode_image(torch.stack([prepare(p) for p in pictures()]))
        expected = F.normalize(clip.encode_text(tokens), dim=-1)
    np.testing.assert_allclose(encoder.encode_images(pictures()), F.normalize(photos, dim=-1), atol=1e-4)
    for texts in (slice(4), slice(1), slice(1, 3)):  # a text's embedding does not depend on its batch
        np.testing.assert_allclose(encoder.encode_text(TEXTS[texts]), expected[texts], atol=1e-4)
    assert encoder.encode_patches(pictures()[0]).shape == (3, 3, 32)


@pytest.fixture(scope="module")
def authors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, EncoderManifest]]:
    """A folder with an exported checkpoint in the authors' format, and its manifest."""
    with temporary(tmp_path_factory, "authors") as folder:
        path = save(folder / "authors.pt", {"state_dict": small_state(small_model(0))})
        yield folder, export_model(str(path), folder / "out", first_order=0.3, terms="none")


def test_an_export_that_differs_is_refused(authors: tuple[Path, EncoderManifest], tmp_path: Path) -> None:
    shutil.copytree(authors[0] / "out", tmp_path / "out")
    loaded = load_model(str(authors[0] / "authors.pt"))
    model, towers = loaded.model, loaded.towers
    assert check_parity(model, towers, tmp_path / "out", pictures(), ["a rose"]) > 0.9999
    with torch.no_grad():
        model.image_bdc.output.weight.mul_(-1)
    with refuses(ExportError, match="differs from its model"):
        check_parity(model, towers, tmp_path / "out", pictures(), ["a rose"])
    with refuses(BundleError, match=r"manifest\.json"):
        Encoder.load(tmp_path / "out")


def test_the_authors_model_counts_all_its_padding(authors: tuple[Path, EncoderManifest]) -> None:
    folder, manifest = authors
    assert [(b.name, b.width, round(b.weight, 6)) for b in manifest.blocks] == [
        ("first_order", 48, 0.3),
        ("second_order", 48, 0.7),
    ]
    assert (manifest.name, manifest.terms) == ("authors.pt", "none")
    encoder = Encoder.load(folder / "out")
    with torch.inference_mode():
        expected = small_model(0).encode_text(open_clip.get_tokenizer("ViT-B-16")(TEXTS)).joint(0.3)
    for texts in (slice(4), slice(1)):
        np.testing.assert_allclose(encoder.encode_text(TEXTS[texts]), expected[texts], atol=1e-4)


@pytest.mark.slow
def test_the_full_model_gives_the_authors_features(tmp_path: Path) -> None:
    path = save(tmp_path / "authors.pt", {"state_dict": full_state()})
    export_model(str(path), tmp_path / "out")
    expected = np.load(GOLDEN / "official_model_outputs.npz")
    ids = expected["text_ids"][:, :6]  # everything except padding
    inputs = {
        "image": {"pixels": np.random.default_rng(1).standard_normal((2, 3, 224, 224)).astype(np.float32)},
        "text": {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)},
    }
    for modality, values in inputs.items():
        file = tmp_path / "out" / f"{modality}_encoder.onnx"
        (found,) = Session(file.read_bytes(), file, ["embedding"]).run(["embedding"], values)
        both = [expected[f"{modality}_{order}"] for order in ("first", "second")]
        np.testing.assert_allclose(found, 0.5**0.5 * np.concatenate(both, axis=1), atol=1e-4)


def test_a_model_that_cannot_be_exported_is_refused_in_one_line(
    authors: tuple[Path, EncoderManifest], tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "clip", CAUSAL)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").touch()
    (tmp_path / "file").touch()
    with refuses(ExportError, match=r"tiny: the model has no trained weights; .*--pretrained"):
        export_model("tiny", tmp_path / "out")
    with refuses(ExportError, match="no second order to weight"):
        export_model(source, tmp_path / "out", first_order=0.5)
    with refuses(ExportError, match=f"{tmp_path / 'used'}: the folder contains other files"):
        export_model(source, tmp_path / "used")
    with refuses(ExportError, match=f"{tmp_path / 'file'}: "):
        export_model(source, tmp_path / "file")
    refuse_used(authors[0] / "out")  # an existing encoder may be replaced
    with refuses(ExportError, match="contains other files"):  # before anything is loaded
        export_model("gone.pt", tmp_path / "used")
    with refuses(TrainingError, match=r"gone\.pt: no such run or file"):
        export_model("gone.pt", tmp_path / "out")
    with refuses(DalipError, match="ViT-B-99"):
        export_model("ViT-B-99", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_too_large_for_a_graph_are_in_a_file_next_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_clip(tmp_path / "clip", CAUSAL)
    whole = export_model(source, tmp_path / "whole")
    monkeypatch.setattr(bundle, "LARGEST_GRAPH", 10_000)
    folder = tmp_path / "out"
    for _ in range(2):  # also over an earlier export
        apart = export_model(source, folder)
    assert {*apart.files} - {*whole.files} == {"image_encoder.onnx.data", "text_encoder.onnx.data"}
    assert apart.files["image_encoder.onnx"].size < 200_000
    assert apart.fingerprint == whole.fingerprint, "it is the same model"
    photos = pictures()
    expected = Encoder.load(tmp_path / "whole").encode_images(photos)
    elsewhere = folder.rename(tmp_path / "elsewhere")
    np.testing.assert_array_equal(Encoder.load(elsewhere).encode_images(photos), expected)
    shutil.copytree(elsewhere, folder)
    model = DALIP(load_model(source).model.clip, None)
    expected_state = model.state_dict()
    for name, values in bundle_state(folder, model).items():
        torch.testing.assert_close(values, expected_state[name], rtol=0, atol=0)

    data = folder / "image_encoder.onnx.data"
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    with refuses(BundleError, match=r"image_encoder\.onnx\.data: the file was changed"):
        Encoder.load(folder).encode_images(photos)
    with refuses(BundleError, match=r"image_encoder\.onnx\.data: the file was changed"):
        Encoder.load(folder, verify=True)


@pytest.mark.parametrize("place", ["../secret.data", "/etc/passwd", "text_encoder.onnx.data", "other.data"])
def test_weights_outside_of_the_bundle_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(bundle, "LARGEST_GRAPH", 10_000)
    folder = tmp_path / "out"
    export_model(write_clip(tmp_path / "clip", CAUSAL), folder)
    (tmp_path / "secret.data").write_bytes((folder / "image_encoder.onnx.data").read_bytes())
    graph = onnx.load(folder / "image_encoder.onnx", load_external_data=False)
    entries = [e for t in graph.graph.initializer for e in t.external_data if e.key == "location"]
    entries[0].value = place
    (folder / "image_encoder.onnx").write_bytes(graph.SerializeToString())
    write_manifest(folder, read_manifest(folder))
    with refuses(BundleError, match=r"image_encoder\.onnx: .*manifest\.json does not list for it"):
        Encoder.load(folder).encode_images(pictures())
