"""Measure the rejection of photos without plants, and of plants that are not in the flora. Run by `trust.py`."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from answers import Answered
from embedded import Embedded
from intervals import share_of
from numpy.typing import NDArray
from tables import Row

from dalip.datasets import Record
from dalip_index import Flora
from dalip_index.evaluation.trust import auroc
from dalip_index.flora.calibration import softmax

Scores = dict[str, NDArray[np.floating]]


def second_half(record: Record) -> bool:
    """Return whether a photo is in the half for reporting; scores were chosen on the other half."""
    return int(hashlib.sha1(f"half {record.key}".encode()).hexdigest(), 16) % 2 == 1


def reported(photos: Embedded) -> Embedded:
    """Return the half of the photos that nothing was chosen on."""
    return photos.part(np.array([second_half(record) for record in photos.records], bool))


def scores_of(flora: Flora, photos: Embedded, left_out: NDArray[np.intp] | None = None) -> Scores:
    """Return established out-of-distribution scores of photos; higher means that a photo fits the flora better.

    Args:
        flora: The flora.
        photos: The photos.
        left_out: Row of the taxon that the flora must not name, for each photo.
    """
    compared, calibration = flora.similarities(photos.vectors), flora.calibration
    values = compared.values.astype(np.float64)
    if left_out is not None:
        values[np.arange(len(values)), left_out] = -np.inf
    found = calibration.logits(values, levels=compared.levels)
    assert found is not None
    assert calibration.temperature is not None
    logits, _ = found
    return {
        "maximum softmax probability (Hendrycks and Gimpel, 2017)": softmax(logits).max(axis=1),
        "energy (Liu et al., 2020)": np.logaddexp.reduce(values / calibration.temperature, axis=1),
        "energy, with the temperature of the photo": np.logaddexp.reduce(logits, axis=1),
        "maximum similarity": values.max(axis=1),
        "Mahalanobis distance to the mean plant": -compared.lengths,
    }


def score_rows(
    flora: Flora, plants: Embedded, targets: NDArray[np.intp], others: Mapping[str, Embedded]
) -> list[Row]:
    """Return the area under the ROC curve of each score, for plants against each kind of other photos.

    The last kind are the same photos of plants, each answered without its own taxon.

    Args:
        flora: The flora.
        plants: Photos of its taxa.
        targets: Row of the taxon in each.
        others: The other photos.
    """
    passes = scores_of(flora, plants)
    fails = {name: scores_of(flora, photos) for name, photos in others.items()}
    fails["left out"] = scores_of(flora, plants, targets)
    return [
        {
            "score": score,
            **{name: f"{auroc(passes[score], found[score]):.4f}" for name, found in fails.items()},
        }
        for score in passes
    ]


def distance_rows(flora: Flora, plants: Mapping[str, Embedded], others: Mapping[str, Embedded]) -> list[Row]:
    """Return the same for the Mahalanobis distance alone, by the set that the plants are from."""
    distances = {
        name: flora.similarities(photos.vectors).lengths for name, photos in {**plants, **others}.items()
    }
    return [
        {"plants": own, **{name: f"{auroc(distances[name], distances[own]):.4f}" for name in others}}
        for own in plants
    ]


def verdict_row(name: str, verdicts: Sequence[str]) -> Row:
    """Return how often photos get each verdict."""
    kinds = {
        "not a plant": "not a plant",
        "not in flora": "not in flora",
        "unsure": "not confident",
        "sure": "confident",
    }
    row: dict[str, object] = {"photos": name, "number": len(verdicts)}
    return row | {title: share_of([v == verdict for v in verdicts]) for verdict, title in kinds.items()}


def verdict_rows(
    flora: Flora, plants: Mapping[str, Sequence[Answered]], others: Mapping[str, Embedded]
) -> list[Row]:
    """Return the verdicts on photos of plants, by the label of their row, and on photos without plants."""
    rows = [verdict_row(name, [a.verdict for a in found]) for name, found in plants.items() if found]
    for name, photos in others.items():
        verdicts = [flora.answer("", vector[None], 1).verdict for vector in photos.vectors]
        rows.append(verdict_row(f"no plants: {name}", verdicts))
    return rows
