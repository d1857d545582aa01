"""Evaluate a run on its validation split (`selection`), and embed the photos on which scoring weights are chosen."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import DalipError, DataError, ExportError
from dalip.evaluation import (
    ALL_SOURCES,
    Embedder,
    Photos,
    ZeroShotTask,
    accuracy_by_source,
    make_zero_shot_task,
    retrieval,
    source_masks,
    text_vectors,
)
from dalip.model import CLASSIFIED, TaxonClassifier
from dalip.training.data.corpus import Corpus
from dalip.training.torch_embedder import TorchEmbedder

__all__ = ["measure_selection", "selection_naming"]

_MOST_SOURCES = 8


def measure_selection(
    embedder: TorchEmbedder, corpus: Corpus, classifier: TaxonClassifier | None = None
) -> tuple[dict[str, float], list[DalipError]]:
    """Evaluate a model on the validation split: accuracy on plants and recall of captions.

    Args:
        embedder: The model.
        corpus: Data of the run.
        classifier: The classifier that is trained beside the pairs, if there is one.

    Returns:
        Metrics in [0, 1] by their names in the log, only those for which the split has photos; and the errors of
        photos that cannot be read. `top-1`, `genus top-1` and `family top-1` are the accuracy of the nearest taxon
        by text, of its genus and of its family; those of the classifier begin with `classifier`. Each is given for
        the eight sources with most photos, and for all plants together.
    """
    found: dict[str, float] = {}
    skipped: list[DalipError] = []
    if plants := corpus.plants("selection"):
        photos, appearances = embedder.embed_with_appearance(plants)
        skipped += [photo.error for photo in photos.skipped]
        if photos.records:
            found |= _named_by_text(embedder, photos, corpus)
            if classifier:
                found |= _classified(classifier, photos, appearances, corpus)
        else:
            skipped.append(DataError("no-named-photo", photos=len(plants)))
    if captioned := corpus.captioned("selection"):
        with _all_unreadable(skipped):
            recalls, faults = retrieval(embedder, captioned)
            skipped += [photo.error for photo in faults]
            found |= {f"{row.source} caption recall@5": row.text_to_image[5] for row in recalls}
    return {name: round(value, 4) for name, value in found.items()}, skipped


def _named_by_text(embedder: Embedder, photos: Photos, corpus: Corpus) -> dict[str, float]:
    task = make_zero_shot_task(photos, corpus.texts, text_vectors(embedder, corpus.every_text))
    found: dict[str, float] = {}
    shown = _largest(task.sources)
    for source, row in accuracy_by_source(task).items():
        if source not in shown:
            continue
        found |= {f"{source} top-1": row.top_1, f"{source} top-5": row.top_5}
    taxa = [corpus.taxa[name] for name in corpus.texts]
    best = (task.photos @ task.class_vectors().T).argmax(axis=1)
    for rank in ("genus", "family"):
        names = np.array([getattr(taxon, rank) for taxon in taxa])
        if (known := names[task.truth] != "").any():
            right = (names[best] == names[task.truth])[known]
            found |= _means(f"{rank} top-1", right, np.array(task.sources)[known])
    return found


def _classified(
    classifier: TaxonClassifier, photos: Photos, appearances: Vectors, corpus: Corpus
) -> dict[str, float]:
    """Measure the classifiers on the photos whose class they know."""
    taxa = [corpus.taxa[record.taxon.scientific_name] for record in photos.records if record.taxon]
    sources, labels = np.array([record.source for record in photos.records]), classifier.labels(taxa).numpy()
    device = classifier.weight.device
    with torch.no_grad():
        logits = classifier.logits(torch.from_numpy(appearances).to(device))
    found: dict[str, float] = {}
    for rank, scores, own in zip(CLASSIFIED, logits, labels.T, strict=True):
        if (known := own >= 0).any():
            right = (scores.argmax(dim=1).cpu().numpy() == own)[known]
            found |= _means(f"classifier {rank} top-1", right, sources[known])
    return found


def _means(what: str, right: NDArray[np.bool_], sources: NDArray[np.str_]) -> dict[str, float]:
    """Return the share that is right, by source."""
    shown = _largest(sources.tolist())
    return {
        f"{source} {what}": float(right[mine].mean())
        for source, mine in source_masks(sources.tolist()).items()
        if source in shown
    }


def _largest(sources: Iterable[str]) -> set[str]:
    return {ALL_SOURCES, *(source for source, _ in Counter(sources).most_common(_MOST_SOURCES))}


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
