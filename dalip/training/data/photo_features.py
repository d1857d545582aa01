"""Cache the features of a frozen image tower on disk, for a few augmented views of each photo."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dalip.datasets import FilePart, Record
from dalip.encoder.manifest import ImageSettings
from dalip.errors import DalipError
from dalip.files import atomic_write, from_json, to_json
from dalip.model import DALIP
from dalip.training.config import TrainConfig
from dalip.training.data.crops import augmentation, open_crop
from dalip.training.error_json import read_error, write_error
from dalip.training.log import ReportLine
from dalip.training.optimizer import weights_hash

__all__ = ["PhotoFeatures", "cache_photo_features"]

_AT_ONCE = 32


class PhotoFeatures:
    """Features of the views of each photo from a frozen tower, read from disk on demand."""

    def __init__(self, path: Path, errors: dict[int, str]) -> None:
        """Open a cache written by `cache_photo_features`.

        Args:
            path: A .npy file of shape (photos, views, ...), float16.
            errors: Errors of photos that could not be read, by position, as JSON from `write_error`.
        """
        self.path, self.errors = path, errors
        self._values: NDArray[np.float16] | None = None

    def read(self, position: int, seed: int) -> Tensor:
        """Return the features of one view of a photo, float32; the seed chooses the view.

        Raises:
            DalipError: The photo could not be read when the cache was computed.
        """
        if position in self.errors:
            raise read_error(self.errors[position])
        if self._values is None:  # opened here, so that each data loading process maps the file itself
            self._values = np.load(self.path, mmap_mode="r")
        return torch.from_numpy(self._values[position, seed % self._values.shape[1]].astype(np.float32))


@dataclass
class _Done:
    """Progress of computing a cache, stored next to it."""

    views: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    """Errors of photos that could not be read, by position, as JSON from `write_error`."""


class _Views(Dataset[Tensor | str]):
    """Every view of every photo, in order; the error as JSON if the photo cannot be read."""

    def __init__(
        self, records: Sequence[Record], config: TrainConfig, image: ImageSettings, size: int
    ) -> None:
        self.records, self.views = records, config.cache_views
        self.transform = augmentation(config, image, size)

    def __len__(self) -> int:
        return len(self.records) * self.views

    def __getitem__(self, index: int) -> Tensor | str:
        record, view = self.records[index // self.views], index % self.views
        # Independent of the run's seed: runs with different seeds share one cache, and so see the same views.
        seed = int(
            hashlib.sha256(f"{record.key} {view}".encode("utf-8", "surrogatepass")).hexdigest()[:7], 16
        )
        try:
            return open_crop(record.read_bytes(), self.transform, seed)
        except DalipError as error:
            return write_error(error)


@torch.inference_mode()
def cache_photo_features(
    model: DALIP,
    records: Sequence[Record],
    config: TrainConfig,
    image: ImageSettings,
    folder: Path,
    *,
    report: ReportLine,
) -> PhotoFeatures:
    """Compute the features of `config.cache_views` crops of each photo, or resume computing them.

    Args:
        model: Must have a frozen image tower; the features are computed on its device.
        records: The photos.
        config: Determines the crops, which have the largest of the training sizes.
        image: Mean and standard deviation for normalisation, and the size if the configuration sets none.
        folder: Folder of the cache; file names depend on tower, photos and crops.
        report: Called with one line of progress at a time.
    """
    size = max((size for _, size in config.train_sizes), default=image.size)
    device = next(model.parameters()).device
    shape = model.image_tower.features(torch.zeros(1, 3, size, size, device=device)).shape[1:]
    crops = [config.crop_scale, config.augment, config.erasing, config.cache_views, size, asdict(image)]
    crops += [config.low_resolution] if config.low_resolution else []  # so that earlier caches remain valid
    photos = [_identity(record) for record in records]
    tower = weights_hash([*model.image_tower.body, *model.clip.visual.buffers()])
    name = hashlib.sha256(json.dumps([tower, crops, photos]).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path, state = folder / f"photos-{name}.npy", folder / f"photos-{name}.json"
    done = _Done()
    if state.exists() and path.exists():
        done = from_json(state.read_bytes(), _Done)
    views = _Views(records, config, image, size)
    if done.views < len(views):
        new = {"dtype": np.float16, "shape": (len(records), config.cache_views, *shape)}
        how = {"mode": "r+"} if done.views else {"mode": "w+", **new}
        values = np.lib.format.open_memmap(path, **how)
        if hasattr(os, "posix_fallocate"):  # a full disk under a memory-mapped file would kill the process
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        flat = values.reshape(len(views), *shape)
        for start, batch in _in_batches(views, done.views, config.workers):
            good = [i for i, view in enumerate(batch) if not isinstance(view, str)]
            done.errors |= {
                str((start + i) // config.cache_views): v for i, v in enumerate(batch) if isinstance(v, str)
            }
            if good:
                pixels = torch.stack([batch[i] for i in good]).to(device, memory_format=torch.channels_last)
                flat[[start + i for i in good]] = model.image_tower.features(pixels).half().cpu().numpy()
            done.views = start + len(batch)
            if done.views % (64 * _AT_ONCE) == 0 or done.views == len(views):
                values.flush()
                with atomic_write(state) as part:
                    part.write_text(to_json(done), encoding="utf-8")
                report(f"photo features: {done.views:,} of {len(views):,} views")
    return PhotoFeatures(path, {int(position): error for position, error in done.errors.items()})


def _identity(record: Record) -> tuple[Any, ...]:
    """Return what distinguishes a photo from another with the same name, and from earlier content of its file."""
    place = record.location
    if not isinstance(place, FilePart):
        return record.key, *place.stamp
    try:
        file = place.path.stat()
        written = file.st_size, file.st_mtime_ns
    except OSError:  # reading it will report why
        written = None
    offset = None if place.size is None else place.offset
    return record.key, str(place.path.resolve()), offset, place.size, written


def _in_batches(views: _Views, start: int, workers: int) -> Any:
    """Read the views from `start` on in batches, each with the index of its first view."""
    plan = [list(range(i, min(i + _AT_ONCE, len(views)))) for i in range(start, len(views), _AT_ONCE)]
    loader: DataLoader[Any] = DataLoader(views, batch_sampler=plan, collate_fn=list, num_workers=workers)
    return ((indices[0], batch) for indices, batch in zip(plan, loader, strict=True))
