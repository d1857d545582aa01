"""Quantized vectors: rounding, and inner products that equal those of NumPy."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dalip_index.store.quantized
from dalip_index.store.quantized import QuantizedVectors
from tests.index.store.make_integer_product import integer_product

seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, number: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((number, width)).astype(np.float32)


@given(seed=seeds, number=st.integers(0, 9), asked=st.integers(0, 5), width=st.integers(1, 70))
def test_inner_products_are_as_exact_as_in_single_precision(
    seed: int, number: int, asked: int, width: int
) -> None:
    vectors, queries = QuantizedVectors.of(drawn(seed, number, width)), drawn(seed + 1, asked, width)
    found = vectors.inner_products(queries)
    exact = queries.astype(np.float64) @ vectors[:].T
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=2e-6 * max(np.abs(queries).max(initial=0), 1) * width**0.5)


def test_the_largest_numbers_do_not_overflow() -> None:
    """Some processors add pairs of products in 16 bits, which the digits of a query must not exceed."""
    vectors = QuantizedVectors.of(np.ones((2, 4096)) * [[1], [-1]])
    (found,) = vectors.inner_products(np.ones((1, 4096), np.float32))
    assert found == pytest.approx([64, -64])


def test_many_vectors_are_compared_in_parts() -> None:
    vectors = QuantizedVectors.of(drawn(0, 70_000, 3))
    queries = drawn(1, 2, 3)
    np.testing.assert_allclose(vectors.inner_products(queries), queries @ vectors[:].T, atol=1e-5)
    mask = np.arange(70_000) % 3 == 0
    np.testing.assert_allclose(vectors.mean(mask), vectors[mask].mean(axis=0), atol=1e-6)


def test_vectors_are_rounded_each_by_itself() -> None:
    given = drawn(2, 20, 48)
    given[3] = 0
    vectors = QuantizedVectors.of(given)
    assert (len(vectors), vectors.width) == (20, 48)
    np.testing.assert_allclose(np.linalg.norm(vectors[:], axis=1), np.arange(20) != 3, atol=1e-6)
    np.testing.assert_array_equal(QuantizedVectors.of(vectors[:]).codes, vectors.codes)
    np.testing.assert_array_equal(vectors.part(np.array([5, 2]))[:], vectors[[5, 2]])
    longer = vectors.and_one(given[0])
    np.testing.assert_array_equal(longer[:], vectors[[*range(20), 0]])


@given(seed=seeds)
def test_residuals_make_vectors_as_exact_as_in_half_precision(seed: int) -> None:
    given = drawn(seed, 9, 48)
    given[3] = 0
    vectors = QuantizedVectors.of(given, residuals=True)
    units = given / np.maximum(np.linalg.norm(given, axis=1, keepdims=True), 1e-9)
    np.testing.assert_allclose(vectors[:], units, atol=2e-5)
    np.testing.assert_array_equal(QuantizedVectors.of(given).codes, vectors.codes)
    longer = vectors.part(np.array([4, 3])).and_one(given[0])
    np.testing.assert_array_equal(longer[:], vectors[[4, 3, 0]])
    np.testing.assert_array_equal(longer.at(np.array([5, 0, 1]), 6)[[0, 1, 5]], vectors[[3, 0, 4]])


def test_the_model_is_the_one_that_its_script_writes() -> None:
    path = Path(dalip_index.store.quantized.__file__).with_name("integer_product.onnx")
    assert onnx.load(path).graph == integer_product().graph
