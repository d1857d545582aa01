"""Build batches: photos are cropped and augmented, and each is paired with one of its texts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dalip.datasets import Record
from dalip.encoder.manifest import ImageSettings
from dalip.errors import DalipError
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip.training.config import TrainConfig
from dalip.training.data.corpus import Corpus, Texts
from dalip.training.data.crops import augmentation, open_crop
from dalip.training.data.photo_features import PhotoFeatures
from dalip.training.data.sampling import Item

__all__ = ["Batch", "PhotoDataset", "Sample", "collate", "make_sample", "no_sample"]

_TRIES = 20


class Sample(NamedTuple):
    """One pair of photo and text."""

    photo: Tensor | None
    """Normalised pixels, float32 (3, size, size), or features of a frozen image tower; `None` if neither the photo nor
    any replacement could be read."""
    text: str
    taxon: Taxon | None
    key: str
    skipped: tuple[DalipError, ...]
    """Errors of photos that were skipped and replaced by this one."""


class Batch(NamedTuple):
    """The samples of one step."""

    photos: Tensor
    """The samples' photos, stacked."""
    texts: list[str]
    taxa: list[Taxon | None]
    keys: list[str]
    """Keys of the records, to distinguish records and to report in errors."""
    skipped: list[DalipError]
    """Errors of photos that were skipped."""


class PhotoDataset(Dataset[Sample]):
    """The training photos of a corpus, with random access."""

    def __init__(
        self, corpus: Corpus, config: TrainConfig, image: ImageSettings, features: PhotoFeatures | None = None
    ) -> None:
        """Select the records of the training split (`train`).

        Args:
            corpus: The photos and texts.
            config: Determines crops and texts.
            image: Mean and standard deviation for normalisation.
            features: Features of these photos from a frozen image tower, to return instead of pixels.
        """
        chosen = [i for i, record in enumerate(corpus.records) if record.split == "train"]
        self.records = [corpus.records[i] for i in chosen]
        self.weights = [corpus.weights[i] for i in chosen]
        self.texts = Texts(corpus.taxa, corpus.descriptions)
        self.config, self.image, self.features = config, image, features

    def __getitem__(self, item: Item) -> Sample:
        """Return a photo and one of its texts; if the photo cannot be read, take the next one that can."""
        random = np.random.default_rng([self.config.seed, item.draw])
        seed, skipped = int(random.integers(2**31)), list[DalipError]()
        for attempt in range(_TRIES):
            position = (item.position + attempt) % len(self.records)
            record = self.records[position]
            try:
                if self.features:
                    photo = self.features.read(position, seed)
                else:
                    crop = augmentation(self.config, self.image, item.size)
                    photo = open_crop(record.read_bytes(), crop, seed)
            except DalipError as error:
                skipped.append(error if error.source else error.about(record.name))
                continue
            sample = make_sample(photo, record, self.texts, self.config.description_share, random)
            return sample._replace(skipped=tuple(skipped))
        return no_sample(*skipped)


def make_sample(
    photo: Tensor, record: Record, texts: Texts, description_share: float, random: np.random.Generator
) -> Sample:
    """Pair a photo with one of its texts.

    Args:
        photo: Pixels or features of the photo.
        record: Has a taxon or captions.
        texts: Names and descriptions of taxa.
        description_share: Probability of drawing a sentence from the taxon's description, if there is one, in [0, 1].
        random: Random number generator for the draws.
    """
    taxon = record.taxon and texts.complete(record.taxon)
    told = texts.descriptions.get(taxon.scientific_name, ()) if taxon else ()
    chosen: Sequence[str] = taxon_texts(taxon) if taxon else record.captions
    if told and random.random() < description_share:
        chosen = told
    return Sample(photo, chosen[int(random.integers(len(chosen)))], taxon, record.key, ())


def no_sample(*skipped: DalipError) -> Sample:
    """Return the placeholder for a photo that could not be read."""
    return Sample(None, "", None, "", skipped)


def collate(samples: Sequence[Sample]) -> Batch:
    """Join samples into a batch; samples without a photo contribute only their errors.

    It never raises, because an error in a data loading process would reach the trainer with that process's traceback.
    """
    good = [sample for sample in samples if sample.photo is not None]
    photos = [sample.photo for sample in good if sample.photo is not None]
    return Batch(
        torch.stack(photos) if photos else torch.empty(0),
        [sample.text for sample in good],
        [sample.taxon for sample in good],
        [sample.key for sample in good],
        [error for sample in samples for error in sample.skipped],
    )
