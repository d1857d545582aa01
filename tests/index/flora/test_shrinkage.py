"""Shrinkage of photo prototypes towards genus and family."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dalip_index.build.weights import choose_weights
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes
from dalip_index.flora.shrinkage import Kin, Shrunk, unit_rows
from dalip_index.store.manifest import NO_SHRINKAGE, Shrinkage
from tests.index.dense import dense_vectors

WIDTH = 8
seeds = st.integers(0, 2**32 - 1)
strengths = st.builds(Shrinkage, st.floats(0, 5), st.floats(0, 5))


def made(seed: int, taxa: int = 20) -> tuple[np.ndarray, np.ndarray, Kin]:
    """Return means of photos, their numbers (0 for some taxa), and genera and families, some of them unknown."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, taxa)
    means = unit_rows(rng.standard_normal((taxa, WIDTH))) * (counts > 0)[:, None]
    genera = rng.integers(0, 6, taxa)
    places = [(f"G{g}" if g else "", f"F{g % 3}" if g % 5 else "") for g in genera.tolist()]
    return means.astype(np.float32), counts, Kin.of(places)


def test_places_are_numbered_and_a_genus_gives_its_family() -> None:
    kin = Kin.of([("Rosa", "Rosaceae"), ("", ""), ("Rosa", ""), ("", "Rosaceae"), ("Rubus", "")])
    assert kin.genera.tolist() == [0, -1, 0, -1, 1]
    assert kin.families.tolist() == [0, -1, 0, 0, -1]


@given(seed=seeds)
def test_without_strength_the_prototypes_are_the_means(seed: int) -> None:
    means, counts, kin = made(seed)
    np.testing.assert_allclose(Shrunk(means, counts, kin, NO_SHRINKAGE).rows, means, atol=1e-6)


@given(seed=seeds, shrinkage=strengths)
def test_many_photos_outweigh_the_relatives(seed: int, shrinkage: Shrinkage) -> None:
    means, counts, kin = made(seed)
    rows = Shrunk(means, counts * 1_000_000, kin, shrinkage).rows
    np.testing.assert_allclose(rows[counts > 0], means[counts > 0], atol=1e-4)


@given(seed=seeds, shrinkage=strengths)
def test_taxa_without_known_relatives_are_unchanged(seed: int, shrinkage: Shrinkage) -> None:
    means, counts, kin = made(seed)
    alone = (kin.genera < 0) & (kin.families < 0)
    rows = Shrunk(means, counts, kin, shrinkage).rows
    np.testing.assert_allclose(rows[alone], means[alone], atol=1e-6)


@given(seed=seeds, shrinkage=strengths)
def test_shrunk_prototypes_equal_their_definition(seed: int, shrinkage: Shrinkage) -> None:
    means, counts, kin = made(seed)
    rows = Shrunk(means, counts, kin, shrinkage).rows
    for row in range(len(means)):
        total = counts[row] * means[row]
        for of, strength in ((kin.genera, shrinkage.genus), (kin.families, shrinkage.family)):
            if of[row] >= 0:
                mean = means[of == of[row]].sum(axis=0)
                total = total + strength * mean / max(np.linalg.norm(mean), 1e-9)
        length = np.linalg.norm(total)
        if length > 1e-3:
            expected = total / length * (1 if counts[row] else 0.75)
            np.testing.assert_allclose(rows[row], expected, atol=1e-4)


@given(seed=seeds, shrinkage=strengths)
def test_leaving_a_photo_out_equals_computing_everything_without_it(seed: int, shrinkage: Shrinkage) -> None:
    means, counts, kin = made(seed)
    shrunk, rng = Shrunk(means, counts, kin, shrinkage), np.random.default_rng(seed)
    for taxon in np.flatnonzero(counts):
        mean = unit_rows(rng.standard_normal((1, WIDTH)))[0]
        fewer = counts - (np.arange(len(counts)) == taxon)
        changed = means.copy()
        changed[taxon] = mean if fewer[taxon] else 0
        expected, before = Shrunk(changed, fewer, kin, shrinkage).rows, shrunk.rows
        rows, found = shrunk.without(int(taxon), mean)
        assert (np.diff(rows) > 0).all()
        assert taxon in rows
        np.testing.assert_allclose(found, expected[rows], atol=1e-3)
        others = np.setdiff1d(np.arange(len(means)), rows)
        np.testing.assert_allclose(before[others], expected[others], atol=1e-5)


def test_a_taxon_without_photos_competes_with_the_mean_of_its_genus() -> None:
    photos = unit_rows(np.random.default_rng(0).standard_normal((4, WIDTH)))
    photos[1] = 0
    counts, nothing = np.array([3, 0, 1, 2]), np.zeros(4, np.intp)
    kin = Kin.of([("Rosa", "Rosaceae"), ("Rosa", "Rosaceae"), ("Rubus", "Rosaceae"), ("", "")])
    text = np.zeros((4, 2), np.float32)
    seen = photos[counts > 0]
    known = Prototypes.built(text, nothing, seen, counts, kin, Shrinkage(1, 0))
    shrunk = known.appearances.vectors[known.appearances.index]
    np.testing.assert_allclose(shrunk[1], 0.75 * known.photos[0], atol=1e-6)
    unknown = Prototypes.built(text, nothing, seen, counts).appearances
    np.testing.assert_allclose(unknown.vectors[unknown.index[1]], known.photos.mean(axis=0), atol=1e-6)


def test_taught_taxa_do_not_change_their_relatives() -> None:
    means, counts, kin = made(3)
    text, texts = np.ones((20, 2), np.float32), np.ones(20, np.intp)
    before = Prototypes.built(text, texts, means[counts > 0], counts, kin, Shrinkage(1, 1))
    taught = before.with_taxon(text[0], 1, unit_rows(np.ones((1, WIDTH)))[0], 2, 0.1)
    known = replace(taught, kin=Kin(np.append(kin.genera, kin.genera[5]), np.append(kin.families, 0)))
    np.testing.assert_array_equal(dense_vectors(known, 0.3)[:-1], dense_vectors(before, 0.3))
    asked = unit_rows(np.random.default_rng(4).standard_normal((5, 2 + WIDTH)))
    found, unchanged = (Comparison(some, 0.3)(asked) for some in (known, before))
    np.testing.assert_array_equal(found[:, :-1], unchanged)


def photos_of_genera(each: int, spread: float) -> tuple[Prototypes, np.ndarray, np.ndarray]:
    """Return 40 taxa of 8 genera with a number of photos each, and three more photos of each taxon with their rows."""
    rng, width = np.random.default_rng(0), 64
    genera = np.repeat(rng.standard_normal((8, width)), 5, axis=0)
    centres = unit_rows(genera + 0.5 * rng.standard_normal((40, width)))
    labels = np.repeat(np.arange(40), 3)
    shown = [unit_rows(centres + spread * rng.standard_normal((40, width)) / 8) for _ in range(each)]
    asked = unit_rows(centres[labels] + spread * rng.standard_normal((120, width)) / 8)
    kin = Kin.of([(f"G{i // 5}", "F") for i in range(40)])
    none = np.zeros(40, np.intp)
    empty = np.zeros((40, 2), np.float32)
    prototypes = Prototypes.built(empty, none, unit_rows(sum(shown)), none + each, kin)
    return prototypes, np.hstack([np.zeros((120, 2), np.float32), asked]), labels


def first(prototypes: Prototypes, photos: np.ndarray, labels: np.ndarray) -> float:
    return float((Comparison(prototypes, 0)(photos).argmax(axis=1) == labels).mean())


def test_one_photo_each_is_drawn_towards_the_genus_and_many_photos_are_not_harmed() -> None:
    prototypes, photos, labels = photos_of_genera(1, 2.0)
    _, shrinkage = choose_weights(prototypes, photos, labels)
    assert shrinkage.genus > 0.2
    chosen = replace(prototypes, shrinkage=shrinkage)
    assert first(chosen, photos, labels) >= first(prototypes, photos, labels)
    prototypes, photos, labels = photos_of_genera(100, 2.0)
    _, shrinkage = choose_weights(prototypes, photos, labels)
    chosen = replace(prototypes, shrinkage=shrinkage)
    assert first(chosen, photos, labels) >= first(prototypes, photos, labels) - 0.01
