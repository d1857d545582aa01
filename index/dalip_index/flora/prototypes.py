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
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.shrinkage import Appearances, Kin, unit_rows
from dalip_index.store.catalogue import CATALOGUE, open_catalogue
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX, TEXT_RESIDUALS, read_index, write_index
from dalip_index.store.manifest import NO_SHRINKAGE, VECTORS_IN_CATALOGUE, FloraManifest, Shrinkage
from dalip_index.store.quantized import QuantizedVectors
from dalip_index.store.taxon_arrays import TaxonArrays

__all__ = [
    "Comparison",
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

_ALL = slice(None)
RESIDUALS_FROM = 50_000
"""Number of taxa from which a flora keeps residuals."""

REFINED = 200
"""Number of taxa whose similarities to a photo are computed with residuals, in a flora that has them. Rounding to 8
bits may change the order of taxa that are close together, as they are among hundreds of thousands."""


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
        residuals = len(text) >= RESIDUALS_FROM
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

    def similarities(self, photos: Vectors, kind: EvidenceKind, text_weight: float) -> Vectors:
        """Compare photos with the taxa by one kind of evidence.

        Args:
            photos: Shape (photos, E + A).
            kind: The kind of evidence.
            text_weight: Weight of text for `both`.

        Returns:
            Shape (photos, taxa); 0 for a taxon without that kind.
        """
        width = self.text.width
        if kind == "both":
            return Comparison(self, text_weight)(photos)
        if kind == "text":
            return self.text.inner_products(photos[:, :width])
        built = self.photos_built[self.photo_rows] > 0
        own = np.where(built[:, None], self.appearances.vectors[: len(built)], self.photos)
        found = np.zeros((len(photos), len(self.text)), np.float32)
        found[:, self.photo_rows] = photos[:, width:] @ own.T
        return found


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


class Comparison:
    """Compares photos with all taxa, by texts and photos together.

    The similarity of a taxon with both kinds of evidence is the weighted mean of two inner products: of the photo's
    embedding and the text prototype, and of its appearance and the photo prototype, which is drawn towards genus and
    family. A taxon without photos gets what is known from photos of its genus and family. A prototype that is still
    missing is replaced by the mean over the other taxa, so that a taxon competes by the evidence that it has. If no
    taxon has evidence of a kind, the other kind has all the weight. A taxon taught later is compared by its photos
    alone, along the direction that distinguishes them from the photos of the others; this leaves the others unchanged.
    """

    def __init__(self, prototypes: Prototypes, text_weight: float) -> None:
        """Prepare the comparison.

        Args:
            prototypes: The prototypes.
            text_weight: Weight of the text prototype, 0 to 1.
        """
        taught, has_photos = prototypes.taught, prototypes.photos_built > 0
        has_text = (prototypes.text_counts > 0) & ~taught
        both = has_text.any() and has_photos.any()
        self.text_weight = np.float32(text_weight if both else float(has_text.any()))
        """Weight of the text prototypes."""
        self.photo_weight = np.float32(1 - self.text_weight if has_photos.any() else 0)
        """Weight of the photo prototypes."""
        self._prototypes = prototypes
        self._textless = ~has_text & ~taught
        nothing = np.zeros(prototypes.text.width, np.float32)
        self._usual = prototypes.text.mean(has_text) if self._textless.any() else nothing
        self._taught = np.flatnonzero(taught)
        if len(self._taught):
            own = prototypes.photos[prototypes.photo_places[self._taught]]
            others = prototypes.photos[prototypes.photo_places[np.flatnonzero(has_photos)]]
            self._directions = telling(own, others)

    def __call__(self, photos: Vectors) -> Vectors:
        """Compare photos with all taxa.

        Args:
            photos: Embeddings, each followed by an appearance of unit length, shape (photos, E + A).

        Returns:
            Similarities, shape (photos, taxa).
        """
        width = self._prototypes.text.width
        embeddings, appearances = photos[:, :width], photos[:, width:]
        found = self.by_text(embeddings)
        self._refine(found, embeddings)
        if self.photo_weight:
            found += self._prototypes.appearances.similarities(appearances * self.photo_weight)
        if len(self._taught):
            found[:, self._taught] = appearances @ self._directions.T + self._prototypes.offsets[self._taught]
        return found

    def _refine(self, found: Vectors, embeddings: Vectors) -> None:
        """Compute the largest similarities again, with the residuals of the text prototypes."""
        text = self._prototypes.text
        if text.residuals is None or not self.text_weight:
            return
        for values, embedding in zip(found, embeddings * self.text_weight, strict=True):
            rows = np.argpartition(values, -REFINED)[-REFINED:]
            rows = np.sort(rows[~self._textless[rows]])  # in the order of the file
            values[rows] = text[rows] @ embedding

    def by_text(self, embeddings: Vectors, rows: slice | NDArray[np.intp] = _ALL) -> Vectors:
        """Return what texts contribute to the similarities; that of a taxon without texts is the mean of the others.

        Args:
            embeddings: Shape (photos, E).
            rows: Rows of the taxa to compare with; by default all.

        Returns:
            Shape (photos, rows).
        """
        text = self._prototypes.text.part(rows)
        if not self.text_weight:
            return np.zeros((len(embeddings), len(text)), np.float32)
        found = text.inner_products(embeddings * self.text_weight)
        if self._textless.any():
            usual = (embeddings @ self._usual * self.text_weight)[:, None]
            found = np.where(self._textless[rows], usual, found)
        return found

    def likeness(self, row: int, rows: slice | NDArray[np.intp] = _ALL) -> Vectors:
        """Return the cosines between the vector that represents one taxon and those of others.

        The vector of a taxon is its text prototype and its photo prototype, each times its weight. Those of taught taxa
        are no representation of them, so compare the prototypes `as_built`.

        Args:
            row: Row of the taxon.
            rows: Rows of the others; by default all taxa.

        Returns:
            Shape (rows,).
        """
        text = self._usual[None] if self._textless[row] else self._prototypes.text[[row]]
        text = text * self.text_weight
        found: Vectors = self.by_text(text, rows)[0]
        length = np.square(text).sum()
        if self.photo_weight:
            looks, weight = self._prototypes.appearances, np.square(self.photo_weight)
            own = looks.vectors[looks.index[row]]
            found += (looks.vectors @ own * weight)[looks.index[rows]]
            length += np.square(own).sum() * weight
        found /= self._lengths[rows] * max(float(length) ** 0.5, 1e-12)
        return found

    @cached_property
    def _lengths(self) -> Vectors:
        """Lengths of the vectors that represent the taxa, shape (taxa,); 1 instead of 0."""
        squares = np.full(len(self._prototypes.text), np.square(self.text_weight))
        squares[self._textless] *= np.square(self._usual).sum()
        if self.photo_weight:
            looks = self._prototypes.appearances
            squares += np.square(self.photo_weight * looks.vectors).sum(axis=1)[looks.index]
        return np.sqrt(np.where(squares > 0, squares, np.float32(1)))


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
