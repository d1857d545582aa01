"""What a flora answers: predictions and identifications, and the JSON that they become."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

from dalip.taxonomy import Taxon

__all__ = [
    "EVIDENCE_KINDS",
    "EvidenceKind",
    "Identification",
    "Lazy",
    "Prediction",
    "Verdict",
]

T = TypeVar("T")

EvidenceKind = Literal["both", "text", "photos"]
"""What an answer leans on: everything known of a taxon, its texts alone, or its photos alone."""

EVIDENCE_KINDS: tuple[EvidenceKind, ...] = ("both", "text", "photos")
"""The kinds of evidence in the order of reports."""

Verdict = Literal["sure", "unsure", "not in flora", "not a plant", "uncalibrated"]
"""How far an answer can be trusted, or why there is none; `uncalibrated` floras give no probability."""


class Lazy(Sequence[T]):
    """A sequence of known length whose parts are made when they are first looked at.

    A conformal prediction set may hold every taxon of a large flora, and most who ask never look at all of it.
    """

    def __init__(self, number: int, make: Callable[[], Sequence[T]]) -> None:
        """Put off making a sequence.

        Args:
            number: How many parts it has.
            make: Makes all of them.
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
    """One taxon that a photo may show."""

    taxon: Taxon
    similarity: float
    """Inner product of the photo's embedding with the taxon's vector; the larger the closer."""
    probability: float | None
    """Between 0 and 1, over all taxa that answers may name; `None` where the flora is not calibrated."""
    experimental: bool = False
    """Whether the flora knows the taxon from texts alone; it is then never answered as sure."""

    def to_dict(self) -> dict[str, Any]:
        """Give the prediction as plain values, ready for JSON, with Darwin Core's names."""
        taxon = self.taxon
        return {
            "scientificName": taxon.scientific_name,
            "taxonRank": taxon.taxon_rank,
            "vernacularName": taxon.vernacular_name,
            "genus": taxon.genus,
            "family": taxon.family,
            "similarity": round(self.similarity, 6),
            "probability": _rounded(self.probability),
            "experimental": self.experimental,
        }


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
    taxon_set: Sequence[Prediction] = ()
    """The conformal prediction set: the taxa that the right one is among as often as `coverage` says, most similar
    first; none where nothing fits well enough."""
    coverage: float | None = None
    """How often the set holds the right taxon, for photos like those that the flora was calibrated on; `None` without
    calibration."""
    plant: float | None = None
    """Share of photos of the flora's plants, between 0 and 1, that are at least as strange as this photo."""
    in_flora: float | None = None
    """Share of them that fit the flora no better; see `Calibration.in_flora` for answers restricted to some taxa."""
    look_alikes: Sequence[Taxon] = ()
    """The taxa that the most similar one is hardest to tell from."""

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as plain values, ready for JSON; docs/identify.schema.json describes it."""
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
        }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
