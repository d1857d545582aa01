"""Answer for a region: taxa that are not known there become less likely, or are left out; see `in_region`."""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon, first_words
from dalip_index.flora.answer import Region
from dalip_index.flora.flora import Flora
from dalip_index.flora.restricted import RestrictedFlora
from dalip_index.store.catalogue import StoredTaxa

__all__ = ["RegionTaxa", "in_region", "rows_inside"]


@dataclass(frozen=True)
class RegionTaxa:
    """The plants of a region."""

    name: str
    """As answers show it, such as `Spain`."""
    names: Mapping[str, Sequence[str]]
    """Scientific names, each with its synonyms."""
    only: bool = False
    """Whether answers may contain no other taxa."""


def in_region(flora: Flora, region: RegionTaxa) -> Flora:
    """Return a flora that knows where the photos were taken.

    The logit of each taxon that does not occur in the region is lowered by one weight, `Calibration.region_weight`,
    before logits become probabilities. So the odds of these taxa fall by the same factor, and a photo that clearly
    shows one of them still gets its name. Photos are rejected as before. If answers may contain only taxa of the
    region, the flora is restricted to them as by `restrict`. A flora without calibration has no probabilities; its taxa
    are then ranked by similarity, from which the weight is subtracted after division by the encoder's logit scale.

    Source: Bayes' rule with a prior that depends on the place, as in Mac Aodha et al., "Presence-only geographical
    priors for fine-grained image classification", 2019, but from a list of taxa.

    Args:
        flora: The flora, possibly restricted.
        region: The region. A taxon occurs there if the region contains it under its name or a synonym, contains a genus
            or family that it belongs to, or contains a taxon inside it, such as a species of a genus.

    Raises:
        FloraError: No taxon of the flora occurs there.
    """
    before, inside = flora, rows_inside(flora.tree, region.names)
    if not inside.any():
        raise FloraError("region-without-taxa", source=region.name, number=len(region.names))
    weight = flora.calibration.region_weight(int(inside.sum()), len(inside))
    if region.only:
        rows = np.flatnonzero(inside)
        if flora.whole is not flora:
            held = flora.whole.tree.rows
            rows = np.array([held[flora.taxa[row].scientific_name] for row in rows.tolist()], np.intp)
        restricted = RestrictedFlora(flora.whole, rows)
        if isinstance(flora, RestrictedFlora):
            restricted.unknown, restricted.noted = flora.unknown, flora.noted
        flora = restricted
        inside, weight = np.ones(len(rows), bool), 0.0
    found = copy(flora)
    found.region = Region(region.name, inside, weight)
    found.before = before
    return found


def rows_inside(tree: TaxonTree, names: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """Find the taxa of a flora that a region contains; the names are looked up, so most taxa are not read.

    Args:
        tree: The taxa, and their higher taxa.
        names: As `RegionTaxa.names`.

    Returns:
        Shape (taxa,); see `in_region` for what counts.
    """
    rows = _rows_named(tree.taxa, names.keys())
    above = _rows_named(tree.higher, names.keys())
    missing = names.keys() - rows.keys() - above.keys()
    others = {synonym for name in missing for synonym in (*names[name], _as_hybrid(name))}
    found = [*rows.values(), *_rows_named(tree.taxa, others).values()]
    found += _rows_with_synonym(tree.taxa, missing | others)
    # A genus of the flora occurs where one of its species does, and a species where one of its subspecies does.
    wider = {first_words(name, number) for name in names for number in (1, 2)} - names.keys()
    inside = np.zeros(len(tree.taxa), bool)
    inside[list(_rows_named(tree.taxa, wider).values())] = True
    nodes = np.zeros(len(tree) + 2, bool)  # the last two stand for a rank without taxon, -2
    nodes[found] = True
    nodes[[len(tree.taxa) + place for place in above.values()]] = True
    inside |= nodes[tree.above_rows].any(axis=1)
    return inside


def _as_hybrid(name: str) -> str:
    """Return a name with the sign of a hybrid, which some sources leave out."""
    genus, _, rest = name.partition(" ")
    return f"{genus} × {rest}"


def _rows_named(taxa: Sequence[Taxon], names: Collection[str]) -> dict[str, int]:
    if isinstance(taxa, StoredTaxa):
        return taxa.rows_named(names)
    return {taxon.scientific_name: row for row, taxon in enumerate(taxa) if taxon.scientific_name in names}


def _rows_with_synonym(taxa: Sequence[Taxon], names: Collection[str]) -> list[int]:
    if isinstance(taxa, StoredTaxa):
        return taxa.rows_with_synonym(names)
    return [row for row, taxon in enumerate(taxa) if not frozenset(names).isdisjoint(taxon.synonyms)]
