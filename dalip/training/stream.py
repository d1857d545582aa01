"""Shards read from front to back, for more data than a machine should index."""

import json
import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import webdataset as wds
from torch.utils.data import IterableDataset, get_worker_info

from dalip.data import IMAGE_SUFFIXES, Record, split_of
from dalip.encoder.manifest import ImageSettings
from dalip.errors import DalipError, TrainingError, first_line
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip.training.config import TrainConfig, source_of
from dalip.training.corpus import Texts
from dalip.training.crops import augmentation, open_crop
from dalip.training.data import Batch, Sample, collate, draw_text

__all__ = ["StreamDataset", "shards_of"]


class _Raw(NamedTuple):
    """A sample as it lies in a shard."""

    record: Record
    content: bytes


def shards_of(config: TrainConfig) -> tuple[list[str], list[float]]:
    """List the shards of a streaming run, and how likely each is read next relative to the others.

    Raises:
        TrainingError: A source holds no shard.
    """
    urls: list[str] = []
    weights: list[float] = []
    for path, weight in map(source_of, config.data):
        folder = Path(path)
        found = (
            sorted(map(str, folder.glob("*.tar"))) if folder.is_dir() else wds.shardlists.expand_urls(path)
        )
        if not found:
            raise TrainingError(f"{path}: holds no .tar shard; only shards can be streamed")
        urls += found
        weights += [weight] * len(found)
    return urls, weights


class StreamDataset(IterableDataset[Batch]):
    """Whole batches of this process, from shards drawn at random with replacement, mixed by a buffer.

    Which samples make a batch follows from seed, step, process and number of loading processes. A resumed run reads
    what it has learnt from already, without decoding it, and goes on.
    """

    def __init__(
        self,
        config: TrainConfig,
        texts: Texts,
        image: ImageSettings,
        *,
        start: int,
        process: int,
        processes: int,
    ) -> None:
        """Plan a stream.

        Args:
            config: Names shards, batch size and steps.
            texts: Complete what photos say of their taxa.
            image: Mean and deviation to normalise with, and the size where the configuration sets none.
            start: The first step.
            process: Which of the training processes this is, from 0.
            processes: How many there are.
        """
        assert config.steps is not None
        self.config, self.texts, self.image, self.start = config, texts, image, start
        self.process, self.steps, self.count = process, config.steps, config.batch_size // processes
        self.urls, self.weights = shards_of(config)
        self.messages: list[str] = []
        self._texts_of = lru_cache(100_000)(taxon_texts)

    def __iter__(self) -> Iterator[Batch]:
        """Read the batches of one loading process; torch takes one of each process in turn."""
        worker = get_worker_info()
        workers = worker.num_workers if worker else 1
        # The process that torch asks first takes step `start`, wherever the run was stopped.
        first = ((worker.id if worker else 0) + self.start) % workers
        seed = [self.config.seed, self.process, first]
        samples = self._samples(seed)
        seen = len(range(first, self.start, workers)) * self.count
        for _ in islice(samples, seen):
            pass
        for step in range(first, self.steps, workers):
            if step >= self.start:
                yield self._batch(list(islice(samples, self.count)), seed, step)

    def _samples(self, seed: list[int]) -> Iterator[_Raw]:
        raw = filter(
            None, map(self._read, wds.tariterators.tarfile_samples(self._shards(seed), self._handle))
        )
        mixed = wds.filters._shuffle(raw, self.config.shuffle, self.config.shuffle, random.Random(str(seed)))
        yield from mixed

    def _shards(self, seed: list[int]) -> Iterator[dict[str, str]]:
        chance = np.asarray(self.weights) / sum(self.weights)
        draws = np.random.default_rng([*seed, 1])
        self.barren = 0
        while (
            self.barren < 2 * len(self.urls) + 10
        ):  # shards in a row without a sample: there is none to come
            self.barren += 1
            yield {"url": self.urls[int(draws.choice(len(self.urls), p=chance))]}

    def _handle(self, error: Exception) -> bool:
        where = next((str(a) for a in reversed(error.args) if str(a).endswith(".tar")), "a shard")
        self._complain(f"{where}: {first_line(error)}")
        return True

    def _complain(self, message: str) -> None:
        if len(self.messages) < 1000:
            self.messages.append(message)

    def _read(self, sample: dict[str, Any]) -> _Raw | None:
        """Take a sample of the split `train` that has a photo and a text."""
        key, url = sample["__key__"].removeprefix("./"), sample["__url__"]
        if split_of(key) != "train":
            self.barren = 0
            return None
        try:
            fields = json.loads(sample["json"]) if "json" in sample else {}
            if "txt" in sample:
                fields.setdefault("text", sample["txt"].decode())
            record = Record(key, Path(url), fields=fields)
            content = next((v for k, v in sample.items() if f".{k}" in IMAGE_SUFFIXES), None)
            if content is None or not (record.taxon or record.captions):
                self._complain(f"{url}:{key}: has no {'photo' if content is None else 'taxon or caption'}")
                return None
        except (ValueError, TypeError, AttributeError, DalipError) as error:
            self._complain(f"{url}:{key}: {first_line(error)}")
            return None
        self.barren = 0
        return _Raw(record, content)

    def _batch(self, raws: list[_Raw], seed: list[int], step: int) -> Batch:
        size = self.config.size_at(step / self.steps, self.image.size)
        transform = augmentation(self.config, self.image, size)
        samples = [self._sample(raw, transform, [*seed, 2, step, i]) for i, raw in enumerate(raws)]
        good = next((sample for sample in samples if sample.photo is not None), None)
        if (
            good and len(raws) == self.count
        ):  # all processes need batches of one size: repeat a sample for a bad one
            again = good._replace(unreadable=())
            samples = [s if s.photo is not None else again._replace(unreadable=s.unreadable) for s in samples]
        batch = collate(samples)
        batch.unreadable.extend(self.messages)
        self.messages.clear()
        return batch

    def _sample(self, raw: _Raw, transform: Any, seed: list[int]) -> Sample:
        draws = np.random.default_rng(seed)
        record = raw.record
        try:
            photo = open_crop(raw.content, transform, int(draws.integers(2**31)))
        except DalipError as error:
            return Sample(None, "", None, "", (f"{record.path}:{record.key}: {error}",))
        taxon: Taxon | None = record.taxon and self.texts.complete(record.taxon)
        texts = self._texts_of(taxon) if taxon else list(record.captions)
        told = self.texts.descriptions.get(taxon.scientific_name, ()) if taxon else ()
        return Sample(
            photo, draw_text(texts, told, self.config.description_share, draws), taxon, record.key, ()
        )
