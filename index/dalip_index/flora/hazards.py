"""Hazards: look up whether a plant is known to harm people or animals, in a short and incomplete list.

Source: Nelson, Shih and Balick, "Handbook of poisonous and injurious plants", 2nd edition, 2007; Frohne and Pfänder,
"Poisonous plants", 2nd edition, 2005; for lilies and cats Fitzgerald, "Lily toxicity in the cat", 2010.
"""

import csv
from dataclasses import dataclass
from functools import cache

from dalip.taxonomy import Taxon
from dalip_assets import POISONOUS

__all__ = ["Hazard", "hazard_of"]


@dataclass(frozen=True, slots=True)
class Hazard:
    """How a taxon does harm."""

    taxon: Taxon
    """The listed taxon: the requested one, or one above or below it in the taxonomy."""
    harm: str
    """`deadly`, `poisonous` or `harms the skin`."""
    how: str
    """Which parts are harmful, and which substances cause the harm, in English."""
    how_fr: str
    """The same in French."""

    def how_in(self, language: str) -> str:
        """Return the harmful parts and substances in a language (ISO 639-1), or in English if it is not available."""
        return self.how_fr if language == "fr" else self.how


@cache
def _listed() -> tuple[Hazard, ...]:
    with POISONOUS.open(encoding="utf-8", newline="") as file:
        return tuple(
            Hazard(Taxon.from_darwin_core(row), row["harm"], row["how"], row["how_fr"])
            for row in csv.DictReader(file)
        )


def hazard_of(taxon: Taxon) -> Hazard | None:
    """Return how a taxon is known to do harm.

    A species counts as harmful if its genus is listed, and a genus if one of its species is; a family does not.

    Returns:
        The listed hazard; `None` if nothing is listed, which does not mean that the taxon is harmless.
    """
    if taxon.taxon_rank in ("family", "order"):
        return None
    found = (
        hazard
        for hazard in _listed()
        if hazard.taxon.scientific_name == taxon.scientific_name
        or hazard.taxon.contains(taxon)
        or taxon.contains(hazard.taxon)
    )
    return next(found, None)
