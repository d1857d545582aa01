"""`text.faiss` and `photos.faiss` of a flora: one FAISS index for each kind of evidence, with 8-bit prototypes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.disk import write_fault
from dalip.encoder import Vectors
from dalip.errors import FloraError, first_line
from dalip_index.store.quantized import ZERO, QuantizedVectors

__all__ = ["PHOTO_INDEX", "TEXT_INDEX", "TEXT_RESIDUALS", "read_index", "write_index"]

TEXT_INDEX = "text.faiss"
"""Name of the index of text prototypes in a version's folder."""

TEXT_RESIDUALS = "text-residuals.npy"
"""Name of the file with what rounding took away from the text prototypes, in a flora of very many taxa."""

PHOTO_INDEX = "photos.faiss"
"""Name of the index of photo prototypes in a version's folder."""

_AT_ONCE = 65_536  # vectors

# FAISS takes a tenth of a second to import, so it is imported only when vectors are read or written.


def write_index(path: Path, rows: NDArray[np.intp], vectors: QuantizedVectors) -> None:
    """Write an inner-product index of directions: of each vector, 8-bit integers that are proportional to it.

    Args:
        path: The file.
        rows: Row of the taxon of each vector, from 0, ascending, shape (number,). The ID of a vector is the primary key
            of its taxon in the catalogue, one more than its row.
        vectors: The vectors.

    Raises:
        FloraError: The file cannot be written.
    """
    import faiss

    signed = faiss.ScalarQuantizer.QT_8bit_direct_signed
    flat = faiss.IndexScalarQuantizer(vectors.width, signed, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    for start in range(0, len(rows), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        integers = vectors.codes[some].astype(np.float32) - ZERO
        index.add_with_ids(integers, rows[some].astype(np.int64) + 1)
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        cause = write_fault(path, RuntimeError(_reason(error)))
        raise FloraError("index-not-written", source=path, cause=cause) from error


def read_index(
    path: Path,
    taxa: int,
    width: int,
    scales: Vectors | None = None,
    residuals: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.intp], QuantizedVectors]:
    """Open the prototypes in an index. The file is mapped into memory, not copied.

    Args:
        path: The file.
        taxa: Number of taxa in the flora.
        width: Length of a vector.
        scales: Scales of the vectors, if they are known, shape (number,).
        residuals: Their residuals, if there are any, shape (number, width).

    Returns:
        The rows of their taxa, ascending, shape (number,); and the prototypes.

    Raises:
        FloraError: The file is missing, is not an index of this type, has another width, or its IDs are not those of
            taxa in the flora, ascending.
    """
    import faiss

    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
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
    codes = faiss.rev_swig_ptr(flat.codes.data(), len(rows) * width) if len(rows) else np.empty(0, np.uint8)
    return rows, QuantizedVectors(codes.reshape(len(rows), width), scales, residuals, owner=index)


def _reason(error: RuntimeError) -> str:
    """Return the last line of a FAISS error, which is the cause; the lines before are its location in FAISS's code."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else first_line(error)
