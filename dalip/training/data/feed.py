"""Feed each process of a run its share of every batch, with the features of frozen towers."""

import contextlib
import hashlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from dalip.errors import TrainingError
from dalip.files import hold_lock
from dalip.model import DALIP
from dalip.quiet import ignore_pillow_warnings
from dalip.training.config import TrainConfig
from dalip.training.data.batches import Batch, PhotoDataset, collate
from dalip.training.data.corpus import Corpus, load_texts, shards_of
from dalip.training.data.photo_features import cache_photo_features
from dalip.training.data.sampling import Sampling
from dalip.training.data.stream import StreamDataset
from dalip.training.data.text_features import TextFeatures
from dalip.training.log import ReportLine
from dalip.training.step import Inputs
from dalip.training.towers.create import Towers

__all__ = ["Feed"]


class Feed:
    """The batches of a run, in one of its processes."""

    def __init__(
        self, config: TrainConfig, corpus: Corpus, towers: Towers, model: DALIP, accelerator: Accelerator
    ) -> None:
        """Plan the draws of the run."""
        self.config, self.corpus, self.image, self.model = config, corpus, towers.image, model
        self.accelerator = accelerator
        self.photos = PhotoDataset(corpus, config, towers.image)
        sampling = Sampling(self.photos.weights or [1.0], config.batch_size, config.seed)
        self.sampling, self.total = sampling, config.steps or sampling.steps_in(config.epochs)
        self.steps_per_epoch = self.total / config.epochs if config.stream else sampling.steps_per_epoch
        self.text_features = TextFeatures(model, Tokenizer.from_buffer(towers.tokenizer), towers.text)

    def fingerprint(self) -> str:
        """Return a SHA-256 hash of everything in the data that affects batches, as 64 hexadecimal digits."""
        if self.config.stream:  # its corpus is only the data that it is evaluated on
            data: Any = shards_of(self.config)
        else:
            labels = [(r.key, r.taxon and r.taxon.scientific_name, r.captions) for r in self.photos.records]
            data = [labels, self.photos.weights, self.corpus.texts, self.corpus.descriptions]
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def prepare(self, folder: Path, report: ReportLine) -> None:
        """Compute the features of frozen towers once before training, or read those that another run has cached.

        Args:
            folder: Folder of the cache.
            report: Called with one line of progress at a time.
        """
        self.model.eval()
        with self.accelerator.main_process_first(), _alone(folder, report):
            if not self.config.stream:
                captions = [text for record in self.photos.records for text in record.captions]
                described = [text for texts in self.corpus.descriptions.values() for text in texts]
                self.text_features.prepare([*self.corpus.every_text, *described, *captions], folder, report)
            if self.config.cache_views:
                features = cache_photo_features(
                    self.model, self.photos.records, self.config, self.image, folder, report=report
                )
                self.photos = PhotoDataset(self.corpus, self.config, self.image, features)

    def batches(self, start: int) -> Iterator[Batch]:
        """Load this process's share of every batch, starting with step `start`."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        config, size = self.config, self.image.size
        settings: dict[str, Any] = {
            "num_workers": config.workers,
            "prefetch_factor": 4 if config.workers else None,
            "pin_memory": self.accelerator.device.type == "cuda",
            "worker_init_fn": _start_worker,
        }
        if config.stream:
            stream = StreamDataset(
                config, load_texts(config), self.image, start=start, process=process, processes=processes
            )
            return iter(DataLoader(stream, batch_size=None, **settings))
        share = config.batch_size // processes
        mine = slice(process * share, (process + 1) * share)
        plan = self.sampling.batches(start, self.total, lambda p: config.size_at(p, size))
        shares = (batch[mine] for batch in plan)
        return iter(DataLoader(self.photos, batch_sampler=shares, collate_fn=collate, **settings))

    def parts(self, batch: Batch) -> list[Inputs]:
        """Divide this process's share of a batch into micro-batches, on its device."""
        device = self.accelerator.device
        parts = []
        for rows in np.array_split(np.arange(len(batch.keys)), self.config.accumulate):
            first, end = int(rows[0]), int(rows[-1]) + 1
            photos = batch.photos[first:end].to(device, non_blocking=True)
            ids, mask, features = self.text_features(batch.texts[first:end], device)
            if self.config.cache_views:
                parts.append(Inputs(None, ids, mask, features, photos))
            else:
                pixels = photos.contiguous(memory_format=torch.channels_last)
                parts.append(Inputs(pixels, ids, mask, features, None))
        return parts


def _start_worker(worker: int) -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal; the training process handles it and stops the rest."""
    ignore_pillow_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _alone(folder: Path, report: ReportLine) -> Iterator[None]:
    """Lock a cache folder, after waiting until no other run writes features to it."""
    folder.mkdir(parents=True, exist_ok=True)

    def busy(holder: int) -> TrainingError:
        return TrainingError("cache-in-use", source=folder, holder=holder)

    told = False
    with contextlib.ExitStack() as held:
        while True:
            try:
                held.enter_context(hold_lock(folder / "lock", busy))
                break
            except TrainingError as error:
                if not told:
                    report(error)
                told = True
                time.sleep(0.1)
        yield
