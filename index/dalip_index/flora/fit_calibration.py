"""Fit a calibration on held-out photos: temperatures, conformal quantiles, and the threshold of confident answers."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.ranks import RANKS
from dalip.taxon_tree import TaxonTree
from dalip_index.flora.calibration import (
    MIN_PHOTOS,
    REGION_SHARE,
    Calibration,
    softmax,
    thresholds_by_rank,
)
from dalip_index.flora.sharpness import fit_sharpness, levels_of
from dalip_index.flora.temperature import fit_temperature

__all__ = ["WRONG_SURE", "fit_calibration", "fit_region_logit"]

WRONG_SURE = 0.045
"""Share of photos that may get a confident answer that is wrong, among the calibration photos and among the same photos
with their taxon left out of the flora. It was 5 % at first; photos from a new source get more wrong answers, see
docs/trust.md."""

_THRESHOLDS = np.arange(70, 96) / 100
_MIN_FOR_THRESHOLD = 100
"""With fewer calibration photos, the threshold is the default."""

_MIN_OF_LEVEL = 100
"""With fewer calibration photos of a level of evidence, its conformal prediction sets are those of all photos."""

_REGIONS = np.repeat([1 / 16, 1 / 8, 1 / 4, 1 / 2], 8)
"""Shares of the flora's taxa in the simulated regions."""
_LARGEST_LOGIT = 20.0  # in effect, a restriction to the region
_LEAST_LOGIT, _MOST_LOGIT = 1.0, 5.0
"""Outside of these, of 73 and 99.3 %, the photos do not tell: they are few, or all so certain that no prior matters."""

_AT_ONCE = 256  # photos
_KEPT = 1000  # values per list, finer than any share that is needed


def fit_calibration(
    text_weight: float,
    selection_photos: int,
    similarities: NDArray[np.floating[Any]],
    targets: NDArray[np.intp],
    lengths: NDArray[np.floating[Any]],
    chance: float | None,
    photo_counts: NDArray[np.intp],
    tree: TaxonTree,
) -> Calibration:
    """Calibrate a flora on held-out photos.

    Args:
        text_weight: Weight of text in a taxon's vector.
        selection_photos: Number of validation photos that it was chosen on.
        similarities: Similarities of the calibration photos to all taxa, shape (photos, taxa).
        targets: Column of the right taxon for each photo, shape (photos,).
        lengths: Lengths of their appearances, shape (photos,).
        chance: Similarity of appearance that they have by chance with wrong taxa.
        photo_counts: Number of photos of each taxon, shape (taxa,). A taxon without photos is never a confident answer.
        tree: The taxa.

    Returns:
        The calibration; without a temperature if there are fewer than `MIN_PHOTOS` photos.
    """
    if len(targets) < MIN_PHOTOS:
        return Calibration.bare(text_weight, selection_photos, None, len(targets))
    levels = levels_of(photo_counts)
    sharpness = fit_sharpness(similarities, targets, levels)
    temperature = 1 / sharpness.levels[0] if sharpness else fit_temperature(similarities, targets)
    bare = replace(
        Calibration.bare(text_weight, selection_photos, temperature, len(targets)), sharpness=sharpness
    )
    found = bare.logits(similarities, levels=levels)
    assert found is not None
    logits, likely = found
    right = softmax(logits)[np.arange(len(targets)), targets]
    by_level = [right[likely == level] for level in range(len(sharpness.levels) if sharpness else 0)]
    calibration = replace(
        bare,
        right=_kept(right),
        right_by_level=tuple(_kept(own) if len(own) >= _MIN_OF_LEVEL else () for own in by_level),
        fits=_kept(similarities.max(axis=1)),
        lengths=_kept(lengths),
        chance=chance,
    )
    calibration = replace(
        calibration, region_logit=fit_region_logit(calibration, similarities, targets, levels)
    )
    if len(targets) < _MIN_FOR_THRESHOLD:
        return calibration
    shut = photo_counts == 0
    return replace(
        calibration, threshold=_fit_threshold(calibration, similarities, targets, tree, shut, levels)
    )


def _kept(values: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Return values in ascending order: all of them, or an evenly spaced sample."""
    ordered = np.sort(values)
    if len(ordered) > _KEPT:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _KEPT).round().astype(int)]
    return tuple(round(float(value), 7) for value in ordered)


def _fit_threshold(
    calibration: Calibration,
    similarities: NDArray[np.floating[Any]],
    targets: NDArray[np.intp],
    tree: TaxonTree,
    shut: NDArray[np.bool_],
    levels: NDArray[np.intp],
) -> float:
    """Choose the threshold of confident answers for a rate of wrong ones.

    Each photo is answered twice: by the whole flora, and by the flora without the taxon in the photo. An answer is
    right if it is the taxon or contains it. The threshold is the lowest one at which, and above which, at most
    `WRONG_SURE` of the photos get a wrong confident answer, in both cases.

    Args:
        calibration: The calibration, fitted except for the threshold.
        similarities: As `fit_calibration`.
        targets: As `fit_calibration`.
        tree: The taxa.
        shut: Mask of the taxa that cannot be the answer themselves, shape (taxa,).
        levels: Level of evidence of each taxon, shape (taxa,).

    Returns:
        A threshold from 0.7 to 0.95; 0.95 also if the rate is higher there.

    Source: conformal risk control (Angelopoulos et al., 2024) on a grid, with left-out taxa as outlier exposure.
    """
    least = np.array([[_by_rank(value, misfit) for value in _THRESHOLDS] for misfit in (False, True)])
    above = tree.above_rows[targets]
    worst = np.zeros(len(_THRESHOLDS))
    for left_out in (False, True) if similarities.shape[1] > 1 else (False,):
        wrong = np.zeros(len(_THRESHOLDS))
        for start in range(0, len(targets), _AT_ONCE):
            rows = similarities[start : start + _AT_ONCE].astype(np.float64)
            if left_out:
                rows[np.arange(len(rows)), targets[start : start + _AT_ONCE]] = -np.inf
            found = calibration.logits(rows, levels=levels)
            assert found is not None
            for probabilities, fit, nodes in zip(
                softmax(found[0]), rows.max(axis=1), above[start:], strict=False
            ):
                misfit = calibration.foreign(float(fit))
                places, best = tree.best_by_rank(probabilities, shut, float(not misfit))
                sure = best >= least[int(misfit)]
                lowest = sure.shape[1] - 1 - sure[:, ::-1].argmax(axis=1)
                wrong += sure.any(axis=1) & (places != nodes)[lowest]
        worst = np.maximum(worst, wrong / max(len(targets), 1))
    too_many = np.flatnonzero(worst > WRONG_SURE)
    return float(_THRESHOLDS[min(too_many[-1] + 1, len(_THRESHOLDS) - 1) if len(too_many) else 0])


def fit_region_logit(
    calibration: Calibration,
    similarities: NDArray[np.floating[Any]],
    targets: NDArray[np.intp],
    levels: NDArray[np.intp],
) -> float | None:
    """Fit the prior probability of the taxa of a region, by maximum likelihood over simulated regions.

    A simulated region has random taxa. It is assumed to contain the taxon in the photo with the probability
    `REGION_SHARE`; each photo therefore counts twice for each region, once with its taxon in the region and once
    without, with these two weights (importance weighting). The loss is convex. At its minimum, the taxa outside the
    region have a mean probability of `1 - REGION_SHARE`. If the probabilities are well calibrated, the result is close
    to the logit of `REGION_SHARE`.

    Args:
        calibration: The calibration, which has a temperature.
        similarities: As `fit_calibration`.
        targets: As `fit_calibration`.
        levels: Level of evidence of each taxon, shape (taxa,).

    Returns:
        Value of `Calibration.region_logit`; `None` if there are fewer than two taxa, or the photos do not determine it.
    """
    taxa = similarities.shape[1]
    if taxa < 2:
        return None
    regions = (np.random.default_rng(0).random((taxa, len(_REGIONS)), np.float32) < _REGIONS).astype(
        np.float32
    )
    sizes = np.clip(regions.sum(axis=0), 1, taxa - 1)
    parts = []
    for start in range(0, len(targets), _AT_ONCE):
        found = calibration.logits(similarities[start : start + _AT_ONCE], levels=levels)
        assert found is not None
        probabilities, own = softmax(found[0]), targets[start : start + _AT_ONCE]
        right = probabilities[np.arange(len(own)), own][:, None]
        others = np.maximum(probabilities.astype(np.float32) @ regions - right * regions[own], 0.0)
        parts.append(np.stack([others + right, others]))
    inside = np.minimum(np.concatenate(parts, axis=1), 1.0)  # with the taxon in the region, and without
    low, high = -_LARGEST_LOGIT, _LARGEST_LOGIT
    while high - low > 1e-6:
        logit = (low + high) / 2
        outside = (1 - inside) * np.exp(-np.maximum(logit + np.log((taxa - sizes) / sizes), 0.0))
        means = (outside / (inside + outside)).mean(axis=(1, 2))
        if means @ (REGION_SHARE, 1 - REGION_SHARE) > 1 - REGION_SHARE:
            low = logit
        else:
            high = logit
    return round(high, 4) if _LEAST_LOGIT < high < _MOST_LOGIT else None


def _by_rank(threshold: float, misfit: bool) -> list[float]:
    """Return `thresholds_by_rank` as a list in the order of `RANKS`, infinite for ranks that are no answer."""
    found = thresholds_by_rank(threshold, misfit)
    return [found.get(rank, math.inf) for rank in RANKS]
