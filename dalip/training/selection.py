"""A run's selection photos: how well they are named on the way, and what the scoring weights are chosen on."""

import contextlib

import numpy as np

from dalip.errors import DataError, ExportError
from dalip.evaluation import Embedder, Naming, make_naming, retrieval, text_vectors, zero_shot
from dalip.training.corpus import Corpus

__all__ = ["measure_selection", "selection_naming"]


def measure_selection(embedder: Embedder, corpus: Corpus) -> dict[str, float]:
    """Measure a model on the selection split: top-1 and top-5 of plants by source, recall of captions by source.

    Args:
        embedder: The model.
        corpus: The run's.

    Returns:
        Figures in [0, 1] by what the log calls them; none for what the split does not hold or cannot be read.
    """
    found: dict[str, float] = {}
    with contextlib.suppress(DataError):
        for row in zero_shot(embedder, corpus.plants("selection"), {"all": corpus.texts})[0]:
            found |= {f"{row.source} top-1": row.top_1, f"{row.source} top-5": row.top_5}
    with contextlib.suppress(DataError):
        for recall in retrieval(embedder, corpus.captioned("selection"))[0]:
            found[f"{recall.source} caption recall@5"] = recall.text_to_image[5]
    return {name: round(value, 4) for name, value in found.items()}


def selection_naming(embedder: Embedder, corpus: Corpus) -> Naming | None:
    """Embed what the scoring weights are chosen on: photos of the selection split, and the texts to name them by.

    Args:
        embedder: The trained model.
        corpus: The run's.

    Returns:
        Plants and the texts of all taxa; without any plants, captioned photos, each of which is a class of its own;
        `None` if there is neither.

    Raises:
        ExportError: None of the photos can be read.
    """
    plants = corpus.plants("selection")
    records = plants or corpus.captioned("selection")
    if not records:
        return None
    photos = embedder.embed_photos(records)
    if not photos.records:
        raise ExportError("none of the selection photos can be read; the scoring weights cannot be chosen")
    if plants:
        return make_naming(photos, corpus.texts, text_vectors(embedder, corpus.every_text))
    captions = [record.captions for record in photos.records]
    counts = np.array([len(texts) for texts in captions])
    return Naming(
        photos.vectors,
        tuple(record.source for record in photos.records),
        np.arange(len(captions)),
        embedder.embed_texts([text for texts in captions for text in texts]),
        np.cumsum(counts) - counts,
    )
