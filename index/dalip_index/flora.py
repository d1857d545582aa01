"""A flora in use: load one, and ask it what a photo shows."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder, PhotoSource
from dalip.errors import FloraError, ImageError
from dalip.taxonomy import Taxon
from dalip_assets import ENCODER, FLORA
from dalip_index.answers import EvidenceKind, Identification, Prediction, Unreadable, Vectors
from dalip_index.calibration import CALIBRATION, Calibration
from dalip_index.catalogue import read_prototypes, read_taxa
from dalip_index.evidence import Prototypes
from dalip_index.manifest import FloraManifest
from dalip_index.vectors import INDEX, read_index
from dalip_index.versions import current_version

__all__ = ["Flora", "load_flora"]


def load_flora(path: Path | None = None, encoder: Path | Encoder | None = None) -> "Flora":
    """Load the live version of a flora, checking sizes and headers but not the hashes.

    Args:
        path: The flora; `None` for the built-in one.
        encoder: The encoder that built it, or the folder of its bundle; `None` for the built-in one.

    Raises:
        FloraError: The flora is missing or damaged, or was built with another encoder.
        BundleError: The encoder is missing or damaged.
    """
    root = FLORA if path is None else path
    if not isinstance(encoder, Encoder):
        encoder = Encoder.load(ENCODER if encoder is None else encoder)
    while True:
        folder = current_version(root)
        try:
            return _load_version(root, folder, encoder)
        except FloraError:
            # Two builds that end while we read take our version away: then the pointer has moved on.
            if current_version(root) == folder:
                raise


def _load_version(root: Path, folder: Path, encoder: Encoder) -> "Flora":
    manifest = FloraManifest.load(folder)
    manifest.check_sizes(folder)
    built_with = manifest.encoder
    if built_with.fingerprint != encoder.fingerprint:
        raise FloraError(
            f"{root}: was built with the encoder {built_with.name} ({built_with.fingerprint[:12]}), not with "
            f"{encoder.manifest.name} ({encoder.fingerprint[:12]}); name its own with --encoder, or build "
            "the flora again"
        )
    calibration = Calibration.load(folder / CALIBRATION)
    taxa = read_taxa(folder)
    index = read_index(folder / INDEX)
    width = encoder.width + encoder.appearance_width
    if not index.ntotal == len(taxa) == manifest.counts.taxa or index.d != width:
        raise FloraError(
            f"{folder}: {len(taxa)} taxa, {index.ntotal} vectors of width {index.d}, and a manifest of "
            f"{manifest.counts.taxa} taxa of width {width} do not fit together; build the flora again"
        )
    return Flora(folder, manifest, calibration, taxa, index, encoder)


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

    @cached_property
    def prototypes(self) -> Prototypes:
        """The text and photo prototypes, read when first asked for."""
        encoder = self.encoder
        return read_prototypes(self.folder, len(self.taxa), encoder.width, encoder.appearance_width)

    def identify(
        self, sources: Iterable[PhotoSource], top_k: int = 5
    ) -> Iterator[Identification | Unreadable]:
        """Say what photos show, one answer for each, in their order; one that cannot be read stops nothing.

        Args:
            sources: Paths, the bytes of image files, images, or functions that give one of these.
            top_k: How many taxa to give for each photo, at least 1.
        """
        _check_top_k(top_k)
        found = self.encoder.encode_files(sources, appearance=True)
        for number, (source, result) in enumerate(found, 1):
            image = str(source) if isinstance(source, str | Path) else f"image {number}"
            if isinstance(result, ImageError):
                yield Unreadable(image, str(result))
                continue
            (predictions,) = self.identify_vectors(result[None], top_k)
            verdict = self.calibration.verdict(predictions[0].probability)
            yield Identification(
                image, predictions, verdict, predictions[0].taxon if verdict == "sure" else None
            )

    def identify_vectors(
        self, photos: Vectors, top_k: int = 5, evidence: EvidenceKind = "both"
    ) -> list[tuple[Prediction, ...]]:
        """Rank the taxa for photos that are encoded already.

        Args:
            photos: Embeddings, each followed by its appearance, shape (photos, E + A).
            top_k: How many taxa to give for each photo, at least 1.
            evidence: What to compare with. Probabilities are calibrated for `both` only; taxa without a kind
                of evidence are left out where it is asked for alone.

        Returns:
            For each photo its most similar taxa, best first.

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        _check_top_k(top_k)
        similarities, rows = self.rank(photos, evidence)
        probabilities = self.calibration.probabilities(similarities) if evidence == "both" else None
        return [
            tuple(
                Prediction(
                    self.taxa[row],
                    float(similarities[photo, place]),
                    None if probabilities is None else float(probabilities[photo, place]),
                )
                for place, row in enumerate(rows[photo, :top_k])
            )
            for photo in range(len(photos))
        ]

    def rank(self, photos: Vectors, evidence: EvidenceKind = "both") -> tuple[Vectors, NDArray[np.intp]]:
        """Compare photos with every taxon that has the evidence.

        Args:
            photos: Shape (photos, E + A).
            evidence: What to compare with.

        Returns:
            The similarities in descending order, and the rows of `taxa` that they belong to, both of shape
            (photos, taxa with that evidence).

        Raises:
            FloraError: The vectors are of another width or not finite.
        """
        photos = np.ascontiguousarray(photos, np.float32)
        width = self.encoder.width + self.encoder.appearance_width
        if photos.ndim != 2 or photos.shape[1] != width or not np.isfinite(photos).all():
            raise FloraError(
                f"vectors of shape {photos.shape} cannot be compared; they are finite numbers of shape "
                f"(photos, {width})"
            )
        if evidence == "both":
            similarities, ids = self._index.search(photos, self._index.ntotal)
            return similarities, ids - 1
        kinds = self.prototypes
        present = np.flatnonzero(kinds.text_counts if evidence == "text" else kinds.photo_counts)
        similarities = kinds.similarities(photos, evidence, self.calibration.text_weight)[:, present]
        order = np.argsort(-similarities, axis=1, kind="stable")
        return np.take_along_axis(similarities, order, axis=1), present[order]


def _check_top_k(top_k: int) -> None:
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; ask for at least one taxon")
