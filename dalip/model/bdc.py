"""Multi-head Brownian distance covariance (MBDC): second-order statistics of a set of tokens.

Source: Brownian distance covariance, Székely and Rizzo, Annals of Applied Statistics 3(4), 2009; its use as a
network layer, Xie et al., "Joint Distribution Matters: Deep Brownian Distance Covariance for Few-Shot
Classification", CVPR 2022; several heads over language-image tokens, the DALIP paper.
"""

from copy import copy
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["MultiHeadBDC", "brownian_covariance"]

_DISTANCE_EPS = 1e-5  # keeps the square root's gradient finite where two channels coincide
_NORM_EPS = 1e-7
_LEAST_LENGTH = 1e-8  # minimum norm of a token, so that an all-zero token has cosine 0


def brownian_covariance(
    channels: Float[Tensor, "*batch r m"], counts: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch r r"]:
    """Compute the Brownian distance covariance matrix of channels over tokens.

    Args:
        channels: Values of r channels at m tokens; tokens that do not count are zero.
        counts: Number of the m tokens that count, at least 1.

    Returns:
        The doubly centred distance matrices between channels, in float32 for any input dtype and autocast state.
        They are symmetric, every row sums to zero, and they do not depend on the order of the tokens.

    Source:
        MBDC of the DALIP paper (Wu et al., 2025):
        B^ = sqrt(max(d 1' + 1 d' - 2G, 0) / (2M) + 1e-5), then minus row and column means plus grand mean.
    """
    with torch.autocast(channels.device.type, enabled=False):
        y = channels.float()
        gram: Tensor = _Gram.apply(y)
        squares = gram.diagonal(dim1=-2, dim2=-1)
        distances = (squares.unsqueeze(-1) + squares.unsqueeze(-2) - 2 * gram).clamp(min=0)
        distances = torch.sqrt(distances / (2 * counts[..., None, None]) + _DISTANCE_EPS)
        means = distances.mean(dim=-1, keepdim=True)  # the matrix is symmetric: row means are column means
        return distances - means - means.transpose(-1, -2) + means.mean(dim=-2, keepdim=True)


class _Gram(torch.autograd.Function):
    """Y Y^T with one matrix product in the backward pass; autograd ignores the symmetry and needs two."""

    @staticmethod
    def forward(ctx: Any, y: Float[Tensor, "*batch r m"]) -> Float[Tensor, "*batch r r"]:
        ctx.save_for_backward(y)
        return y @ y.transpose(-1, -2)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "*batch r r"]) -> Float[Tensor, "*batch r m"]:
        (y,) = ctx.saved_tensors
        product: Tensor = (gradient + gradient.transpose(-1, -2)) @ y
        return product


class _Cosine(torch.autograd.Function):
    """Cosine similarity of every token to the direction of its head, in float32.

    Same as `F.cosine_similarity`, whose backward pass copies all tokens several times and took most of the layer's
    time. This one only allocates their gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, tokens: Float[Tensor, "b m h c"], directions: Float[Tensor, "b h c"]
    ) -> Float[Tensor, "b m h"]:
        """Compute the cosines of tokens of any length and float32 directions of unit length."""
        lengths = torch.linalg.vector_norm(tokens, dim=-1, dtype=torch.float32).clamp_(min=_LEAST_LENGTH)
        cosines: Tensor = (tokens * directions.unsqueeze(1)).sum(dim=-1) / lengths
        ctx.save_for_backward(tokens, directions, lengths, cosines)
        return cosines

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "b m h"]) -> tuple[Tensor, Tensor]:
        """Return (direction - cosine * token / length) / length per token, and token / length summed per direction."""
        tokens, directions, lengths, cosines = ctx.saved_tensors
        scaled = gradient / lengths
        # Sum over every pair of heads and keep the diagonal: cheaper than a copy of the tokens sorted by head.
        sums = scaled.transpose(1, 2) @ tokens.flatten(2).to(scaled.dtype)
        to_directions = sums.unflatten(-1, directions.shape[1:]).diagonal(dim1=1, dim2=2).transpose(1, 2)
        to_tokens = scaled.unsqueeze(-1) * directions.unsqueeze(1)
        to_tokens.addcmul_(tokens, (scaled * cosines / lengths).unsqueeze(-1), value=-1)
        return to_tokens.to(tokens.dtype), to_directions


class MultiHeadBDC(nn.Module):
    """Map tokens and their summary to one second-order feature vector.

    Each head takes its share of the channels, weights its tokens by their similarity to the summary, reduces them to
    `reduced_dim` channels and computes their Brownian distance covariance. The upper triangles of all heads,
    h r (r + 1) / 2 values, are normalised and mapped back to the joint width.
    """

    def __init__(
        self,
        embed_dim: int,
        *,
        num_heads: int = 4,
        reduced_dim: int = 46,
        modality: Literal["image", "text"] = "image",
        norm: Literal["batch", "layer"] | None = None,
        dropout: float = 0.0,
        folded: bool = False,
    ) -> None:
        """Create the layer with PyTorch's default initialisation.

        Args:
            embed_dim: Width D of the joint space.
            num_heads: Number of heads h; must divide D.
            reduced_dim: Channels r of each head after reduction.
            modality: Determines the kind of dropout and the default of `norm`.
            norm: Normalisation of the reduced channels: `batch` (the default for images), with statistics over batch,
                heads and tokens, or `layer` (the default for text).
            dropout: Probability of dropping whole channels (image) or tokens (text) before the Gram matrix. 0.5
                reproduces the authors' release; 0 is better in our measurements.
            folded: Use one linear map in place of the paper's last two, as in the result of the method `folded`.

        Raises:
            ValueError: `num_heads` does not divide `embed_dim`, or a size is below 1.
        """
        super().__init__()
        if num_heads < 1 or reduced_dim < 1 or embed_dim % num_heads:
            raise ValueError(
                f"num_heads {num_heads} must divide embed_dim {embed_dim}, and reduced_dim {reduced_dim} be positive"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout {dropout} must be in [0, 1)")
        self.num_heads = num_heads
        self.reduced_dim = reduced_dim
        self.modality = modality
        self.dropout = dropout
        self.projection = nn.Linear(embed_dim, embed_dim, bias=False)
        self.reduction = nn.Linear(embed_dim // num_heads, reduced_dim, bias=False)
        self.reduction_norm: nn.Module = (
            nn.BatchNorm1d(reduced_dim)
            if (norm or ("batch" if modality == "image" else "layer")) == "batch"
            else nn.LayerNorm(reduced_dim, eps=_NORM_EPS)
        )
        width = self.triangle_width
        self.triangle_norm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.hidden: nn.Module = nn.Identity() if folded else nn.Linear(width, width)
        self.output = nn.Linear(width, embed_dim, bias=folded)
        self.triangle_index: Tensor
        rows, columns = torch.triu_indices(reduced_dim, reduced_dim).unbind()
        self.register_buffer("triangle_index", rows * reduced_dim + columns, persistent=False)

    @property
    def triangle_width(self) -> int:
        """Length of the concatenated upper triangles: h r (r + 1) / 2."""
        return self.num_heads * self.reduced_dim * (self.reduced_dim + 1) // 2

    def forward(
        self,
        summary: Float[Tensor, "b d"],
        tokens: Float[Tensor, "b m d"],
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b d"]:
        """Return the second-order features z, not normalised.

        Args:
            summary: The class token, pooled feature or end-of-text token.
            tokens: One or more tokens, without the class token of an image.
            mask: True where a token counts; `None` if all do. Every row needs at least one token that counts.

        Returns:
            Features of the joint width.
        """
        triangles = self.triangles(self.projection(summary), self.projection(tokens), mask)
        output: Tensor = self.output(triangles)
        return output

    @torch.no_grad()
    def folded(self) -> "MultiHeadBDC":
        """Return a copy for inference with the last two linear maps merged: same features, fewer parameters."""
        if not isinstance(self.hidden, nn.Linear):
            return self
        hidden, output = self.hidden, self.output.weight.double()
        folded = copy(self)
        folded._modules = dict(self._modules)
        folded.hidden = nn.Identity()
        folded.output = nn.Linear(self.triangle_width, self.output.out_features)
        folded.output.weight.copy_(output @ hidden.weight.double())
        folded.output.bias.copy_(output @ hidden.bias.double())
        return folded

    def triangles(
        self,
        summary: Float[Tensor, "b d"],
        tokens: Float[Tensor, "b m d"],
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b triangle_width"]:
        """Return the covariance features before the output map; tests/dalip/golden contains the authors' values."""
        summaries = summary.unflatten(-1, (self.num_heads, -1))  # b h d/h
        heads = tokens.unflatten(-1, (self.num_heads, -1))  # b m h d/h: a view, without a copy
        # The reduction is linear and has no bias, so tokens can be weighted after it, when there are fewer values.
        weighted = self.reduction(heads) * self._weights(summaries, heads, mask).unsqueeze(-1)
        reduced = self._normalise(weighted)
        if mask is None:
            counts = tokens.new_full((1, 1), tokens.shape[1], dtype=torch.float32)
        else:
            reduced = reduced * mask[:, :, None, None]
            counts = mask.sum(dim=1, keepdim=True).float()
        covariance = brownian_covariance(reduced.permute(0, 2, 3, 1).contiguous(), counts)
        triangle = covariance.flatten(-2).index_select(-1, self.triangle_index).flatten(1)
        features: Tensor = self.hidden(self.triangle_norm(triangle))
        return features

    def _weights(
        self,
        summaries: Float[Tensor, "b h c"],
        heads: Float[Tensor, "b m h c"],
        mask: Bool[Tensor, "b m"] | None,
    ) -> Float[Tensor, "b m h"]:
        """Return the token weights of each head: the softmax of their similarity to the summary, in float32."""
        with torch.autocast(heads.device.type, enabled=False):
            likeness: Tensor = _Cosine.apply(heads, F.normalize(summaries.float(), dim=-1))
        if mask is not None:
            likeness = likeness.masked_fill(~mask.unsqueeze(-1), float("-inf"))
        return likeness.softmax(dim=1)

    def _normalise(self, weighted: Float[Tensor, "b m h r"]) -> Float[Tensor, "b m h r"]:
        rows, norm = weighted.flatten(0, 2), self.reduction_norm
        if isinstance(norm, nn.BatchNorm1d) and rows.shape[0] == 1:
            # a single row has no variance, so use the running statistics
            mean, variance = norm.running_mean, norm.running_var
            rows = F.batch_norm(rows, mean, variance, norm.weight, norm.bias, eps=norm.eps)
        else:
            rows = norm(rows)
        return self._drop(F.relu(rows, inplace=True).view_as(weighted))

    def _drop(self, reduced: Float[Tensor, "b m h r"]) -> Float[Tensor, "b m h r"]:
        if not (self.dropout and self.training):
            return reduced
        # One draw per channel (image) or token (text) of a head, shared along the other axis.
        batch, count, heads, width = reduced.shape
        shape = (batch, 1, heads, width) if self.modality == "image" else (batch, count, heads, 1)
        return reduced * F.dropout(reduced.new_ones(shape), self.dropout)
