"""Text prompts for a taxon, built from its names, for floras and for training."""

import re
from collections.abc import Iterator
from typing import Literal, get_args

from dalip.taxonomy import Taxon

__all__ = ["NAME_KINDS", "class_texts", "name_texts", "sentences", "taxon_texts"]

NameKind = Literal["common", "scientific", "taxonomic", "all"]
"""Which of a taxon's names a prompt uses; `all` means every kind, and also prompts that combine two kinds."""

NAME_KINDS: tuple[NameKind, ...] = get_args(NameKind)
"""The kinds, in the order in which reports list them."""

_MAX_NAMES = 4  # common names used, so that a plant's many common names do not outweigh its scientific name
_LONGEST = 50  # words per sentence; longer sentences are truncated

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
    """Return the prompts for a taxon, built from its scientific name, English common names and taxonomy.

    Args:
        taxon: Any taxon; empty fields are skipped.
        kind: `common`, `scientific` or `taxonomic` for prompts with names of this kind only; the taxonomic ones
            begin with the scientific name.

    Returns:
        3 to 11 distinct prompts for `all`; no further text is needed to find the taxon's photos. Empty if the taxon
        has no name of the requested kind.
    """
    texts = [text for of, text in _texts(taxon) if kind in ("all", of)]
    return list(dict.fromkeys(texts))


def name_texts(taxon: Taxon) -> list[str]:
    """Return the prompts that a flora knows a taxon by: all of them, but only two for a taxon without common names.

    These two find its photos nearly as well as all: 37.4 instead of 37.6 % of the validation photos of the built-in
    flora's taxa, known by their names alone (`benchmarks/name_texts.py`). A list of names is embedded in half the time.
    """
    texts = taxon_texts(taxon)
    return texts if taxon.vernacular_name else texts[1:3]


def class_texts(name: str) -> list[str]:
    """Return the prompts for a class that is not a taxon, such as `mailbox`."""
    return [template.format(name) for template in _CLASS_TEMPLATES]


def _texts(taxon: Taxon) -> Iterator[tuple[str, str]]:
    """Yield kind and prompt; a prompt that combines two kinds of names is `mixed`."""
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
    """Split a description into sentences, each cut to 50 words.

    Args:
        description: Running text.

    Returns:
        The sentences of at least four words, in order.
    """
    # A single capital letter with a full stop is an abbreviation, as in "V. ocellata", and does not end a sentence.
    parts = re.split(r"(?<![A-Z]\.)(?<=[.!?])\s+(?=[A-Z])", description.strip())
    split = (part.split() for part in parts)
    return [" ".join(words[:_LONGEST]) for words in split if len(words) >= 4]
