"""`taxa.faiss` of a flora: a FAISS index with one vector per taxon."""

from pathlib import Path
from typing import Any

import numpy as np

from dalip.disk import write_fault
from dalip.encoder import Vectors
from dalip.errors import FloraError, first_line

__all__ = ["INDEX", "read_vectors", "write_index"]

INDEX = "taxa.faiss"
"""Name of the index in a version's folder."""

# FAISS takes a tenth of a second to import, so it is imported only when vectors are read or written.


def write_index(path: Path, vectors: Vectors) -> None:
    """Write an inner-product index; row i gets the ID i + 1, the primary key of its taxon in the catalogue.

    Args:
        path: The file.
        vectors: Shape (taxa, width).

    Raises:
        FloraError: The file cannot be written.
    """
    import faiss

    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, np.arange(1, len(vectors) + 1, dtype=np.int64))
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        cause = write_fault(path, RuntimeError(_reason(error)))
        raise FloraError("index-not-written", source=path, cause=cause) from error


def read_vectors(path: Path) -> Vectors:
    """Read the index of a version and return its vectors without copying them.

    Returns:
        Shape (taxa, width), in the order of the taxa's primary keys; read-only. The array is a view of the index's
        memory and keeps the index alive.

    Raises:
        FloraError: The file is missing, is not an index of this type, or its IDs are not 1, 2, 3 and so on.
    """
    import faiss

    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise FloraError("flora-file-damaged", source=path, cause=_reason(error)) from error
    if not isinstance(index, faiss.IndexIDMap2):
        raise FloraError("index-of-another-kind", source=path, found=type(index).__name__)
    flat = faiss.downcast_index(index.index)
    if not isinstance(flat, faiss.IndexFlatIP) or flat.d != index.d:
        raise FloraError("index-of-another-kind", source=path, found=type(flat).__name__)
    if not np.array_equal(faiss.vector_to_array(index.id_map), np.arange(1, index.ntotal + 1)):
        raise FloraError("index-ids", source=path, number=index.ntotal)
    vectors: Vectors = np.asarray(_Memory(index, flat))
    return vectors


class _Memory:
    """The memory of an index's vectors; keeps the index alive as long as an array uses it."""

    def __init__(self, index: Any, flat: Any) -> None:
        import faiss

        self.index = index
        shape = flat.ntotal, flat.d
        shown = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(shape)
        shown.flags.writeable = False
        self.__array_interface__ = shown.__array_interface__


def _reason(error: RuntimeError) -> str:
    """Return the last line of a FAISS error, which is the cause; the lines before are its location in FAISS's code."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else first_line(error)
