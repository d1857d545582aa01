"""The two PyTorch modules that are exported: image and text encoder, as functions from arrays to arrays."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.encoder.manifest import TextSettings
from dalip.export.whitening import Whitening
from dalip.model import DALIP

__all__ = ["ImageEncoder", "TextEncoder", "whitened"]


class ImageEncoder(nn.Module):
    """Pixels to embeddings, patch vectors and appearance: the first two of unit length, the last whitened if set."""

    mean: Tensor
    matrix: Tensor
    weights: Tensor
    length_weights: Tensor

    def __init__(
        self, model: DALIP, first_order: float, mirror: bool, whitening: Whitening | None = None
    ) -> None:
        """See `export_bundle`."""
        super().__init__()
        self.model, self.first_order, self.mirror, self.whitened = model, first_order, mirror, bool(whitening)
        if whitening:
            for name, values in whitening._asdict().items():
                self.register_buffer(name, torch.tensor(values))

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """Embed preprocessed photos."""
        features = self._features(pixels)
        tokens = self.model.image_tower.project(features[0])
        embeddings = self.model.embed_tokens(tokens, self.model.image_bdc)
        if self.mirror:
            embeddings = embeddings.mean_with(self.model.encode_image_features(features[1]))
        patches = F.normalize(tokens.tokens, dim=-1)
        return embeddings.joint(self.first_order), patches, self._appearance(features)

    def appearance(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n a"]:
        """Return only the appearance vectors."""
        return self._appearance(self._features(pixels))

    def _features(self, pixels: Tensor) -> list[Tensor]:
        views = [pixels, pixels.flip(-1)] if self.mirror else [pixels]
        return [self.model.image_tower.features(view) for view in views]

    def _appearance(self, features: list[Tensor]) -> Tensor:
        appearance = torch.stack([self.model.appearance(view) for view in features]).mean(dim=0)
        if not self.whitened:
            return F.normalize(appearance, dim=-1)
        return whitened(appearance, self.mean, self.matrix, self.weights, self.length_weights)


class TextEncoder(nn.Module):
    """Token ids and attention mask to embeddings, which do not depend on the padding of the batch."""

    def __init__(self, model: DALIP, first_order: float, settings: TextSettings) -> None:
        """See `export_bundle`."""
        super().__init__()
        self.model, self.first_order, self.settings = model, first_order, settings

    def forward(self, input_ids: Int[Tensor, "n l"], attention_mask: Int[Tensor, "n l"]) -> Tensor:
        """Embed tokenised texts."""
        if self.model.counts_padding:  # then pad a text as in training, whatever else is in its batch
            length = self.settings.context_length
            input_ids = F.pad(input_ids, (0, length), value=self.settings.pad_id)[:, :length]
            attention_mask = F.pad(attention_mask, (0, length))[:, :length]
        return self.model.encode_text(input_ids, attention_mask.bool()).joint(self.first_order)


def whitened(
    appearance: Float[Tensor, "n w"],
    mean: Float[Tensor, " w"],
    matrix: Float[Tensor, "w w"],
    weights: Float[Tensor, " a"],
    length_weights: Float[Tensor, " w"],
) -> Float[Tensor, "n a"]:
    """Whiten appearance vectors, as `Whitening` describes."""
    white = (appearance - mean) @ matrix
    kept = white[:, : len(weights)] * weights
    lengths: Tensor = torch.linalg.vector_norm(white * length_weights, dim=-1, keepdim=True)
    return F.normalize(kept, dim=-1) * lengths
