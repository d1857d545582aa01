"""Second-order statistics of a set of tokens: multi-head Brownian distance covariance (MBDC).

Source: Brownian distance covariance, Székely and Rizzo, Annals of Applied Statistics 3(4), 2009; its use as a
network layer, Xie et al., "Joint Distribution Matters: Deep Brownian Distance Covariance for Few-Shot
Classification", CVPR 2022; several heads over language-image tokens, the DALIP paper.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MultiHeadBDC", "brownian_covariance"]

_DISTANCE_EPS = 1e-5  # keeps the square root's gradient finite where two channels coincide
_NORM_EPS = 1e-7


def brownian_covariance(
    channels: Float[Tensor, "*batch r m"], counts: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch r r"]:
    """Compute the Brownian distance covariance matrix of channels over tokens.

    Args:
        channels: The value of each of r channels at each of m tokens; tokens that do not count are zero.
        counts: How many of the m tokens count, at least 1.

    Returns:
        The doubly centred matrices of distances between channels, float32 whatever the input or the autocast
        state: symmetric, every row sums to zero, and the order of the tokens does not matter.

    Source:
        DESIGN: B^ = sqrt(max(d 1' + 1 d' - 2G, 0) / (2M) + 1e-5), then minus row and column means plus grand mean.
    """
    with torch.autocast(channels.device.type, enabled=False):
        y = channels.float()
        gram = y @ y.transpose(-1, -2)
        squares = gram.diagonal(dim1=-2, dim2=-1)
        distances = (squares.unsqueeze(-1) + squares.unsqueeze(-2) - 2 * gram).clamp(min=0)
        distances = torch.sqrt(distances / (2 * counts[..., None, None]) + _DISTANCE_EPS)
        means = distances.mean(dim=-1, keepdim=True)  # the matrix is symmetric: row means are column means
        return distances - means - means.transpose(-1, -2) + means.mean(dim=-2, keepdim=True)


class MultiHeadBDC(nn.Module):
    """Turn tokens and their summary into one second-order feature vector.

    Each head sees its own share of the channels, weights its tokens by their likeness to the summary and takes
    the Brownian distance covariance of `reduced_dim` channels mapped from them. The upper triangles of all heads,
    h r (r + 1) / 2 numbers, are normalised and mapped back to the joint width.
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
    ) -> None:
        """Make the layer with PyTorch's default initialisation.

        Args:
            embed_dim: Width D of the joint space.
            num_heads: Number of heads h; must divide D.
            reduced_dim: Channels r of each head after reduction.
            modality: Which of the two dropouts, and the default of `norm`.
            norm: What normalises the reduced channels: `batch` (the default of images), pooled over batch, heads and
                tokens, or `layer` (of texts).
            dropout: Probability with which the authors' release drops whole channels (image) or tokens (text)
                before the Gram matrix; 0 is better in our measurements, 0.5 reproduces the release.

        Raises:
            ValueError: `num_heads` does not divide `embed_dim`, or a size is below 1.
        """
        super().__init__()
        if num_heads < 1 or reduced_dim < 1 or embed_dim % num_heads:
            raise ValueError(
                f"num_heads {num_heads} must divide embed_dim {embed_dim}, and reduced_dim {reduced_dim} be positive"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout {dropout} must lie in [0, 1)")
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
        self.hidden = nn.Linear(width, width)
        self.output = nn.Linear(width, embed_dim, bias=False)
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
        """Give the second-order features z, not normalised.

        Args:
            summary: The class token, pooled feature or end-of-text token.
            tokens: Any number of tokens, at least one, without the class token of an image.
            mask: True where a token counts; `None` if all do. At least one must count in every row.

        Returns:
            Features in the joint width.
        """
        triangles = self.triangles(self.projection(summary), self.projection(tokens), mask)
        output: Tensor = self.output(triangles)
        return output

    def triangles(
        self,
        summary: Float[Tensor, "b d"],
        tokens: Float[Tensor, "b m d"],
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b triangle_width"]:
        """Give the covariance features between the projection and the output map: what the reference stores."""
        batch, count, _ = tokens.shape
        heads = tokens.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # b h m d/h
        summaries = summary.unflatten(-1, (self.num_heads, 1, -1))  # b h 1 d/h
        likeness = F.cosine_similarity(heads, summaries, dim=-1)
        if mask is not None:
            likeness = likeness.masked_fill(~mask[:, None, :], float("-inf"))
        weighted = heads * likeness.softmax(dim=-1).unsqueeze(-1)
        reduced = self._reduce(weighted)
        if mask is not None:
            reduced = reduced * mask[:, None, :, None]
            counts = mask.sum(dim=-1, keepdim=True).float()
        else:
            counts = torch.full((1, 1), float(count), device=tokens.device)
        covariance = brownian_covariance(reduced.transpose(-1, -2), counts)
        triangle = covariance.flatten(-2)[..., self.triangle_index].reshape(batch, -1)
        features: Tensor = self.hidden(self.triangle_norm(triangle))
        return features

    def _reduce(self, weighted: Float[Tensor, "b h m c"]) -> Float[Tensor, "b h m r"]:
        reduced = self.reduction(weighted)
        norm = self.reduction_norm
        if isinstance(norm, nn.BatchNorm1d):
            rows = reduced.flatten(0, 2)
            if rows.shape[0] > 1:
                reduced = norm(rows).view_as(reduced)
            else:  # a single row has no variance to normalise by: the running statistics stand in
                mean, variance = norm.running_mean, norm.running_var
                reduced = F.batch_norm(rows, mean, variance, norm.weight, norm.bias, eps=norm.eps).view_as(
                    reduced
                )
        else:
            reduced = norm(reduced)
        return self._drop(F.relu(reduced))

    def _drop(self, reduced: Float[Tensor, "b h m r"]) -> Float[Tensor, "b h m r"]:
        if not (self.dropout and self.training):
            return reduced
        # dropout1d drops whole rows of the last dimension but one: channels of an image, tokens of a text.
        rows = reduced.transpose(-1, -2) if self.modality == "image" else reduced
        dropped = F.dropout1d(rows.flatten(0, 1), self.dropout).view_as(rows)
        return dropped.transpose(-1, -2) if self.modality == "image" else dropped
