"""Measure the answers of a flora for plants it does not contain, leaving out one taxon at a time. Run by `trust.py`."""

from collections.abc import Sequence

import numpy as np
from answers import Answered, answer_all, without
from embedded import Embedded

from dalip.taxonomy import Taxon
from dalip_index import Flora


def leave_one_out(
    flora: Flora, photos: Embedded, shown: Sequence[Taxon]
) -> tuple[list[Answered], list[Answered]]:
    """Answer the photos of each taxon with a flora that lacks it.

    What lies within the taxon, such as its varieties, is left out too. A taxon that contains it, such as its genus as
    a taxon of the flora, is not.

    Args:
        flora: The flora.
        photos: The photos.
        shown: The taxon in each, as `Labels.taxon` returns it.

    Returns:
        The answers for taxa whose genus is still in the flora, and for the others.
    """
    present: list[Answered] = []
    absent: list[Answered] = []
    names = np.array([taxon.scientific_name for taxon in shown])
    for name in dict.fromkeys(names.tolist()):
        mine = names == name
        taxon = shown[int(mine.argmax())]
        inside = [t for t in flora.taxa if t.scientific_name == name or taxon.contains(t)]
        rest = without(flora, inside) if inside else flora
        found = answer_all(rest, photos.part(mine), [taxon] * int(mine.sum()))
        (present if holds_genus(rest, taxon) else absent).extend(found)
    return present, absent


def holds_genus(flora: Flora, taxon: Taxon) -> bool:
    """Return whether a flora has a taxon of the same genus, or the genus itself."""
    genus = taxon.genus or taxon.scientific_name
    return any(t.genus == genus or t.scientific_name == genus for t in flora.taxa)
