"""What of a model is exported: its two encoders, each as one function from arrays to arrays."""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.encoder.manifest import TextSettings
from dalip.model import DALIP

__all__ = ["ImageEncoder", "TextEncoder"]


class ImageEncoder(nn.Module):
    """Pixels to embeddings, patch vectors and appearance, all of unit length."""

    def __init__(self, model: DALIP, first_order: float, mirror: bool) -> None:
        """See `export_bundle`."""
        super().__init__()
        self.model, self.first_order, self.mirror = model, first_order, mirror

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """Embed prepared photos."""
        features = self.model.image_tower.features(pixels)
        tokens = self.model.image_tower.project(features)
        embeddings = self.model.embed_tokens(tokens, self.model.image_bdc)
        if self.mirror:
            embeddings = embeddings.mean_with(self.model.encode_image(pixels.flip(-1)))
        patches = F.normalize(tokens.tokens, dim=-1)
        return embeddings.joint(self.first_order), patches, self.model.appearance(features)


class TextEncoder(nn.Module):
    """Token ids and attention mask to embeddings, which do not depend on how far a batch is padded."""

    def __init__(self, model: DALIP, first_order: float, settings: TextSettings) -> None:
        """See `export_bundle`."""
        super().__init__()
        self.model, self.first_order, self.settings = model, first_order, settings

    def forward(self, input_ids: Int[Tensor, "n l"], attention_mask: Int[Tensor, "n l"]) -> Tensor:
        """Embed tokenised texts."""
        if (
            self.model.counts_padding
        ):  # then a text has as much of it as in training, whatever else is in its batch
            length = self.settings.context_length
            input_ids = F.pad(input_ids, (0, length), value=self.settings.pad_id)[:, :length]
            attention_mask = F.pad(attention_mask, (0, length))[:, :length]
        return self.model.encode_text(input_ids, attention_mask.bool()).joint(self.first_order)
