"""Answer for a region: taxa that are not known there become less likely, or are left out; see `in_region`."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalip.errors import FloraError
from dalip.taxonomy import first_words
from dalip_index.flora.answer import Region
from dalip_index.flora.flora import Flora
from dalip_index.flora.restricted import RestrictedFlora
from dalip_index.store.name_index import NameIndex

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
    whole = rows_inside(flora.whole.name_index, region.names)
    before, inside = flora, whole[flora.rows_in_whole]
    if not inside.any():
        elsewhere = int(whole.any())
        number = len(region.names)
        raise FloraError("region-without-taxa", source=region.name, number=number, elsewhere=elsewhere)
    weight = flora.calibration.region_weight(int(inside.sum()), len(inside))
    if region.only:
        rows = flora.rows_in_whole[inside]
        restricted = RestrictedFlora(flora.whole, rows)
        if isinstance(flora, RestrictedFlora):
            restricted.unknown, restricted.noted = flora.unknown, flora.noted
        flora = restricted
        inside, weight = np.ones(len(rows), bool), 0.0
    found = copy(flora)
    found.region = Region(region.name, inside, weight)
    found.before = before
    return found


def rows_inside(index: NameIndex, names: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """Find the taxa of a flora that a region contains; the names are looked up, so most taxa are not read.

    Args:
        index: The names of the taxa and of their higher taxa.
        names: As `RegionTaxa.names`.

    Returns:
        Shape (taxa,); see `in_region` for what counts.
    """
    tree, nodes_of = index.tree, index.nodes_named(names)
    others = {synonym for name, synonyms in names.items() if name not in nodes_of for synonym in synonyms}
    nodes = np.zeros(len(tree) + 2, bool)  # the last two stand for a rank without taxon, -2
    for found in (nodes_of, index.nodes_named(others)):
        nodes[[node for some in found.values() for node in some]] = True
    inside: NDArray[np.bool_] = np.asarray(nodes[tree.above_rows].any(axis=1))
    # A taxon occurs where one inside it does: a genus where one of its species does, also of those not in the flora.
    wider = {first_words(name, number) for name in names for number in (1, 2)} - names.keys()
    holding = [node for some in index.nodes_named(wider).values() for node in some]
    for more in (np.array(holding, np.intp), tree.above_rows[inside].ravel()):
        np.put(inside, more[(more >= 0) & (more < len(inside))], True)
    return inside
