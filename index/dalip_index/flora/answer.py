"""`Identification` and `Prediction`: a flora's answers, and their JSON form."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from dalip.taxonomy import Taxon

__all__ = [
    "EVIDENCE_KINDS",
    "LONGEST_SET",
    "EvidenceKind",
    "Identification",
    "Lazy",
    "Prediction",
    "Region",
    "RegionEffect",
    "Verdict",
]

T = TypeVar("T")

EvidenceKind = Literal["both", "text", "photos"]
"""What an answer is based on: texts and photos, texts alone, or photos alone."""

EVIDENCE_KINDS: tuple[EvidenceKind, ...] = ("both", "text", "photos")
"""The kinds of evidence in the order used by reports."""

Verdict = Literal["sure", "unsure", "not in flora", "not a plant", "uncalibrated"]
"""Whether an answer is confident (`sure`) or not, or why the photo was rejected. `uncalibrated` answers have no
probabilities."""

LONGEST_SET = 8
"""Conformal prediction sets with more taxa are shortened by genera, families and orders. If more remain, the set is not
shown, because a longer list does not help, and only its likely plants get cautions."""


class Lazy(Sequence[T]):
    """A sequence of known length whose items are created on first access.

    A conformal prediction set may contain every taxon in a large flora, and most callers never read all of it.
    """

    def __init__(self, number: int, make: Callable[[], Sequence[T]]) -> None:
        """Create a lazy sequence.

        Args:
            number: Number of items.
            make: Called once to create all items.
        """
        self._number = number
        self._parts: tuple[T, ...] | Callable[[], Sequence[T]] = make

    def _all(self) -> tuple[T, ...]:
        parts = self._parts
        if not isinstance(parts, tuple):
            parts = self._parts = tuple(parts())
        return parts

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self._all()[place]

    def __iter__(self) -> Iterator[T]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lazy | tuple):
            return NotImplemented
        return self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


@dataclass(frozen=True, slots=True)
class Prediction:
    """A taxon that a photo may show."""

    taxon: Taxon
    similarity: float
    """Inner product of the photo's vector and the taxon's vector; larger is more similar."""
    probability: float | None
    """Between 0 and 1, over all taxa that answers may contain; `None` if the flora is not calibrated."""
    experimental: bool = False
    """Whether the flora knows the taxon from texts alone; such a taxon is never a confident answer."""
    in_region: bool | None = None
    """Whether the taxon, or one inside it, occurs in the region; `None` if no region is known."""

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain values for JSON, with Darwin Core terms."""
        taxon, known = self.taxon, {} if self.in_region is None else {"inRegion": self.in_region}
        return {
            "scientificName": taxon.scientific_name,
            "taxonRank": taxon.taxon_rank,
            "vernacularName": taxon.vernacular_name,
            "genus": taxon.genus,
            "family": taxon.family,
            "similarity": round(self.similarity, 6),
            "probability": _rounded(self.probability),
            "experimental": self.experimental,
            **known,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region, and which taxa of a flora occur there: a prior for answers, see `in_region`."""

    name: str
    """As answers show it, such as `Spain`."""
    inside: NDArray[np.bool_]
    """Which taxa occur there, shape (taxa,)."""
    weight: float
    """Subtracted from the logits of the other taxa, so their odds are divided by its exponential."""


@dataclass(frozen=True, slots=True)
class RegionEffect:
    """What a region changed in an answer."""

    name: str
    """Name of the region."""
    taxa: int
    """Number of the flora's taxa that occur there."""
    without: "Identification"
    """The answer without the region."""
    changed: bool
    """Whether the first name is another one without the region."""

    def to_dict(self) -> dict[str, Any]:
        """Return the effect as plain values for JSON."""
        first = self.without.predictions[0]
        return {
            "name": self.name,
            "taxa": self.taxa,
            "changed": self.changed,
            "without": {
                "scientificName": first.taxon.scientific_name,
                "taxonRank": first.taxon.taxon_rank,
                "probability": _rounded(first.probability),
                "verdict": self.without.verdict,
            },
        }


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer for one photo."""

    image: str
    """The photo's path, or `image 1` and so on if it has none."""
    predictions: tuple[Prediction, ...]
    """The most probable taxa, best first; the most similar ones if the flora is not calibrated."""
    verdict: Verdict
    taxon: Taxon | None
    """The taxon in the photo if the verdict is `sure` (confident), else `None`. It is the lowest taxon that is probable
    enough, and may be the genus or family of several taxa in the flora."""
    probability: float | None = None
    """Total probability of `taxon` and the taxa inside it. If `taxon` contains all taxa that answers may contain, it is
    their probability among all taxa in the flora."""
    taxon_set: Sequence[Prediction] = ()
    """The conformal prediction set, which contains the right taxon, itself or inside a higher taxon, with probability
    `coverage`; most probable first. A long set is shortened by genera, families and orders. Empty if nothing fits well
    enough."""
    coverage: float | None = None
    """How often the conformal prediction set contains the right taxon, for photos like the calibration photos; `None`
    if the flora is not calibrated."""
    plant: float | None = None
    """Share of photos of the flora's plants, 0 to 1, that are at least as far out of distribution as this photo."""
    in_flora: float | None = None
    """Share of those photos that fit the flora no better; for restricted answers see `Calibration.in_flora`."""
    look_alikes: Sequence[Taxon] = ()
    """The taxa that are hardest to distinguish from the most similar one."""
    likely: Sequence[Prediction] = ()
    """All taxa with a probability of 2 % (rounded) or more, best first, however many predictions were asked for; the
    three most similar ones if the flora is not calibrated. Cautions are about these. With a region, followed by those
    that are likely without it."""
    region: RegionEffect | None = None
    """What the region changed; `None` if no region is known."""

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain values for JSON; docs/identify.schema.json describes it."""
        return {
            "image": self.image,
            "predictions": [prediction.to_dict() for prediction in self.predictions],
            "verdict": self.verdict,
            "taxon": self.taxon.scientific_name if self.taxon else None,
            "taxonRank": self.taxon.taxon_rank if self.taxon else None,
            "probability": _rounded(self.probability),
            "coverage": self.coverage,
            "taxonSet": [prediction.taxon.scientific_name for prediction in self.taxon_set],
            "plant": _rounded(self.plant),
            "inFlora": _rounded(self.in_flora),
            "lookAlikes": [taxon.scientific_name for taxon in self.look_alikes],
            **({"region": self.region.to_dict()} if self.region else {}),
        }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
