"""Prototypes: the mean vectors of a taxon's texts and photos, and how they become one vector."""

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
    "rows_with_photos",
    "telling",
    "unit_mean",
    "unit_rows",
    "with_unit_appearance",
]

_BY_CHANCE = 0.005
"""Share of the pairs of a photo and another taxon that are at least as similar as `chance_similarity`."""


@dataclass(frozen=True)
class Prototypes:
    """One unit vector a taxon for each kind of evidence; a row of zeros where it has none of that kind.

    A photo is its embedding, E numbers, followed by its appearance, A numbers. Texts are compared with the first, for
    text and photo meet there; photos with the second, which keeps more of what tells photos apart.
    """

    text: Vectors
    """Shape (taxa, E)."""
    text_counts: NDArray[np.intp]
    """Texts behind each row, shape (taxa,)."""
    photos: Vectors
    """Shape (taxa, A)."""
    photo_counts: NDArray[np.intp]
    """Photos behind each row, shape (taxa,)."""
    offsets: Vectors
    """For a taxon that was taught later, by a few photos: what is added to its similarities; NaN for all others.
    Shape (taxa,)."""

    @classmethod
    def built(
        cls, text: Vectors, text_counts: NDArray[np.intp], photos: Vectors, photo_counts: NDArray[np.intp]
    ) -> "Prototypes":
        """Give those of taxa none of which was taught later."""
        return cls(text, text_counts, photos, photo_counts, np.full(len(text), np.nan, np.float32))

    @property
    def taught(self) -> NDArray[np.bool_]:
        """Which taxa were taught later, shape (taxa,)."""
        given: NDArray[np.bool_] = ~np.isnan(self.offsets)
        return given

    def vectors(self, text_weight: float) -> Vectors:
        """Combine both kinds into the vectors that answers are searched by.

        What a taxon has none of is taken to be as with the average of the others, so that it competes by what it has.
        Where no taxon has a kind, the other has all the weight. A taxon that was taught later is compared by its photos
        alone, in the direction that tells them from the photos of the others; it changes nothing for these.

        Args:
            text_weight: Share of the text prototype, 0 to 1.

        Returns:
            Shape (taxa, E + A + 1). An inner product of a photo, followed by a one, with the row of a taxon that has
            both kinds is the weighted mean of its two similarities.
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
        """Give the same, as if no taxon had been taught later."""
        return Prototypes.built(self.text, self.text_counts, self.photos, self.photo_counts)

    def has(self, kind: Literal["text", "photos"]) -> NDArray[np.bool_]:
        """Say which taxa have evidence of a kind, shape (taxa,)."""
        present: NDArray[np.bool_] = (self.text_counts if kind == "text" else self.photo_counts) > 0
        return present

    def rows(self) -> Iterator[dict[str, object]]:
        """Give them as rows of the catalogue, those of each kind that taxa have."""
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
            taxa: How many taxa the flora has.
            width: E, numbers in the vector of texts.
            appearance_width: A, numbers in the vector of photos.

        Raises:
            FloraError: The catalogue is damaged, or a vector has another width or belongs to no taxon.
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
        """Add a taxon at the end that is taught by a few photos.

        Args:
            text: Its prototype of texts, shape (E,).
            texts: How many there are.
            photos: Its prototype of photos, shape (A,).
            count: How many there are.
            offset: Added to its similarities.
        """
        return Prototypes(
            np.vstack([self.text, text]),
            np.append(self.text_counts, texts),
            np.vstack([self.photos, photos]),
            np.append(self.photo_counts, count),
            np.append(self.offsets, np.float32(offset)),
        )

    def without(self, row: int) -> "Prototypes":
        """Take the taxon of a row away."""
        return self.part(np.flatnonzero(np.arange(len(self.text)) != row))

    def part(self, kept: NDArray[np.intp]) -> "Prototypes":
        """Give those of some rows."""
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
            kind: The kind.
            text_weight: Share of the text, for `both`.

        Returns:
            Shape (photos, taxa); 0 for a taxon without the kind.
        """
        width = self.text.shape[1]
        if kind == "both":
            return compare(photos, self.vectors(text_weight))
        return photos[:, :width] @ self.text.T if kind == "text" else photos[:, width:] @ self.photos.T


def rows_with_photos(folder: Path) -> NDArray[np.intp]:
    """Read from a version which rows of its taxa have prototypes of photos, and none of the vectors.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        found = connection.execute("SELECT taxon FROM prototypes WHERE kind = 'photo'").fetchall()
    return np.array([number - 1 for (number,) in found], np.intp)


def telling(rows: Vectors, others: Vectors) -> Vectors:
    """Turn means of photos into the directions that tell them from others, by ridge regression.

    Args:
        rows: The means, shape (taxa, A).
        others: Those of other taxa, which may hold the same, shape (others, A).

    Returns:
        Unit vectors, shape (taxa, A). Whether or not a row is among the others changes its length alone.
    """
    ridge = np.eye(rows.shape[1]) + others.T.astype(np.float64) @ others
    return unit_rows(np.linalg.solve(ridge, rows.T.astype(np.float64)).T)


def chance_similarity(prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]) -> float | None:
    """Find how similar a photo is by chance to a taxon that it does not show, had that been taught later.

    Args:
        prototypes: The taxa.
        photos: Shape (photos, E + A).
        targets: The row of the right taxon for each photo, shape (photos,).

    Returns:
        A similarity of appearance that one in 200 pairs of a photo and another taxon reaches; `None` without such a
        pair.
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
    """Bring rows to unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units


def with_unit_appearance(photos: Vectors, width: int) -> tuple[Vectors, Vectors]:
    """Bring the appearances of photos to unit length.

    Args:
        photos: As an encoder gives them, shape (photos, E + A).
        width: E.

    Returns:
        The vectors, of the same shape, and the lengths that the appearances had, shape (photos,).
    """
    appearances = photos[:, width:]
    lengths: Vectors = np.linalg.norm(appearances, axis=1)
    return np.hstack([photos[:, :width], unit_rows(appearances)]), lengths


def unit_mean(embeddings: Vectors) -> Vectors:
    """Average embeddings, shape (number, width), one or more, and bring the mean to unit length, shape (width,)."""
    means, _ = mean_prototypes(embeddings, np.zeros(len(embeddings), np.intp), 1)
    mean: Vectors = means[0]
    return mean


def mean_prototypes(
    embeddings: Vectors, labels: NDArray[np.intp], taxa: int
) -> tuple[Vectors, NDArray[np.intp]]:
    """Average the embeddings of each taxon, and bring the means to unit length.

    Args:
        embeddings: Shape (number, width), unit rows.
        labels: The taxon of each row, 0 to `taxa` - 1, shape (number,).
        taxa: How many taxa there are.

    Returns:
        The prototypes, shape (taxa, width), rows of zeros for taxa without an embedding; and the number of
        embeddings behind each.
    """
    sums = np.zeros((taxa, embeddings.shape[1]), np.float64)
    np.add.at(sums, labels, embeddings)
    return unit_rows(sums), np.bincount(labels, minlength=taxa)
