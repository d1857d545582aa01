"""`taxa.npz` of a flora: what answers need of all its taxa, as arrays, so that no taxon is read before it is shown."""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import FloraError, first_line
from dalip.ranks import RANKS

__all__ = ["TAXON_ARRAYS", "TaxonArrays"]

TAXON_ARRAYS = "taxa.npz"
"""Name of the file in a version's folder."""


@dataclass(frozen=True)
class TaxonArrays:
    """What answers need of all taxa; everything in it follows from the catalogue and the index of texts."""

    above: NDArray[np.int32]
    """The node that each taxon is or is inside of, by rank, as `place_taxa` returns it, shape (taxa, ranks)."""
    genera: NDArray[np.int32]
    """Number of the genus of each taxon, -1 if unknown, shape (taxa,)."""
    families: NDArray[np.int32]
    """Number of the family of each taxon, -1 if unknown, shape (taxa,)."""
    text_counts: NDArray[np.int32]
    """Number of texts, shape (taxa,)."""
    photo_counts: NDArray[np.int32]
    """Number of photos, shape (taxa,)."""
    offsets: Vectors
    """Offset added to the similarities of a taxon taught later; NaN for other taxa, shape (taxa,)."""
    text_scales: Vectors
    """Scales of the vectors in the index of texts, see `QuantizedVectors`, shape (taxa with texts,)."""

    def save(self, folder: Path) -> None:
        """Write the file into a version's folder."""
        np.savez(folder / TAXON_ARRAYS, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, folder: Path, taxa: int) -> "TaxonArrays":
        """Read the file.

        Args:
            folder: The version's folder.
            taxa: Number of taxa in the flora.

        Raises:
            FloraError: It is missing or damaged, or its arrays are not those of so many taxa.
        """
        path = folder / TAXON_ARRAYS
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = cls(*(stored[f.name] for f in fields(cls)))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise FloraError("flora-file-damaged", source=path, cause=first_line(error)) from error
        texts = int((found.text_counts > 0).sum())
        shapes = {"above": (taxa, len(RANKS)), "text_scales": (texts,)}
        if any(getattr(found, f.name).shape != shapes.get(f.name, (taxa,)) for f in fields(cls)):
            raise FloraError("arrays-of-other-taxa", source=path, taxa=taxa)
        return found
