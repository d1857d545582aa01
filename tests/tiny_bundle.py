"""A tiny encoder bundle for tests, made quickly and without torch.

It knows colours: a photo of one colour and a text with that colour's name are similar, so tests can really identify and
search. All other words get small random vectors derived from their letters.
"""

import string
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from dalip.encoder import Block, EncoderManifest, ImageSettings, TextSettings, write_manifest

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 50, 210),
    "yellow": (240, 220, 30),
    "orange": (250, 130, 10),
    "purple": (130, 30, 150),
    "pink": (255, 60, 170),
    "white": (250, 250, 250),
    "black": (10, 10, 10),
    "brown": (110, 70, 30),
}
"""Words that the text encoder understands, and the RGB colours that they mean."""

SIZE, GRID, DIM, CONTEXT = 56, 7, 16, 32
WEIGHTS = (0.6, 0.4)


def write_tiny_bundle(folder: Path, *, seed: int = 0) -> Path:
    """Write a bundle into `folder`, created if needed, and return the folder; the same seed gives the same bytes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1.5, (DIM, 3)).astype(np.float32)
    bias = rng.normal(0, 0.5, DIM).astype(np.float32)
    second = rng.normal(0, 1, (DIM, DIM)).astype(np.float32)
    tokenizer = _tokenizer()
    _save(_image_graph(first, bias, second), folder / "image_encoder.onnx")
    _save(_text_graph(*_word_tables(tokenizer, first, bias, second, rng)), folder / "text_encoder.onnx")
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    manifest = EncoderManifest(
        name=f"tiny-{seed}",
        image=ImageSettings(SIZE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        text=TextSettings(CONTEXT, tokenizer.token_to_id("[PAD]")),
        embed_dim=DIM,
        blocks=(Block("first_order", DIM, WEIGHTS[0]), Block("second_order", DIM, WEIGHTS[1])),
        patch_grid=(GRID, GRID),
        appearance_width=DIM,
        opset=17,
        precision="fp32",
        trained_on=("nothing",),
        terms="none",
        created_by="tests",
    )
    write_manifest(folder, manifest)
    return folder


def _tokenizer() -> Tokenizer:
    letters = string.ascii_lowercase + string.digits
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *COLOURS, *letters, *(f"##{c}" for c in letters), *",.-'"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _word_tables(
    tokenizer: Tokenizer, first: np.ndarray, bias: np.ndarray, second: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """One vector per token for each block; a colour's vector equals the image encoder's output for that colour."""
    tables = [rng.normal(0, 0.02, (tokenizer.get_vocab_size(), DIM)).astype(np.float32) for _ in range(2)]
    for word, rgb in COLOURS.items():
        f = np.tanh(first @ (np.array(rgb) / 127.5 - 1) + bias)
        z = second @ (f * f)
        for table, vector in zip(tables, (f, z), strict=True):
            table[tokenizer.token_to_id(word)] = vector / np.linalg.norm(vector)
    return tables


def _blocks(f: str, z: str) -> list[onnx.NodeProto]:
    """Normalise and weight f and z, and concatenate them to `embedding`."""
    return [
        helper.make_node("LpNormalization", [f], ["f_unit"], axis=1, p=2),
        helper.make_node("LpNormalization", [z], ["z_unit"], axis=1, p=2),
        helper.make_node("Mul", ["f_unit", "f_length"], ["f_block"]),
        helper.make_node("Mul", ["z_unit", "z_length"], ["z_block"]),
        helper.make_node("Concat", ["f_block", "z_block"], ["embedding"], axis=1),
    ]


def _lengths() -> dict[str, np.ndarray]:
    return {"f_length": np.float32([WEIGHTS[0] ** 0.5]), "z_length": np.float32([WEIGHTS[1] ** 0.5])}


def _image_graph(first: np.ndarray, bias: np.ndarray, second: np.ndarray) -> onnx.ModelProto:
    step = SIZE // GRID
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["grid"], kernel_shape=[step] * 2, strides=[step] * 2),
        helper.make_node("Conv", ["grid", "first", "bias"], ["linear"]),
        helper.make_node("Tanh", ["linear"], ["features"]),
        helper.make_node("Reshape", ["features", "flat"], ["channels_first"]),
        helper.make_node("Transpose", ["channels_first"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("LpNormalization", ["tokens"], ["patches"], axis=2, p=2),
        helper.make_node("ReduceMean", ["tokens"], ["f"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["tokens", "tokens"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["second_moments"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["second_moments", "second"], ["z"]),
        # A photo of one colour has an appearance of length 1. With many colours it is longer, so it is not a plant.
        helper.make_node("LpNormalization", ["f"], ["direction"], axis=1, p=2),
        helper.make_node("Mul", ["f", "f"], ["squared_mean"]),
        helper.make_node("Sub", ["second_moments", "squared_mean"], ["variances"]),
        helper.make_node("ReduceMean", ["variances"], ["variance"], axes=[1], keepdims=1),
        helper.make_node("Add", ["variance", "one"], ["length"]),
        helper.make_node("Mul", ["direction", "length"], ["appearance"]),
        *_blocks("f", "z"),
    ]
    constants = {
        "first": first[:, :, None, None],
        "bias": bias,
        "second": second.T.copy(),
        "flat": np.int64([0, DIM, GRID * GRID]),
        "one": np.float32([1]),
    }
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])]
    patches = helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["n", GRID * GRID, DIM])
    appearance = helper.make_tensor_value_info("appearance", TensorProto.FLOAT, ["n", DIM])
    return _model(nodes, inputs, [_embedding(), patches, appearance], constants | _lengths())


def _text_graph(f_table: np.ndarray, z_table: np.ndarray) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
    ]
    for block in "fz":
        nodes += [
            helper.make_node("Gather", [f"{block}_table", "input_ids"], [f"{block}_all"]),
            helper.make_node("Mul", [f"{block}_all", "column"], [f"{block}_real"]),
            helper.make_node("ReduceSum", [f"{block}_real", "tokens_axis"], [block], keepdims=0),
        ]
    nodes += _blocks("f", "z")
    constants = {
        "f_table": f_table,
        "z_table": z_table,
        "last": np.int64([2]),
        "tokens_axis": np.int64([1]),
    }
    names = ("input_ids", "attention_mask")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"]) for name in names]
    return _model(nodes, inputs, [_embedding()], constants | _lengths())


def _embedding() -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2 * DIM])


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _save(model: onnx.ModelProto, path: Path) -> None:
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
