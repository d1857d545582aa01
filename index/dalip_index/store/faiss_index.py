"""`text.faiss` and `photos.faiss` of a flora: one FAISS index for each kind of evidence, with 8-bit prototypes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.disk import write_fault
from dalip.encoder import Vectors
from dalip.errors import FloraError, first_line

__all__ = ["PHOTO_INDEX", "TEXT_INDEX", "read_index", "rounded_rows", "write_index"]

TEXT_INDEX = "text.faiss"
"""Name of the index of text prototypes in a version's folder."""

PHOTO_INDEX = "photos.faiss"
"""Name of the index of photo prototypes in a version's folder."""

_LARGEST = 127
"""The largest number of each stored vector in absolute value, so that reading and writing again changes nothing."""

_ZERO = 128  # FAISS adds it to signed numbers
_AT_ONCE = 65_536  # vectors

# FAISS takes a tenth of a second to import, so it is imported only when vectors are read or written.


def write_index(path: Path, rows: NDArray[np.intp], vectors: Vectors) -> None:
    """Write an inner-product index of directions: of each vector, 8-bit integers that are proportional to it.

    Each vector is rounded by itself, so adding a taxon does not change the vectors of the others. The angle between a
    vector and its rounded form is about half a degree.

    Args:
        path: The file.
        rows: Row of the taxon of each vector, from 0, ascending, shape (number,). The ID of a vector is the primary key
            of its taxon in the catalogue, one more than its row.
        vectors: Shape (number, width); their lengths are not stored.

    Raises:
        FloraError: The file cannot be written.
    """
    import faiss

    signed = faiss.ScalarQuantizer.QT_8bit_direct_signed
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], signed, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    for start in range(0, len(rows), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        index.add_with_ids(_integers(vectors[some]), rows[some].astype(np.int64) + 1)
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        cause = write_fault(path, RuntimeError(_reason(error)))
        raise FloraError("index-not-written", source=path, cause=cause) from error


def read_index(path: Path, taxa: int, width: int) -> tuple[NDArray[np.intp], Vectors]:
    """Read the prototypes in an index.

    Args:
        path: The file.
        taxa: Number of taxa in the flora.
        width: Length of a vector.

    Returns:
        The rows of their taxa, ascending, shape (number,); and the prototypes, unit rows, shape (number, width).

    Raises:
        FloraError: The file is missing, is not an index of this type, has another width, or its IDs are not those of
            taxa in the flora, ascending.
    """
    import faiss

    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise FloraError("flora-file-damaged", source=path, cause=_reason(error)) from error
    if not isinstance(index, faiss.IndexIDMap2):
        raise FloraError("index-of-another-kind", source=path, found=type(index).__name__)
    flat = faiss.downcast_index(index.index)
    if not isinstance(flat, faiss.IndexScalarQuantizer) or flat.d != index.d or flat.code_size != flat.d:
        raise FloraError("index-of-another-kind", source=path, found=type(flat).__name__)
    if flat.d != width:
        raise FloraError("index-of-another-size", source=path, width=flat.d, expected_width=width)
    rows = faiss.vector_to_array(index.id_map).astype(np.intp) - 1
    if len(rows) and not (rows[0] >= 0 and rows[-1] < taxa and (np.diff(rows) > 0).all()):
        raise FloraError("index-ids", source=path, number=len(rows), taxa=taxa)
    codes = faiss.vector_to_array(flat.codes).reshape(len(rows), width)
    vectors = codes.astype(np.float32)
    vectors -= _ZERO
    _make_unit(vectors)
    return rows, vectors


def rounded_rows(vectors: Vectors) -> Vectors:
    """Return unit rows as an index stores them, shape (number, width); rows of zeros stay zero."""
    integers = _integers(vectors)
    _make_unit(integers)
    return integers


def _integers(vectors: Vectors) -> Vectors:
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    integers: Vectors = np.rint(vectors * (_LARGEST / np.where(largest > 0, largest, 1))).astype(np.float32)
    return integers


def _make_unit(vectors: Vectors) -> None:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    vectors /= np.where(lengths > 0, lengths, np.float32(1))[:, None]


def _reason(error: RuntimeError) -> str:
    """Return the last line of a FAISS error, which is the cause; the lines before are its location in FAISS's code."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else first_line(error)
