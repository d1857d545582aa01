"""Measure zero-shot classification: photos identified from text prompts alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record
from dalip.encoder import Block, Vectors
from dalip.encoder.embedder import Embedder, Photos
from dalip.encoder.reweight import reweight
from dalip.errors import DataError, Skipped
from dalip.evaluation.labelled import label_of, source_masks
from dalip.evaluation.metrics import hit_rate, macro_mean, nearest_ranks, nll_at_best_temperature
from dalip.progress import Progress, no_progress
from dalip.prompts import NAME_KINDS, class_texts, taxon_texts
from dalip.taxonomy import Taxon

__all__ = [
    "Accuracy",
    "ZeroShot",
    "ZeroShotTask",
    "accuracy_by_source",
    "choose_first_order",
    "classes_by_name_kind",
    "make_zero_shot_task",
    "text_vectors",
    "zero_shot",
]

Classes = Mapping[str, Sequence[str]]
"""Scientific name of a taxon, or name of another class, to its prompts."""


@dataclass(frozen=True)
class ZeroShotTask:
    """Embedded photos to classify, and the embedded prompts of the classes."""

    photos: Vectors
    sources: tuple[str, ...]
    """Source of each photo."""
    truth: NDArray[np.intp]
    """The class of each photo."""
    texts: Vectors
    """All prompts, class by class."""
    starts: NDArray[np.intp]
    """The row of each class's first prompt."""

    def class_vectors(self) -> Vectors:
        """Return the mean direction of each class's prompts, (c, E)."""
        sums = np.add.reduceat(self.texts, self.starts, axis=0)
        vectors: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return vectors

    def reweighted(self, blocks: Sequence[Block], first_order: float) -> "ZeroShotTask":
        """Change the scoring weights, as `reweight` does."""
        photos, texts = (reweight(vectors, blocks, first_order) for vectors in (self.photos, self.texts))
        return replace(self, photos=photos, texts=texts)


@dataclass(frozen=True)
class Accuracy:
    """Accuracy in [0, 1] over some photos; every class is a possible answer."""

    photos: int
    classes: int
    top_1: float
    top_5: float
    macro_top_1: float
    """Top-1 averaged over classes."""
    nll: float
    """Mean negative log-likelihood of the correct class, in nats, at the best temperature for these photos."""


@dataclass(frozen=True)
class ZeroShot(Accuracy):
    """Accuracy over the photos of one source, with one kind of names."""

    source: str
    names: str


def classes_by_name_kind(
    records: Sequence[Record], taxa: Iterable[Taxon] = ()
) -> dict[str, dict[str, list[str]]]:
    """Collect the classes that photos may show, with prompts for each kind of names.

    Args:
        records: Photos of taxa, or with a `className`; their labels are the classes.
        taxa: Further taxa to choose from. Their names and ranks replace those given with the photos.

    Returns:
        The classes with a name of this kind, by kind of taxon names and for `class`; empty kinds are absent.
    """
    shown = {record.taxon.scientific_name: record.taxon for record in records if record.taxon}
    shown |= {taxon.scientific_name: taxon for taxon in taxa}
    found: dict[str, dict[str, list[str]]] = {
        kind: {name: texts for name, taxon in shown.items() if (texts := taxon_texts(taxon, kind))}
        for kind in NAME_KINDS
    }
    things = dict.fromkeys(name for r in records if not r.taxon and (name := label_of(r)))
    found["class"] = {name: class_texts(name) for name in things}
    return {kind: classes for kind, classes in found.items() if classes}


def text_vectors(
    embedder: Embedder, texts: Iterable[str], progress: Progress = no_progress
) -> dict[str, Vectors]:
    """Embed distinct texts, each once."""
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, embedder.embed_texts(distinct, progress), strict=True))


def make_zero_shot_task(photos: Photos, classes: Classes, vectors: Mapping[str, Vectors]) -> ZeroShotTask:
    """Combine photos and classes in a task; photos that show no given class are skipped.

    Args:
        photos: Embedded photos.
        classes: The classes, each with at least one prompt.
        vectors: The embedding of each prompt.
    """
    numbers = {name: i for i, name in enumerate(classes)}
    mine = [i for i, record in enumerate(photos.records) if label_of(record) in numbers]
    counts = [len(texts) for texts in classes.values()]
    return ZeroShotTask(
        photos.vectors[mine],
        tuple(photos.records[i].source for i in mine),
        np.array([numbers[label_of(photos.records[i]) or ""] for i in mine], np.intp),
        np.stack([vectors[text] for texts in classes.values() for text in texts]),
        np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp),
    )


def accuracy_by_source(task: ZeroShotTask) -> dict[str, Accuracy]:
    """Measure accuracy for the photos of each source, and last for all sources together if there are several."""
    classes = task.class_vectors()
    pairs = np.stack([np.arange(len(task.truth)), task.truth], axis=1)
    places = nearest_ranks(task.photos, classes, pairs)
    return {
        source: Accuracy(
            int(mine.sum()),
            len(classes),
            hit_rate(places[mine], 1),
            hit_rate(places[mine], 5),
            macro_mean(places[mine] < 1, task.truth[mine]),
            nll_at_best_temperature(task.photos[mine], classes, task.truth[mine]),
        )
        for source, mine in source_masks(task.sources).items()
    }


def zero_shot(
    embedder: Embedder,
    records: Sequence[Record],
    classes: Mapping[str, Classes],
    progress: Progress = no_progress,
) -> tuple[list[ZeroShot], tuple[Skipped, ...]]:
    """Classify photos from text prompts alone.

    Args:
        embedder: The encoder.
        records: The photos.
        classes: The classes to choose from, by kind of names, as returned by `classes_by_name_kind`.
        progress: Called with "photos" and "texts".

    Returns:
        One row per kind of names and source, and the unreadable photos with reasons.

    Raises:
        DataError: No readable photo shows one of the classes.
    """
    known = {name for some in classes.values() for name in some}
    photos = embedder.embed_photos([r for r in records if label_of(r) in known], progress)
    if not photos.records:
        raise DataError("no-named-photo", photos=len(records))
    every_text = (text for some in classes.values() for texts in some.values() for text in texts)
    vectors = text_vectors(embedder, every_text, progress)
    rows = []
    for kind, some in classes.items():
        task = make_zero_shot_task(photos, some, vectors)
        if len(task.truth):
            rows += [
                ZeroShot(**asdict(found), source=source, names=kind)
                for source, found in accuracy_by_source(task).items()
            ]
    return rows, photos.skipped


def choose_first_order(task: ZeroShotTask, blocks: Sequence[Block]) -> float:
    """Choose the scoring weights of first and second order that maximise the likelihood of the correct class.

    Args:
        task: The photos in the validation split, at least one.
        blocks: The encoder's blocks, each with a weight above 0.

    Returns:
        The scoring weight l1 of the first order with the lowest negative log-likelihood, averaged over the sources;
        1 if there is no second order.
    """
    if len(blocks) == 1:
        return 1.0
    sources = [mine for source, mine in source_masks(task.sources).items() if source in task.sources]

    def loss(first_order: float) -> float:
        changed = task.reweighted(blocks, first_order)
        classes = changed.class_vectors()
        return sum(
            nll_at_best_temperature(changed.photos[mine], classes, task.truth[mine]) for mine in sources
        )

    return min((step / 10 for step in range(11)), key=loss)
