"""Measure zero-shot classification: photos named from texts alone."""

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
"""Scientific name of a taxon, or name of another class, to the texts that stand for it."""


@dataclass(frozen=True)
class ZeroShotTask:
    """Photos to be named and the texts of what they may show, embedded."""

    photos: Vectors
    sources: tuple[str, ...]
    """Of each photo."""
    truth: NDArray[np.intp]
    """The class of each photo."""
    texts: Vectors
    """All texts, one class after the other."""
    starts: NDArray[np.intp]
    """The row of each class's first text."""

    def class_vectors(self) -> Vectors:
        """Give the mean direction of each class's texts, (c, E)."""
        sums = np.add.reduceat(self.texts, self.starts, axis=0)
        vectors: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return vectors

    def reweighted(self, blocks: Sequence[Block], first_order: float) -> "ZeroShotTask":
        """Change the scoring weights, as `reweight` does."""
        photos, texts = (reweight(vectors, blocks, first_order) for vectors in (self.photos, self.texts))
        return replace(self, photos=photos, texts=texts)


@dataclass(frozen=True)
class Accuracy:
    """Accuracy in [0, 1] over some photos, all classes being possible answers."""

    photos: int
    classes: int
    top_1: float
    top_5: float
    macro_top_1: float
    """Mean over classes of top-1."""
    nll: float
    """Mean negative log-likelihood of the right class, in nats, at the temperature that is best for these photos."""


@dataclass(frozen=True)
class ZeroShot(Accuracy):
    """Accuracy over the photos of one source, by one kind of names."""

    source: str
    names: str


def classes_by_name_kind(
    records: Sequence[Record], taxa: Iterable[Taxon] = ()
) -> dict[str, dict[str, list[str]]]:
    """Gather what photos may show, and how it is called.

    Args:
        records: Photos of taxa, or with a `className`; what they show are the classes.
        taxa: Further taxa to choose from, whose names and ranks also complete those of the photos.

    Returns:
        For each kind of names of taxa, and for `class`, classes with a name of this kind; kinds without are absent.
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
    """Embed texts, each once."""
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, embedder.embed_texts(distinct, progress), strict=True))


def make_zero_shot_task(photos: Photos, classes: Classes, vectors: Mapping[str, Vectors]) -> ZeroShotTask:
    """Put photos and classes together; photos of none of the classes are left out.

    Args:
        photos: Embedded photos.
        classes: Each with a text at least.
        vectors: The embedding of each text.
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
    """Measure the photos of each source; all sources together come last where there are several."""
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
    """Name photos from texts alone.

    Args:
        embedder: The encoder.
        records: The photos.
        classes: By kind of names, the classes to choose from, as `classes_by_name_kind` gives them.
        progress: Called with "photos" and "texts".

    Returns:
        A row a kind and source, and the photos that cannot be read, with the reasons.

    Raises:
        DataError: No photo is readable and of one of the classes.
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
    """Choose the scoring weights of first and second order that maximise the likelihood of the right class.

    Args:
        task: Of the validation split, with at least one photo.
        blocks: Of the encoder, each with a weight above 0.

    Returns:
        The scoring weight l1 of the first order that has the least negative log-likelihood, a mean over the sources;
        1 where there is no second.
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
