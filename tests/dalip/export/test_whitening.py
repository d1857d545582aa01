"""Whitening of appearances: variation within taxa is reduced, and variation between taxa is kept."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dalip.export.onnx_modules import whitened
from dalip.export.whitening import KEPT_DIRECTIONS, Whitening, fit_whitening

WIDTH = 6


def photos(seed: int, taxa: int = 12, each: int = 40) -> tuple[np.ndarray, list[str]]:
    """Return vectors whose taxa differ in two directions, with much larger variation within taxa in a third."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((taxa, WIDTH))
    centres[:, :2] = rng.normal(0, 0.3, (taxa, 2))
    rows = np.repeat(centres, each, axis=0) + rng.normal(0, 0.05, (taxa * each, WIDTH))
    rows[:, 2] += rng.normal(1, 0.8, len(rows))
    return rows.astype(np.float32), [f"taxon {i}" for i in range(taxa) for _ in range(each)]


def hits(rows: np.ndarray, taxa: list[str]) -> float:
    """Return the leave-one-out accuracy of the nearest class mean."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.unique(taxa, return_inverse=True)[1]
    sums = np.zeros((labels.max() + 1, rows.shape[1]))
    np.add.at(sums, labels, rows)
    found = 0
    for row, label in zip(rows, labels, strict=True):
        others = sums.copy()
        others[label] -= row
        others /= np.linalg.norm(others, axis=1, keepdims=True)
        found += int((others @ row).argmax() == label)
    return found / len(rows)


def test_taxa_are_separated_better() -> None:
    rows, taxa = photos(0)
    new_rows, new_taxa = photos(1)
    whitening = fit_whitening(rows, taxa)
    assert whitening is not None
    assert whitening.mean.dtype == whitening.matrix.dtype == np.float32
    white = (new_rows - whitening.mean) @ whitening.matrix
    assert hits(white, new_taxa) > hits(new_rows - whitening.mean, new_taxa) + 0.2


@given(st.integers(0, 1000))
def test_variation_within_taxa_is_equal_in_all_directions(seed: int) -> None:
    rows, taxa = photos(seed, each=200)
    whitening = fit_whitening(rows, taxa)
    assert whitening is not None
    white = (rows - whitening.mean) @ whitening.matrix
    labels = np.unique(taxa, return_inverse=True)[1]
    means = np.stack([white[labels == label].mean(axis=0) for label in range(12)])
    spread = np.linalg.eigvalsh(np.cov((white - means[labels]).T))
    assert spread.max() < 1.2 * spread.min() + 1e-6


def test_the_length_is_the_distance_from_plants_of_all_taxa() -> None:
    """In a direction in which taxa differ, a photo of a new one may be far from the mean; in others it may not."""
    whitening = fit_whitening(*photos(0, taxa=200))
    assert whitening is not None
    plants, _ = photos(1, taxa=200)
    lengths = np.linalg.norm(whiten(plants, whitening), axis=1)
    np.testing.assert_allclose(np.square(lengths).mean(), 1, atol=0.2)
    things = plants.copy()
    things[:, 4] += 0.3
    far = np.linalg.norm(whiten(things, whitening), axis=1)
    assert np.quantile(far, 0.05) > np.quantile(lengths, 0.95)


def test_without_pairs_or_differences_there_is_nothing_to_learn() -> None:
    rows, _ = photos(0, taxa=2, each=2)
    assert fit_whitening(rows, ["a", "b", "c", "d"]) is None
    assert fit_whitening(rows, ["a"] * 4) is None
    assert fit_whitening(rows[[0, 0, 1, 1]], ["a", "a", "b", "b"]) is None
    assert fit_whitening(rows, ["a", "a", "b", "b"]) is not None


def test_of_many_taxa_only_directions_in_which_they_differ_are_kept() -> None:
    """The other directions still add to the length, the distance from the mean of the plants."""
    rng, width, taxa = np.random.default_rng(0), 400, 4 * KEPT_DIRECTIONS
    spread = np.where(np.arange(width) < 20, 0.3, 0.0)
    centres = rng.normal(0, 1, (taxa, width)) * spread
    rows = (np.repeat(centres, 3, axis=0) + rng.normal(0, 0.1, (3 * taxa, width))).astype(np.float32)
    names = [str(i) for i in range(taxa) for _ in range(3)]
    fewer = fit_whitening(rows[:-3], names[:-3])
    assert fewer is not None
    assert fewer.weights.tolist() == [1] * width
    whitening = fit_whitening(rows, names)
    assert whitening is not None
    assert whitening.weights.shape == (KEPT_DIRECTIONS,)
    assert whitening.weights[0] > whitening.weights[-1] > 0
    variance = ((centres - whitening.mean) @ whitening.matrix).var(axis=0)
    assert variance[:20].sum() > 0.99 * variance.sum()

    found, whole = whiten(rows, whitening), (rows - whitening.mean) @ whitening.matrix
    assert found.shape == (len(rows), KEPT_DIRECTIONS)
    lengths = np.linalg.norm(whole * whitening.length_weights, axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), lengths, rtol=1e-4)
    kept = whole[:, :KEPT_DIRECTIONS] * whitening.weights
    kept *= (lengths / np.linalg.norm(kept, axis=1))[:, None]
    np.testing.assert_allclose(found, kept, atol=1e-4)
    found, whole = whiten(rows, fewer), (rows - fewer.mean) @ fewer.matrix
    whole *= (np.linalg.norm(found, axis=1) / np.linalg.norm(whole, axis=1))[:, None]
    np.testing.assert_allclose(found, whole, atol=1e-4)


def whiten(rows: np.ndarray, whitening: Whitening) -> np.ndarray:
    return whitened(torch.from_numpy(rows), *map(torch.from_numpy, whitening)).numpy()
