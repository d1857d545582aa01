"""A PyTorch model as an `Embedder`, so that it is evaluated like an exported encoder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from dalip.datasets import Record
from dalip.encoder import Block, Vectors, read_manifest
from dalip.encoder.bundle import is_bundle
from dalip.encoder.embed_ahead import embed_ahead
from dalip.errors import TrainingError
from dalip.evaluation import Embedder, Photos, Reweighted, collect_photos
from dalip.model import DALIP, Embeddings
from dalip.progress import Progress, no_progress, no_report
from dalip.training.data.text_features import TextFeatures
from dalip.training.log import ReportLine
from dalip.training.towers.create import Towers
from dalip.training.towers.load_model import find_run, load_model
from dalip.training.towers.tokens import tokenize

__all__ = ["TorchEmbedder", "load_embedder"]

_PHOTOS_AT_ONCE = 32
_TEXTS_AT_ONCE = 64


class TorchEmbedder:
    """A model that embeds like its export, with equal weights for both orders."""

    def __init__(
        self,
        model: DALIP,
        towers: Towers,
        *,
        name: str = "model",
        mirror: bool = False,
        text_features: TextFeatures | None = None,
    ) -> None:
        """Wrap a model on its current device.

        Args:
            model: In evaluation mode, on any device.
            towers: Preprocessing and tokenizer of the model.
            name: Name of the model in tables.
            mirror: Whether each photo is averaged with its mirror image.
            text_features: Cached features of the same text tower, if it is frozen.
        """
        self.text_features = text_features
        self.model, self.image, self.name, self.mirror = model, towers.image, name, mirror
        self.tokenizer, self.text = Tokenizer.from_buffer(towers.tokenizer), towers.text
        self.first_order = 0.5 if model.config else 1.0
        self.blocks: tuple[Block, ...] = (Block("first_order", model.embed_dim, self.first_order),)
        if model.config:
            self.blocks += (Block("second_order", model.embed_dim, 1 - self.first_order),)
        self.width = sum(block.width for block in self.blocks)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos; threads read them while the model runs."""
        sources = (record.read_bytes for record in records)
        found = (row for _, row in embed_ahead(sources, self.image, _PHOTOS_AT_ONCE, self._embed))
        return collect_photos(records, found, self.width, progress)

    def embed_with_appearance(self, records: Sequence[Record]) -> tuple[Photos, Vectors]:
        """Embed photos, and return the appearance of each photo that can be read, (n, A)."""
        sources = (record.read_bytes for record in records)
        found = (row for _, row in embed_ahead(sources, self.image, _PHOTOS_AT_ONCE, self._embed_both))
        width = self.width + self.model.appearance_width(self.image.size)
        both = collect_photos(records, found, width)
        return both._replace(vectors=both.vectors[:, : self.width]), both.vectors[:, self.width :]

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        parts = [np.empty((0, self.width), np.float32)]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = texts[start : start + _TEXTS_AT_ONCE]
            parts.append(self._embed_text(batch).joint(self.first_order).cpu().numpy())
            progress("texts", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
        return np.concatenate(parts)

    @torch.no_grad()
    def _embed_text(self, texts: Sequence[str]) -> Embeddings:
        if self.text_features:
            ids, mask, features = self.text_features(texts, self._device)
            if features is not None:
                return self.model.encode_text_features(features, ids, mask)
        ids, mask = tokenize(self.tokenizer, texts, self.text, full=self.model.counts_padding)
        return self.model.encode_text(ids.to(self._device), mask.to(self._device))

    @torch.inference_mode()
    def _embed_both(self, pixels: Vectors) -> Vectors:
        batch = torch.from_numpy(pixels).to(self._device, memory_format=torch.channels_last)
        features = self.model.image_tower.features(batch)
        embeddings = self.model.encode_image_features(features).joint(self.first_order)
        both: Vectors = torch.cat([embeddings, self.model.appearance(features)], dim=1).cpu().numpy()
        return both

    @torch.inference_mode()
    def _embed(self, pixels: Vectors) -> Vectors:
        batch = torch.from_numpy(pixels).to(self._device, memory_format=torch.channels_last)
        vectors: Vectors = (
            self.model.encode_image(batch, mirror=self.mirror).joint(self.first_order).cpu().numpy()
        )
        return vectors


def load_embedder(
    source: str, *, first_order: float | None = None, report: ReportLine = no_report
) -> Embedder:
    """Load a model for evaluation, on a GPU if there is one.

    Args:
        source: A run, the authors' checkpoint or an open_clip model, as for `load_model`; the weights of a named
            open_clip model follow an @: `ViT-B-32@laion2b_e16`.
        first_order: Scoring weight l1, in [0, 1]; by default that of the run's exported encoder, or else 0.5.
        report: Called with what is assumed about weights that do not specify their preprocessing.

    Raises:
        TrainingError: The model cannot be loaded, or has no pretrained weights.
        DalipError: `first_order` is given for a plain CLIP, which has no second order.
    """
    model, pretrained = source, None
    if not Path(source).exists() and not source.startswith(("hf-hub:", "local-dir:")):
        model, _, tag = source.partition("@")
        pretrained = tag or None
    loaded = load_model(model, pretrained=pretrained, report=report)
    if loaded.config is None and loaded.towers.fresh:
        raise TrainingError("model-untrained", source=source)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mirror = loaded.config is not None and loaded.config.mirror
    network = loaded.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    embedder = TorchEmbedder(network, loaded.towers, name=source, mirror=mirror)
    run = find_run(Path(source))
    if first_order is None and run and len(embedder.blocks) == 2:
        exported = run / "encoder"
        if is_bundle(exported):
            first_order = read_manifest(exported).blocks[0].weight
    return embedder if first_order is None else Reweighted(embedder, first_order)
