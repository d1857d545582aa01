"""Whitening of appearances: variation within taxa is reduced, and variation between taxa is kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dalip.export.whitening import fit_whitening

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
    whitened = (new_rows - whitening.mean) @ whitening.matrix
    assert hits(whitened, new_taxa) > hits(new_rows - whitening.mean, new_taxa) + 0.2


@given(st.integers(0, 1000))
def test_variation_within_taxa_is_equal_in_all_directions(seed: int) -> None:
    rows, taxa = photos(seed, each=200)
    whitening = fit_whitening(rows, taxa)
    assert whitening is not None
    whitened = (rows - whitening.mean) @ whitening.matrix
    labels = np.unique(taxa, return_inverse=True)[1]
    means = np.stack([whitened[labels == label].mean(axis=0) for label in range(12)])
    np.testing.assert_allclose(np.square(whitened).sum(axis=1).mean(), 1, atol=1e-4)
    spread = np.linalg.eigvalsh(np.cov((whitened - means[labels]).T))
    assert spread.max() < 1.2 * spread.min() + 1e-6


def test_without_pairs_or_differences_there_is_nothing_to_learn() -> None:
    rows, _ = photos(0, taxa=2, each=2)
    assert fit_whitening(rows, ["a", "b", "c", "d"]) is None
    assert fit_whitening(rows, ["a"] * 4) is None
    assert fit_whitening(rows[[0, 0, 1, 1]], ["a", "a", "b", "b"]) is None
    assert fit_whitening(rows, ["a", "a", "b", "b"]) is not None
