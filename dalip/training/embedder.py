"""A PyTorch model as evaluation wants it: an embedder like an exported encoder."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from dalip.data import Record
from dalip.encoder import Block, read_manifest
from dalip.encoder.manifest import MANIFEST, ImageSettings
from dalip.encoder.stream import read_ahead
from dalip.errors import ImageError, TrainingError
from dalip.evaluation import Embedder, Photos, Progress, Vectors, Weighed, collect_photos
from dalip.export.encoders import TextEncoder
from dalip.model import DALIP
from dalip.training.data import tokenize
from dalip.training.load import find_run, load_model
from dalip.training.towers import Towers

__all__ = ["TorchEmbedder", "load_embedder", "run_on_photos"]

_PHOTOS_AT_ONCE = 32
_TEXTS_AT_ONCE = 64


class TorchEmbedder:
    """A model that embeds as its export would, both orders weighing the same."""

    def __init__(self, model: DALIP, towers: Towers, *, name: str = "model", mirror: bool = False) -> None:
        """Use a model where it is.

        Args:
            model: In evaluation mode, on any device.
            towers: How photos and texts are prepared for it.
            name: What tables call it.
            mirror: Whether each photo is averaged with its mirror image.
        """
        self.model, self.image, self.name, self.mirror = model, towers.image, name, mirror
        self.tokenizer, self.text = Tokenizer.from_file(str(towers.tokenizer)), towers.text
        self.first_order = 0.5 if model.config else 1.0
        self.blocks: tuple[Block, ...] = (Block("first_order", model.embed_dim, self.first_order),)
        if model.config:
            self.blocks += (Block("second_order", model.embed_dim, 1 - self.first_order),)
        self.width = sum(block.width for block in self.blocks)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def embed_photos(self, records: Sequence[Record], progress: Progress | None = None) -> Photos:
        """Embed photos, read in threads while the model works."""
        return collect_photos(records, run_on_photos(self._embed, records, self.image), self.width, progress)

    def embed_texts(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed texts."""
        encoder = TextEncoder(self.model, self.first_order, self.text)
        parts = [np.empty((0, self.width), np.float32)]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            ids, mask = tokenize(self.tokenizer, texts[start : start + _TEXTS_AT_ONCE], self.text)
            with torch.inference_mode():
                parts.append(encoder(ids.to(self._device), mask.long().to(self._device)).cpu().numpy())
            if progress:
                progress("texts", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
        return np.concatenate(parts)

    @torch.inference_mode()
    def _embed(self, pixels: Vectors) -> Vectors:
        batch = torch.from_numpy(pixels).to(self._device, memory_format=torch.channels_last)
        vectors: Vectors = (
            self.model.encode_image(batch, mirror=self.mirror).joint(self.first_order).cpu().numpy()
        )
        return vectors


def run_on_photos(
    model: Callable[[Vectors], Vectors], records: Sequence[Record], image: ImageSettings
) -> Iterator[Vectors | ImageError]:
    """Run something on photos, which are read in threads meanwhile.

    Args:
        model: Takes pixels (n, 3, size, size) and gives a row a photo.
        records: The photos.
        image: How they are prepared.

    Yields:
        For each photo, in order, its row, or why it cannot be read.
    """
    photos = read_ahead((record.read_bytes for record in records), image, _PHOTOS_AT_ONCE)
    while batch := [pixels for _, pixels in islice(photos, _PHOTOS_AT_ONCE)]:
        readable = [pixels for pixels in batch if not isinstance(pixels, ImageError)]
        rows = iter(model(np.stack(readable)) if readable else ())
        for pixels in batch:
            yield pixels if isinstance(pixels, ImageError) else next(rows)


def load_embedder(source: str, *, name: str | None = None, first_order: float | None = None) -> Embedder:
    """Load a model for evaluation, on a GPU if there is one.

    Args:
        source: A run, the authors' checkpoint or an open_clip model, as for `load_model`; the weights of a named
            open_clip model follow an @: `ViT-B-32@laion2b_e16`.
        name: What tables call it; `source` if not given.
        first_order: Scoring weight l1, in [0, 1]; if not given, that of the run's exported encoder, or else 0.5.

    Raises:
        TrainingError: The model cannot be loaded, or has no pretrained weights.
        DalipError: A plain CLIP has no second order to weigh.
    """
    model, pretrained = source, None
    if not Path(source).exists() and not source.startswith(("hf-hub:", "local-dir:")):
        model, _, tag = source.partition("@")
        pretrained = tag or None
    loaded = load_model(model, pretrained=pretrained)
    if loaded.config is None and loaded.towers.fresh:
        raise TrainingError(
            f"{source}: has untrained parts; name its weights after an @, as in ViT-B-32@laion2b_e16"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mirror = loaded.config is not None and loaded.config.mirror
    network = loaded.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    embedder = TorchEmbedder(network, loaded.towers, name=name or source, mirror=mirror)
    run = find_run(Path(source))
    if first_order is None and run and len(embedder.blocks) == 2:
        exported = run / "encoder"
        if (exported / MANIFEST).is_file():
            first_order = read_manifest(exported).blocks[0].weight
    return embedder if first_order is None else Weighed(embedder, first_order)
