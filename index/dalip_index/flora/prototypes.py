"""Prototypes: mean vectors of a taxon's texts and photos, and their combination into one vector."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import FloraError
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.shrinkage import Kin, Shrunk, unit_rows
from dalip_index.flora.similarities import compare
from dalip_index.store.catalogue import CATALOGUE, open_catalogue
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX, read_index, write_index
from dalip_index.store.manifest import NO_SHRINKAGE, VECTORS_IN_CATALOGUE, FloraManifest, Shrinkage

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

_INDEX_OF = {"text": TEXT_INDEX, "photo": PHOTO_INDEX}


@dataclass(frozen=True)
class Prototypes:
    """One unit vector per taxon and kind of evidence; zeros if the taxon has no evidence of that kind.

    The vector of a photo is its embedding, E numbers, followed by its appearance, A numbers. Texts are compared with
    the embedding, because texts and photos share that space. Photos are compared with the appearance, which contains
    more of the details that distinguish photos.
    """

    text: Vectors
    """Means of the texts, shape (taxa, E)."""
    text_counts: NDArray[np.intp]
    """Number of texts per row, shape (taxa,)."""
    photos: Vectors
    """Means of the photos, before shrinkage, shape (taxa, A)."""
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
        photos: Vectors,
        photo_counts: NDArray[np.intp],
        kin: Kin | None = None,
        shrinkage: Shrinkage = NO_SHRINKAGE,
    ) -> "Prototypes":
        """Create prototypes without taught taxa."""
        kin = Kin.unknown(len(text)) if kin is None else kin
        offsets = np.full(len(text), np.nan, np.float32)
        return cls(text, text_counts, photos, photo_counts, offsets, kin, shrinkage)

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Which taxa were taught later, shape (taxa,)."""
        given: NDArray[np.bool_] = ~np.isnan(self.offsets)
        return given

    @cached_property
    def shrunk(self) -> Shrunk:
        """The photo prototypes after shrinkage. Taught taxa are left out, because they are compared differently."""
        return Shrunk(self.photos, self._photos_built, self.kin, self.shrinkage)

    @cached_property
    def appearances(self) -> Vectors:
        """What the appearances of photos are compared with, except for taught taxa, shape (taxa, A).

        Prototypes after shrinkage; the mean over the taxa with photos for a taxon without photos in its family.
        """
        rows, built = self.shrunk.rows, self._photos_built > 0
        if built.any():
            rows[~rows.any(axis=1)] = self.photos[built].mean(axis=0)
        return rows

    @property
    def _photos_built(self) -> NDArray[np.intp]:
        """Number of photos per row; 0 for taught taxa."""
        return np.where(self.taught, 0, self.photo_counts)

    def vectors(self, text_weight: float) -> Vectors:
        """Combine both kinds of prototypes into the vectors that photos are compared with.

        Photo prototypes are drawn towards genus and family. A taxon without photos gets what is known from photos of
        its genus and family. A prototype that is still missing is replaced by the mean over the other taxa, so that a
        taxon competes by the evidence that it has. If no taxon has evidence of a kind, the other kind has all the
        weight. A taxon taught later is compared by its photos alone, along the direction that distinguishes them from
        the photos of the others; this leaves the others unchanged.

        Args:
            text_weight: Weight of the text prototype, 0 to 1.

        Returns:
            Shape (taxa, E + A + 1). For a taxon with both kinds, the inner product of its row and a photo's vector,
            followed by a 1, is the weighted mean of the two similarities.
        """
        taught, width = self.taught, self.text.shape[1]
        has_text, has_photos = (self.text_counts > 0) & ~taught, self._photos_built > 0
        weight = text_weight if has_text.any() and has_photos.any() else float(has_text.any())
        combined: Vectors = np.zeros((len(self.text), width + self.photos.shape[1] + 1), np.float32)
        if weight:
            combined[:, :width] = self.text
            combined[~has_text, :width] = self.text[has_text].mean(axis=0)
            combined[:, :width] *= np.float32(weight)
        if has_photos.any():
            np.multiply(self.appearances, np.float32(1 - weight), out=combined[:, width:-1])
        if taught.any():
            combined[taught, :width] = 0
            combined[taught, width:-1] = telling(self.photos[taught], self.photos[has_photos])
            combined[taught, -1] = self.offsets[taught]
        return combined

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
        for kind, vectors in (("text", self.text), ("photo", self.photos)):
            rows = np.flatnonzero(self.text_counts if kind == "text" else self.photo_counts)
            write_index(folder / _INDEX_OF[kind], rows, vectors[rows])

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
    def load(cls, folder: Path, manifest: FloraManifest) -> "Prototypes":
        """Read the prototypes of a version.

        Args:
            folder: The version.
            manifest: Its manifest.

        Raises:
            FloraError: A file is damaged, or a prototype has the wrong width or does not belong to a taxon.
        """
        taxa, earlier = manifest.counts.taxa, manifest.format_version == VECTORS_IN_CATALOGUE
        widths = {"text": manifest.encoder.width, "photo": manifest.encoder.appearance_width}
        vectors = {kind: np.zeros((taxa, numbers), np.float32) for kind, numbers in widths.items()}
        counts = {kind: np.zeros(taxa, np.intp) for kind in widths}
        offsets = np.full(taxa, np.nan, np.float32)
        with open_catalogue(folder) as connection:
            vector = "vector" if earlier else "NULL"
            rows = connection.execute(
                f'SELECT taxon, kind, count, "offset", {vector} FROM prototypes'
            ).fetchall()
            above = connection.execute("SELECT genus, family FROM taxa ORDER BY id").fetchall()
        for number, kind, count, offset, blob in rows:
            fits = kind in widths and 1 <= number <= taxa
            if not fits or (earlier and len(blob) != 4 * widths[kind]):
                raise FloraError("prototype-unfit", source=folder / CATALOGUE, prototype=kind, taxon=number)
            if earlier:
                vectors[kind][number - 1] = np.frombuffer(blob, "<f4")
            counts[kind][number - 1] = count
            if offset is not None:
                offsets[number - 1] = offset
        # Taught taxa count in no genus or family, so they leave the prototypes of the others as they are.
        kin = Kin.of(
            ("", "") if taught else place for place, taught in zip(above, ~np.isnan(offsets), strict=True)
        )
        for kind, file in _INDEX_OF.items() if not earlier else ():
            present, found = read_index(folder / file, taxa, widths[kind])
            if not np.array_equal(present, np.flatnonzero(counts[kind])):
                raise FloraError("index-of-other-taxa", source=folder / file, number=len(present))
            vectors[kind][present] = found
        return cls(
            vectors["text"],
            counts["text"],
            vectors["photo"],
            counts["photo"],
            offsets,
            kin,
            manifest.shrinkage,
        )

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
            np.vstack([self.text, text]),
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
        return Prototypes(
            self.text[kept],
            self.text_counts[kept],
            self.photos[kept],
            self.photo_counts[kept],
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
        width = self.text.shape[1]
        if kind == "both":
            return compare(photos, self.vectors(text_weight))
        if kind == "text":
            return photos[:, :width] @ self.text.T
        own = np.where(self._photos_built[:, None] > 0, self.appearances, self.photos)
        return photos[:, width:] @ own.T


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
    present = np.flatnonzero(prototypes.photo_counts)
    known = prototypes.photos[present]
    similarities = photos[:, prototypes.text.shape[1] :] @ telling(known, known).T
    strangers = similarities[targets[:, None] != present]
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
