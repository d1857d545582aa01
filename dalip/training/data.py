"""Photos and texts as a model reads them: drawn, cropped, changed, and joined into batches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset

from dalip.data import Record
from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.errors import DalipError
from dalip.taxonomy import Taxon
from dalip.training.config import TrainConfig
from dalip.training.corpus import Corpus
from dalip.training.crops import augmentation, open_crop
from dalip.training.photo_features import PhotoFeatures
from dalip.training.sampling import Item

__all__ = ["Batch", "PhotoDataset", "Sample", "collate", "draw_text", "tokenize"]

_TRIES = 20


class Sample(NamedTuple):
    """One pair of photo and text."""

    photo: Tensor | None
    """Normalised pixels, float32 (3, size, size), or what a frozen image tower made of them; `None` where neither the
    photo nor any tried in its place could be read."""
    text: str
    taxon: Taxon | None
    key: str
    unreadable: tuple[str, ...]
    """Messages about photos that were skipped before this one was taken instead."""


class Batch(NamedTuple):
    """What one step learns from."""

    photos: Tensor
    """The samples' photos, stacked."""
    texts: list[str]
    taxa: list[Taxon | None]
    keys: list[str]
    """The records' keys, to tell records apart and to name in errors."""
    unreadable: list[str]
    """Messages about photos that were skipped."""


class PhotoDataset(Dataset[Sample]):
    """The training photos of a corpus, at random access."""

    def __init__(
        self, corpus: Corpus, config: TrainConfig, image: ImageSettings, features: PhotoFeatures | None = None
    ) -> None:
        """Gather the records of the split `train`.

        Args:
            corpus: The photos and texts.
            config: Decides crops and texts.
            image: Mean and deviation to normalise with.
            features: What a frozen image tower made of these photos, to give instead of pixels.
        """
        chosen = [i for i, record in enumerate(corpus.records) if record.split == "train"]
        self.records = [corpus.records[i] for i in chosen]
        self.weights = [corpus.weights[i] for i in chosen]
        self.corpus, self.config, self.image, self.features = corpus, config, image, features

    def __getitem__(self, item: Item) -> Sample:
        """Draw a photo and one of its texts; where a photo cannot be read, the next that can."""
        random = np.random.default_rng([self.config.seed, item.draw])
        seed, unreadable = int(random.integers(2**31)), []
        for attempt in range(_TRIES):
            position = (item.position + attempt) % len(self.records)
            record = self.records[position]
            try:
                photo = (
                    self.features.read(position, seed)
                    if self.features
                    else open_crop(
                        record.read_bytes(), augmentation(self.config, self.image, item.size), seed
                    )
                )
            except DalipError as error:
                unreadable.append(f"{record.name}: {error}")
                continue
            taxon = record.taxon and self.corpus.taxa[record.taxon.scientific_name]
            text = self._text(record, taxon, random)
            return Sample(photo, text, taxon, record.key, tuple(unreadable))
        return Sample(None, "", None, "", tuple(unreadable))

    def _text(self, record: Record, taxon: Taxon | None, random: np.random.Generator) -> str:
        if taxon is None:
            return draw_text(record.captions, (), 0.0, random)
        name = taxon.scientific_name
        told = self.corpus.descriptions.get(name, ())
        return draw_text(self.corpus.texts[name], told, self.config.description_share, random)


def draw_text(
    texts: Sequence[str], descriptions: Sequence[str], share: float, random: np.random.Generator
) -> str:
    """Draw one of the texts, or, in `share` of the cases and if there are any, one of the descriptions."""
    chosen = descriptions if descriptions and random.random() < share else texts
    return chosen[int(random.integers(len(chosen)))]


def collate(samples: Sequence[Sample]) -> Batch:
    """Join samples into a batch; those without a photo leave nothing but their messages.

    It never raises, for an error in a loading process would reach the trainer with that process's traceback in it.
    """
    good = [sample for sample in samples if sample.photo is not None]
    photos = [sample.photo for sample in good if sample.photo is not None]
    return Batch(
        torch.stack(photos) if photos else torch.empty(0),
        [sample.text for sample in good],
        [sample.taxon for sample in good],
        [sample.key for sample in good],
        [message for sample in samples for message in sample.unreadable],
    )


def tokenize(
    tokenizer: Tokenizer, texts: Sequence[str], settings: TextSettings, *, full: bool = False
) -> tuple[Tensor, Tensor]:
    """Give ids (int64) and mask (bool) of texts, padded to the longest; if `full`, to the context length."""
    tokenizer.enable_truncation(settings.context_length)
    tokenizer.enable_padding(pad_id=settings.pad_id, length=settings.context_length if full else None)
    encoded = tokenizer.encode_batch(list(texts))
    ids = torch.tensor([e.ids for e in encoded], dtype=torch.long)
    return ids, torch.tensor([e.attention_mask for e in encoded], dtype=torch.bool)
