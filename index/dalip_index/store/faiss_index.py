"""`taxa.faiss` of a flora: one vector for each taxon, in a FAISS index."""

from pathlib import Path
from typing import Any

import numpy as np

from dalip.encoder import Vectors
from dalip.errors import FloraError

__all__ = ["INDEX", "read_index", "write_index"]

INDEX = "taxa.faiss"
"""Name of the index in a version's folder."""

# FAISS takes a tenth of a second to import; a flora that is only named, or refused, need not pay for it.


def write_index(path: Path, vectors: Vectors) -> None:
    """Write an inner-product index; row i gets the id i + 1, the primary key of its taxon in the catalogue.

    Args:
        path: The file.
        vectors: Shape (taxa, width).

    Raises:
        FloraError: It cannot be written.
    """
    import faiss

    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, np.arange(1, len(vectors) + 1, dtype=np.int64))
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise FloraError(f"{path}: cannot be written ({str(error).strip().splitlines()[-1]})") from error


def read_index(path: Path) -> Any:
    """Read the index of a version.

    Raises:
        FloraError: The file is missing or no index.
    """
    import faiss

    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise FloraError(f"{path}: damaged ({reason}); build the flora again") from error
