"""Batches of photos and texts, the same for a given seed however many processes load them."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from dalip.data import Record, read_records
from dalip.encoder.images import open_image
from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.errors import DalipError, TrainingError
from dalip.prompts import sentences, taxon_texts
from dalip.taxonomy import Taxon, read_taxa
from dalip.training.config import TrainConfig

__all__ = ["Batch", "Corpus", "PhotoDataset", "batches", "collate", "load_corpus", "tokenize"]


@dataclass(frozen=True)
class Corpus:
    """The photos of a run by split, and the texts of each taxon."""

    plants: tuple[Record, ...]
    replay: tuple[Record, ...]
    taxa: Mapping[str, Taxon]
    """By scientific name, with all names known."""
    texts: Mapping[str, tuple[str, ...]]
    """What stands for a taxon, by scientific name."""
    descriptions: Mapping[str, tuple[str, ...]]
    """Sentences about a taxon, by scientific name; taxa without a description are absent."""

    @property
    def every_text(self) -> list[str]:
        """What stands for the taxa: all texts, one taxon after the other."""
        return [text for texts in self.texts.values() for text in texts]

    def split(self, name: str) -> list[Record]:
        """Give the plant photos of one split."""
        return [record for record in self.plants if record.split == name]


def load_corpus(config: TrainConfig) -> Corpus:
    """Read what a configuration names.

    Raises:
        DataError: A source cannot be read.
        TrainingError: No photo names a taxon, none is left to train on, or no replay has captions.
    """
    plants = [r for r in read_records(*map(Path, config.data)) if r.taxon is not None]
    replay = [r for r in read_records(*map(Path, config.replay)) if r.captions] if config.replay else []
    if not any(record.split == "train" for record in plants):
        raise TrainingError(
            f"{', '.join(config.data)}: no photo with a scientificName falls into the split train"
        )
    if config.replay and not replay:
        raise TrainingError(f"{', '.join(config.replay)}: no photo has captions; replay needs them")
    listed = {t.scientific_name: t for t in read_taxa(Path(config.taxa))} if config.taxa else {}
    taxa = {r.taxon.scientific_name: listed.get(r.taxon.scientific_name, r.taxon) for r in plants if r.taxon}
    texts = {name: tuple(taxon_texts(taxon)) for name, taxon in taxa.items()}
    descriptions = _read_descriptions(Path(config.descriptions), taxa) if config.descriptions else {}
    return Corpus(tuple(plants), tuple(replay), taxa, texts, descriptions)


def _read_descriptions(path: Path, taxa: Mapping[str, Taxon]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                if row["scientificName"] in taxa:
                    found[row["scientificName"]] = tuple(sentences(row["description"]))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{path}: not JSON lines with scientificName and description ({error})"
        ) from error
    return {name: parts for name, parts in found.items() if parts}


class Item(NamedTuple):
    """One draw: which record, which augmentation, how many pixels a side."""

    position: int
    draw: int
    size: int


class Batch(NamedTuple):
    """What one step learns from."""

    pixels: Tensor
    """float32 (n, 3, size, size), normalised; n may be smaller than planned, even 0, for unreadable photos."""
    texts: list[str]
    taxa: list[Taxon | None]
    keys: list[str]
    """The records' keys, to name in errors."""
    unreadable: list[str]
    """Messages about photos that were skipped."""


class PhotoDataset(Dataset[tuple[Tensor, str, Taxon | None, str] | str]):
    """Draw photos and texts of a corpus: its training plants first, then its replay."""

    def __init__(self, corpus: Corpus, config: TrainConfig, image: ImageSettings) -> None:
        """Gather the records of the split `train`."""
        self.plants = corpus.split("train")
        self.replay = [record for record in corpus.replay if record.split == "train"]
        self.records = self.plants + self.replay
        self.corpus, self.config, self.image = corpus, config, image

    def __getitem__(self, item: Item) -> tuple[Tensor, str, Taxon | None, str] | str:
        """Draw pixels, text, taxon and key; a message instead where the photo cannot be read."""
        position, draw, size = item
        record = self.records[position]
        random = np.random.default_rng([self.config.seed, draw])
        try:
            photo = open_image(record.read_bytes())
        except DalipError as error:
            return f"{record.name}: {error}"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(random.integers(2**31)))
            pixels = _augmentation(self.config, self.image, size)(photo)
        taxon = record.taxon and self.corpus.taxa[record.taxon.scientific_name]
        return pixels, self._text(record, taxon, random), taxon, record.key

    def _text(self, record: Record, taxon: Taxon | None, random: np.random.Generator) -> str:
        texts: Sequence[str]
        if taxon is None:
            texts = record.captions
        else:
            told = self.corpus.descriptions.get(taxon.scientific_name, ())
            tell = told and random.random() < self.config.description_share
            texts = told if tell else self.corpus.texts[taxon.scientific_name]
        return texts[int(random.integers(len(texts)))]


def _augmentation(config: TrainConfig, image: ImageSettings, size: int) -> v2.Transform:
    """Make a photo into a training crop of `size` pixels a side, normalised."""
    change: v2.Transform = v2.ColorJitter(0.3, 0.3, 0.3, 0.03)
    if config.augment == "trivial":
        grey = [round(255 * mean) for mean in image.mean]
        change = v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR, fill=grey)
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, (config.crop_scale, 1), interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(),
            change,
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(image.mean, image.std),
            v2.RandomErasing(config.erasing),
        ]
    )


def collate(samples: Sequence[tuple[Tensor, str, Taxon | None, str] | str]) -> Batch:
    """Join draws into a batch; unreadable photos become messages.

    It never raises, for an error in a loading process would reach the trainer with that process's traceback in it.
    """
    good = [sample for sample in samples if not isinstance(sample, str)]
    bad = [sample for sample in samples if isinstance(sample, str)]
    if not good:
        return Batch(torch.empty(0), [], [], [], bad)
    pixels, texts, taxa, keys = zip(*good, strict=True)
    return Batch(torch.stack(pixels), list(texts), list(taxa), list(keys), bad)


def steps_per_epoch(plants: int, config: TrainConfig) -> int:
    """Count the steps that see every plant photo once; the last, incomplete batch is left out."""
    return max(1, plants // (config.batch_size - replay_per_batch(config)))


def replay_per_batch(config: TrainConfig) -> int:
    """Count the replay pairs of a batch."""
    return round(config.batch_size * config.replay_share) if config.replay else 0


def batches(plants: int, replay: int, config: TrainConfig, start: int, total: int) -> Iterator[list[Item]]:
    """Plan the batches from step `start` to `total`: the plan depends on seed and step alone.

    Every epoch shuffles the plants; the replay is shuffled anew each time it has been used up.
    """
    few = min(replay_per_batch(config), replay)
    many = min(config.batch_size - few, plants)
    for step in range(start, total):
        size = config.size_at(step / total)
        chosen = _window(plants, step * many, many, config.seed, 0)
        chosen += [plants + i for i in _window(replay, step * few, few, config.seed, 1)]
        yield [Item(position, step * config.batch_size + i, size) for i, position in enumerate(chosen)]


def _window(count: int, start: int, length: int, seed: int, stream: int) -> list[int]:
    """Read a window of an endless sequence of shuffles of range(count)."""
    found: list[int] = []
    while len(found) < length:
        epoch, offset = divmod(start + len(found), count)
        order = np.random.default_rng([seed, stream, epoch]).permutation(count)
        found += order[offset : offset + length - len(found)].tolist()
    return found


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], settings: TextSettings) -> tuple[Tensor, Tensor]:
    """Give ids (int64) and mask (bool) of texts, padded to the longest."""
    tokenizer.enable_truncation(settings.context_length)
    tokenizer.enable_padding(pad_id=settings.pad_id)
    encoded = tokenizer.encode_batch(list(texts))
    ids = torch.tensor([e.ids for e in encoded], dtype=torch.long)
    return ids, torch.tensor([e.attention_mask for e in encoded], dtype=torch.bool)
