"""`Comparison`: compare photos with all taxa of a flora, by texts and photos together."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.prototypes import Prototypes, telling

__all__ = ["REFINED", "Comparison"]

REFINED = 200
"""Number of taxa whose similarities to a photo are computed with residuals, in a flora that has them. Rounding to 8
bits may change the order of taxa that are close together, as they are among hundreds of thousands."""

_ALL = slice(None)


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

    def __call__(self, photos: Vectors, evidence: EvidenceKind = "both") -> Vectors:
        """Compare photos with all taxa.

        Args:
            photos: Embeddings, each followed by an appearance of unit length, shape (photos, E + A).
            evidence: What to compare with.

        Returns:
            Similarities, shape (photos, taxa); 0 for a taxon without that kind of evidence.
        """
        known, width = self._prototypes, self._prototypes.text.width
        embeddings, appearances = photos[:, :width], photos[:, width:]
        if evidence == "text":
            return known.text.inner_products(embeddings)
        if evidence == "photos":
            built = known.photos_built[known.photo_rows] > 0
            own = np.where(built[:, None], known.appearances.vectors[: len(built)], known.photos)
            alone = np.zeros((len(photos), len(known.text)), np.float32)
            alone[:, known.photo_rows] = appearances @ own.T
            return alone
        found = self.by_text(embeddings)
        if self.photo_weight:
            found += known.appearances.similarities(appearances * self.photo_weight)
        if known.text.residuals is not None:
            self._refine(found, embeddings * self.text_weight)
        if len(self._taught):
            found[:, self._taught] = appearances @ self._directions.T + known.offsets[self._taught]
        return found

    def _refine(self, found: Vectors, embeddings: Vectors) -> None:
        """Add to the largest similarities what the residuals of the text prototypes contribute."""
        number = min(REFINED, found.shape[1])
        for values, embedding in zip(found, embeddings, strict=True):
            rows = np.argpartition(values, -number)[-number:]
            rows = np.sort(rows[~self._textless[rows]])  # in the order of the file
            values[rows] += self._prototypes.text.corrections(rows) @ embedding

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
