"""Tower adapters: for every family of towers, their summary equals the embedding computed by open_clip."""

import re
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from open_clip.model import CLIP, CustomTextCLIP
from torch.nn import functional as F
from transformers import AutoConfig
from wording import refuses, said

from dalip.errors import DalipError
from dalip.model import DALIP, MethodConfig, Tokens
from dalip.training.towers.create import build_clip

NATIVE_TEXT = {"context_length": 16, "vocab_size": 100, "width": 32, "heads": 2, "layers": 2}
NATIVE_VIT = {"image_size": (32, 48), "layers": 2, "width": 64, "patch_size": 16, "head_width": 32}
TIMM_CONV = {"timm_model_name": "tf_efficientnet_lite0", "timm_pool": "avg", "timm_proj": "linear"}

IMAGE_FAMILIES: dict[str, tuple[dict[str, Any], int, tuple[int, int]]] = {
    "native, class token": ({**NATIVE_VIT, "image_size": 48}, 48, (3, 3)),
    "native, mean": ({**NATIVE_VIT, "image_size": 48, "pool_type": "avg"}, 48, (3, 3)),
    "native, norm after mean": (
        {**NATIVE_VIT, "image_size": 48, "pool_type": "avg", "final_ln_after_pool": True, "no_ln_pre": True},
        48,
        (3, 3),
    ),
    "native, patch dropout": ({**NATIVE_VIT, "image_size": 48, "patch_dropout": 0.5}, 48, (3, 3)),
    "EfficientNet": (TIMM_CONV, 64, (2, 2)),
    "norm after pooling": ({"timm_model_name": "convnext_atto", "timm_pool": ""}, 64, (2, 2)),
    "MLP as projection": (
        {"timm_model_name": "convnext_atto", "timm_pool": "", "timm_proj": "mlp"},
        96,
        (3, 3),
    ),
    "layers after pooling": ({"timm_model_name": "mobilenetv3_small_050", "timm_proj": None}, 64, (2, 2)),
    "classifier as projection": ({"timm_model_name": "fastvit_t8", "timm_proj": None}, 64, (2, 2)),
    "channels last": ({"timm_model_name": "swin_tiny_patch4_window7_224", "timm_pool": ""}, 128, (4, 4)),
    "timm, class token": ({"timm_model_name": "vit_tiny_patch16_224", "timm_pool": ""}, 48, (3, 3)),
    "timm, norm after mean": (
        {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "avg", "timm_proj": None},
        48,
        (3, 3),
    ),
    "timm, registers": ({"timm_model_name": "vit_small_patch14_reg4_dinov2", "timm_pool": ""}, 42, (3, 3)),
    "two classifiers": (
        {"timm_model_name": "deit_tiny_distilled_patch16_224", "timm_pool": "token", "timm_proj": None},
        48,
        (3, 3),
    ),
    "EVA": (
        {"timm_model_name": "eva02_tiny_patch14_224", "timm_pool": "token", "timm_proj": None},
        42,
        (3, 3),
    ),
    "hybrid": ({"timm_model_name": "vitamin_small_224", "timm_pool": ""}, 48, (3, 3)),
}
"""Image tower configuration, input size in pixels, and token grid, by family."""

TEXT_FAMILIES: dict[str, dict[str, Any]] = {
    "end of text is the largest id": {},
    "end of text has an id": {"pool_type": "eos", "eos_id": 98},
    "sees its padding": {"no_causal_mask": True},
    "pools its padding": {"pool_type": "last", "no_causal_mask": True},
    "pools the end": {"pool_type": "last"},
    "pools the start": {"pool_type": "first", "no_causal_mask": True},
}

SMALL_HF: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "xlm-roberta": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    },
    "mt5": {"d_model": 32, "num_layers": 2, "num_decoder_layers": 1, "num_heads": 2, "d_ff": 64, "d_kv": 16},
    "m2m_100": {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
    },
}

REFUSED = {
    r"coca_.*": "CoCa",
    r"RN\d+.*": "ModifiedResNet returns no tokens",
    r".*SigLIP.*|PE-Core-.*|nllb-clip-.*-siglip": "attention pooling",
}
"""The open_clip architectures that return no tokens, and the reason; all others return tokens."""


def hf_text(folder: Path, kind: str = "bert", pooler: str = "mean_pooler") -> dict[str, Any]:
    AutoConfig.for_model(kind, vocab_size=100, **SMALL_HF[kind]).save_pretrained(folder / kind)
    return {
        "hf_model_name": str(folder / kind),
        "hf_pooler_type": pooler,
        "hf_proj_type": "linear",
        "context_length": 16,
    }


def ids_of(lengths: list[int], *, end: int, padding: int = 0) -> torch.Tensor:
    ids = torch.full((len(lengths), 16), padding)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = torch.randint(2, 90, (length,))
        row[length - 1] = end
    return ids


def config_of(vision: dict[str, Any], text: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"embed_dim": 32, "vision_cfg": dict(vision), "text_cfg": dict(text), **others}


def build(vision: dict[str, Any], text: dict[str, Any], size: int = 48, **others: Any) -> DALIP:
    torch.manual_seed(0)
    clip = build_clip(config_of(vision, text, **others), size)
    return DALIP(clip, MethodConfig(num_heads=2, reduced_dim=4)).eval()


@torch.no_grad()
def image_tokens(model: DALIP, pixels: torch.Tensor) -> Tokens:
    return model.image_tower.project(model.image_tower.features(pixels))


@torch.no_grad()
def text_tokens(model: DALIP, ids: torch.Tensor, mask: torch.Tensor) -> Tokens:
    return model.text_tower.project(model.text_tower.features(ids, mask), ids, mask)


@pytest.mark.parametrize("family", IMAGE_FAMILIES)
def test_image_tokens_of_every_family(family: str) -> None:
    vision, size, grid = IMAGE_FAMILIES[family]
    model = build(vision, NATIVE_TEXT, size)
    tower, pixels = model.image_tower, torch.randn(2, 3, size, size)
    with torch.no_grad():
        features = tower.features(pixels)
    tokens = tower.project(features)
    torch.testing.assert_close(tokens.summary, model.clip.encode_image(pixels), atol=1e-5, rtol=1e-4)
    assert tower.grid(size, size) == grid
    assert tokens.tokens.shape == (2, grid[0] * grid[1], 32)
    # A token equals the embedding of an image that has the features of that position everywhere.
    if features.ndim == 3:
        everywhere = features[:, -1:].expand_as(features)
    elif vision["timm_model_name"].startswith("swin"):
        everywhere = features[:, -1:, -1:].expand_as(features)
    else:
        everywhere = features[:, :, -1:, -1:].expand_as(features)
    torch.testing.assert_close(tower.project(everywhere).summary, tokens.tokens[:, -1], atol=1e-5, rtol=1e-4)
    assert model.encode_image(pixels[:1]).second_order.shape == (1, 32)


@pytest.mark.parametrize("family", IMAGE_FAMILIES)
def test_appearance_is_the_mean_over_patches_alone(family: str) -> None:
    vision, size, grid = IMAGE_FAMILIES[family]
    model = build(vision, NATIVE_TEXT, size)
    with torch.no_grad():
        features = model.image_tower.features(torch.randn(2, 3, size, size))
        pooled, appearance = model.image_tower.pool(features), model.appearance(features)
        torch.testing.assert_close(appearance.norm(dim=1), torch.ones(2))
        # Not exact, because channels below 1e-4 are not square-rooted.
        squared = F.normalize(appearance * appearance.abs())
        torch.testing.assert_close(squared, F.normalize(pooled), atol=1e-3, rtol=0.0)
        if features.ndim == 3:  # the class token, if any, is not used
            changed = features.clone()
            changed[:, : -grid[0] * grid[1]] += 1
        else:  # the position within the photo does not matter
            changed = features.flip((1, 2) if features.shape[1:3] == grid else (2, 3))
        torch.testing.assert_close(model.image_tower.pool(changed), pooled)


@pytest.mark.parametrize("family", IMAGE_FAMILIES)
def test_the_body_of_an_image_tower_has_all_weights_that_affect_its_features(family: str) -> None:
    vision, size, _ = IMAGE_FAMILIES[family]
    model = build(vision, NATIVE_TEXT, size)
    model.image_tower.features(torch.randn(2, 3, size, size)).sum().backward()
    body = {id(p) for p in model.image_tower.body}
    outside = {n: p for n, p in model.clip.visual.named_parameters() if id(p) not in body}
    assert outside
    assert [n for n, p in outside.items() if p.grad is not None] == []
    assert len(body) > 0.8 * len(list(model.clip.visual.parameters()))


def test_a_grid_need_not_be_square() -> None:
    model = DALIP(CLIP(32, NATIVE_VIT, NATIVE_TEXT), MethodConfig(num_heads=2, reduced_dim=4)).eval()
    pixels = torch.randn(2, 3, 32, 48)
    tokens = image_tokens(model, pixels)
    torch.testing.assert_close(tokens.summary, model.clip.encode_image(pixels), atol=1e-5, rtol=1e-4)
    assert model.image_tower.grid(32, 48) == (2, 3)
    assert tokens.tokens.shape == (2, 6, 32)
    conv = build(TIMM_CONV, NATIVE_TEXT, 64)
    assert conv.image_tower.grid(64, 96) == (2, 3)
    eva = build(IMAGE_FAMILIES["EVA"][0], NATIVE_TEXT, 42)
    eva.clip.visual.set_input_size((28, 56))
    assert eva.image_tower.grid(28, 56) == (2, 4)


def test_the_mean_of_the_tokens_is_the_summary() -> None:
    model = build(TIMM_CONV, NATIVE_TEXT, 64)
    tokens = image_tokens(model, torch.randn(2, 3, 64, 64))
    torch.testing.assert_close(tokens.tokens.mean(1), tokens.summary, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("alone", [False, True], ids=["CLIP", "CustomTextCLIP"])
@pytest.mark.parametrize("family", TEXT_FAMILIES)
def test_native_text_summary_matches_open_clip(family: str, alone: bool) -> None:
    """The longest text is shorter than the context length; open_clip always pads to that length and DALIP does not."""
    model = build(NATIVE_VIT, NATIVE_TEXT | TEXT_FAMILIES[family], custom_text=alone)
    assert isinstance(model.clip, CustomTextCLIP if alone else CLIP)
    ids = ids_of([5, 9, 2], end=98)
    cut = ids[:, :9]
    mask = model.text_tower.mask(cut)
    assert mask.sum(1).tolist() == [5, 9, 2]
    tokens = text_tokens(model, cut, mask)
    torch.testing.assert_close(tokens.summary, model.clip.encode_text(ids), atol=1e-5, rtol=1e-4)
    assert tokens.tokens.shape == (3, 9, 32)
    if TEXT_FAMILIES[family].get("pool_type", "argmax") in ("argmax", "eos"):
        ends = mask.sum(1) - 1
        assert torch.equal(tokens.tokens[torch.arange(3), ends], tokens.summary)


def test_a_text_tower_may_have_no_projection_or_one_with_a_bias() -> None:
    for change in ({"proj_type": "none"}, {"proj_bias": True}):
        model = build(NATIVE_VIT, NATIVE_TEXT | change, custom_text=True)
        ids = ids_of([5, 16], end=99)
        tokens = text_tokens(model, ids, model.text_tower.mask(ids))
        torch.testing.assert_close(tokens.summary, model.clip.encode_text(ids), atol=1e-5, rtol=1e-4)


HF = [
    ("bert", "mean_pooler", 0),
    ("bert", "cls_last_hidden_state_pooler", 0),
    ("roberta", "mean_pooler", 1),
    ("xlm-roberta", "mean_pooler", 1),
    ("mt5", "mean_pooler", 0),
    ("m2m_100", "cls_pooler", 1),  # no pooling layer: the first token represents the text
]


@pytest.mark.parametrize(("kind", "pooler", "padding"), HF)
def test_hf_text_summary_matches_open_clip_and_padding_does_not_matter(
    kind: str, pooler: str, padding: int, tmp_path: Path
) -> None:
    model = build(NATIVE_VIT, hf_text(tmp_path, kind, pooler))
    ids = ids_of([5, 9, 2], end=98, padding=padding)
    mask = model.text_tower.mask(ids)
    assert mask.sum(1).tolist() == [5, 9, 2]
    tokens = text_tokens(model, ids, mask)
    with torch.no_grad():
        torch.testing.assert_close(tokens.summary, model.clip.encode_text(ids), atol=1e-5, rtol=1e-4)
        whole, cut = model.encode_text(ids), model.encode_text(ids[:, :9])
    torch.testing.assert_close(whole, cut, atol=1e-5, rtol=1e-4)


def test_the_body_of_a_text_tower_has_all_weights_that_affect_its_features(tmp_path: Path) -> None:
    for text in (NATIVE_TEXT, hf_text(tmp_path)):
        model = build(NATIVE_VIT, text)
        ids = ids_of([5, 16], end=99)
        model.text_tower.features(ids, model.text_tower.mask(ids)).sum().backward()
        body = {id(p) for p in model.text_tower.body}
        used = {id(p) for p in model.parameters() if p.grad is not None}
        assert used == body


def test_every_parameter_learns(tmp_path: Path) -> None:
    model = build(TIMM_CONV, hf_text(tmp_path), 64).train()
    ids = ids_of([5, 9], end=98)
    image, text, _, scale = model(torch.randn(2, 3, 64, 64), ids, model.text_tower.mask(ids))
    (scale * (image.joint(0.5) * text.joint(0.5)).sum()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None]
    assert silent == []


def refusal(vision: dict[str, Any], text: dict[str, Any], **others: Any) -> str:
    with torch.device("meta"):
        clip = build_clip(config_of(vision, text, **others), vision.get("image_size", 224))
    with pytest.raises(DalipError) as caught:
        DALIP(clip, None)
    message = said(caught.value)
    assert "\n" not in message
    return message


def test_towers_without_tokens_are_refused_in_one_line(tmp_path: Path) -> None:
    vit = NATIVE_VIT | {"image_size": 48}
    resnet = {"layers": [1, 1, 1, 1], "width": 32, "image_size": 64}
    assert "ModifiedResNet returns no tokens" in refusal(resnet, NATIVE_TEXT)
    for vision in (
        vit | {"attentional_pool": True},
        {"timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "map", "timm_proj": "none"},
        {"timm_model_name": "resnet26", "timm_pool": "abs_attn", "timm_proj": None},
        {"timm_model_name": "resnet26", "timm_pool": "rot_attn", "timm_proj": None},
        {"timm_model_name": "resnet50_clip", "timm_pool": ""},
    ):
        assert "attention pooling" in refusal(vision, NATIVE_TEXT)
    assert "appends a class token" in refusal(vit, NATIVE_TEXT | {"embed_cls": True}, custom_text=True)
    assert "no summary to align" in refusal(vit, NATIVE_TEXT | {"pool_type": "none"})
    assert "a separate layer" in refusal(vit, hf_text(tmp_path, "bert", "cls_pooler"))
    assert "max_pooler" in refusal(vit, hf_text(tmp_path, "bert", "max_pooler"))


@pytest.mark.slow
@pytest.mark.parametrize("name", open_clip.list_models())
def test_every_open_clip_architecture_returns_tokens_or_is_refused(name: str, tmp_path: Path) -> None:
    """Needs no memory for weights, which are on torch's `meta` device."""
    config = open_clip.get_model_config(name)
    size, text = config["vision_cfg"]["image_size"], config["text_cfg"]
    hub = text.get("hf_model_name")
    if hub:  # only available on the hub, so use a small tower of the same kind
        kind = next(k for k in ("xlm-roberta", "roberta", "mt5", "m2m_100") if k in hub or k == "m2m_100")
        text |= {"hf_model_name": hf_text(tmp_path, kind)["hf_model_name"]}
    reason = next((why for names, why in REFUSED.items() if re.fullmatch(names, name)), None)
    with torch.device("meta"), torch.no_grad():
        if reason:
            with refuses(DalipError, match=f"^[^\n]*{reason}[^\n]*$"):
                DALIP(build_clip(config, size), None)
            return
        model = DALIP(build_clip(config, size), None).eval()
        rows, columns = model.image_tower.grid(size, size)
        assert rows * columns >= 16
        image = image_tokens(model, torch.empty(2, 3, size, size))
        assert image.summary.shape == (2, model.embed_dim)
        assert image.tokens.shape == (2, rows * columns, model.embed_dim)
        if not hub:  # transformers needs the values of the mask, which the meta device does not have
            ids, mask = torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.bool)
            tokens = text_tokens(model, ids, mask)
            assert tokens.summary.shape == (2, model.embed_dim)
            assert tokens.tokens.shape == (2, 7, model.embed_dim)


def test_a_photo_and_its_mirror_image_have_the_same_embedding() -> None:
    model = build(TIMM_CONV, NATIVE_TEXT, 64)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        one, other = model.encode_image(pixels, mirror=True), model.encode_image(pixels.flip(-1), mirror=True)
        plain = model.encode_image(pixels)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(one.second_order, plain.second_order, atol=1e-3)
    torch.testing.assert_close(one.first_order.norm(dim=1), torch.ones(2))


def test_a_folded_model_returns_the_same_with_fewer_parameters() -> None:
    model = build(TIMM_CONV, NATIVE_TEXT, 64)
    folded = model.folded()
    pixels, ids = torch.randn(2, 3, 64, 64), ids_of([5, 9], end=99)
    with torch.no_grad():
        for one, other in zip(model.encode_image(pixels), folded.encode_image(pixels), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
        for one, other in zip(model.encode_text(ids), folded.encode_text(ids), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    counts = [sum(p.numel() for p in m.image_bdc.parameters()) for m in (model, folded) if m.image_bdc]
    assert counts[1] < counts[0]
    assert model.image_bdc is not None
    assert isinstance(model.image_bdc.hidden, torch.nn.Linear)  # the original model is unchanged
    plain = DALIP(model.clip, None)
    assert plain.folded() is plain
