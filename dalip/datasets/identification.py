"""What a biodiversity export says about the identity of an organism: a plant or not, certain or not, its rank and name.

Sources: Darwin Core's terms (https://dwc.tdwg.org/terms/), and the columns of exports from GBIF and iNaturalist.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from dalip.datasets.columns import folded, name_columns
from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.ranks import read_rank
from dalip.scientific_name import read_name

__all__ = ["is_other_kingdom", "taxon_of_export", "taxon_of_occurrence"]

_PLANTS = frozenset({"plantae", "viridiplantae", "archaeplastida", "chloroplastida", "plants", "plant"})
_OTHER_KINGDOMS = (
    "animalia animals metazoa fungi bacteria archaea archaebacteria eubacteria monera protozoa protista "
    "protists chromista viruses virus orthornavirae heunggongvirae bamfordvirae pararnavirae shotokuvirae "
    "animal fungus"
)
_CERTAIN = re.compile(
    r"(s(ensu)?\.? ?(str|lat|l|s)(icto|o)?\.?|agg(r|regate)?\.?|group|confirmed|certain)", re.I
)
"""Qualifiers that tell how widely a name is meant, and not that it is doubtful."""
_DOUBT = re.compile(r"\?|\b(?:cf|aff|nr|prope)\b", re.IGNORECASE)
_LONGEST_NAME = 500  # characters; longer ones are refused later
_AGGREGATES = ("aggregate", "complex", "group")
_EXPORT_RANKS = {  # the columns of an iNaturalist export, from the narrowest to the widest rank of floras
    "taxon_form_name": "form",
    "taxon_variety_name": "variety",
    "taxon_subspecies_name": "subspecies",
    "taxon_hybrid_name": "species",
    "taxon_species_name": "species",
    "taxon_genushybrid_name": "genus",
    "taxon_genus_name": "genus",
    "taxon_family_name": "family",
    "taxon_order_name": "order",
}
_EXPORT_COLUMN = re.compile(r"taxon_(\w+)_name")


@lru_cache(maxsize=1000)
def is_other_kingdom(name: str) -> bool:
    """Return whether a name is that of a kingdom, or a domain, that contains no plants."""
    return folded(name) in _OTHER_KINGDOMS.split()


def _require_plant(*kingdoms: str, name: str) -> None:
    """Make sure that an organism is a plant, or that its kingdom is unknown.

    Args:
        kingdoms: What the source says, in one or several columns; the first that is not empty counts.
        name: The scientific name, for the message.

    Raises:
        DataError: It is not a plant.
    """
    kingdom = next(filter(None, kingdoms), "")
    if kingdom and kingdom.strip().lower() not in _PLANTS:
        raise DataError("not-a-plant", name=shown(name[:80] or "?"), kingdom=shown(kingdom[:40]))


def taxon_of_export(row: Mapping[str, str], columns: frozenset[str]) -> dict[str, str]:
    """Return the name and rank of the taxon in a row of an iNaturalist export.

    The rank is that of the narrowest of the columns `taxon_..._name` that contains the name.

    Args:
        row: Non-empty cells by column.
        columns: All columns of the export.

    Raises:
        DataError: It is not a plant, or its rank is none of those that floras have.
    """
    name = row.get("scientific_name", "")
    _require_plant(row.get("iconic_taxon_name", ""), row.get("taxon_kingdom_name", ""), name=name)
    if not name:
        return {}
    same = [
        column
        for column, value in row.items()
        if _EXPORT_COLUMN.fullmatch(column) and _plain(value) == _plain(name)
    ]
    if found := next((rank for column, rank in _EXPORT_RANKS.items() if column in same), ""):
        return {"scientificName": name, "taxonRank": found}
    if same:
        raise DataError("taxon-rank-unused", name=shown(name), rank=same[-1].split("_")[1])
    # Sections, tribes and complexes have no column, but their genus or family has.
    narrower = "taxon_species_name" if " " in name else "taxon_genus_name"
    if narrower in columns and any(_EXPORT_COLUMN.fullmatch(column) for column in row):
        raise DataError("taxon-rank-unused", name=shown(name), rank="?")
    return {"scientificName": name}


def taxon_of_occurrence(row: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of the taxon in an occurrence or taxon of a Darwin Core Archive, with a name without authors.

    The accepted name counts, if the archive has it, because its genus, family and order belong to that; the name that
    was given is then in `verbatimIdentification`.

    Args:
        row: Non-empty values by term.

    Raises:
        DataError: It is not a plant, was not there, is doubtful, or its rank is none of those that floras have.
    """
    told = name_columns(tuple(row)).fields(row)  # a name in parts is put together
    given = row.get("scientificName") or told.get("scientificName") or row.get("genus", "")
    _require_plant(row.get("kingdom", ""), name=given)
    if row.get("occurrenceStatus", "").strip().lower() == "absent":
        raise DataError("occurrence-absent", name=shown(given))
    qualifier = row.get("identificationQualifier", "").strip()
    verbatim = row.get("verbatimScientificName", "")
    if (qualifier and not _CERTAIN.fullmatch(qualifier)) or _DOUBT.search(verbatim):
        raise DataError("identification-doubtful", name=shown(given), qualifier=shown(qualifier or verbatim))
    accepted = row.get("acceptedScientificName") or row.get("acceptedNameUsage") or given
    plain, author = _without_author(accepted, row)
    rank = row.get("taxonRank", "")
    fields = {"scientificName": plain, "scientificNameAuthorship": author}
    if plain != _without_author(given, row)[0]:
        fields["verbatimIdentification"] = given
    elif read_rank(rank):
        fields["taxonRank"] = rank
    elif rank and not any(word in rank.lower() for word in _AGGREGATES) and not _is_species(plain):
        raise DataError("taxon-rank-unused", name=shown(given), rank=shown(rank[:40]))
    return {term: value for term, value in fields.items() if value}


def _without_author(name: str, row: Mapping[str, str]) -> tuple[str, str]:
    """Return a name without its authors, and the authors."""
    author = row.get("scientificNameAuthorship", "").strip()
    if author and name.endswith(f" {author}"):
        return name.removesuffix(author).strip(), author
    parts = read_name(name) if len(name) <= _LONGEST_NAME else None
    if parts is None or not parts.text:
        return name, ""
    return parts.text, name.removeprefix(parts.text).strip() if name.startswith(parts.text) else parts.author


def _plain(name: str) -> str:
    return " ".join(word for word in name.lower().replace("×", " × ").split() if word not in ("×", "x"))


def _is_species(name: str) -> bool:
    parts = read_name(name[:_LONGEST_NAME])
    return bool(parts and parts.species)
