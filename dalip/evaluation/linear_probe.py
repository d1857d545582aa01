"""Measure a linear probe: a logistic regression on frozen embeddings."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dalip.datasets import Split
from dalip.errors import DalipError
from dalip.evaluation.labelled import LabelledPhotos, source_masks
from dalip.evaluation.metrics import hit_rate, macro_mean, ranks
from dalip.progress import Progress, no_progress

__all__ = ["LinearProbe", "linear_probe"]

_STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
_STEPS = 500  # iterations of the solver; more do not change any answer


@dataclass(frozen=True)
class LinearProbe:
    """Accuracy over the photos of one source, in [0, 1]."""

    source: str
    photos: int
    taxa: int
    top_1: float
    top_5: float
    macro_top_1: float
    """Mean over taxa."""
    strength: float
    """C of scikit-learn's LogisticRegression, chosen on the validation split; larger values regularise less."""


def linear_probe(
    photos: LabelledPhotos,
    split: Split,
    strengths: Sequence[float] = _STRENGTHS,
    progress: Progress = no_progress,
) -> list[LinearProbe]:
    """Fit a logistic regression on the training split and classify the photos in another split.

    Args:
        photos: The result of `embed_labelled` for the validation split (`selection`) and `split`.
        split: The split whose photos are classified.
        strengths: Values of C to try; the one with the best top-1 on the validation split is used, the smallest of
            equals.
        progress: Called with "classifiers".

    Returns:
        One row per source.

    Raises:
        DalipError: scikit-learn is missing, or the photos show only one taxon.
    """
    if len(photos.names) < 2:
        raise DalipError("only-one-taxon", name=photos.names[0])
    selection, wanted, _ = photos.others["selection"]
    best: tuple[float, float, Any] = (-1.0, 0.0, None)
    for i, strength in enumerate(sorted(strengths)):
        model = _fit(photos, strength)
        score = float((model.predict(selection) == wanted).mean())
        if score > best[0]:
            best = (score, strength, model)
        progress("classifiers", i + 1, len(strengths))
    _, strength, model = best
    queries, truth, sources = photos.others[split]
    scores = model.decision_function(queries)
    if scores.ndim == 1:  # with two classes, scikit-learn scores only the second
        scores = np.stack([-scores, scores], axis=1)
    places = ranks(scores, np.eye(len(photos.names), dtype=bool)[truth])

    return [
        LinearProbe(
            source,
            int(mine.sum()),
            len(photos.names),
            hit_rate(places[mine], 1),
            hit_rate(places[mine], 5),
            macro_mean(places[mine] < 1, truth[mine]),
            strength,
        )
        for source, mine in source_masks(sources).items()
    ]


def _fit(photos: LabelledPhotos, strength: float) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise DalipError("probe-without-scikit-learn") from None
    model = LogisticRegression(C=strength, max_iter=_STEPS)
    with warnings.catch_warnings():  # about few photos per class, which is normal here
        warnings.filterwarnings("ignore", category=UserWarning)
        return model.fit(photos.train, photos.train_labels)
