"""Hazards: look up how a plant harms people or animals, and which harmful plants people confuse it with.

The lists are not complete. The facts are in `poisonous.csv` and `confusions.csv`, and their sources in
`harm_sources.csv`, in `dalip_assets`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dalip.scientific_name import plain_name, read_name
from dalip.taxonomy import LIST_SEPARATOR, Taxon
from dalip_assets import CONFUSIONS, HARM_SOURCES, POISONOUS

__all__ = ["HARMS", "Hazard", "confusions_of", "hazard_of", "hazards_in"]

HARMS = ("deadly", "poisonous", "harms the skin")
"""Kinds of harm, the worst first."""

_OTHER_FAMILIES = {
    "Adoxaceae": ("Caprifoliaceae", "Sambucaceae", "Viburnaceae"),
    "Amaryllidaceae": ("Liliaceae",),
    "Apiaceae": ("Umbelliferae",),
    "Arecaceae": ("Palmae",),
    "Asaraceae": ("Aristolochiaceae",),
    "Asparagaceae": ("Convallariaceae", "Liliaceae", "Ruscaceae"),
    "Asteraceae": ("Compositae",),
    "Chenopodiaceae": ("Amaranthaceae",),
    "Colchicaceae": ("Liliaceae",),
    "Fabaceae": ("Leguminosae",),
    "Gelsemiaceae": ("Loganiaceae",),
    "Heliotropiaceae": ("Boraginaceae",),
    "Hyacinthaceae": ("Asparagaceae", "Liliaceae"),
    "Hydrophyllaceae": ("Boraginaceae",),
    "Hypericaceae": ("Clusiaceae", "Guttiferae"),
    "Lamiaceae": ("Labiatae",),
    "Melanthiaceae": ("Liliaceae",),
    "Namaceae": ("Boraginaceae", "Hydrophyllaceae"),
    "Plantaginaceae": ("Scrophulariaceae",),
    "Poaceae": ("Gramineae",),
    "Taccaceae": ("Dioscoreaceae",),
    "Viscaceae": ("Loranthaceae", "Santalaceae"),
}
"""Other names of families, and wider families that other classifications use."""

_EARLIER_FAMILIES = {
    "Aceraceae": ("Acer",),
    "Agapanthaceae": ("Agapanthus",),
    "Agavaceae": ("Agave",),
    "Aloaceae": ("Aloe",),
    "Asclepiadaceae": (
        "Asclepias",
        "Calotropis",
        "Cryptostegia",
        "Gomphocarpus",
        "Periploca",
        "Vincetoxicum",
    ),
    "Aucubaceae": ("Aucuba",),
    "Barringtoniaceae": ("Barringtonia",),
    "Boweniaceae": ("Bowenia",),
    "Caesalpiniaceae": ("Caesalpinia", "Erythrophleum", "Gymnocladus", "Senna"),
    "Clusiaceae": ("Calophyllum",),
    "Cornaceae": ("Aucuba",),
    "Euphorbiaceae": ("Hyaenanche",),
    "Flacourtiaceae": ("Hydnocarpus", "Pangium"),
    "Fumariaceae": ("Corydalis", "Dicentra"),
    "Guttiferae": ("Calophyllum",),
    "Hemerocallidaceae": ("Hemerocallis",),
    "Hippocastanaceae": ("Aesculus",),
    "Illiciaceae": ("Illicium",),
    "Leonticaceae": ("Caulophyllum",),
    "Liliaceae": ("Aloe", "Alstroemeria", "Hemerocallis", "Narthecium"),
    "Lobeliaceae": ("Hippobroma", "Lobelia"),
    "Mimosaceae": ("Leucaena",),
    "Myoporaceae": ("Myoporum",),
    "Myrsinaceae": ("Cyclamen", "Lysimachia"),
    "Nandinaceae": ("Nandina",),
    "Papilionaceae": ("Abrus", "Dermatophyllum", "Gastrolobium", "Laburnum", "Physostigma"),
    "Peganaceae": ("Peganum",),
    "Periplocaceae": ("Cryptostegia", "Periploca"),
    "Phytolaccaceae": ("Rivina",),
    "Podophyllaceae": ("Podophyllum",),
    "Saxifragaceae": ("Hydrangea",),
    "Tiliaceae": ("Corchorus",),
    "Trilliaceae": ("Paris",),
    "Zygophyllaceae": ("Peganum",),
}
"""Listed genera that earlier classifications put in another family. Of Papilionaceae, only the deadly ones, which are
what is said of a family."""

_HANDBOOKS = ("nelson2007", "frohne2005")
"""Sources about poisonings of people. Their plants come first where an answer can name only a few."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """How a taxon does harm."""

    taxon: Taxon
    """The listed taxon, with its common names: the requested one, or one above, below or beside it in the taxonomy."""
    harm: str
    """One of `HARMS`."""
    how: str
    """Which parts are harmful, and which substances cause the harm, in English."""
    how_fr: str
    """The same in French."""
    source: str
    """The publication that says so."""

    def how_in(self, language: str) -> str:
        """Return the harmful parts and substances in a language (ISO 639-1), or in English if it is not available."""
        return self.how_fr if language == "fr" else self.how


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists, by the keys of names; see `_key`."""

    listed: dict[str, Hazard]
    """Listed species and genera, and their synonyms."""
    inside: dict[str, list[Hazard]]
    """What is listed in a genus, family or order."""
    confused: dict[str, list[Hazard]]
    """What a species, or any species of a genus, is taken for."""
    confused_in: dict[str, list[Hazard]]
    """What at least some species of a genus are taken for."""


@cache
def _lists() -> _Lists:
    cited = {row["source"]: row["citation"] for row in _rows(HARM_SOURCES)}
    lists = _Lists({}, {}, {}, {})
    for row in sorted(_rows(POISONOUS), key=lambda row: row["source"] not in _HANDBOOKS):
        taxon = Taxon.from_darwin_core(row)
        hazard = Hazard(taxon, row["harm"], row["how"], row["how_fr"], cited[row["source"]])
        for name in (taxon.scientific_name, *filter(None, row["synonyms"].split(LIST_SEPARATOR))):
            lists.listed[_key(name)] = hazard
        genus = taxon.scientific_name.partition(" ")[0]
        earlier = (family for family, genera in _EARLIER_FAMILIES.items() if genus in genera)
        families = (taxon.family, *_OTHER_FAMILIES.get(taxon.family, ()), *earlier)
        above = (taxon.order, *families, *([taxon.genus] if taxon.taxon_rank == "species" else []))
        for name in above:
            lists.inside.setdefault(name.lower(), []).append(hazard)
    for row in _rows(CONFUSIONS):
        key, hazard = _key(row["scientificName"]), lists.listed[_key(row["confusedWith"])]
        lists.confused.setdefault(key, []).append(hazard)
        lists.confused_in.setdefault(key.partition(" ")[0], []).append(hazard)
    return lists


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _key(name: str) -> str:
    """Return the genus of a name and its species, if there is one, in lower case and without anything else."""
    if parts := read_name(name):
        return f"{parts.genus} {parts.species}".strip()
    return " ".join(plain_name(name).split()[:2])  # `Datura sp.`, or a hybrid formula


def _keys(taxon: Taxon) -> tuple[str, ...]:
    """Return the keys of a taxon of at most genus rank, the narrowest first: its species, genus and given genus."""
    key = _key(taxon.scientific_name)
    genus = key.partition(" ")[0]
    given = plain_name(taxon.genus)
    return tuple(dict.fromkeys(one for one in (key, genus, given) if one))


def _is_wide(taxon: Taxon) -> bool:
    return taxon.taxon_rank in ("family", "order")


def hazard_of(taxon: Taxon) -> Hazard | None:
    """Return how a taxon is known to do harm: the entry of its species or, if there is none, that of its genus.

    Names are found in any usual spelling and under the listed synonyms, with authors, hybrid signs and cultivars.

    Returns:
        The listed hazard; `None` if nothing is listed, which does not mean that the taxon is harmless, and for families
        and orders.
    """
    if _is_wide(taxon):
        return None
    listed = _lists().listed
    return next((listed[key] for key in _keys(taxon) if key in listed), None)


def hazards_in(taxon: Taxon) -> tuple[Hazard, ...]:
    """Return the most harmful of the listed taxa in a genus, family or order, or the deadly relatives of a species.

    Args:
        taxon: A taxon. For a species and below, the relatives are the other species of the genus.

    Returns:
        Listed taxa with the same, worst kind of harm, those in handbooks about people first. Empty if nothing is
        listed, or if nothing in a genus does more harm than the genus is listed for.
    """
    if _is_wide(taxon):
        found = _lists().inside.get(plain_name(taxon.scientific_name), [])
    else:
        genus = next(reversed(_keys(taxon)), "")  # a name without letters has no key
        own = hazard_of(taxon)
        worse = HARMS[: HARMS.index(own.harm)] if own else HARMS
        if taxon.taxon_rank != "genus":
            worse = worse[:1]  # a harmless plant with a relative that is not deadly needs no caution
        found = [hazard for hazard in _lists().inside.get(genus, []) if hazard.harm in worse]
    worst = min((HARMS.index(hazard.harm) for hazard in found), default=0)
    chosen = [hazard for hazard in found if hazard.harm == HARMS[worst]]
    genera = {h.taxon.genus for h in chosen if h.taxon.taxon_rank == "genus"} if _is_wide(taxon) else set()
    return tuple(h for h in chosen if h.taxon.taxon_rank == "genus" or h.taxon.genus not in genera)


def confusions_of(taxon: Taxon) -> tuple[Hazard, ...]:
    """Return the harmful plants that people are known to have taken for a taxon, the worst first.

    Args:
        taxon: A species, for which those of its genus are included, a taxon below it, or a genus; families and orders
            have none.
    """
    if _is_wide(taxon):
        return ()
    lists = _lists()
    confused = lists.confused_in if taxon.taxon_rank == "genus" else lists.confused
    found = {h.taxon.scientific_name: h for key in _keys(taxon) for h in confused.get(key, [])}
    return tuple(sorted(found.values(), key=lambda hazard: HARMS.index(hazard.harm)))
