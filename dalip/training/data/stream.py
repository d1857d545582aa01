"""`dalip train --stream`: read shards sequentially, for data too large to index."""

import random
import tarfile
from collections.abc import Iterator
from itertools import chain, count, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import webdataset as wds
from torch.utils.data import IterableDataset, get_worker_info
from webdataset.gopen import set_options

from dalip.datasets import FilePart, Record, Report
from dalip.datasets.shards import StrictHeader, stream_shard
from dalip.encoder.manifest import ImageSettings
from dalip.errors import DalipError, DataError, first_line
from dalip.training.config import TrainConfig
from dalip.training.data.batches import Batch, Sample, collate, make_sample, no_sample
from dalip.training.data.corpus import Texts, is_remote, shards_of
from dalip.training.data.crops import augmentation, open_crop
from dalip.training.data.sampling import Sampling

__all__ = ["StreamDataset"]

_ROUND = 200_000
_PATIENCE = 100  # consecutive shards without a photo to train on


class _Raw(NamedTuple):
    """An undecoded photo from a shard."""

    record: Record
    content: bytes


class StreamDataset(IterableDataset[Batch]):
    """Batches of this process, from shards in random order, mixed by a shuffle buffer.

    The photos of a batch are determined by seed, step, process and number of data loading processes. After a fixed
    number of photos, a data loading process starts a new round with new random draws. So a resumed run reads only the
    current round again, and does not decode photos it was already trained on. A shard that is cut off by the end of a
    round is not read to its end.
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
        round_of: int = _ROUND,
    ) -> None:
        """Plan a stream.

        Args:
            config: Contains shards, batch size and steps.
            texts: Names and descriptions of taxa.
            image: Mean and standard deviation for normalisation, and the size if the configuration sets none.
            start: The first step.
            process: Index of this training process, from 0.
            processes: Number of training processes.
            round_of: Photos per round: the most that each data loading process of a resumed run reads again.
        """
        assert config.steps is not None
        self.config, self.texts, self.image, self.start = config, texts, image, start
        self.process, self.steps, self.count = process, config.steps, config.batch_size // processes
        self.round_of = round_of
        self.urls, self.weights = shards_of(config)
        self._skipped: list[DalipError] = []
        self._told: set[str] = set()
        self._reading, self._finished = "", False

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one data loading process; torch takes one from each process in turn."""
        worker = get_worker_info()
        lanes = worker.num_workers if worker else 1
        # The process that torch asks first must take step `start`, wherever the run was stopped.
        lane = ((worker.id if worker else 0) + self.start) % lanes
        per_round = max(1, self.round_of // self.count)
        samples: Iterator[_Raw] | None = None
        for number, step in enumerate(range(lane, self.steps, lanes)):
            if step < self.start:
                continue
            part, within = divmod(number, per_round)
            if samples is None or within == 0:
                samples = self._mixed([self.config.seed, self.process, lane, part])
                next(islice(samples, within * self.count, within * self.count), None)
            yield self._batch(list(islice(samples, self.count)), step)
            if within == per_round - 1 and not self._finished:
                self._skip(DataError("shard-too-large", source=self._reading, photos=self.round_of))

    def _mixed(self, seed: list[int]) -> Iterator[_Raw]:
        self._finished, size = False, self.config.shuffle
        mixed: Iterator[_Raw] = wds.shuffle(size, initial=size, rng=random.Random(str(seed)))(
            self._raws(seed)
        )
        return mixed

    def _raws(self, seed: list[int]) -> Iterator[_Raw]:
        """Read one shard after the other, until too many in a row contain no usable photo."""
        sampling = Sampling(self.weights, 1, int(np.random.default_rng([*seed, 1]).integers(2**62)))
        barren: list[str] = []
        for position in chain.from_iterable(map(sampling.epoch, count())):
            self._reading = self.urls[position]
            if len(barren) == _PATIENCE or {*self.urls} == {*barren}:
                return
            barren.append(self._reading)
            for raw in self._shard(self._reading):
                barren.clear()
                yield raw
            self._finished = True

    def _shard(self, url: str) -> Iterator[_Raw]:
        """Yield the photos of a shard that can be trained on; all problems are reported."""
        stream, bare = None, 0
        report = Report(lambda skipped: self._skip(skipped.error), self._skip)
        try:
            stream = wds.gopen(url if is_remote(url) else Path(url).resolve().as_uri())
            # The shard itself shows whether it is complete; it is random when the failure of a command is noticed.
            set_options(stream, ignore_errors=True)
            with tarfile.open(fileobj=stream, mode="r|*", tarinfo=StrictHeader) as archive:
                for photo in stream_shard(archive, url, report):
                    record = Record(
                        f"{url}:{photo.key}", FilePart(Path(url)), photo.fields, own_key=photo.key
                    )
                    if record.split != "train":
                        continue
                    try:
                        usable = record.taxon or record.captions
                    except DataError as error:
                        self._skip(error.about(record.key))
                        continue
                    if usable:
                        yield _Raw(record, photo.content)
                    else:
                        bare += 1
        except Exception as error:  # from the disk, the network, a command, or a damaged archive
            self._skip(DataError("shard-damaged", source=url, cause=first_line(error)))
        finally:
            if stream:
                stream.close()
        if bare:
            self._skip(DataError("shard-without-texts", source=url, photos=bare))

    def _skip(self, error: DalipError) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            self._skipped.append(error)

    def _batch(self, raws: list[_Raw], step: int) -> Batch:
        size = self.config.size_at(step / self.steps, self.image.size)
        transform = augmentation(self.config, self.image, size)
        samples = [self._sample(raw, transform, [step, i]) for i, raw in enumerate(raws)]
        if len(raws) < self.count:
            sources = ", ".join(self.config.data)
            samples = [no_sample(DataError("stream-no-photo", source=sources))]
        good = [sample for sample in samples if sample.photo is not None]
        if good:  # all processes need batches of the same size: good samples replace missing ones
            spare = cycle(good)
            samples = [
                sample if sample.photo is not None else next(spare)._replace(skipped=sample.skipped)
                for sample in samples
            ]
        batch = collate(samples)
        batch.skipped.extend(self._skipped)
        self._skipped.clear()
        return batch

    def _sample(self, raw: _Raw, transform: Any, seed: list[int]) -> Sample:
        draws = np.random.default_rng([self.config.seed, self.process, *seed])
        try:
            photo = open_crop(raw.content, transform, int(draws.integers(2**31)))
        except DalipError as error:
            return no_sample(error if error.source else error.about(raw.record.key))
        return make_sample(photo, raw.record, self.texts, self.config.description_share, draws)
