"""`Resolution`: what a name that a person wrote stands for, or why that is not clear."""

from dataclasses import dataclass, replace
from typing import Literal

from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["How", "Resolution"]

How = Literal[
    "decided",
    "as given",
    "exact",
    "synonym",
    "common name",
    "spelling",
    "higher taxon",
    "doubtful",
    "ambiguous",
    "unknown",
]
"""How a name was resolved: by the user's decision; without a list; by exact match; as a synonym; as a common name of
one taxon; despite a misspelling; or only to a higher taxon, without a cultivar, variety or the like. Otherwise it is
doubtful, has several possible meanings, or none."""

_NO_NAMES = {"absent": "name-absent", "formula": "name-formula", "text": "name-not-scientific"}


@dataclass(frozen=True)
class Resolution:
    """The result of resolving a name."""

    given: str
    how: How
    taxon: Taxon | None
    """`None` if the name is doubtful, ambiguous or unknown, or if the decision is to leave it out."""
    candidates: tuple[Taxon, ...] = ()
    """Possible taxa if `taxon` is `None`, closest first; for an unknown name, those with a similar spelling."""
    dropped: tuple[str, ...] = ()
    """What was written beside the name of the taxon: `sp. 1`, `'Kiese'`, `(dog rose)`, `cf.`"""
    genus: Taxon | None = None
    """For a doubtful name, its genus."""
    similar: bool = False
    """Whether the candidates only have a similar spelling."""
    no_name: Literal["", "absent", "formula", "text"] = ""
    """Why an unknown name cannot be found: it says that there is none, is a hybrid formula, or is other text."""

    @property
    def listed(self) -> str:
        """The candidates as text; homonyms with rank and family to distinguish them."""
        names = [taxon.scientific_name for taxon in self.candidates]
        told = [
            f"{t.scientific_name} ({t.taxon_rank}, {t.family or t.order or 'no family'})"
            if names.count(t.scientific_name) > 1
            else t.scientific_name
            for t in self.candidates
        ]
        return " | ".join(told)

    @property
    def noted(self) -> bool:
        """Whether users should be told how it was resolved: it is not the given name, or something was dropped."""
        return bool(self.dropped) or self.how not in ("decided", "as given", "exact")

    @property
    def refused(self) -> bool:
        """Whether it cannot be the name of a plant that is new to the list: no name, doubtful, or of several taxa."""
        return bool(self.no_name) or self.how == "doubtful" or (self.how == "ambiguous" and not self.similar)

    @property
    def at_genus(self) -> "Resolution":
        """A doubtful name resolved to its genus, if that is known; any other resolution unchanged."""
        if self.how != "doubtful" or self.genus is None:
            return self
        return replace(self, how="higher taxon", taxon=self.genus)

    @property
    def error(self) -> DataError:
        """Why the name cannot be used, for a resolution without a taxon."""
        name = shown(self.given[:80])
        if self.how == "decided":
            return DataError("name-left-out", name=name)
        if kind := _NO_NAMES.get(self.no_name):
            return DataError(kind, name=name)
        return DataError(f"name-{self.how}", name=name, candidates=self.listed, number=len(self.candidates))

    @property
    def note(self) -> DataError:
        """How the name was read, for a resolution with a taxon that is `noted`."""
        taxon = self.taxon.scientific_name if self.taxon else ""
        dropped = shown(", ".join(self.dropped)) if self.dropped else "none"
        return DataError(
            "name-read-as", name=shown(self.given[:80]), how=self.how, taxon=taxon, dropped=dropped
        )
