"""Texts that stand for a taxon: evidence of a flora, and what a model reads in training."""

import re

from dalip.taxonomy import Taxon

__all__ = ["sentences", "taxon_texts"]

_MAX_NAMES = 4  # of the common names, so that a plant with many does not drown its scientific name


def taxon_texts(taxon: Taxon) -> list[str]:
    """Write the texts that stand for a taxon, by scientific name, English common names and taxonomy.

    Args:
        taxon: Any taxon; whatever it does not say is left out.

    Returns:
        Between 3 and 11 distinct texts; no other text of its own is needed to find the taxon's photos.
    """
    name = taxon.scientific_name
    lineage = [
        f"{rank} {value}" for rank, value in (("family", taxon.family), ("order", taxon.order)) if value
    ]
    texts = [
        f"a photo of {name}, a plant",
        f"{name}, {taxon.taxon_rank} of plant",
        ", ".join([name, *lineage]),
    ]
    if taxon.genus and taxon.genus != name:
        texts.append(", ".join([name, f"genus {taxon.genus}", *lineage[:1]]))
    common = [v.name for v in taxon.vernacular_names if v.language == "en"][:_MAX_NAMES]
    for i, vernacular in enumerate(common):
        texts.append(f"a photo of {vernacular}, a plant")
        if i == 0:
            texts += [
                vernacular,
                f"{name}, commonly known as {vernacular}",
                ", ".join([name, vernacular, *lineage[:1]]),
            ]
    return list(dict.fromkeys(texts))


def sentences(description: str, *, max_words: int = 50) -> list[str]:
    """Split a description into sentences short enough to be read whole.

    Args:
        description: Running text.
        max_words: Longer sentences are cut there.

    Returns:
        The sentences of at least four words, in order.
    """
    # An abbreviated genus ("V. ocellata") and the like end in one letter and a full stop: no sentence ends there.
    parts = re.split(r"(?<![A-Z]\.)(?<=[.!?])\s+(?=[A-Z])", description.strip())
    split = (part.split() for part in parts)
    return [" ".join(words[:max_words]) for words in split if len(words) >= 4]
