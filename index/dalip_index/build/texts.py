"""Text prototypes: embed the texts about each taxon, reusing texts already embedded."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder, Vectors
from dalip.errors import FloraError
from dalip.progress import Progress, no_progress
from dalip.prompt_templates import prompts_for
from dalip.taxonomy import Taxon
from dalip_index.build.text_vectors import TextVectors
from dalip_index.flora.prototypes import Prototypes
from dalip_index.store.catalogue import Evidence, read_evidence
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["embed_texts", "text_evidence", "texts_of"]

AT_ONCE = 256
"""Texts per batch."""

KEPT_FROM = 2048
"""Number of texts from which their vectors are kept on disk; fewer take seconds."""


def text_evidence(
    taxa: Sequence[Taxon], texts: Mapping[str, Sequence[str]], templates: Sequence[str]
) -> list[Evidence]:
    """Return the texts of taxa as evidence.

    Args:
        taxa: The taxa in the order of the flora.
        texts: Texts by scientific name; other taxa get those from `dalip.prompt_templates.prompts_for`.
        templates: The prompt templates of the encoder.
    """
    own = prompts_for([taxon for taxon in taxa if taxon.scientific_name not in texts], templates, len(taxa))
    return [
        Evidence(row, "text", text)
        for row, taxon in enumerate(taxa)
        for text in (texts[taxon.scientific_name] if taxon.scientific_name in texts else next(own))
    ]


def texts_of(evidence: Sequence[Evidence]) -> dict[int, tuple[str, ...]]:
    """Return the texts of each taxon that has any, keyed by the taxon's row."""
    found: dict[int, list[str]] = {}
    for one in evidence:
        if one.kind == "text":
            found.setdefault(one.taxon, []).append(one.content)
    return {row: tuple(texts) for row, texts in found.items()}


def embed_texts(
    encoder: Encoder, evidence: Sequence[Evidence], taxa: int, flora: Path, progress: Progress = no_progress
) -> tuple[Vectors, NDArray[np.intp]]:
    """Compute the text prototypes.

    If there are many texts, their vectors are written to disk as they come, and a build that is killed goes on where it
    stopped.

    Args:
        encoder: Embeds the texts.
        evidence: The texts.
        taxa: Number of taxa.
        flora: A flora whose prototypes are reused for taxa with unchanged texts, if it exists and was built with the
            same encoder.
        progress: Called with "texts", the number done, and the total.

    Returns:
        The prototypes, of any length, shape (taxa, E), zeros for taxa without texts; and the number of texts per taxon,
        shape (taxa,).
    """
    wanted, (known, before) = texts_of(evidence), _known(encoder, flora)
    fresh = [(row, text) for row, texts in wanted.items() if texts not in known for text in texts]
    fresh.sort(key=lambda one: len(one[1]))  # texts of a batch are padded to the longest
    embed = TextVectors(encoder, flora).embed if len(fresh) >= KEPT_FROM else encoder.encode_text
    prototypes: Vectors = np.zeros((taxa, encoder.width), np.float32)
    for start in range(0, len(fresh), AT_ONCE):
        some = fresh[start : start + AT_ONCE]
        np.add.at(prototypes, [row for row, _ in some], embed([text for _, text in some]))
        progress("texts", start + len(some), len(fresh))
    for row, texts in wanted.items():
        if texts in known:
            prototypes[row] = before[known[texts]]
    return prototypes, np.bincount(np.array([e.taxon for e in evidence], np.intp), minlength=taxa)


def _known(encoder: Encoder, flora: Path) -> tuple[dict[tuple[str, ...], int], Vectors]:
    """Return the rows of a flora's prototypes by their texts, and the prototypes.

    Empty if the flora is unusable or was built with another encoder.
    """
    try:
        folder = current_version(flora)
        manifest = FloraManifest.load(folder)
        if manifest.encoder.fingerprint == encoder.fingerprint:
            texts = texts_of(read_evidence(folder))
            vectors = Prototypes.load(folder, manifest).text[:]
            return {of: row for row, of in texts.items()}, vectors
    except FloraError:
        pass
    return {}, np.empty((0, encoder.width), np.float32)
