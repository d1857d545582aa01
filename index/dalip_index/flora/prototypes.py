"""Prototypes: mean vectors of a taxon's texts and photos, and their combination into one vector."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import FloraError, first_line
from dalip_index.flora.shrinkage import Appearances, Kin, unit_rows
from dalip_index.store.catalogue import CATALOGUE, open_catalogue
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX, TEXT_RESIDUALS, read_index, write_index
from dalip_index.store.manifest import NO_SHRINKAGE, VECTORS_IN_CATALOGUE, FloraManifest, Shrinkage
from dalip_index.store.quantized import QuantizedVectors
from dalip_index.store.taxon_arrays import TaxonArrays

__all__ = [
    "Prototypes",
    "chance_similarity",
    "mean_prototypes",
    "telling",
    "unit_mean",
    "with_unit_appearance",
]

_BY_CHANCE = 0.01
"""Share of pairs of a photo and a wrong taxon that are at least as similar as `chance_similarity`. A larger share lets
taught taxa be found more often and take more photos of other taxa; see docs/trust.md."""

RESIDUALS_FROM = 50_000
"""Number of taxa from which a flora keeps residuals. A flora without photos, which has only texts, always does."""


@dataclass(frozen=True)
class Prototypes:
    """One unit vector per taxon and kind of evidence, of which a taxon may lack one.

    The vector of a photo is its embedding, E numbers, followed by its appearance, A numbers. Texts are compared with
    the embedding, because texts and photos share that space. Photos are compared with the appearance, which contains
    more of the details that distinguish photos.
    """

    text: QuantizedVectors
    """Means of the texts, shape (taxa, E); zeros for taxa without texts."""
    text_counts: NDArray[np.intp]
    """Number of texts per row, shape (taxa,)."""
    photos: Vectors
    """Means of the photos of each taxon that has photos, before shrinkage, shape (taxa with photos, A)."""
    photo_counts: NDArray[np.intp]
    """Number of photos per row, shape (taxa,)."""
    offsets: Vectors
    """Offset added to the similarities of a taxon taught later from a few photos; NaN for other taxa. Shape (taxa,)."""
    kin: Kin
    """Genus and family per row."""
    shrinkage: Shrinkage = NO_SHRINKAGE
    """How strongly photo prototypes are drawn towards genus and family."""

    @classmethod
    def built(
        cls,
        text: Vectors,
        text_counts: NDArray[np.intp],
        photos: NDArray[np.floating[Any]],
        photo_counts: NDArray[np.intp],
        kin: Kin | None = None,
        shrinkage: Shrinkage = NO_SHRINKAGE,
    ) -> "Prototypes":
        """Create prototypes without taught taxa, rounded as in the files of a flora.

        Args:
            text: Means or sums of the texts, shape (taxa, E), zeros for taxa without texts.
            text_counts: Number of texts per row, shape (taxa,).
            photos: Means or sums of the photos of the taxa that have photos, shape (taxa with photos, A).
            photo_counts: Number of photos per row, shape (taxa,).
            kin: Genus and family per row; unknown by default.
            shrinkage: How strongly photo prototypes are drawn towards genus and family.
        """
        kin = Kin.unknown(len(text)) if kin is None else kin
        offsets = np.full(len(text), np.nan, np.float32)
        residuals = len(text) >= RESIDUALS_FROM or not photo_counts.any()
        rounded = QuantizedVectors.of(photos)[:]
        return cls(
            QuantizedVectors.of(text, residuals=residuals),
            text_counts,
            rounded,
            photo_counts,
            offsets,
            kin,
            shrinkage,
        )

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Which taxa were taught later, shape (taxa,)."""
        given: NDArray[np.bool_] = ~np.isnan(self.offsets)
        return given

    @cached_property
    def photo_rows(self) -> NDArray[np.intp]:
        """Rows of the taxa with photos, ascending, shape (taxa with photos,)."""
        return np.flatnonzero(self.photo_counts)

    @cached_property
    def photo_places(self) -> NDArray[np.intp]:
        """Row in `photos` of each taxon with photos, shape (taxa,)."""
        return np.cumsum(self.photo_counts > 0) - 1

    @cached_property
    def appearances(self) -> Appearances:
        """What appearances are compared with, except for taught taxa, whose photos do not count in it."""
        return Appearances(self.photos, self.photo_rows, self.photos_built, self.kin, self.shrinkage)

    @property
    def photos_built(self) -> NDArray[np.intp]:
        """Number of photos per row; 0 for taught taxa."""
        return np.where(self.taught, 0, self.photo_counts)

    def as_built(self) -> "Prototypes":
        """Return the same prototypes without marking any taxon as taught."""
        return replace(self, offsets=np.full(len(self.text), np.nan, np.float32))

    def has(self, kind: Literal["text", "photos"]) -> NDArray[np.bool_]:
        """Return which taxa have evidence of a kind, shape (taxa,)."""
        present: NDArray[np.bool_] = (self.text_counts if kind == "text" else self.photo_counts) > 0
        return present

    def save(self, folder: Path) -> None:
        """Write the prototypes into a version's folder, except their counts and offsets, which the catalogue contains.

        Raises:
            FloraError: A file cannot be written.
        """
        rows = np.flatnonzero(self.text_counts)
        text = self.text if len(rows) == len(self.text) else self.text.part(rows)
        write_index(folder / TEXT_INDEX, rows, text)
        if text.residuals is not None:
            np.save(folder / TEXT_RESIDUALS, text.residuals)
        write_index(folder / PHOTO_INDEX, self.photo_rows, QuantizedVectors.of(self.photos))

    def arrays(self, above: NDArray[np.int32]) -> TaxonArrays:
        """Return what loading them again needs besides the vectors.

        Args:
            above: As `TaxonArrays.above`.
        """
        return TaxonArrays(
            above,
            self.kin.genera.astype(np.int32),
            self.kin.families.astype(np.int32),
            self.text_counts.astype(np.int32),
            self.photo_counts.astype(np.int32),
            self.offsets,
            self.text.scales[self.text_counts > 0],
        )

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield counts and offsets as rows for the catalogue."""
        taught = self.taught
        for kind, counts in (("text", self.text_counts), ("photo", self.photo_counts)):
            for row in np.flatnonzero(counts):
                yield {
                    "taxon": int(row) + 1,
                    "kind": kind,
                    "count": int(counts[row]),
                    "offset": float(self.offsets[row]) if kind == "photo" and taught[row] else None,
                }

    @classmethod
    def load(cls, folder: Path, manifest: FloraManifest, arrays: TaxonArrays | None = None) -> "Prototypes":
        """Read the prototypes of a version.

        Args:
            folder: The version.
            manifest: Its manifest.
            arrays: Its arrays, if it has any; otherwise, the catalogue is read.

        Raises:
            FloraError: A file is damaged, or a prototype has the wrong width or does not belong to a taxon.
        """
        if arrays is None:
            return cls._from_catalogue(folder, manifest)
        counts = {"text": arrays.text_counts.astype(np.intp), "photo": arrays.photo_counts.astype(np.intp)}
        kin = Kin(arrays.genera.astype(np.intp), arrays.families.astype(np.intp))
        text, photos = _read_vectors(folder, manifest, counts, arrays.text_scales)
        return cls(text, counts["text"], photos, counts["photo"], arrays.offsets, kin, manifest.shrinkage)

    @classmethod
    def _from_catalogue(cls, folder: Path, manifest: FloraManifest) -> "Prototypes":
        taxa, earlier = manifest.counts.taxa, manifest.format_version == VECTORS_IN_CATALOGUE
        widths = {"text": manifest.encoder.width, "photo": manifest.encoder.appearance_width}
        counts = {kind: np.zeros(taxa, np.intp) for kind in widths}
        offsets = np.full(taxa, np.nan, np.float32)
        with open_catalogue(folder) as connection:
            vector = "vector" if earlier else "NULL"
            rows = connection.execute(
                f'SELECT taxon, kind, count, "offset", {vector} FROM prototypes ORDER BY taxon'
            ).fetchall()
            above = connection.execute("SELECT genus, family FROM taxa ORDER BY id").fetchall()
        for number, kind, count, offset, blob in rows:
            fits = kind in widths and 1 <= number <= taxa
            if not fits or (earlier and len(blob) != 4 * widths[kind]):
                raise FloraError("prototype-unfit", source=folder / CATALOGUE, prototype=kind, taxon=number)
            counts[kind][number - 1] = count
            if offset is not None:
                offsets[number - 1] = offset
        # Taught taxa count in no genus or family, so they leave the prototypes of the others as they are.
        kin = Kin.of(
            ("", "") if taught else place for place, taught in zip(above, ~np.isnan(offsets), strict=True)
        )
        if earlier:
            blobs = {k: b"".join(row[-1] for row in rows if row[1] == k) for k in widths}
            found = {k: np.frombuffer(blobs[k], "<f4").reshape(-1, width) for k, width in widths.items()}
            text = QuantizedVectors.of(found["text"]).at(np.flatnonzero(counts["text"]), taxa)
            photos = QuantizedVectors.of(found["photo"])[:]
        else:
            text, photos = _read_vectors(folder, manifest, counts)
        return cls(text, counts["text"], photos, counts["photo"], offsets, kin, manifest.shrinkage)

    def with_taxon(
        self, text: Vectors, texts: int, photos: Vectors, count: int, offset: float
    ) -> "Prototypes":
        """Append a taxon taught from a few photos.

        Args:
            text: Its text prototype, shape (E,).
            texts: Number of texts.
            photos: Its photo prototype, shape (A,).
            count: Number of photos.
            offset: Offset added to its similarities.
        """
        return Prototypes(
            self.text.and_one(text),
            np.append(self.text_counts, texts),
            np.vstack([self.photos, photos]),
            np.append(self.photo_counts, count),
            np.append(self.offsets, np.float32(offset)),
            self.kin.and_unknown(),
            self.shrinkage,
        )

    def without(self, row: int) -> "Prototypes":
        """Return the prototypes without the taxon of a row."""
        return self.part(np.flatnonzero(np.arange(len(self.text)) != row))

    def part(self, kept: NDArray[np.intp]) -> "Prototypes":
        """Return the prototypes of some rows."""
        counts = self.photo_counts[kept]
        return Prototypes(
            self.text.part(kept),
            self.text_counts[kept],
            self.photos[self.photo_places[kept[counts > 0]]],
            counts,
            self.offsets[kept],
            self.kin.part(kept),
            self.shrinkage,
        )


def _read_vectors(
    folder: Path,
    manifest: FloraManifest,
    counts: Mapping[str, NDArray[np.intp]],
    text_scales: Vectors | None = None,
) -> tuple[QuantizedVectors, Vectors]:
    """Read the text and photo prototypes from the indexes of a version."""
    taxa, residuals, with_text = manifest.counts.taxa, None, np.flatnonzero(counts["text"])
    if TEXT_RESIDUALS in manifest.files:
        residuals = _read_residuals(folder / TEXT_RESIDUALS, len(with_text), manifest.encoder.width)
    found = {
        TEXT_INDEX: read_index(folder / TEXT_INDEX, taxa, manifest.encoder.width, text_scales, residuals),
        PHOTO_INDEX: read_index(folder / PHOTO_INDEX, taxa, manifest.encoder.appearance_width),
    }
    for (file, (present, _)), number in zip(found.items(), counts.values(), strict=True):
        if not np.array_equal(present, np.flatnonzero(number)):
            raise FloraError("index-of-other-taxa", source=folder / file, number=len(present))
    text = found[TEXT_INDEX][1]
    return text if len(text) == taxa else text.at(with_text, taxa), found[PHOTO_INDEX][1][:]


def _read_residuals(path: Path, number: int, width: int) -> NDArray[np.int8]:
    try:
        residuals: NDArray[np.int8] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise FloraError("flora-file-damaged", source=path, cause=first_line(error)) from error
    if residuals.shape != (number, width) or residuals.dtype != np.int8:
        raise FloraError("index-of-other-taxa", source=path, number=len(residuals))
    return residuals


def telling(rows: Vectors, others: Vectors) -> Vectors:
    """Compute discriminative directions: those that distinguish photo means from others, by ridge regression.

    Args:
        rows: The means, shape (taxa, A).
        others: Means of other taxa, which may include `rows`, shape (others, A).

    Returns:
        Unit vectors, shape (taxa, A). Including a row in `others` changes only its length before normalisation.
    """
    ridge = np.eye(rows.shape[1]) + others.T.astype(np.float64) @ others
    return unit_rows(np.linalg.solve(ridge, rows.T.astype(np.float64)).T)


def chance_similarity(prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]) -> float | None:
    """Measure how similar photos are by chance to wrong taxa, compared in the way used for taught taxa.

    Args:
        prototypes: Prototypes of the taxa.
        photos: Shape (photos, E + A).
        targets: Row of the right taxon for each photo, shape (photos,).

    Returns:
        The similarity of appearance reached by one in 100 pairs of a photo and a wrong taxon; `None` if there are no
        such pairs.
    """
    known = prototypes.photos
    similarities = photos[:, prototypes.text.width :] @ telling(known, known).T
    strangers = similarities[targets[:, None] != prototypes.photo_rows]
    return float(np.quantile(strangers, 1 - _BY_CHANCE)) if len(strangers) else None


def with_unit_appearance(photos: Vectors, width: int) -> tuple[Vectors, Vectors]:
    """Normalise the appearances of photos to unit length.

    Args:
        photos: Vectors as an encoder returns them, shape (photos, E + A).
        width: E.

    Returns:
        The vectors, in the same shape, and the original lengths of the appearances, shape (photos,).
    """
    appearances = photos[:, width:]
    lengths: Vectors = np.linalg.norm(appearances, axis=1)
    return np.hstack([photos[:, :width], unit_rows(appearances)]), lengths


def unit_mean(embeddings: Vectors) -> Vectors:
    """Return the mean of one or more embeddings, shape (number, width), normalised to unit length, shape (width,)."""
    means, _ = mean_prototypes(embeddings, np.zeros(len(embeddings), np.intp), 1)
    mean: Vectors = means[0]
    return mean


def mean_prototypes(
    embeddings: Vectors, labels: NDArray[np.intp], taxa: int
) -> tuple[Vectors, NDArray[np.intp]]:
    """Compute the mean embedding of each taxon, normalised to unit length.

    Args:
        embeddings: Shape (number, width), unit rows.
        labels: The taxon of each row, 0 to `taxa` - 1, shape (number,).
        taxa: Number of taxa.

    Returns:
        The prototypes, shape (taxa, width), with zeros for taxa without embeddings; and the number of embeddings per
        taxon, shape (taxa,).
    """
    sums = np.zeros((taxa, embeddings.shape[1]), np.float64)
    np.add.at(sums, labels, embeddings)
    return unit_rows(sums), np.bincount(labels, minlength=taxa)
