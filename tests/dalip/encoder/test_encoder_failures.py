"""An encoder that cannot be opened, or returns invalid output, is refused in one line that names the file."""

from pathlib import Path

import numpy as np
import pytest
from hostile_images import photo
from onnx import TensorProto, helper
from tiny_bundle import DIM, write_tiny_bundle
from wording import refuses, said

from dalip.encoder import Encoder, read_manifest, write_manifest
from dalip.errors import BundleError


def graph(folder: Path, outputs: dict[str, np.ndarray]) -> None:
    """Replace the image encoder with one that returns constants."""
    nodes, infos = [helper.make_node("Identity", ["pixels"], ["unused"])], []
    for name, value in outputs.items():
        tensor = helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.ravel())
        nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])
    model = helper.make_model(
        helper.make_graph(nodes, "constant", [pixels], infos),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    (folder / "image_encoder.onnx").write_bytes(model.SerializeToString())
    write_manifest(folder, read_manifest(folder))


FITTING = {
    "embedding": np.ones((1, 2 * DIM)),
    "patches": np.ones((1, 49, DIM)),
    "appearance": np.ones((1, DIM)),
}
"""Outputs with the shapes stated in the manifest of a tiny bundle."""


@pytest.mark.parametrize(
    ("outputs", "cause"),
    [
        ({"embedding": np.full((1, 2 * DIM), np.nan)}, "has no output patches"),
        (FITTING | {"embedding": np.full((1, 2 * DIM), np.nan)}, "NaN or infinite"),
        (FITTING | {"embedding": np.ones((1, 7))}, r"embedding has the shape \(1, 7\), but"),
    ],
)
def test_an_encoder_with_invalid_output_is_named(
    tmp_path: Path, outputs: dict[str, np.ndarray], cause: str
) -> None:
    graph(write_tiny_bundle(tmp_path), outputs)
    with refuses(BundleError, match=cause) as caught:
        Encoder.load(tmp_path).encode_images([photo()])
    assert said(caught.value).startswith(str(tmp_path / "image_encoder.onnx"))


def test_patches_that_do_not_fit_the_grid_are_refused(tmp_path: Path) -> None:
    graph(write_tiny_bundle(tmp_path), FITTING | {"patches": np.ones((1, 5, DIM))})
    with refuses(
        BundleError, match=r"patches has the shape \(1, 5, 16\), but manifest\.json says \(1, 49, 16\)"
    ):
        Encoder.load(tmp_path).encode_patches(photo())


def test_an_appearance_with_a_different_width_is_refused(tmp_path: Path) -> None:
    graph(write_tiny_bundle(tmp_path), FITTING | {"appearance": np.ones((1, 3))})
    encoder = Encoder.load(tmp_path)
    assert len(list(encoder.encode_files([photo()]))) == 1
    with refuses(BundleError, match=r"appearance has the shape \(1, 3\), but manifest\.json says \(1, 16\)"):
        list(encoder.encode_files([photo()], appearance=True))


def test_a_file_changed_after_loading_is_found_when_it_is_opened(tmp_path: Path) -> None:
    encoder = Encoder.load(write_tiny_bundle(tmp_path))
    content = bytearray((tmp_path / "image_encoder.onnx").read_bytes())
    content[-20] ^= 1
    (tmp_path / "image_encoder.onnx").write_bytes(content)
    with refuses(BundleError, match=r"image_encoder\.onnx: the file was changed"):
        encoder.encode_images([photo()])


def test_models_and_tokenizers_that_do_not_open_are_named(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    for name, content in {"image_encoder.onnx": b"\x08\x00 nonsense", "tokenizer.json": b"{}"}.items():
        (tmp_path / name).write_bytes(content)
    write_manifest(tmp_path, read_manifest(tmp_path))
    encoder = Encoder.load(tmp_path, verify=True)
    with refuses(BundleError, match=r"image_encoder\.onnx: ONNX Runtime cannot open the model"):
        encoder.encode_images([photo()])
    with refuses(BundleError, match=r"tokenizer\.json: this is not a valid tokenizer"):
        encoder.encode_text(["red"])
