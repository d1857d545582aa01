"""Text prototypes: embed the texts about each taxon, reusing texts already embedded."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder, Vectors
from dalip.errors import FloraError
from dalip.evaluation import OnnxEmbedder
from dalip.progress import Progress, no_progress
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip_index.flora.prototypes import Prototypes, mean_prototypes
from dalip_index.store.catalogue import Evidence, read_evidence
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["embed_texts", "text_evidence", "texts_of"]


def text_evidence(taxa: Sequence[Taxon], texts: Mapping[str, Sequence[str]]) -> list[Evidence]:
    """Return the texts of taxa as evidence.

    Args:
        taxa: The taxa in the order of the flora.
        texts: Texts by scientific name; other taxa get those from `dalip.prompts.taxon_texts`.
    """
    return [
        Evidence(row, "text", text)
        for row, taxon in enumerate(taxa)
        for text in (texts[taxon.scientific_name] if taxon.scientific_name in texts else taxon_texts(taxon))
    ]


def texts_of(evidence: Sequence[Evidence]) -> dict[int, tuple[str, ...]]:
    """Return the texts of each taxon that has any, keyed by the taxon's row."""
    found: dict[int, tuple[str, ...]] = {}
    for one in evidence:
        if one.kind == "text":
            found[one.taxon] = (*found.get(one.taxon, ()), one.content)
    return found


def embed_texts(
    encoder: Encoder, evidence: Sequence[Evidence], taxa: int, flora: Path, progress: Progress = no_progress
) -> tuple[Vectors, NDArray[np.intp]]:
    """Compute the text prototypes.

    Args:
        encoder: Embeds the texts.
        evidence: The texts.
        taxa: Number of taxa.
        flora: A flora whose prototypes are reused for taxa with unchanged texts, if it exists and was built with the
            same encoder.
        progress: Called with "texts", the number done, and the total.

    Returns:
        The prototypes, shape (taxa, E), zeros for taxa without texts; and the number of texts per taxon, shape (taxa,).
    """
    wanted, known = texts_of(evidence), _known(encoder, flora)
    fresh = [(row, text) for row, texts in wanted.items() if texts not in known for text in texts]
    vectors = OnnxEmbedder(encoder).embed_texts([text for _, text in fresh], progress)
    prototypes, _ = mean_prototypes(vectors, np.array([row for row, _ in fresh], np.intp), taxa)
    for row, texts in wanted.items():
        if texts in known:
            prototypes[row] = known[texts]
    return prototypes, np.bincount(np.array([e.taxon for e in evidence], np.intp), minlength=taxa)


def _known(encoder: Encoder, flora: Path) -> dict[tuple[str, ...], Vectors]:
    """Return a flora's prototypes keyed by their texts; empty if it is unusable or was built with another encoder."""
    try:
        folder = current_version(flora)
        manifest = FloraManifest.load(folder)
        if manifest.encoder.fingerprint != encoder.fingerprint:
            return {}
        texts = texts_of(read_evidence(folder))
        prototypes = Prototypes.load(folder, manifest).text[:]
    except FloraError:
        return {}
    return {of: prototypes[row] for row, of in texts.items()}
