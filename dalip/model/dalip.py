"""The DALIP model: an open_clip model whose towers also return second-order features."""

import math
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from open_clip.model import CLIP, CustomTextCLIP
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.model.bdc import MultiHeadBDC
from dalip.model.towers import Tokens, image_adapter, text_adapter

__all__ = ["DALIP", "Embeddings", "MethodConfig"]

_MAX_LOG_SCALE = math.log(100)
_LEAST_POOLED = 1e-4


@dataclass(frozen=True)
class MethodConfig:
    """Settings of the MBDC heads added to the two towers; the defaults are the paper's for a joint width of 512."""

    num_heads: int = 4
    """Number of heads h of MBDC; must divide the joint width."""
    reduced_dim: int = 46
    """Channels r of each head after reduction."""
    dropout: float = 0.0
    """Dropout of channels (image) or tokens (text) before the Gram matrix; the authors' release uses 0.5."""
    norm: Literal["batch", "layer"] = "batch"
    """Normalisation of the image channels after reduction: the paper's batch norm, or layer norm as for text."""
    count_padding: bool = False
    """Whether text padding counts as tokens, as in the authors' release."""
    folded: bool = False
    """Whether the last two linear maps of MBDC are merged into one, as in an exported encoder."""


class Embeddings(NamedTuple):
    """First- and second-order embeddings of one modality, each of unit length."""

    first_order: Float[Tensor, "b d"]
    second_order: Float[Tensor, "b z"]
    """Same width as the first order, or width 0 if the model has only the first order."""

    def mean_with(self, other: "Embeddings") -> "Embeddings":
        """Return the mean direction of two embeddings of the same items, for each order separately."""
        return Embeddings(
            F.normalize(self.first_order + other.first_order, dim=-1),
            F.normalize(self.second_order + other.second_order, dim=-1),
        )

    def joint(self, first_order: float) -> Float[Tensor, "b d_plus_z"]:
        """Concatenate both orders into one unit vector whose inner product is the weighted similarity.

        Args:
            first_order: Scoring weight l1 of the first order, in [0, 1]; the second order has 1 - l1.
        """
        return torch.cat(
            [first_order**0.5 * self.first_order, (1 - first_order) ** 0.5 * self.second_order], dim=-1
        )


class DALIP(nn.Module):
    """An open_clip model with a second-order head on each tower; the caller moves it to a device."""

    def __init__(self, clip: CLIP | CustomTextCLIP, config: MethodConfig | None) -> None:
        """Add the heads to an open_clip model.

        Args:
            clip: Any open_clip model whose towers keep tokens in the joint space.
            config: Sizes of the heads; the joint width is the model's. `None` adds no heads: a plain CLIP, whose
                second order has width 0.

        Raises:
            DalipError: A tower does not keep tokens.
            ValueError: The sizes do not fit.
        """
        super().__init__()
        self.clip = clip
        self.config = config
        self.image_tower = image_adapter(clip)
        self.text_tower = text_adapter(clip)
        self.embed_dim = _embed_dim(clip)
        self.image_bdc: MultiHeadBDC | None = None
        self.text_bdc: MultiHeadBDC | None = None
        if config:
            head = partial(
                MultiHeadBDC,
                self.embed_dim,
                num_heads=config.num_heads,
                reduced_dim=config.reduced_dim,
                dropout=config.dropout,
                folded=config.folded,
            )
            self.image_bdc = head(modality="image", norm=config.norm)
            self.text_bdc = head(modality="text", norm="layer")

    def folded(self) -> "DALIP":
        """Return a copy for inference with the same output and fewer parameters; it shares the towers."""
        if self.image_bdc is None or self.text_bdc is None:
            return self
        folded = copy(self)
        folded._modules = dict(self._modules)
        folded.image_bdc, folded.text_bdc = self.image_bdc.folded(), self.text_bdc.folded()
        return folded

    @property
    def counts_padding(self) -> bool:
        """Whether padding counts as tokens; if so, all text should be padded to the context length."""
        return self.config is not None and self.config.count_padding

    @property
    def logit_scale(self) -> Float[Tensor, ""]:
        """The factor from cosine to logit, shared by both orders, at most 100 as in CLIP."""
        scale: Tensor = self.clip.logit_scale
        return scale.clamp(max=_MAX_LOG_SCALE).exp()

    @torch.no_grad()
    def limit_logit_scale(self) -> None:
        """Clamp the learnt log scale to its limit; beyond the limit its gradient is zero and it could not recover."""
        self.clip.logit_scale.clamp_(max=_MAX_LOG_SCALE)

    def encode_image(self, pixels: Float[Tensor, "b 3 height width"], *, mirror: bool = False) -> Embeddings:
        """Embed normalised pixels; with `mirror`, return the mean direction of each image and its mirror image."""
        embeddings = self.encode_image_features(self.image_tower.features(pixels))
        return embeddings.mean_with(self.encode_image(pixels.flip(-1))) if mirror else embeddings

    def encode_image_features(self, features: Float[Tensor, "b ..."]) -> Embeddings:
        """Embed the output of the image tower's `features`, so that a frozen tower does not have to run again."""
        return self.embed_tokens(self.image_tower.project(features), self.image_bdc)

    def appearance(self, features: Float[Tensor, "b ..."]) -> Float[Tensor, "b w"]:
        """Describe the appearance of photos by the image tower's `features`, before any projection to the joint space.

        The features are averaged over the patches, each channel is replaced by its signed square root so that a few
        strong channels do not dominate, and the result is scaled to unit length. Below 1e-4, where the gradient of a
        square root would grow without limit, a channel is multiplied by a constant instead.

        Source: Perronnin et al., "Improving the Fisher kernel for large-scale image classification", 2010.
        """
        pooled = self.image_tower.pool(features).float()
        return F.normalize(pooled / pooled.abs().clamp(min=_LEAST_POOLED).sqrt(), dim=-1)

    @torch.no_grad()
    def appearance_width(self, size: int) -> int:
        """Return the width of `appearance`, measured on an empty image with `size` pixels per side."""
        training = self.training
        pixels = next(self.parameters()).new_zeros(1, 3, size, size)
        width = self.eval().image_tower.pool(self.image_tower.features(pixels)).shape[1]
        self.train(training)
        return width

    def encode_text(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"] | None = None) -> Embeddings:
        """Embed token ids; without a mask, padding is detected from the ids."""
        mask = self.text_tower.mask(ids) if mask is None else mask
        return self.encode_text_features(self.text_tower.features(ids, mask), ids, mask)

    def encode_text_features(
        self, features: Float[Tensor, "b n w"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Embeddings:
        """Embed the output of the text tower's `features`, so that a frozen tower does not have to run again."""
        return self.embed_tokens(self.text_tower.project(features, ids, mask), self.text_bdc)

    def embed_tokens(self, tokens: Tokens, bdc: MultiHeadBDC | None) -> Embeddings:
        """Compute the embeddings of both orders from the output of an adapter's `project`."""
        first = F.normalize(tokens.summary.float(), dim=-1)
        if bdc is None or self.config is None:
            return Embeddings(first, first[:, :0])
        counted = None if self.counts_padding else tokens.mask
        return Embeddings(first, F.normalize(bdc(tokens.summary, tokens.tokens, counted).float(), dim=-1))

    def forward(
        self,
        pixels: Float[Tensor, "b 3 height width"] | None,
        ids: Int[Tensor, "b l"],
        mask: Bool[Tensor, "b l"],
        text_features: Float[Tensor, "b n w"] | None = None,
        image_features: Float[Tensor, "b ..."] | None = None,
    ) -> tuple[Embeddings, Embeddings, Float[Tensor, "b w"], Float[Tensor, ""]]:
        """Embed a batch of pairs and return image embeddings, text embeddings, appearances and logit scale.

        Args:
            pixels: Normalised images; `None` if `image_features` is given.
            ids: Token ids of the texts.
            mask: True where a token counts.
            text_features: Precomputed output of the text tower's `features`; without it, the tower is run.
            image_features: Precomputed output of the image tower's `features`; without it, the tower is run.
        """
        if image_features is None:
            assert pixels is not None
            image_features = self.image_tower.features(pixels)
        if text_features is None:
            text_features = self.text_tower.features(ids, mask)
        image, text = (
            self.encode_image_features(image_features),
            self.encode_text_features(text_features, ids, mask),
        )
        return image, text, self.appearance(image_features), self.logit_scale


def _embed_dim(clip: CLIP | CustomTextCLIP) -> int:
    """Read the joint width from the text projection, which each model family stores in a different place."""
    text = clip.text if isinstance(clip, CustomTextCLIP) else clip
    if hasattr(text, "output_dim"):
        return int(text.output_dim)
    projection = text.text_projection
    return int(projection.out_features if isinstance(projection, nn.Linear) else projection.shape[1])
