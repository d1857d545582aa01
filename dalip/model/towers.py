"""Token features of open_clip towers: one small adapter for each model family.

Tokens are the last features of a tower after its own final norm and projection. Every adapter works in two steps:
`features`, the expensive part, and `project`, which maps features into the joint space. The features of a frozen
tower can be cached.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from open_clip.hf_model import HFTextEncoder, MaxPooler
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.timm_model import TimmModel
from open_clip.transformer import TextTransformer, VisionTransformer, text_global_pool
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.errors import DalipError

__all__ = ["ImageAdapter", "TextAdapter", "Tokens", "image_adapter", "text_adapter"]


class Tokens(NamedTuple):
    """Summary and tokens of one modality, in the joint space of width d."""

    summary: Float[Tensor, "b d"]
    """Class token, pooled feature or end-of-text token, as returned by open_clip's `encode_image` or `encode_text`."""
    tokens: Float[Tensor, "b m d"]
    """All positions of a text, or all patches of an image without its class token."""
    mask: Bool[Tensor, "b m"] | None
    """True where a token counts; `None` if all do."""


@runtime_checkable
class ImageAdapter(Protocol):
    """Access to the tokens of an image tower."""

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        """The tower's parameters except for its projection; `features` uses no others."""

    def features(self, pixels: Float[Tensor, "b 3 height width"]) -> Tensor:
        """Run the tower up to its projection."""

    def project(self, features: Tensor) -> Tokens:
        """Map features into the joint space."""

    def pool(self, features: Tensor) -> Float[Tensor, "b w"]:
        """Average features over the patches of an image, before any projection."""

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of the token grid of an image of this size; call it in evaluation mode."""


@runtime_checkable
class TextAdapter(Protocol):
    """Access to the tokens of a text tower."""

    pads_with: int | None
    """The token with which `features` pads text to the context length; `None` if padding does not matter."""

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        """The tower's parameters except for its projection; `features` uses no others."""

    def features(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> Float[Tensor, "b n w"]:
        """Run the tower up to its projection, including its final norm; n is l unless it pools over its padding."""

    def project(
        self, features: Float[Tensor, "b n w"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Tokens:
        """Map features into the joint space."""

    def mask(self, ids: Int[Tensor, "b l"]) -> Bool[Tensor, "b l"]:
        """Return which positions are text rather than padding."""


class _NativeImage:
    """open_clip's own vision transformer."""

    def __init__(self, visual: VisionTransformer) -> None:
        if visual.attn_pool is not None or visual.pool_type not in ("tok", "avg"):
            raise DalipError("tower-pools-by-attention")
        self.visual = visual

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        return tuple(p for p in self.visual.parameters() if p is not self.visual.proj)

    def features(self, pixels: Tensor) -> Tensor:
        return self.visual.transformer(self.visual._embeds(pixels))  # type: ignore[no-any-return]

    def project(self, features: Tensor) -> Tokens:
        pooled, tokens = self.visual._pool(features)
        if self.visual.final_ln_after_pool:  # then the norm was applied only to the pooled feature
            tokens = self.visual.ln_post(tokens)
        return Tokens(pooled @ self.visual.proj, tokens @ self.visual.proj, None)

    def pool(self, features: Tensor) -> Tensor:
        return self.visual.ln_post(features)[:, 1:].mean(dim=1)  # type: ignore[no-any-return]

    def grid(self, height: int, width: int) -> tuple[int, int]:
        rows, columns = self.visual.patch_size
        return height // rows, width // columns


class _TimmImage:
    """A timm trunk, convolutional or transformer, followed by the heads of timm and open_clip.

    Heads differ: only a projection, a norm or layer between pooling and projection, or a classifier used as projection.
    So each position goes through the whole head as if it were the pooled feature of a separate image.
    """

    def __init__(self, visual: TimmModel) -> None:
        # Match by name: timm has a separate attention pooling class for each family of trunks, and adds more.
        if any("AttentionPool" in type(module).__name__ for module in visual.modules()):
            raise DalipError("tower-pools-by-attention")
        self.visual = visual
        self.prefix = int(getattr(visual.trunk, "num_prefix_tokens", 0))
        self.channels_last = getattr(visual.trunk, "output_fmt", "NCHW") == "NHWC"

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        heads = self.visual.trunk.get_classifier()  # a distilled trunk has two
        modules = heads if isinstance(heads, tuple) else (heads,)
        head = {id(p) for module in modules for p in module.parameters()}
        return tuple(p for p in self.visual.trunk.parameters() if id(p) not in head)

    def features(self, pixels: Tensor) -> Tensor:
        return self.visual.trunk.forward_features(pixels)  # type: ignore[no-any-return]

    def project(self, features: Tensor) -> Tokens:
        positions = self._positions(features)
        alone = positions.flatten(0, 1)
        if features.ndim == 3:
            alone = alone[:, None].expand(-1, self.prefix + 1, -1)
        else:
            alone = alone[:, None, None] if self.channels_last else alone[:, :, None, None]
        tokens = self._head(alone).unflatten(0, positions.shape[:2])
        return Tokens(self._head(features), tokens, None)

    def pool(self, features: Tensor) -> Tensor:
        return self._positions(features).mean(dim=1)

    def _positions(self, features: Tensor) -> Float[Tensor, "b m w"]:
        if features.ndim == 3:
            return features[:, self.prefix :]
        return features.flatten(1, 2) if self.channels_last else features.flatten(2).transpose(1, 2)

    def _head(self, features: Tensor) -> Tensor:
        return self.visual.head(self.visual.trunk.forward_head(features))  # type: ignore[no-any-return]

    @torch.no_grad()
    def grid(self, height: int, width: int) -> tuple[int, int]:
        weight = next(self.visual.trunk.parameters())  # strides and padding differ between trunks, so run it
        features = self.features(weight.new_zeros(1, 3, height, width))
        if features.ndim == 4:
            rows, columns = features.shape[1:3] if self.channels_last else features.shape[2:]
            return rows, columns
        count = features.shape[1] - self.prefix
        rows = max(1, round((count * height / width) ** 0.5))  # same aspect ratio as the image
        return (rows, count // rows) if count % rows == 0 else (1, count)


class _NativeText:
    """open_clip's own text transformer: a separate module, or the attributes of a `CLIP`.

    If a tower attends to its padding or pools over it, its features depend on the length of the padding. It was
    trained on text padded to the context length, so shorter text is padded to that length here.
    """

    def __init__(self, text: CLIP | TextTransformer) -> None:
        self.text = text
        self.pool_type: str = text.text_pool_type if isinstance(text, CLIP) else text.pool_type
        self.eos_id: int = text.text_eos_id if isinstance(text, CLIP) else text.eos_id
        self.pad_id: int = getattr(text, "pad_id", 0)
        if getattr(text, "cls_emb", None) is not None:
            raise DalipError("tower-coca")
        if self.pool_type == "none":
            raise DalipError("tower-unpooled")
        attends = text.attn_mask is None and not getattr(text, "use_pad_mask", False)
        self.pads_with = self.pad_id if attends or self.pool_type == "last" else None

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        text = self.text
        modules = (text.token_embedding, text.transformer, text.ln_final)
        return text.positional_embedding, *(p for module in modules for p in module.parameters())

    def mask(self, ids: Tensor) -> Tensor:
        if self.pool_type not in ("argmax", "eos"):
            return ids != self.pad_id
        end = ids if self.pool_type == "argmax" else torch.eq(ids, self.eos_id).int()
        end = end.argmax(dim=1, keepdim=True)
        return torch.arange(ids.shape[1], device=ids.device) <= end

    def features(self, ids: Tensor, mask: Tensor) -> Tensor:
        count = ids.shape[1]
        if self.pads_with is not None:
            ids = F.pad(ids, (0, self.text.context_length - count), value=self.pads_with)
        length = ids.shape[1]
        if isinstance(self.text, TextTransformer):
            x, attention = self.text._embeds(ids)
        else:
            x = self.text.token_embedding(ids) + self.text.positional_embedding[:length]
            attention = self.text.attn_mask
        if attention is not None and attention.ndim == 2:
            attention = attention[:length, :length]
        features: Tensor = self.text.ln_final(self.text.transformer(x, attn_mask=attention))
        return features if self.pool_type == "last" else features[:, :count]

    def project(self, features: Tensor, ids: Tensor, mask: Tensor) -> Tokens:
        projection = self.text.text_projection
        if projection is None:
            tokens = features
        else:
            tokens = projection(features) if isinstance(projection, nn.Linear) else features @ projection
        summary = text_global_pool(tokens, ids, self.pool_type, eos_token_id=self.eos_id)
        return Tokens(summary, tokens[:, : ids.shape[1]], mask)


class _PooledOutput(NamedTuple):
    """The two fields of a transformers output that open_clip's poolers read."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None


class _HFText:
    """A transformers text encoder behind open_clip's `HFTextEncoder`."""

    pads_with: int | None = None

    def __init__(self, text: HFTextEncoder) -> None:
        if getattr(text.transformer, "pooler", None) is not None:
            raise DalipError("tower-pooler", pooler="cls_pooler")
        if isinstance(text.pooler, MaxPooler):
            raise DalipError("tower-pooler", pooler="max_pooler")
        self.text = text

    @property
    def body(self) -> tuple[nn.Parameter, ...]:
        return tuple(self.text.transformer.parameters())

    def mask(self, ids: Tensor) -> Tensor:
        return torch.ne(ids, self.text.config.pad_token_id)

    def features(self, ids: Tensor, mask: Tensor) -> Tensor:
        output = self.text.transformer(input_ids=ids, attention_mask=mask.long())
        return output.last_hidden_state  # type: ignore[no-any-return]

    def project(self, features: Tensor, ids: Tensor, mask: Tensor) -> Tokens:
        pooled = self.text.pooler(_PooledOutput(features), mask.to(features.dtype))
        return Tokens(self.text.proj(pooled), self.text.proj(features), mask)


def image_adapter(clip: CLIP | CustomTextCLIP) -> ImageAdapter:
    """Return the adapter for a model's image tower.

    Raises:
        DalipError: The tower does not keep tokens that its projection can map.
    """
    visual = clip.visual
    if isinstance(visual, VisionTransformer):
        return _NativeImage(visual)
    if isinstance(visual, TimmModel):
        return _TimmImage(visual)
    raise DalipError("tower-tokenless", tower="image", name=type(visual).__name__)


def text_adapter(clip: CLIP | CustomTextCLIP) -> TextAdapter:
    """Return the adapter for a model's text tower.

    Raises:
        DalipError: The tower does not keep tokens that its projection can map.
    """
    text = clip.text if isinstance(clip, CustomTextCLIP) else clip
    if isinstance(text, HFTextEncoder):
        return _HFText(text)
    if isinstance(text, CLIP | TextTransformer):
        return _NativeText(text)
    raise DalipError("tower-tokenless", tower="text", name=type(text).__name__)
