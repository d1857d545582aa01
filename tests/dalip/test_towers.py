"""Adapters: their summary is what open_clip itself encodes, whatever the family of the tower."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from open_clip.model import CLIP, CustomTextCLIP

from dalip.errors import DalipError
from dalip.model import DALIP, MethodConfig

TIMM_CONV = {
    "timm_model_name": "tf_efficientnet_lite0",
    "timm_pool": "avg",
    "timm_proj": "linear",
    "image_size": 64,
}
TIMM_VIT = {
    "timm_model_name": "vit_tiny_patch16_224",
    "timm_pool": "",
    "timm_proj": "linear",
    "image_size": 224,
}
NATIVE_VIT = {"image_size": (32, 48), "layers": 2, "width": 64, "patch_size": 16, "head_width": 32}
NATIVE_TEXT = {"context_length": 16, "vocab_size": 100, "width": 32, "heads": 2, "layers": 2}
BERT = {
    "model_type": "bert",
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "pad_token_id": 0,
}


def hf_text(folder: Path) -> dict[str, Any]:
    (folder / "config.json").write_text(json.dumps(BERT))
    return {
        "hf_model_name": str(folder),
        "hf_model_pretrained": False,
        "hf_pooler_type": "mean_pooler",
        "hf_proj_type": "linear",
        "context_length": 16,
    }


def ids_of(lengths: list[int], *, end: int) -> torch.Tensor:
    ids = torch.zeros(len(lengths), 16, dtype=torch.long)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = torch.randint(1, 90, (length,))
        row[length - 1] = end
    return ids


def build(vision: dict[str, Any], text: dict[str, Any], kind: Callable[..., CLIP | CustomTextCLIP]) -> DALIP:
    torch.manual_seed(0)
    return DALIP(kind(32, vision, text), MethodConfig(num_heads=2, reduced_dim=4)).eval()


@pytest.mark.parametrize(
    "vision", [TIMM_CONV, TIMM_VIT, NATIVE_VIT, NATIVE_VIT | {"pool_type": "avg"}], ids=str
)
def test_image_summary_is_open_clips(vision: dict[str, Any]) -> None:
    model = build(vision, NATIVE_TEXT, CLIP)
    size = vision["image_size"]
    pixels = torch.randn(2, 3, *(size if isinstance(size, tuple) else (size, size)))
    with torch.no_grad():
        tokens = model.image_tower.project(model.image_tower.features(pixels))
        torch.testing.assert_close(tokens.summary, model.clip.encode_image(pixels), atol=1e-5, rtol=1e-4)
    assert tokens.tokens.shape[0] == 2
    assert tokens.tokens.shape[2] == 32
    if vision is TIMM_CONV:
        torch.testing.assert_close(tokens.tokens.mean(1), tokens.summary, atol=1e-5, rtol=1e-4)
    if vision is NATIVE_VIT:
        assert tokens.tokens.shape[1] == 6  # 2 x 3 patches, no class token
    assert model.encode_image(pixels[:1]).second_order.shape == (1, 32)


@pytest.mark.parametrize("kind", [CLIP, CustomTextCLIP])
def test_native_text_summary_is_open_clips(kind: Callable[..., CLIP | CustomTextCLIP]) -> None:
    model = build(NATIVE_VIT, NATIVE_TEXT, kind)
    ids = ids_of([5, 16, 2], end=99)
    mask = model.text_tower.mask(ids)
    assert mask.sum(1).tolist() == [5, 16, 2]
    with torch.no_grad():
        tokens = model.text_tower.project(model.text_tower.features(ids, mask), ids, mask)
        torch.testing.assert_close(tokens.summary, model.clip.encode_text(ids))


def test_hf_text_summary_is_open_clips_and_padding_does_not_matter(tmp_path: Path) -> None:
    model = build(NATIVE_VIT, hf_text(tmp_path), CustomTextCLIP)
    ids = ids_of([5, 9, 2], end=98)
    mask = model.text_tower.mask(ids)
    with torch.no_grad():
        tokens = model.text_tower.project(model.text_tower.features(ids, mask), ids, mask)
        torch.testing.assert_close(tokens.summary, model.clip.encode_text(ids))
        whole, cut = model.encode_text(ids), model.encode_text(ids[:, :9])
    torch.testing.assert_close(whole.second_order, cut.second_order, atol=1e-5, rtol=1e-4)


def test_every_parameter_learns(tmp_path: Path) -> None:
    model = build(TIMM_CONV, hf_text(tmp_path), CustomTextCLIP).train()
    ids = ids_of([5, 9], end=98)
    image, text, scale = model(torch.randn(2, 3, 64, 64), ids, model.text_tower.mask(ids))
    (scale * (image.joint(0.5) * text.joint(0.5)).sum()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None]
    assert silent == []


def test_towers_without_tokens_are_refused_in_one_line() -> None:
    clip = open_clip.create_model("RN50", pretrained=None)
    with pytest.raises(DalipError, match="ModifiedResNet gives no tokens"):
        DALIP(clip, MethodConfig())


def test_a_photo_and_its_mirror_image_are_embedded_alike() -> None:
    model = build(TIMM_CONV, NATIVE_TEXT, CLIP)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        one, other = model.encode_image(pixels, mirror=True), model.encode_image(pixels.flip(-1), mirror=True)
        plain = model.encode_image(pixels)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(one.second_order, plain.second_order, atol=1e-3)
    torch.testing.assert_close(one.first_order.norm(dim=1), torch.ones(2))
