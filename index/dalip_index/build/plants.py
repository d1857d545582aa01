"""Names that a person types for the plants of a flora: to teach it a plant, or to remove one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from dalip.datasets.names.resolve import resolve_typed
from dalip.datasets.names.resolver import Resolver
from dalip.errors import DataError
from dalip.progress import no_report
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.flora.load import read_tree
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.name_index import NameIndex
from dalip_index.store.versions import current_version, flora_or_start

__all__ = ["names_in_flora", "plant_to_teach"]


def plant_to_teach(
    path: Path,
    start: Path | None,
    fields: Mapping[str, str],
    note: Callable[[DataError], None] = no_report,
) -> Taxon:
    """Return the plant that a person wants to teach a flora.

    Args:
        path: The flora.
        start: The flora to use instead if there is none at `path` yet.
        fields: Darwin Core terms as they were typed. With a rank, a misspelt name is taken as that of a new plant.
        note: Called with how the name was read, if it is not the name of the plant.

    Raises:
        DataError: The name is missing, or not that of one plant.
        FloraError: The flora cannot be read.
    """
    if not fields["scientificName"].strip():
        raise DataError("no-name")
    root = flora_or_start(path, start)
    known, names = _taxa_of(root)
    found = resolve_typed(fields["scientificName"], names, may_be_misspelt=not fields.get("taxonRank"))
    taxon = found.taxon
    assert taxon is not None
    if found.noted:
        note(found.note)
    typed = {**fields, "scientificName": taxon.scientific_name}
    new = Taxon.from_darwin_core({**typed, "scientificNameAuthorship": taxon.scientific_name_authorship})
    row = known.rows.get(taxon.scientific_name)
    if row is None or known.taxa[row] != taxon:
        return new
    return replace(
        new,
        taxon_rank=taxon.taxon_rank,
        vernacular_names=new.vernacular_names or taxon.vernacular_names,
        family=new.family or taxon.family,
        order=taxon.order,
    )


def names_in_flora(path: Path, names: Iterable[str]) -> list[str]:
    """Return the scientific names of the plants of a flora that a person names, for example to remove them.

    A name that the flora does not contain is returned as it is. A misspelt name is refused.

    Raises:
        DataError: A name is not that of one plant. The error lists the candidates.
        FloraError: The flora cannot be read.
    """
    _, known = _taxa_of(path)
    return [_name_in(known, name) for name in names]


def _taxa_of(path: Path) -> tuple[TaxonTree, Resolver]:
    """Return the taxa of a flora, and what resolves their names."""
    folder = current_version(path)
    _, tree = read_tree(folder, FloraManifest.load(folder))
    return tree, Resolver(NameIndex(tree).among(np.arange(len(tree.taxa))))


def _name_in(known: Resolver, name: str) -> str:
    found = known.resolve(name)
    if found.taxon and found.how in ("exact", "synonym", "common name"):
        return found.taxon.scientific_name
    if found.taxon:
        found = replace(found, how="unknown", candidates=(found.taxon,), taxon=None)
        raise found.error
    if found.refused:
        raise found.error
    return " ".join(name.split())
