"""`QuantizedVectors`: unit vectors with 8 bits per number, and their exact inner products with other vectors."""

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.encoder.sessions import runtime, session_options

__all__ = ["DIGITS", "ZERO", "QuantizedVectors"]

_LARGEST = 127
"""The largest number of each quantized vector in absolute value, so that quantizing again changes nothing."""

ZERO = 128
"""The code of zero: codes are the numbers of a vector plus 128, as FAISS stores signed integers."""

DIGITS = (128**2, 128, 1)
"""What the digits of the numbers in a query stand for."""

_AT_ONCE = 32_768  # vectors: their products stay in the processor's cache
_HALF = 64
_FINER = 254  # a residual of half an integer is 127


class QuantizedVectors:
    """Unit vectors, each rounded to 8-bit integers that are proportional to it.

    The angle between a vector and its rounded form is about half a degree. Each vector is rounded by itself, so adding
    one does not change the others. Inner products with other vectors are computed from the integers, without a copy of
    the vectors in a larger type: for many vectors, the time is that of reading them from memory.
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        scales: Vectors | None = None,
        residuals: NDArray[np.int8] | None = None,
        owner: object = None,
    ) -> None:
        """Use codes that exist already.

        Args:
            codes: The integers plus 128, shape (number, width); they may be mapped from a file.
            scales: What the integers of each vector are multiplied by to have unit length, shape (number,); by default
                computed, which reads all codes.
            residuals: What rounding to integers took away, times 254, shape (number, width); by default nothing.
            owner: An object to keep for as long as the codes are used, if they are in its memory.
        """
        self.codes, self.residuals = codes, residuals
        self._owner = owner
        self._scales = scales

    @cached_property
    def scales(self) -> Vectors:
        """What the integers of each vector are multiplied by to have unit length, shape (number,)."""
        if self._scales is not None:
            return self._scales
        scales = np.empty(len(self), np.float32)
        for some in _parts(len(self)):
            integers = self._integers(self.codes[some])
            lengths = np.sqrt(np.einsum("ij,ij->i", integers, integers))
            scales[some] = 1 / np.where(lengths > 0, lengths, np.float32(1))
        return scales

    @classmethod
    def of(cls, vectors: NDArray[np.floating[Any]], *, residuals: bool = False) -> "QuantizedVectors":
        """Round vectors.

        Args:
            vectors: Shape (number, width); their lengths are ignored, and rows of zeros stay zero.
            residuals: Whether to keep what rounding takes away, which makes 16 bits per number in total.
        """
        codes = np.empty(vectors.shape, np.uint8)
        finer = np.empty(vectors.shape, np.int8) if residuals else None
        for some in _parts(len(vectors)):
            numbers = _scaled(vectors[some])
            integers = np.rint(numbers)
            codes[some] = integers + ZERO
            if finer is not None:
                finer[some] = np.rint((numbers - integers) * _FINER)
        return cls(codes, residuals=finer)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self.codes.shape[1])

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> Vectors:
        """Return some of the vectors, of unit length and with their residuals, shape (rows, width)."""
        found = self._integers(self.codes[rows])
        if self.residuals is None:
            found *= self.scales[rows][:, None]
            return found
        found += self.residuals[rows].astype(np.float32) / _FINER
        lengths = np.sqrt(np.einsum("ij,ij->i", found, found))
        found /= np.where(lengths > 0, lengths, np.float32(1))[:, None]
        return found

    def corrections(self, rows: NDArray[np.intp]) -> Vectors:
        """Return what residuals add to some of the vectors, shape (rows, width); zeros if there are none."""
        found: Vectors = self[rows] - self._integers(self.codes[rows]) * self.scales[rows][:, None]
        return found

    def part(self, rows: slice | NDArray[Any]) -> "QuantizedVectors":
        """Return the vectors of some rows."""
        residuals = None if self.residuals is None else self.residuals[rows]
        return QuantizedVectors(self.codes[rows], self.scales[rows], residuals)

    def and_one(self, vector: Vectors) -> "QuantizedVectors":
        """Append a vector, shape (width,)."""
        longer = self.at(np.arange(len(self)), len(self) + 1)
        one = QuantizedVectors.of(vector[None], residuals=self.residuals is not None)
        longer.codes[-1:] = one.codes
        if longer.residuals is not None and one.residuals is not None:
            longer.residuals[-1:] = one.residuals
        return longer

    def at(self, rows: NDArray[np.intp], number: int) -> "QuantizedVectors":
        """Return more vectors: these at some rows, and zeros elsewhere.

        Args:
            rows: Where these vectors go, shape (vectors,).
            number: Number of vectors to return.
        """
        codes = np.full((number, self.width), ZERO, np.uint8)
        codes[rows] = self.codes
        residuals = None
        if self.residuals is not None:
            residuals = np.zeros((number, self.width), np.int8)
            residuals[rows] = self.residuals
        return QuantizedVectors(codes, residuals=residuals)

    def mean(self, rows: NDArray[np.bool_]) -> Vectors:
        """Return the mean of the vectors in a mask, shape (width,)."""
        total, number = np.zeros(self.width), max(int(rows.sum()), 1)
        for some in _parts(len(self)):
            total += self[some].T @ rows[some].astype(np.float32)
        return (total / number).astype(np.float32)

    def inner_products(self, queries: Vectors) -> Vectors:
        """Return the inner products with other vectors, without residuals, but as exact as in single precision.

        Args:
            queries: Finite, shape (queries, width).

        Returns:
            Shape (queries, number).
        """
        digits, steps = _digits(queries)
        found = np.empty((len(queries), len(self)), np.float32)
        for some in _parts(len(self)) if len(queries) else ():
            inputs = {"codes": self.codes[some], "digits": digits, "scales": self.scales[some, None]}
            found[:, some] = _product().run(None, inputs)[0].T
        found *= steps[:, None]
        return found

    @staticmethod
    def _integers(codes: NDArray[np.uint8]) -> Vectors:
        integers = codes.astype(np.float32)
        integers -= ZERO
        return integers


def _scaled(vectors: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return vectors with numbers from -127 to 127 that are proportional to each, shape (number, width)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    numbers: NDArray[np.floating[Any]] = vectors * (_LARGEST / np.where(largest > 0, largest, 1))
    return numbers


def _parts(number: int) -> list[slice]:
    return [slice(start, min(start + _AT_ONCE, number)) for start in range(0, number, _AT_ONCE)]


def _digits(queries: Vectors) -> tuple[NDArray[np.int8], Vectors]:
    """Write numbers with three digits in base 128, from -64 to 64.

    With such digits, products of 8-bit numbers are exact also on processors that add two of them in 16 bits (AVX2).

    Args:
        queries: Shape (queries, width).

    Returns:
        The digits, most significant first, shape (width, queries * 3); and the value of one unit of the last digit for
        each query, shape (queries,).
    """
    largest = np.abs(queries).max(axis=1, initial=0)
    steps = np.where(largest > 0, largest, 1).astype(np.float64) / (_HALF * 128**2 - 1)
    left = np.rint(queries / steps[:, None]).astype(np.int32)
    digits = np.empty((queries.shape[1], len(queries), len(DIGITS)), np.int8)
    for place in (2, 1):
        digit = (left + _HALF) % 128 - _HALF
        digits[:, :, place] = digit.T
        left = (left - digit) // 128
    digits[:, :, 0] = left.T
    return digits.reshape(queries.shape[1], -1), steps.astype(np.float32)


@cache
def _product() -> Any:
    """Open the model of `inner_products`: ONNX Runtime has fast products of integers, NumPy has none."""
    content = Path(__file__).with_name("integer_product.onnx").read_bytes()
    return runtime()[0].InferenceSession(content, session_options(), providers=["CPUExecutionProvider"])
