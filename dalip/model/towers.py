"""Token features of open_clip towers: one small adapter for each family.

Tokens are a tower's last features put through its own final norm and projection. Every adapter works in two
steps, so that the first can be cached where a tower is frozen: `features`, the expensive part, and `project`,
which maps features into the joint space.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from open_clip.hf_model import HFTextEncoder
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.timm_model import TimmModel
from open_clip.transformer import TextTransformer, VisionTransformer, text_global_pool
from torch import Tensor, nn

from dalip.errors import DalipError

__all__ = ["ImageAdapter", "TextAdapter", "Tokens", "image_adapter", "text_adapter"]


class Tokens(NamedTuple):
    """What the method needs of one modality, in the joint space of width d."""

    summary: Float[Tensor, "b d"]
    """Class token, pooled feature or end-of-text token, as `encode_image` or `encode_text` of open_clip gives it."""
    tokens: Float[Tensor, "b m d"]
    """All positions of a text, all patches of an image without its class token."""
    mask: Bool[Tensor, "b m"] | None
    """True where a token counts; `None` if all do."""


@runtime_checkable
class ImageAdapter(Protocol):
    """Tokens of an image tower."""

    def features(self, pixels: Float[Tensor, "b 3 height width"]) -> Tensor:
        """Run the tower up to its projection."""

    def project(self, features: Tensor) -> Tokens:
        """Map features into the joint space."""


@runtime_checkable
class TextAdapter(Protocol):
    """Tokens of a text tower."""

    def features(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> Float[Tensor, "b l w"]:
        """Run the tower up to its projection, its final norm included."""

    def project(
        self, features: Float[Tensor, "b l w"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Tokens:
        """Map features into the joint space."""

    def mask(self, ids: Int[Tensor, "b l"]) -> Bool[Tensor, "b l"]:
        """Say which positions are text rather than padding."""


class _NativeImage:
    """open_clip's own vision transformer."""

    def __init__(self, visual: VisionTransformer) -> None:
        if visual.attn_pool is not None or visual.pool_type not in ("tok", "avg"):
            raise DalipError(
                "this image tower pools by attention and keeps no patch tokens in the joint space; take another"
            )
        self.visual = visual

    def features(self, pixels: Tensor) -> Tensor:
        return self.visual.transformer(self.visual._embeds(pixels))  # type: ignore[no-any-return]

    def project(self, features: Tensor) -> Tokens:
        pooled, tokens = self.visual._pool(features)
        if self.visual.final_ln_after_pool:  # then the norm was put to the pooled feature alone
            tokens = self.visual.ln_post(tokens)
        return Tokens(pooled @ self.visual.proj, tokens @ self.visual.proj, None)


class _TimmImage:
    """A timm trunk, convolutional or transformer, with open_clip's linear or MLP head."""

    def __init__(self, visual: TimmModel) -> None:
        self.visual = visual

    def features(self, pixels: Tensor) -> Tensor:
        return self.visual.trunk.forward_features(pixels)  # type: ignore[no-any-return]

    def project(self, features: Tensor) -> Tokens:
        pooled = self.visual.head(self.visual.trunk.forward_head(features))
        if features.ndim == 4:  # b c h w of a convolutional trunk
            positions = features.flatten(2).transpose(1, 2)
        else:
            positions = features[:, getattr(self.visual.trunk, "num_prefix_tokens", 0) :]
        return Tokens(pooled, self.visual.head(positions), None)


class _NativeText:
    """open_clip's own text transformer: standing alone, or spread over the attributes of `CLIP`."""

    def __init__(self, text: CLIP | TextTransformer) -> None:
        if getattr(text, "cls_emb", None) is not None:
            raise DalipError(
                "this text tower (CoCa) appends a class token; it has no end-of-text token to align"
            )
        self.text = text
        self.pool_type: str = text.text_pool_type if isinstance(text, CLIP) else text.pool_type
        self.eos_id: int = text.text_eos_id if isinstance(text, CLIP) else text.eos_id
        self.pad_id: int = getattr(text, "pad_id", 0)

    def mask(self, ids: Tensor) -> Tensor:
        if self.pool_type not in ("argmax", "eos"):
            return ids != self.pad_id
        end = ids if self.pool_type == "argmax" else torch.eq(ids, self.eos_id).int()
        end = end.argmax(dim=1, keepdim=True)
        return torch.arange(ids.shape[1], device=ids.device) <= end

    def features(self, ids: Tensor, mask: Tensor) -> Tensor:
        length = ids.shape[1]
        if isinstance(self.text, TextTransformer):
            x, attention = self.text._embeds(ids)
        else:
            x = self.text.token_embedding(ids) + self.text.positional_embedding[:length]
            attention = self.text.attn_mask
        if attention is not None and attention.ndim == 2:
            attention = attention[:length, :length]
        return self.text.ln_final(self.text.transformer(x, attn_mask=attention))  # type: ignore[no-any-return]

    def project(self, features: Tensor, ids: Tensor, mask: Tensor) -> Tokens:
        projection = self.text.text_projection
        if projection is None:
            tokens = features
        else:
            tokens = projection(features) if isinstance(projection, nn.Linear) else features @ projection
        return Tokens(text_global_pool(tokens, ids, self.pool_type, eos_token_id=self.eos_id), tokens, mask)


class _PooledOutput(NamedTuple):
    """The two fields that open_clip's poolers read of a transformers output."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None


class _HFText:
    """A transformers text encoder behind open_clip's `HFTextEncoder`."""

    def __init__(self, text: HFTextEncoder) -> None:
        if getattr(text.pooler, "use_pooler_output", False):
            raise DalipError(
                "this text tower pools with a layer of its own (cls_pooler); "
                "use mean_pooler or cls_last_hidden_state_pooler"
            )
        self.text = text

    def mask(self, ids: Tensor) -> Tensor:
        return torch.ne(ids, self.text.config.pad_token_id)

    def features(self, ids: Tensor, mask: Tensor) -> Tensor:
        output = self.text.transformer(input_ids=ids, attention_mask=mask.long())
        return output.last_hidden_state  # type: ignore[no-any-return]

    def project(self, features: Tensor, ids: Tensor, mask: Tensor) -> Tokens:
        pooled = self.text.pooler(_PooledOutput(features), mask.to(features.dtype))
        return Tokens(self.text.proj(pooled), self.text.proj(features), mask)


def image_adapter(clip: CLIP | CustomTextCLIP) -> ImageAdapter:
    """Choose the adapter of a model's image tower.

    Raises:
        DalipError: The tower keeps no tokens that its projection can map.
    """
    visual = clip.visual
    if isinstance(visual, VisionTransformer):
        return _NativeImage(visual)
    if isinstance(visual, TimmModel):
        if "pool" in dict(visual.head.named_children()):
            raise DalipError(
                "this image tower pools by attention and keeps no patch tokens in the joint space; take another"
            )
        return _TimmImage(visual)
    raise DalipError(
        f"{type(visual).__name__} gives no tokens in the joint space; take a ViT or a timm trunk"
    )


def text_adapter(clip: CLIP | CustomTextCLIP) -> TextAdapter:
    """Choose the adapter of a model's text tower.

    Raises:
        DalipError: The tower keeps no tokens that its projection can map.
    """
    text = clip.text if isinstance(clip, CustomTextCLIP) else clip
    if isinstance(text, HFTextEncoder):
        return _HFText(text)
    if isinstance(text, CLIP | TextTransformer):
        return _NativeText(text)
    raise DalipError(
        f"{type(text).__name__} gives no tokens in the joint space; take a native or transformers text tower"
    )
