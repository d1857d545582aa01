"""What a flora answers: predictions, identifications, and photos that could not be read."""

from collections.abc import Callable
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
    "Progress",
    "Unreadable",
    "Vectors",
    "Verdict",
]

Vectors = NDArray[np.float32]
"""Embeddings, one a row: float32 of shape (number, width)."""

EvidenceKind = Literal["both", "text", "photos"]
"""What an answer leans on: everything known of a taxon, its texts alone, or its photos alone."""

EVIDENCE_KINDS: tuple[EvidenceKind, ...] = ("both", "text", "photos")
"""The kinds of evidence in the order of reports."""

Verdict = Literal["sure", "unsure", "uncalibrated"]
"""How far an answer can be trusted; `uncalibrated` floras give no probability."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One taxon that a photo may show."""

    taxon: Taxon
    similarity: float
    """Inner product of the photo's embedding with the taxon's vector; the larger the closer."""
    probability: float | None
    """Between 0 and 1, over all taxa of the flora; `None` where the flora is not calibrated."""


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer for one photo."""

    image: str
    """The photo as it was asked for: its path, or `image 1` and so on where it has none."""
    predictions: tuple[Prediction, ...]
    """The most similar taxa, best first."""
    verdict: Verdict
    taxon: Taxon | None
    """The best taxon where the verdict is `sure`, otherwise `None`."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A photo that could not be read, and why."""

    image: str
    error: str
