"""Measure how much of ImageNet an image tower has forgotten, with the classifier of its pretrained weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.data import ImageNetInfo
from torch import nn

from dalip.datasets import Record
from dalip.encoder import Vectors
from dalip.encoder.embed_ahead import embed_ahead
from dalip.errors import DataError, Skipped, TrainingError
from dalip.evaluation import collect_photos, hit_rate, ranks
from dalip.progress import Progress, no_progress
from dalip.training.towers.lite import LITE, imagenet_classifier
from dalip.training.towers.load_model import find_run, load_run

__all__ = ["forgetting"]

_PHOTOS_AT_ONCE = 32


@dataclass(frozen=True)
class Forgetting:
    """Accuracy of the ImageNet classifier on some photos, in [0, 1], among all 1,000 classes."""

    photos: int
    before_top_1: float
    before_top_5: float
    after_top_1: float
    after_top_5: float


def forgetting(
    run: Path, records: Sequence[Record], progress: Progress = no_progress
) -> tuple[Forgetting, tuple[Skipped, ...]]:
    """Evaluate the ImageNet classifier on the image tower before and after training.

    Both towers see each photo once, preprocessed as for the run's encoder.

    Args:
        run: A finished run.
        records: Photos with a `wordnetID`; others are ignored.
        progress: Called with "photos".

    Returns:
        The accuracies, and the photos that cannot be read, with the reasons.

    Raises:
        TrainingError: `run` is not a finished run, or its image tower has no ImageNet classifier.
        DataError: There is no readable photo with the `wordnetID` of an ImageNet class.
    """
    found = find_run(run)
    if found is None:
        raise TrainingError("not-a-run", source=run)
    model, towers, config = load_run(found)
    if config.model not in LITE:
        raise TrainingError("no-imagenet-classifier", source=run, model=config.model, models=tuple(LITE))
    trunk: Any = model.clip.visual.trunk
    classifiers = [imagenet_classifier(config.model) for _ in ("before", "after")]
    classifiers[1].load_state_dict(classifiers[1].state_dict() | trunk.state_dict())
    numbers = {name: i for i, name in enumerate(ImageNetInfo().label_names())}
    known = [record for record in records if str(record.fields.get("wordnetID")) in numbers]
    sources = (record.read_bytes for record in known)
    found_ahead = embed_ahead(sources, towers.image, _PHOTOS_AT_ONCE, partial(_scores, classifiers))
    photos = collect_photos(known, (row for _, row in found_ahead), 2 * len(numbers), progress)
    if not photos.records:
        raise DataError("no-imagenet-photo", photos=len(records))
    own = np.eye(len(numbers), dtype=bool)[[numbers[r.fields["wordnetID"]] for r in photos.records]]
    old, new = (ranks(scores, own) for scores in np.split(photos.vectors, 2, axis=1))
    result = Forgetting(len(old), hit_rate(old, 1), hit_rate(old, 5), hit_rate(new, 1), hit_rate(new, 5))
    return result, photos.skipped


@torch.inference_mode()
def _scores(classifiers: Sequence[nn.Module], pixels: Vectors) -> Vectors:
    """Return the scores of all classifiers, concatenated."""
    batch = torch.from_numpy(pixels)
    scores: Vectors = torch.cat([classifier(batch) for classifier in classifiers], dim=1).numpy()
    return scores
