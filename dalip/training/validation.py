"""Evaluate a run on its validation split (`selection`), and embed the photos on which scoring weights are chosen."""

import contextlib
from collections.abc import Iterator

import numpy as np

from dalip.errors import DalipError, DataError, ExportError
from dalip.evaluation import Embedder, ZeroShotTask, make_zero_shot_task, retrieval, text_vectors, zero_shot
from dalip.training.data.corpus import Corpus

__all__ = ["measure_selection", "selection_naming"]


def measure_selection(embedder: Embedder, corpus: Corpus) -> tuple[dict[str, float], list[DalipError]]:
    """Evaluate a model on the validation split: top-1 and top-5 accuracy of plants and recall of captions, by source.

    Args:
        embedder: The model.
        corpus: Data of the run.

    Returns:
        Metrics in [0, 1] by their names in the log, only those for which the split has photos; and the errors of
        photos that cannot be read.
    """
    found: dict[str, float] = {}
    skipped: list[DalipError] = []
    if plants := corpus.plants("selection"):
        with _all_unreadable(skipped):
            named, faults = zero_shot(embedder, plants, {"all": corpus.texts})
            skipped += [photo.error for photo in faults]
            for row in named:
                found |= {f"{row.source} top-1": row.top_1, f"{row.source} top-5": row.top_5}
    if captioned := corpus.captioned("selection"):
        with _all_unreadable(skipped):
            recalls, faults = retrieval(embedder, captioned)
            skipped += [photo.error for photo in faults]
            found |= {f"{row.source} caption recall@5": row.text_to_image[5] for row in recalls}
    return {name: round(value, 4) for name, value in found.items()}, skipped


@contextlib.contextmanager
def _all_unreadable(skipped: list[DalipError]) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        skipped.append(error)


def selection_naming(embedder: Embedder, corpus: Corpus) -> tuple[ZeroShotTask | None, list[DalipError]]:
    """Embed what the scoring weights are chosen on: photos of the validation split and the texts of all candidates.

    Args:
        embedder: The trained model.
        corpus: Data of the run.

    Returns:
        Plants and the texts of all taxa; if there are no plants, captioned photos, each of which is a separate class;
        `None` if there are neither. Also the errors of photos that cannot be read.

    Raises:
        ExportError: None of the photos can be read.
    """
    plants = corpus.plants("selection")
    records = plants or corpus.captioned("selection")
    if not records:
        return None, []
    photos = embedder.embed_photos(records)
    if not photos.records:
        raise ExportError("no-validation-photo")
    skipped = [photo.error for photo in photos.skipped]
    if plants:
        return make_zero_shot_task(photos, corpus.texts, text_vectors(embedder, corpus.every_text)), skipped
    captions = [record.captions for record in photos.records]
    counts = np.array([len(texts) for texts in captions])
    naming = ZeroShotTask(
        photos.vectors,
        tuple(record.source for record in photos.records),
        np.arange(len(captions)),
        embedder.embed_texts([text for texts in captions for text in texts]),
        np.cumsum(counts) - counts,
    )
    return naming, skipped
