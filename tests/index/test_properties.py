from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import dalip_index
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import Calibration, Flora, build_flora, load_flora, photo_prototypes
from dalip_index.calibration import fit_temperature, negative_log_likelihood
from dalip_index.evidence import Prototypes, choose_evidence, hit_rates

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def queries(seed: int, number: int, width: int = 32) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((number, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(seed=seeds, number=st.integers(0, 20))
def test_the_index_answers_as_brute_force_does(flora: Flora, seed: int, number: int) -> None:
    embeddings = queries(seed, number)
    similarities, rows = flora.rank(embeddings)
    expected = embeddings @ flora.prototypes.vectors(flora.calibration.text_weight).T
    assert rows.shape == (number, 10)
    np.testing.assert_allclose(similarities, np.take_along_axis(expected, rows, 1), atol=1e-6)
    np.testing.assert_allclose(similarities, -np.sort(-expected, axis=1), atol=1e-6)


@given(seed=seeds)
def test_probabilities_sum_to_one_and_fall_with_similarity(flora: Flora, seed: int) -> None:
    for predictions in flora.identify_embeddings(queries(seed, 3), top_k=10):
        probabilities = [p.probability for p in predictions]
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities == sorted(probabilities, reverse=True)
        assert [p.similarity for p in predictions] == sorted(
            (p.similarity for p in predictions), reverse=True
        )


@given(seed=seeds, top_k=st.integers(1, 12))
def test_more_answers_begin_with_the_same(flora: Flora, seed: int, top_k: int) -> None:
    (some,) = flora.identify_embeddings(queries(seed, 1), top_k)
    (everything,) = flora.identify_embeddings(queries(seed, 1), 10)
    assert some == everything[:top_k]


def test_the_order_of_taxa_does_not_change_answers(
    flora: Flora, tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list
) -> None:
    build_flora(tmp_path / "reversed", encoder, taxa[::-1], records[::-1])
    other = load_flora(tmp_path / "reversed", encoder)
    embeddings = queries(0, 50)
    for mine, theirs in zip(
        flora.identify_embeddings(embeddings), other.identify_embeddings(embeddings), strict=True
    ):
        assert [p.taxon for p in mine] == [p.taxon for p in theirs]
        assert [p.similarity for p in mine] == pytest.approx([p.similarity for p in theirs], abs=1e-6)
        assert [p.probability for p in mine] == pytest.approx([p.probability for p in theirs], abs=1e-3)


similarity_rows = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.floats(-1, 1, width=32)
)


@given(similarities=similarity_rows, temperature=st.floats(1e-3, 10))
def test_temperature_changes_no_order(similarities: np.ndarray, temperature: float) -> None:
    probabilities = Calibration(0.5, None, 0, temperature, 0).probabilities(similarities)
    assert probabilities is not None
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    ordered = np.take_along_axis(probabilities, np.argsort(similarities, axis=1), axis=1)
    assert (np.diff(ordered, axis=1) >= 0).all()


@given(seed=seeds, temperature=st.floats(0.02, 2))
def test_the_fitted_temperature_is_the_likeliest(seed: int, temperature: float) -> None:
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


@given(seed=seeds, shrinkage=st.none() | st.floats(1e-3, 1e3))
def test_photo_prototypes_are_unit_rows_or_nothing(seed: int, shrinkage: float | None) -> None:
    labels = np.random.default_rng(seed).integers(0, 6, 12)
    prototypes, counts = photo_prototypes(queries(seed, 12, 8), labels, 7, shrinkage=shrinkage)
    assert counts.tolist() == np.bincount(labels, minlength=7).tolist()
    np.testing.assert_allclose(np.linalg.norm(prototypes, axis=1), counts > 0, atol=1e-5)


def test_discriminant_prototypes_ignore_what_varies_within_taxa() -> None:
    rng = np.random.default_rng(0)
    centres = queries(1, 4, 8) * 0.3
    labels = np.repeat(np.arange(4), 60)
    noise = rng.standard_normal((240, 8)) * np.array([1.5, 1.5, *[0.05] * 6])
    embeddings = centres[labels] + noise
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    half = np.arange(240) % 2 == 0
    rates = [
        hit_rates(
            embeddings[~half] @ photo_prototypes(embeddings[half], labels[half], 4, shrinkage=s)[0].T,
            labels[~half],
        ).top1
        for s in (None, 0.01)
    ]
    assert rates[1] > rates[0] + 0.2
    no_text = (np.zeros((4, 8), np.float32), np.zeros(4, np.intp))
    chosen = choose_evidence(no_text, (embeddings[half], labels[half]), (embeddings[~half], labels[~half]))
    assert chosen[2] is not None
    assert chosen[2] < 1


def test_the_text_weight_follows_the_better_evidence() -> None:
    good, noise = queries(0, 6, 16), queries(1, 6, 16)
    targets = np.repeat(np.arange(6), 5)
    photos = good[targets] + 1.2 * queries(2, 30, 16)
    ones, rows = np.ones(6, np.intp), np.arange(6)
    assert choose_evidence((good, ones), (noise, rows), (photos, targets))[1] > 0.7
    assert choose_evidence((noise, ones), (good, rows), (photos, targets))[1] < 0.3


def test_too_few_photos_choose_nothing() -> None:
    text = (queries(0, 6, 16), np.ones(6, np.intp))
    few = (queries(1, 9, 16), np.zeros(9, np.intp))
    assert choose_evidence(text, few, few)[1:] == (0.5, None)
    assert choose_evidence(text, few, few, (0.3, None))[1:] == (0.5, 0.3)


@given(seed=seeds, weight=st.floats(0, 1))
def test_taxa_with_one_kind_of_evidence_stand_on_the_level_of_the_others(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    text, photos = queries(seed, 9), queries(seed + 1, 9)
    counts = rng.integers(1, 4, 9)
    both = Prototypes(text, counts, photos, counts).vectors(weight)
    np.testing.assert_allclose(both, weight * text + (1 - weight) * photos, atol=1e-6)
    text_only = Prototypes(text, counts, np.zeros_like(photos), np.zeros(9, np.intp))
    np.testing.assert_allclose(text_only.vectors(weight), text, atol=1e-6)
    half = np.arange(9) < 5
    mixed = Prototypes(text, counts, photos * half[:, None], counts * half).vectors(weight)
    gap = photos[half].mean(axis=0) - text.mean(axis=0)
    np.testing.assert_allclose(mixed[half], both[half], atol=1e-6)
    np.testing.assert_allclose(mixed[~half], text[~half] + (1 - weight) * gap, atol=1e-5)


def test_ties_count_against_the_right_taxon() -> None:
    rates = hit_rates(np.zeros((2, 10)), np.array([0, 1]))
    assert (rates.top1, rates.top5) == (0, 0)


def test_the_public_names_exist_and_are_sorted() -> None:
    assert all(hasattr(dalip_index, name) for name in dalip_index.__all__)
    assert len(set(dalip_index.__all__)) == len(dalip_index.__all__)
    public = {name for name in vars(dalip_index) if name[0] != "_"} - set(dalip_index.__all__)
    assert all(vars(dalip_index)[name].__name__ == f"dalip_index.{name}" for name in public), public
