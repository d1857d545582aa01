"""Prototypes: mean vectors of a taxon's texts and photos, and their combination into one vector."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import FloraError
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.similarities import compare
from dalip_index.store.catalogue import CATALOGUE, open_catalogue

__all__ = [
    "Prototypes",
    "chance_similarity",
    "mean_prototypes",
    "photo_counts",
    "rows_with_photos",
    "telling",
    "unit_mean",
    "unit_rows",
    "with_unit_appearance",
]

_BY_CHANCE = 0.005
"""Share of pairs of a photo and a wrong taxon that are at least as similar as `chance_similarity`."""


@dataclass(frozen=True)
class Prototypes:
    """One unit vector per taxon and kind of evidence; zeros if the taxon has no evidence of that kind.

    The vector of a photo is its embedding, E numbers, followed by its appearance, A numbers. Texts are compared with
    the embedding, because texts and photos share that space. Photos are compared with the appearance, which contains
    more of the details that distinguish photos.
    """

    text: Vectors
    """Shape (taxa, E)."""
    text_counts: NDArray[np.intp]
    """Number of texts per row, shape (taxa,)."""
    photos: Vectors
    """Shape (taxa, A)."""
    photo_counts: NDArray[np.intp]
    """Number of photos per row, shape (taxa,)."""
    offsets: Vectors
    """Offset added to the similarities of a taxon taught later from a few photos; NaN for other taxa. Shape (taxa,)."""

    @classmethod
    def built(
        cls, text: Vectors, text_counts: NDArray[np.intp], photos: Vectors, photo_counts: NDArray[np.intp]
    ) -> "Prototypes":
        """Create prototypes without taught taxa."""
        return cls(text, text_counts, photos, photo_counts, np.full(len(text), np.nan, np.float32))

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Which taxa were taught later, shape (taxa,)."""
        given: NDArray[np.bool_] = ~np.isnan(self.offsets)
        return given

    def vectors(self, text_weight: float) -> Vectors:
        """Combine both kinds of prototypes into the vectors that photos are compared with.

        A missing prototype is replaced by the mean over the other taxa, so that a taxon competes by the evidence that
        it has. If no taxon has evidence of a kind, the other kind has all the weight. A taxon taught later is compared
        by its photos alone, along the direction that distinguishes them from the photos of the others; this leaves the
        others unchanged.

        Args:
            text_weight: Weight of the text prototype, 0 to 1.

        Returns:
            Shape (taxa, E + A + 1). For a taxon with both kinds, the inner product of its row and a photo's vector,
            followed by a 1, is the weighted mean of the two similarities.
        """
        taught = self.taught
        has_text, has_photos = (self.text_counts > 0) & ~taught, (self.photo_counts > 0) & ~taught
        weight = text_weight if has_text.any() and has_photos.any() else float(has_text.any())
        text, photos = _filled(self.text, has_text), _filled(self.photos, has_photos)
        nothing = np.zeros((len(text), 1))
        combined: Vectors = np.hstack([weight * text, (1 - weight) * photos, nothing]).astype(np.float32)
        if taught.any():
            width = self.text.shape[1]
            combined[taught, :width] = 0
            combined[taught, width:-1] = telling(self.photos[taught], self.photos[has_photos])
            combined[taught, -1] = self.offsets[taught]
        return combined

    def as_built(self) -> "Prototypes":
        """Return the same prototypes without marking any taxon as taught."""
        return Prototypes.built(self.text, self.text_counts, self.photos, self.photo_counts)

    def has(self, kind: Literal["text", "photos"]) -> NDArray[np.bool_]:
        """Return which taxa have evidence of a kind, shape (taxa,)."""
        present: NDArray[np.bool_] = (self.text_counts if kind == "text" else self.photo_counts) > 0
        return present

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield the prototypes as rows for the catalogue."""
        kinds = (
            ("text", self.text, self.text_counts),
            ("photo", self.photos, self.photo_counts),
        )
        taught = self.taught
        for kind, vectors, counts in kinds:
            for row in np.flatnonzero(counts):
                yield {
                    "taxon": int(row) + 1,
                    "kind": kind,
                    "vector": vectors[row].astype("<f4").tobytes(),
                    "count": int(counts[row]),
                    "offset": float(self.offsets[row]) if kind == "photo" and taught[row] else None,
                }

    @classmethod
    def load(cls, folder: Path, taxa: int, width: int, appearance_width: int) -> "Prototypes":
        """Read the prototypes of a version.

        Args:
            folder: The version.
            taxa: Number of taxa in the flora.
            width: E, length of text vectors.
            appearance_width: A, length of photo vectors.

        Raises:
            FloraError: The catalogue is damaged, or a vector has the wrong width or does not belong to a taxon.
        """
        widths = {"text": width, "photo": appearance_width}
        vectors = {kind: np.zeros((taxa, numbers), np.float32) for kind, numbers in widths.items()}
        counts = {kind: np.zeros(taxa, np.intp) for kind in ("text", "photo")}
        offsets = np.full(taxa, np.nan, np.float32)
        with open_catalogue(folder) as connection:
            rows = connection.execute(
                'SELECT taxon, kind, vector, count, "offset" FROM prototypes'
            ).fetchall()
        for number, kind, blob, count, offset in rows:
            if kind not in vectors or not 1 <= number <= taxa or len(blob) != 4 * widths[kind]:
                raise FloraError("prototype-unfit", source=folder / CATALOGUE, prototype=kind, taxon=number)
            vectors[kind][number - 1] = np.frombuffer(blob, "<f4")
            counts[kind][number - 1] = count
            if offset is not None:
                offsets[number - 1] = offset
        return cls(vectors["text"], counts["text"], vectors["photo"], counts["photo"], offsets)

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
        return photos[:, :width] @ self.text.T if kind == "text" else photos[:, width:] @ self.photos.T


def rows_with_photos(folder: Path) -> NDArray[np.intp]:
    """Read which taxa in a version have photo prototypes, as row numbers, without reading the vectors.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        found = connection.execute("SELECT taxon FROM prototypes WHERE kind = 'photo'").fetchall()
    return np.array([number - 1 for (number,) in found], np.intp)


def photo_counts(folder: Path, taxa: int) -> NDArray[np.intp]:
    """Read the number of photos of each taxon in a version, shape (taxa,), without reading the vectors.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        found = connection.execute("SELECT taxon, count FROM prototypes WHERE kind = 'photo'").fetchall()
    counts = np.zeros(taxa, np.intp)
    for number, count in found:
        if not 1 <= number <= taxa:
            raise FloraError("prototype-unfit", source=folder / CATALOGUE, prototype="photo", taxon=number)
        counts[number - 1] = count
    return counts


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
        The similarity of appearance reached by one in 200 pairs of a photo and a wrong taxon; `None` if there are no
        such pairs.
    """
    present = np.flatnonzero(prototypes.photo_counts)
    known = prototypes.photos[present]
    similarities = photos[:, prototypes.text.shape[1] :] @ telling(known, known).T
    strangers = similarities[targets[:, None] != present]
    return float(np.quantile(strangers, 1 - _BY_CHANCE)) if len(strangers) else None


def _filled(rows: Vectors, present: NDArray[np.bool_]) -> Vectors:
    mean = rows[present].sum(axis=0) / max(int(present.sum()), 1)
    filled: Vectors = np.where(present[:, None], rows, mean)
    return filled


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """Normalise rows to unit length; rows of zeros stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units


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
