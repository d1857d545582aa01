"""Sentences about a taxon made from its names, for floras and for training."""

import re
from collections.abc import Iterator
from typing import Literal, get_args

from dalip.taxonomy import Taxon

__all__ = ["NAME_KINDS", "class_texts", "sentences", "taxon_texts"]

NameKind = Literal["common", "scientific", "taxonomic", "all"]
"""Which names of a taxon a text uses; `all` are those of each kind and those that join two."""

NAME_KINDS: tuple[NameKind, ...] = get_args(NameKind)
"""The kinds in the order of reports."""

_MAX_NAMES = 4  # of the common names, so that a plant with many does not drown its scientific name
_LONGEST = 50  # words of a sentence; the rest of longer ones is cut

_CLASS_TEMPLATES = (
    "a photo of a {}",
    "a photo of the {}",
    "a close-up photo of a {}",
    "a photo of a {} in its surroundings",
    "a photo of several of them: {}",
    "this is a {}",
    "{}",
)


def taxon_texts(taxon: Taxon, kind: NameKind = "all") -> list[str]:
    """Write the texts that stand for a taxon, by scientific name, English common names and taxonomy.

    Args:
        taxon: Any taxon; whatever it does not say is left out.
        kind: `common`, `scientific` or `taxonomic` for the texts with names of this kind alone; the taxonomic ones
            begin with the scientific name.

    Returns:
        Between 3 and 11 distinct texts for `all`; no other text of its own is needed to find the taxon's photos. None
        for a kind of which the taxon has no name.
    """
    texts = [text for of, text in _texts(taxon) if kind in ("all", of)]
    return list(dict.fromkeys(texts))


def class_texts(name: str) -> list[str]:
    """Write the texts that stand for a class that is no taxon, such as `mailbox`."""
    return [template.format(name) for template in _CLASS_TEMPLATES]


def _texts(taxon: Taxon) -> Iterator[tuple[str, str]]:
    """Give kind and text; those that mix names of two kinds are of none."""
    name = taxon.scientific_name
    lineage = [
        f"{rank} {value}" for rank, value in (("family", taxon.family), ("order", taxon.order)) if value
    ]
    yield "scientific", f"a photo of {name}, a plant"
    yield "scientific", f"{name}, {taxon.taxon_rank} of plant"
    yield "taxonomic" if lineage else "scientific", ", ".join([name, *lineage])
    if taxon.genus and taxon.genus != name:
        yield "taxonomic", ", ".join([name, f"genus {taxon.genus}", *lineage[:1]])
    common = [v.name for v in taxon.vernacular_names if v.language == "en"][:_MAX_NAMES]
    for i, vernacular in enumerate(common):
        yield "common", f"a photo of {vernacular}, a plant"
        if i == 0:
            yield "common", vernacular
            yield "mixed", f"{name}, commonly known as {vernacular}"
            yield "mixed", ", ".join([name, vernacular, *lineage[:1]])


def sentences(description: str) -> list[str]:
    """Split a description into sentences short enough to be read whole.

    Args:
        description: Running text.

    Returns:
        The sentences of at least four words, in order.
    """
    # An abbreviated genus ("V. ocellata") and the like end in one letter and a full stop: no sentence ends there.
    parts = re.split(r"(?<![A-Z]\.)(?<=[.!?])\s+(?=[A-Z])", description.strip())
    split = (part.split() for part in parts)
    return [" ".join(words[:_LONGEST]) for words in split if len(words) >= 4]
