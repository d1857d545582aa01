"""`Flora`: identify photos, one by one or several of one plant."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder, Vectors
from dalip.errors import FloraError, ImageError, Skipped
from dalip.photos import PhotoSource
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import EvidenceKind, Identification, Prediction
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.prototypes import Prototypes, with_unit_appearance
from dalip_index.flora.similarities import Judged
from dalip_index.flora.verdict import DEFAULT_COVERAGE, judge
from dalip_index.store.manifest import FloraManifest

__all__ = ["Flora"]

LOOK_ALIKES = 3
"""How many taxa an answer says it is hard to tell from."""


class Flora:
    """The taxa that an answer is chosen from, and how to choose; make one with `load_flora`."""

    def __init__(
        self,
        folder: Path,
        manifest: FloraManifest,
        calibration: Calibration,
        taxa: tuple[Taxon, ...],
        index: Any,
        encoder: Encoder,
    ) -> None:
        """Put a flora together from parts that fit; `load_flora` checks that they do.

        Args:
            folder: The version's folder.
            manifest: What it says about itself.
            calibration: Turns similarities into probabilities.
            taxa: In the order of the index's ids, which start at 1.
            index: A FAISS inner-product index with one vector a taxon.
            encoder: The one that made the vectors.
        """
        self.folder = folder
        self.manifest = manifest
        self.calibration = calibration
        self.taxa = taxa
        self.encoder = encoder
        self._index = index

    @property
    def whole(self) -> "Flora":
        """The flora with all its taxa; itself unless answers are restricted to some, as by `restrict`."""
        return self

    @cached_property
    def tree(self) -> TaxonTree:
        """The taxa and what holds them."""
        return TaxonTree(self.taxa)

    @cached_property
    def _directions(self) -> Vectors:
        return self.prototypes.directions(self.calibration.text_weight)

    def row(self, taxon: Taxon) -> int:
        """Find the place of a taxon in `taxa`.

        Raises:
            FloraError: The flora does not hold it.
        """
        try:
            return self.tree.rows[taxon.scientific_name]
        except KeyError:
            raise FloraError(f"{taxon.scientific_name}: the flora does not hold it") from None

    def look_alikes(self, taxon: Taxon, number: int = LOOK_ALIKES) -> tuple[Taxon, ...]:
        """Find the taxa that a taxon is hardest to tell from: those whose texts and photos are most like its own.

        Raises:
            FloraError: The flora does not hold it.
        """
        row = self.row(taxon)
        order = np.argsort(-(self._directions @ self._directions[row]), kind="stable")
        return tuple(self.taxa[other] for other in order.tolist() if other != row)[:number]

    @cached_property
    def taught(self) -> tuple[str, ...]:
        """Scientific names of the taxa that it was taught later."""
        return tuple(self.taxa[row].scientific_name for row in np.flatnonzero(self.prototypes.taught))

    @cached_property
    def experimental(self) -> NDArray[np.bool_]:
        """Which taxa are known from texts alone, shape (taxa,)."""
        none: NDArray[np.bool_] = self.prototypes.photo_counts == 0
        return none

    @cached_property
    def prototypes(self) -> Prototypes:
        """The text and photo prototypes, read when first asked for."""
        encoder = self.encoder
        return Prototypes.load(self.folder, len(self.taxa), encoder.width, encoder.appearance_width)

    def identify(
        self,
        sources: Iterable[PhotoSource],
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Iterator[Identification | Skipped]:
        """Say what photos show, one answer for each, in their order; one that cannot be read stops nothing.

        Args:
            sources: Paths, the bytes of image files, images, or functions that give one of these.
            top_k: How many taxa to give for each photo, at least 1.
            rank: Answer with taxa of this rank or a higher one, such as `genus`; by default those of the flora.
            coverage: How often the right taxon shall be in the set, between 0 and 1.
        """
        _check_top_k(top_k)
        for image, result in self.encoded(sources):
            if isinstance(result, ImageError):
                yield Skipped.of(image, result)
            else:
                yield self.answer(image, result[None], top_k, rank=rank, coverage=coverage)

    def encoded(self, sources: Iterable[PhotoSource]) -> Iterator[tuple[str, Vectors | ImageError]]:
        """Give what each photo is called, and its vector, shape (E + A,), or why there is none.

        Args:
            sources: As `identify`.
        """
        found = self.encoder.encode_files(sources, appearance=True)
        for number, (source, result) in enumerate(found, 1):
            yield str(source) if isinstance(source, str | Path) else f"image {number}", result

    def answer(
        self,
        image: str,
        photos: Vectors,
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Identification:
        """Say what plant photos show that are encoded already.

        Several photos count as evidence that is half independent: their mean similarities are taken, at a temperature
        that is lower by the square root of their number.

        Args:
            image: What the answer calls them.
            photos: Embeddings, each followed by its appearance, shape (photos of one plant, E + A), one or more.
            top_k: As `identify`.
            rank: As `identify`.
            coverage: As `identify`.

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        _check_top_k(top_k)
        judged = self.judged(photos).together()
        (similarities,) = judged.similarities
        shares = self.calibration.probabilities(judged.similarities, len(photos))
        ranked = [
            Prediction(
                self.taxa[row],
                float(similarities[row]),
                None if shares is None else float(shares[0, row]),
                bool(self.experimental[row]),
            )
            for row in np.argsort(-similarities, kind="stable").tolist()
        ]
        (fit,) = judged.fits(self.calibration, len(photos))
        answer = judge(
            ranked,
            float(judged.lengths[0]),
            self.calibration.in_flora(*fit),
            self.calibration,
            self.tree,
            listed=fit[1],
            rank=rank,
            coverage=coverage,
        )
        return replace(
            answer,
            image=image,
            predictions=answer.predictions[:top_k],
            look_alikes=self.look_alikes(ranked[0].taxon),
        )

    def judged(self, photos: Vectors, evidence: EvidenceKind = "both") -> Judged:
        """Give similarities in the order of the taxa, and lengths of appearances.

        Args:
            photos: Shape (photos, E + A).
            evidence: What to compare with; the similarity to taxa without it is `-inf`.

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        ranked, rows = self.rank(photos, evidence)
        lengths: Vectors = np.linalg.norm(photos[:, self.encoder.width :], axis=1)
        similarities = np.full((len(photos), len(self.taxa)), -np.inf, np.float32)
        np.put_along_axis(similarities, rows, ranked, axis=1)
        return Judged(similarities, lengths)

    def identify_together(
        self,
        sources: Sequence[PhotoSource],
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> tuple[Identification | None, list[Skipped]]:
        """Say what plant several photos show, all of the same one.

        Args:
            sources: As `identify`.
            top_k: As `identify`.
            rank: As `identify`.
            coverage: As `identify`.

        Returns:
            One answer from all photos that can be read, `None` where none can; and the others.
        """
        found = list(self.encoded(sources))
        unreadable = [Skipped.of(name, error) for name, error in found if isinstance(error, ImageError)]
        readable = [(name, row) for name, row in found if not isinstance(row, ImageError)]
        if not readable:
            return None, unreadable
        image, photos = ", ".join(name for name, _ in readable), np.stack([row for _, row in readable])
        return self.answer(image, photos, top_k, rank=rank, coverage=coverage), unreadable

    def rank(self, photos: Vectors, evidence: EvidenceKind = "both") -> tuple[Vectors, NDArray[np.intp]]:
        """Compare photos with every taxon that has the evidence.

        Args:
            photos: Shape (photos, E + A).
            evidence: What to compare with; taxa without it are left out.

        Returns:
            The similarities in descending order, and the rows of `taxa` that they belong to, both of shape
            (photos, taxa with that evidence).

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        photos = np.asarray(photos, np.float32)
        width = self.encoder.width + self.encoder.appearance_width
        if photos.ndim != 2 or photos.shape[1] != width or not np.isfinite(photos).all():
            raise FloraError(
                f"vectors of shape {photos.shape} cannot be compared; they are finite numbers of shape "
                f"(photos, {width})"
            )
        photos, _ = with_unit_appearance(photos, self.encoder.width)
        if evidence == "both":
            ones = np.ones((len(photos), 1), np.float32)
            similarities, ids = self._index.search(np.hstack([photos, ones]), self._index.ntotal)
            return similarities, ids - 1
        kinds = self.prototypes
        present = np.flatnonzero(kinds.text_counts if evidence == "text" else kinds.photo_counts)
        similarities = kinds.similarities(photos, evidence, self.calibration.text_weight)[:, present]
        order = np.argsort(-similarities, axis=1, kind="stable")
        return np.take_along_axis(similarities, order, axis=1), present[order]


def _check_top_k(top_k: int) -> None:
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; ask for at least one taxon")
