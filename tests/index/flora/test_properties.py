from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import dalip_index
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import Calibration, Flora, build_flora, load_flora
from dalip_index.build.learn import hit_rates
from dalip_index.build.weights import choose_weights
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes, mean_prototypes, with_unit_appearance
from dalip_index.flora.shrinkage import Kin
from dalip_index.flora.similarities import largest
from dalip_index.flora.temperature import fit_temperature, negative_log_likelihood
from dalip_index.store.manifest import Shrinkage
from dalip_index.store.quantized import QuantizedVectors
from tests.index.dense import dense_vectors

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


WIDTH = 48
"""Length of a photo vector: 32 for the embedding and 16 for the appearance."""


def queries(seed: int, number: int, width: int = WIDTH) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((number, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def compared(prototypes: Prototypes, photos: np.ndarray, weight: float) -> np.ndarray:
    """Compare photos, each followed by a 1, with taxa one by one."""
    return np.hstack([photos, np.ones((len(photos), 1))]) @ dense_vectors(prototypes, weight).T


@given(seed=seeds, number=st.integers(0, 20))
def test_similarities_to_all_taxa_equal_those_one_by_one(flora: Flora, seed: int, number: int) -> None:
    embeddings = queries(seed, number)
    found = flora.similarities(embeddings)
    unit, lengths = with_unit_appearance(embeddings, 32)
    expected = compared(flora.prototypes, unit, flora.calibration.text_weight)
    assert found.values.shape == (number, 10)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    np.testing.assert_array_equal(found.lengths, lengths)


@given(
    values=arrays(np.float32, st.integers(0, 30), elements=st.sampled_from([0, 0.25, 0.5, 1])),
    number=st.integers(1, 35),
)
def test_the_largest_values_equal_a_stable_sort(values: np.ndarray, number: int) -> None:
    np.testing.assert_array_equal(largest(values, number), np.argsort(-values, kind="stable")[:number])


@given(seed=seeds)
def test_probabilities_sum_to_one_and_fall_with_similarity(flora: Flora, seed: int) -> None:
    for photo in queries(seed, 3):
        predictions = flora.answer("", photo[None], 10).predictions
        probabilities = [p.probability for p in predictions]
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities == sorted(probabilities, reverse=True)
        assert [p.similarity for p in predictions] == sorted(
            (p.similarity for p in predictions), reverse=True
        )


@given(seed=seeds, top_k=st.integers(1, 12))
def test_a_longer_answer_begins_with_the_shorter_one(flora: Flora, seed: int, top_k: int) -> None:
    some, everything = (flora.answer("", queries(seed, 1), number) for number in (top_k, 10))
    assert some.predictions == everything.predictions[:top_k]


def test_the_order_of_taxa_does_not_change_answers(
    flora: Flora, tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list
) -> None:
    build_flora(tmp_path / "reversed", encoder, taxa[::-1], records[::-1], keep=0)
    other = load_flora(tmp_path / "reversed", encoder)
    for photo in queries(0, 50):
        mine, theirs = (each.answer("", photo[None]).predictions for each in (flora, other))
        assert [p.taxon for p in mine] == [p.taxon for p in theirs]
        assert [p.similarity for p in mine] == pytest.approx([p.similarity for p in theirs], abs=1e-6)
        assert [p.probability for p in mine] == pytest.approx([p.probability for p in theirs], abs=1e-3)


similarity_rows = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.floats(-1, 1, width=32)
)


@given(similarities=similarity_rows, temperature=st.floats(1e-3, 10))
def test_temperature_does_not_change_the_order(similarities: np.ndarray, temperature: float) -> None:
    probabilities = Calibration.bare(0.5, 0, temperature, 0).probabilities(similarities)
    assert probabilities is not None
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    ordered = np.take_along_axis(probabilities, np.argsort(similarities, axis=1), axis=1)
    assert (np.diff(ordered, axis=1) >= 0).all()


@given(seed=seeds, temperature=st.floats(0.02, 2))
def test_the_fitted_temperature_maximises_the_likelihood(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    similarities = rng.uniform(-1, 1, (50, 5))
    targets = rng.integers(0, 5, 50)
    fitted = negative_log_likelihood(similarities, targets, fit_temperature(similarities, targets))
    assert fitted <= negative_log_likelihood(similarities, targets, temperature) + 1e-6


def test_a_known_temperature_is_recovered() -> None:
    rng = np.random.default_rng(0)
    similarities = rng.uniform(-1, 1, (20_000, 6))
    targets = (similarities / 0.2 + rng.gumbel(size=similarities.shape)).argmax(axis=1)
    assert fit_temperature(similarities, targets) == pytest.approx(0.2, rel=0.05)


@given(seed=seeds)
def test_mean_prototypes_are_unit_rows_or_zero(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 6, 12)
    prototypes, counts = mean_prototypes(queries(seed, 12, 8), labels, 7)
    assert counts.tolist() == np.bincount(labels, minlength=7).tolist()
    np.testing.assert_allclose(np.linalg.norm(prototypes, axis=1), counts > 0, atol=1e-5)


def made_prototypes(text: np.ndarray, photos: np.ndarray) -> Prototypes:
    """Return prototypes with one text and one photo each; a row of zeros means that this kind is missing."""
    texts, counts = (rows.any(axis=1).astype(np.intp) for rows in (text, photos))
    return Prototypes.built(text, texts, photos[counts > 0], counts)


def test_the_text_weight_follows_the_better_evidence() -> None:
    good, noise = queries(0, 6, 16), queries(1, 6, 16)
    targets = np.repeat(np.arange(6), 5)
    like_good, like_nothing = good[targets] + 1.2 * queries(2, 30, 16), queries(3, 30, 16)
    by_text = np.hstack([like_good, like_nothing])
    assert choose_weights(made_prototypes(good, noise), by_text, targets)[0] > 0.7
    by_photo = np.hstack([like_nothing, like_good])
    assert choose_weights(made_prototypes(noise, good), by_photo, targets)[0] < 0.3


def test_too_few_photos_choose_nothing() -> None:
    prototypes = made_prototypes(queries(0, 6, 16), queries(1, 6, 16))
    assert choose_weights(prototypes, queries(2, 9, 32), np.zeros(9, np.intp))[0] == 0.5


@given(seed=seeds, weight=st.floats(0, 1))
def test_missing_evidence_counts_as_average(seed: int, weight: float) -> None:
    # Rounding again changes nothing.
    text, photos = (QuantizedVectors.of(queries(seed, 9, width))[:] for width in (32, 16))
    asked = queries(seed + 2, 4)
    by_text, by_photos = asked[:, :32] @ text.T, asked[:, 32:] @ photos.T
    both = made_prototypes(text, photos)
    expected = weight * by_text + (1 - weight) * by_photos
    np.testing.assert_allclose(compared(both, asked, weight), expected, atol=1e-5)
    np.testing.assert_allclose(Comparison(both, weight)(asked, "both"), expected, atol=1e-5)
    np.testing.assert_allclose(Comparison(both, weight)(asked, "text"), by_text, atol=1e-5)
    np.testing.assert_allclose(Comparison(both, weight)(asked, "photos"), by_photos, atol=1e-5)
    for alone, found in (
        (made_prototypes(text, 0 * photos), by_text),
        (made_prototypes(0 * text, photos), by_photos),
    ):
        np.testing.assert_allclose(compared(alone, asked, weight), found, atol=1e-5)
    half = np.arange(9) < 5
    mixed = compared(made_prototypes(text, photos * half[:, None]), asked, weight)
    np.testing.assert_allclose(mixed[:, half], expected[:, half], atol=1e-5)
    average = by_photos[:, half].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        mixed[:, ~half], weight * by_text[:, ~half] + (1 - weight) * average, atol=1e-5
    )


def test_ties_count_against_the_right_taxon() -> None:
    rates = hit_rates(np.zeros((2, 10)), np.array([0, 1]))
    assert (rates.top1, rates.top5) == (0, 0)


def test_the_public_names_exist_and_are_sorted() -> None:
    assert all(hasattr(dalip_index, name) for name in dalip_index.__all__)
    assert len(set(dalip_index.__all__)) == len(dalip_index.__all__)
    public = {name for name in vars(dalip_index) if name[0] != "_"} - set(dalip_index.__all__)
    assert all(vars(dalip_index)[name].__name__ == f"dalip_index.{name}" for name in public), public


some_strength = st.just(0.0) | st.floats(0.01, 3)


@given(seed=seeds, weight=st.sampled_from([0, 0.3, 1]), strengths=st.tuples(some_strength, some_strength))
def test_a_comparison_equals_one_product_with_a_vector_per_taxon(
    seed: int, weight: float, strengths: tuple[float, float]
) -> None:
    """Of taxa with and without texts, photos and relatives, of which the last was taught."""
    rng = np.random.default_rng(seed)
    texts, counts = rng.integers(0, 3, 30), rng.integers(0, 2, 30) * rng.integers(1, 9, 30)
    counts[texts == 0] += 1
    places = [(f"G{g}" if g else "", f"F{g // 3}" if g % 2 else "") for g in rng.integers(0, 9, 30).tolist()]
    text = queries(seed, 30, 32) * (texts > 0)[:, None]
    seen = queries(seed, int((counts > 0).sum()), 16)
    built = Prototypes.built(text, texts, seen, counts, Kin.of(places), Shrinkage(*strengths))
    taught = built.with_taxon(queries(seed, 1, 32)[0], 1, queries(seed + 1, 1, 16)[0], 3, 0.2)
    asked = queries(seed + 2, 4)
    for prototypes in (built, taught, taught.part(np.arange(5, 31)), taught.as_built()):
        comparison = Comparison(prototypes, weight)
        np.testing.assert_allclose(comparison(asked), compared(prototypes, asked, weight), atol=2e-6)
        if not prototypes.taught.any():
            vectors = dense_vectors(prototypes, weight)
            lengths = np.linalg.norm(vectors, axis=1)
            lengths[lengths == 0] = 1
            row, some = seed % len(vectors), np.flatnonzero(rng.random(len(vectors)) < 0.5)
            cosines = vectors @ vectors[row] / lengths / lengths[row]
            np.testing.assert_allclose(comparison.likeness(row), cosines, atol=1e-5)
            np.testing.assert_allclose(comparison.likeness(row, some), cosines[some], atol=1e-5)
