"""What a flora answers: predictions and identifications."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dalip.taxonomy import Taxon

__all__ = [
    "EVIDENCE_KINDS",
    "EvidenceKind",
    "Identification",
    "Prediction",
    "Verdict",
]

Vectors = NDArray[np.float32]
"""Embeddings, one a row: float32 of shape (number, width)."""

EvidenceKind = Literal["both", "text", "photos"]
"""What an answer leans on: everything known of a taxon, its texts alone, or its photos alone."""

EVIDENCE_KINDS: tuple[EvidenceKind, ...] = ("both", "text", "photos")
"""The kinds of evidence in the order of reports."""

Verdict = Literal["sure", "unsure", "not in flora", "not a plant", "uncalibrated"]
"""How far an answer can be trusted, or why there is none; `uncalibrated` floras give no probability."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One taxon that a photo may show."""

    taxon: Taxon
    similarity: float
    """Inner product of the photo's embedding with the taxon's vector; the larger the closer."""
    probability: float | None
    """Between 0 and 1, over all taxa that answers may name; `None` where the flora is not calibrated."""
    experimental: bool = False
    """Whether the flora knows the taxon from texts alone; it is then never answered as sure."""


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer for one photo."""

    image: str
    """The photo as it was asked for: its path, or `image 1` and so on where it has none."""
    predictions: tuple[Prediction, ...]
    """The most similar taxa, best first."""
    verdict: Verdict
    taxon: Taxon | None
    """What the photo shows, where the verdict is `sure`: the lowest taxon that is probable enough, which may be the
    genus or family of several of the flora's taxa. Otherwise `None`."""
    probability: float | None = None
    """Of `taxon`, the taxa inside it taken together; where it holds all that answers may name, among all taxa of the
    flora."""
    taxon_set: tuple[Prediction, ...] = ()
    """The taxa that the right one is among as often as `coverage` says; none where nothing fits well enough."""
    coverage: float | None = None
    """What the set promises, for photos like those that the flora was calibrated on; `None` without calibration."""
    plant: float | None = None
    """Share of photos of the flora's plants, between 0 and 1, that are at least as strange as this photo."""
    in_flora: float | None = None
    """Share of them that fit the flora no better; see `Calibration.in_flora` for answers restricted to some taxa."""
    look_alikes: tuple[Taxon, ...] = ()
    """The taxa that the most similar one is hardest to tell from."""
