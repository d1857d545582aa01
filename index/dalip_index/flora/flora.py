"""`Flora`: identify plants in photos, one photo at a time or several photos of one plant."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder, Vectors
from dalip.errors import FloraError, ImageError, Skipped
from dalip.photos import PhotoSource
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.answer import EvidenceKind, Identification, Lazy, Region, RegionEffect
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.candidates import Candidates
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes, with_unit_appearance
from dalip_index.flora.sharpness import levels_of
from dalip_index.flora.similarities import Similarities, largest
from dalip_index.flora.verdict import DEFAULT_COVERAGE, judge
from dalip_index.store.manifest import FloraManifest

if TYPE_CHECKING:
    from dalip.datasets.names.resolver import Resolver
    from dalip_index.store.name_index import NameIndex

__all__ = ["Flora"]

LOOK_ALIKES = 3
"""Number of look-alikes in an answer."""

_COMPARED = 5_000
"""Look-alikes in an answer are among this many taxa that resemble the photo most; comparing all would double the time
of an answer from a flora of hundreds of thousands."""


class Flora:
    """Taxa with their vectors, encoder and calibration, to identify photos with; create one with `load_flora`."""

    def __init__(
        self,
        folder: Path,
        manifest: FloraManifest,
        calibration: Calibration,
        tree: TaxonTree,
        prototypes: Prototypes,
        encoder: Encoder,
    ) -> None:
        """Create a flora from matching parts; `load_flora` checks that they match.

        Args:
            folder: The version's folder.
            manifest: The version's manifest.
            calibration: Converts similarities to probabilities.
            tree: The taxa in the order of their primary keys, and their higher taxa.
            prototypes: The prototypes of the taxa.
            encoder: The encoder that made them.
        """
        self.folder = folder
        self.manifest = manifest
        self.calibration = calibration
        self.tree = tree
        self.encoder = encoder
        self._prototypes = prototypes
        self._rows: NDArray[np.intp] = np.arange(len(tree.taxa))  # of the prototypes
        self.region: Region | None = None
        """Where the photos were taken, if that is known; set by `in_region`."""
        self.before: Flora | None = None
        """The flora without the region."""

    @property
    def whole(self) -> "Flora":
        """The flora with all its taxa: the flora itself, unless it is changed by `restrict` or `in_region`."""
        return self if self.before is None else self.before.whole

    @property
    def rows_in_whole(self) -> NDArray[np.intp]:
        """The position of each taxon in the flora with all its taxa, ascending, shape (taxa,)."""
        return self._rows

    @property
    def taxa(self) -> Sequence[Taxon]:
        """The taxa in the order of their primary keys."""
        return self.tree.taxa

    @cached_property
    def names(self) -> "Resolver":
        """Resolves names to the taxa and their higher taxa."""
        from dalip.datasets.names.resolver import Resolver  # a slow import

        return Resolver(self.name_index)

    @cached_property
    def name_index(self) -> "NameIndex":
        """Looks up the names of the taxa and their higher taxa."""
        from dalip_index.store.name_index import NameIndex  # a slow import

        return NameIndex(self.tree)

    def row(self, taxon: Taxon) -> int:
        """Return the position of a taxon in `taxa`.

        Raises:
            FloraError: The taxon is not in the flora.
        """
        try:
            return self.tree.rows[taxon.scientific_name]
        except KeyError:
            raise FloraError("taxon-not-held", source=taxon.scientific_name) from None

    def look_alikes(self, taxon: Taxon, number: int = LOOK_ALIKES) -> tuple[Taxon, ...]:
        """Find the look-alikes of a taxon: the taxa whose texts and photos are most similar to its own.

        Raises:
            FloraError: The taxon is not in the flora.
        """
        return self._most_alike(self.row(taxon), number, np.arange(len(self.taxa)))

    def _most_alike(self, row: int, number: int, among: NDArray[np.intp]) -> tuple[Taxon, ...]:
        likeness = self.whole._representative.likeness(int(self._rows[row]), self._rows[among])
        order = among[largest(likeness, number + 1)].tolist()
        return tuple(self.taxa[other] for other in order if other != row)[:number]

    @cached_property
    def comparison(self) -> Comparison:
        """Compares photos with all taxa, by texts and photos together."""
        return Comparison(self._prototypes, self.calibration.text_weight)

    @cached_property
    def _representative(self) -> Comparison:
        """Compares with the vectors that represent taxa; those of taught taxa are discriminative."""
        if not self.manifest.counts.taught:
            return self.comparison
        return Comparison(self._prototypes.as_built(), self.calibration.text_weight)

    @cached_property
    def taught(self) -> tuple[str, ...]:
        """Scientific names of the taxa taught later."""
        return tuple(self.taxa[row].scientific_name for row in np.flatnonzero(self.is_taught).tolist())

    @property
    def photo_counts(self) -> NDArray[np.intp]:
        """Number of photos of each taxon, shape (taxa,)."""
        return self._prototypes.photo_counts[self._rows]

    @property
    def is_taught(self) -> NDArray[np.bool_]:
        """Which taxa were taught later, shape (taxa,)."""
        return self._prototypes.taught[self._rows]

    @cached_property
    def experimental(self) -> NDArray[np.bool_]:
        """Which taxa are known from texts alone, shape (taxa,)."""
        without: NDArray[np.bool_] = self.photo_counts == 0
        return without

    @cached_property
    def levels(self) -> NDArray[np.intp] | None:
        """Level of evidence of each taxon, shape (taxa,); `None` if the calibration needs none.

        Taught taxa are compared in another way, whose offset gives their similarities the scale of the first level.
        """
        if self.calibration.sharpness is None:
            return None
        return np.where(self.is_taught, 0, levels_of(self.photo_counts))

    @property
    def prior(self) -> NDArray[np.float64] | None:
        """What the region adds to the logits of the taxa, shape (taxa,); `None` without a region."""
        return None if self.region is None else np.where(self.region.inside, 0.0, -self.region.weight)

    @cached_property
    def prototypes(self) -> Prototypes:
        """The text and photo prototypes of the taxa."""
        return self._prototypes

    def identify(
        self,
        sources: Iterable[PhotoSource],
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Iterator[Identification | Skipped]:
        """Identify photos and yield one result per photo, in order. Unreadable photos are yielded as `Skipped`.

        Args:
            sources: Paths, the bytes of image files, images, or functions that return one of these.
            top_k: Number of predictions per photo, at least 1.
            rank: Answer with taxa of this rank or a higher one, such as `genus`; by default with those of the flora.
            coverage: How often the conformal prediction set must contain the right taxon, between 0 and 1.
        """
        _check_top_k(top_k)
        for image, result in self.encoded(sources):
            if isinstance(result, ImageError):
                yield Skipped.of(image, result)
            else:
                yield self.answer(image, result[None], top_k, rank=rank, coverage=coverage)

    def encoded(self, sources: Iterable[PhotoSource]) -> Iterator[tuple[str, Vectors | ImageError]]:
        """Encode photos; yield the name of each, and its vector, shape (E + A,), or the error.

        Args:
            sources: As `identify`.
        """
        found = self.encoder.encode_files(sources, appearance=True)
        for number, (source, result) in enumerate(found, 1):
            yield str(source) if isinstance(source, str | Path) else f"image {number}", result

    def identify_together(
        self,
        sources: Sequence[PhotoSource],
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> tuple[Identification | None, list[Skipped]]:
        """Identify one plant from several photos of it.

        Args:
            sources: As `identify`.
            top_k: As `identify`.
            rank: As `identify`.
            coverage: As `identify`.

        Returns:
            One answer from all readable photos, or `None` if there are none; and the unreadable photos.
        """
        found = list(self.encoded(sources))
        unreadable = [Skipped.of(name, error) for name, error in found if isinstance(error, ImageError)]
        readable = [(name, row) for name, row in found if not isinstance(row, ImageError)]
        if not readable:
            return None, unreadable
        image, photos = ", ".join(name for name, _ in readable), np.stack([row for _, row in readable])
        return self.answer(image, photos, top_k, rank=rank, coverage=coverage), unreadable

    def answer(
        self,
        image: str,
        photos: Vectors,
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Identification:
        """Identify one plant from photos that are already encoded.

        Several photos count as only partly independent evidence: their similarities are averaged, and the temperature
        is divided by the square root of their number.

        Args:
            image: Name of the photos in the answer.
            photos: Embeddings, each followed by its appearance, shape (photos of one plant, E + A), one or more.
            top_k: As `identify`.
            rank: As `identify`.
            coverage: As `identify`.

        Raises:
            FloraError: The vectors have the wrong width or are not finite.
        """
        _check_top_k(top_k)
        found = self.similarities(photos).together()
        return self.answer_compared(image, found, len(photos), top_k, rank=rank, coverage=coverage)

    def answer_compared(
        self,
        image: str,
        found: Similarities,
        photos: int = 1,
        top_k: int = 5,
        *,
        rank: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> Identification:
        """Identify one plant from its similarities to the taxa of the flora.

        Args:
            image: As `answer`.
            found: The similarities, one row.
            photos: Number of photos that the row is the mean of.
            top_k: As `identify`.
            rank: As `identify`.
            coverage: As `identify`.
        """
        answer, best = self._judged(found, photos, top_k, rank, coverage)
        if self.region and self.before:
            plain = self.before.of_whole(self.to_whole(found))
            without, _ = self.before._judged(plain, photos, 1, rank, coverage)
            changed = answer.predictions[0].taxon != without.predictions[0].taxon
            told = RegionEffect(self.region.name, int(self.region.inside.sum()), without, changed)
            # A list of plants may be incomplete, and a caution must not be lost because of it.
            shown = {prediction.taxon for prediction in answer.likely}
            more = (prediction for prediction in without.likely if prediction.taxon not in shown)
            answer = replace(answer, region=told, likely=(*answer.likely, *more))
        number = min(LOOK_ALIKES, len(self.taxa) - 1)
        alike = Lazy(number, lambda: self._most_alike(best, number, _most(found.values[0])))
        return replace(answer, image=image, look_alikes=alike)

    def of_whole(self, found: Similarities) -> Similarities:
        """Return similarities to all taxa as `similarities` does; restricted floras divide them."""
        return replace(found, prior=self.prior)

    def to_whole(self, found: Similarities) -> Similarities:
        """Return similarities to all taxa, in the order of the whole flora."""
        return found

    def _judged(
        self, found: Similarities, photos: int, top_k: int, rank: str | None, coverage: float
    ) -> tuple[Identification, int]:
        """Return the answer for one plant, and the row of its first taxon."""
        shares = found.shares(self.calibration, photos)
        probabilities = None if shares is None else shares.probabilities[0]
        inside = self.region.inside if self.region else None
        bonus = found.bonus(self.encoder.logit_scale, photos) if probabilities is None else None
        candidates = Candidates(self.taxa, found.values[0], probabilities, self.experimental, inside, bonus)
        (fit,) = found.fits(self.calibration, photos)
        answer = judge(
            candidates,
            float(found.lengths[0]),
            self.calibration.in_flora(*fit),
            self.calibration,
            self.tree,
            top_k,
            listed=fit[1],
            level=0 if shares is None else int(shares.likely_levels[0]),
            rank=rank,
            coverage=coverage,
        )
        return answer, int(candidates.best(1)[0])

    def similarities(self, photos: Vectors, evidence: EvidenceKind = "both") -> Similarities:
        """Compare photos with all taxa.

        Args:
            photos: Shape (photos, E + A).
            evidence: What to compare with; the similarity to taxa without it is `-inf`.

        Raises:
            FloraError: The vectors have the wrong width or are not finite.
        """
        photos = np.asarray(photos, np.float32)
        width = self.encoder.width + self.encoder.appearance_width
        if photos.ndim != 2 or photos.shape[1] != width or not np.isfinite(photos).all():
            raise FloraError("vectors-unfit", shape=str(photos.shape), width=width)
        photos, lengths = with_unit_appearance(photos, self.encoder.width)
        values = self.comparison(photos, evidence)
        if evidence != "both":
            values[:, ~self.prototypes.has(evidence)] = -np.inf
        return self.of_whole(Similarities(values, lengths, levels=self.levels))


def _most(similarities: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return the rows of the most similar taxa, ascending: all of them unless there are very many."""
    if len(similarities) <= _COMPARED:
        return np.arange(len(similarities))
    return np.sort(np.argpartition(similarities, -_COMPARED)[-_COMPARED:])


def _check_top_k(top_k: int) -> None:
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; it must be at least 1")
