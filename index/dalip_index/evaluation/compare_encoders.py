"""Compare two encoders on the same photos, using them as a flora does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record
from dalip.encoder import Encoder, Vectors
from dalip.evaluation import OnnxEmbedder, Photos, Retrieval, label_of, retrieval
from dalip.progress import Progress, no_progress
from dalip.prompts import class_texts, taxon_texts
from dalip.taxonomy import Taxon
from dalip_index.build.learn import hit_rates
from dalip_index.build.weights import choose_weights
from dalip_index.flora.answer import EvidenceKind
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes, mean_prototypes, with_unit_appearance
from dalip_index.flora.shrinkage import Kin
from dalip_index.store.manifest import HitRates

__all__ = ["Change", "compare_encoders"]


@dataclass(frozen=True)
class Change:
    """Hit rates of two encoders on the same held-out photos."""

    what: str
    """Which photos."""
    by: Literal["text", "photos", "both", "captions"]
    """Evidence that photos are identified from; `captions`: text-to-image retrieval, photos found by their captions."""
    photos: int
    """Number of photos identified, or of captions used as queries."""
    classes: int
    """Number of classes to choose from, or of photos searched with each caption."""
    before: HitRates
    after: HitRates
    lost: int | None = None
    """Photos whose first name is correct with the first encoder only; `None` for captions."""
    gained: int | None = None
    """Photos whose first name is correct with the second encoder only; `None` for captions."""


def compare_encoders(
    before: Encoder,
    after: Encoder,
    photos: Mapping[str, Sequence[Record]],
    taxa: Mapping[str, Taxon],
    *,
    progress: Progress = no_progress,
) -> list[Change]:
    """Compare two encoders on photos in the calibration and test splits.

    As in a flora, photos in the training split are the evidence. Photos in the validation split (`selection`) choose
    the text weight.

    Args:
        before: The first encoder.
        after: The second encoder.
        photos: Sets of photos from any split, labelled or with captions, keyed by the name of the set.
        taxa: Known taxa by scientific name; other taxa are taken from the fields of their photos.
        progress: Called with "photos", the number done, and the total.

    Returns:
        The changes by set, and in each set by kind of evidence; empty if there are no photos to measure on.

    Raises:
        DataError: A photo's fields do not describe a valid taxon.
    """
    changes: list[Change] = []
    for what, records in photos.items():
        named = [record for record in records if label_of(record)]
        captioned = [r for r in records if not label_of(r) and r.captions and _is_measured(r)]
        if any(map(_is_measured, named)):
            sides = [_named(encoder, named, taxa, progress) for encoder in (before, after)]
            changes += _changes(what, *sides)
        if captioned:
            changes += _by_captions(what, before, after, captioned)
    return changes


@dataclass(frozen=True)
class _Named:
    """One encoder's similarities of photos to all classes, by kind of evidence, and the right classes."""

    similarities: Mapping[EvidenceKind, Vectors]
    targets: NDArray[np.intp]


def _is_measured(record: Record) -> bool:
    return record.split in ("calibration", "test")


def _named(
    encoder: Encoder, records: Sequence[Record], taxa: Mapping[str, Taxon], progress: Progress
) -> _Named:
    embedder = OnnxEmbedder(encoder, appearance=True)
    texts = {label_of(r) or "": _texts(r, taxa) for r in records}
    rows = {name: row for row, name in enumerate(texts)}
    shown_in = {label_of(r) or "": r.taxon for r in records}
    kin = Kin.of((taxon.genus, taxon.family) if taxon else ("", "") for taxon in map(shown_in.get, texts))
    flat = [(rows[name], text) for name, some in texts.items() for text in some]
    vectors = embedder.embed_texts([text for _, text in flat])
    found = embedder.embed_photos(records, progress)
    photos = found._replace(vectors=with_unit_appearance(found.vectors, encoder.width)[0])
    evidence, shown = _part(photos, rows, "train")
    texts_of_rows = np.array([row for row, _ in flat], np.intp)
    means, counts = mean_prototypes(evidence[:, encoder.width :], shown, len(rows))
    prototypes = Prototypes.built(
        *mean_prototypes(vectors, texts_of_rows, len(rows)), means[counts > 0], counts, kin
    )
    weight, shrinkage = choose_weights(prototypes, *_part(photos, rows, "selection"))
    prototypes = replace(prototypes, shrinkage=shrinkage)
    measured, targets = _part(photos, rows, "calibration", "test")
    kinds: tuple[EvidenceKind, ...] = (
        ("text", "photos", "both") if np.isin(targets, shown).any() else ("text",)
    )
    return _Named({kind: Comparison(prototypes, weight)(measured, kind) for kind in kinds}, targets)


def _texts(record: Record, taxa: Mapping[str, Taxon]) -> list[str]:
    if record.taxon:
        return taxon_texts(taxa.get(record.taxon.scientific_name, record.taxon))
    return class_texts(label_of(record) or "")


def _part(photos: Photos, rows: Mapping[str, int], *splits: str) -> tuple[Vectors, NDArray[np.intp]]:
    chosen = [i for i, record in enumerate(photos.records) if record.split in splits]
    labels = [rows[label_of(photos.records[i]) or ""] for i in chosen]
    return photos.vectors[chosen], np.array(labels, np.intp)


def _changes(what: str, before: _Named, after: _Named) -> list[Change]:
    changes = []
    for kind, first in before.similarities.items():
        second, targets = after.similarities[kind], before.targets
        if not len(targets):  # no photo could be read
            return []
        right = [_first(similarities, targets) for similarities in (first, second)]
        lost, gained = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
        rates = hit_rates(first, targets), hit_rates(second, targets)
        changes.append(Change(what, kind, len(targets), first.shape[1], *rates, lost, gained))
    return changes


def _first(similarities: Vectors, targets: NDArray[np.intp]) -> NDArray[np.bool_]:
    own = similarities[np.arange(len(targets)), targets]
    first: NDArray[np.bool_] = (similarities >= own[:, None]).sum(axis=1) <= 1
    return first


def _by_captions(what: str, before: Encoder, after: Encoder, records: Sequence[Record]) -> list[Change]:
    together = [replace(record, fields={**record.fields, "source": what}) for record in records]
    first, second = (retrieval(OnnxEmbedder(encoder), together)[0] for encoder in (before, after))
    return [
        Change(what, "captions", old.captions, old.photos, _recall(old), _recall(new))
        for old, new in zip(first, second, strict=True)
    ]


def _recall(found: Retrieval) -> HitRates:
    return HitRates(found.text_to_image[1], found.text_to_image[5])
