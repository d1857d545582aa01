"""Evaluate a flora on labelled photos: accuracy, calibration, rejection, and search by common name."""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record
from dalip.encoder import Vectors
from dalip.errors import FloraError, Skipped
from dalip.evaluation import OnnxEmbedder, Photos
from dalip.evaluation.labelled import ALL_SOURCES
from dalip.files import as_utf8
from dalip.progress import Progress, no_progress
from dalip.taxonomy import Taxon
from dalip_index.evaluation.sure import SureAnswers, measure_sure
from dalip_index.evaluation.trust import Rejection, Trust, measure_trust, rejection
from dalip_index.flora.answer import EVIDENCE_KINDS, EvidenceKind
from dalip_index.flora.flora import Flora
from dalip_index.flora.similarities import Similarities
from dalip_index.store.catalogue import read_evidence

__all__ = [
    "Accuracy",
    "Confusion",
    "FloraEvaluation",
    "SearchPrecision",
    "TaxonAccuracy",
    "evaluate_flora",
    "is_evidence",
]

_DEPTH = 5  # search results that a person looks at


@dataclass(frozen=True)
class Accuracy:
    """Hit rates on the photos from one source, with one kind of evidence, among all taxa in the flora."""

    source: str
    evidence: EvidenceKind
    photos: int
    top1: float
    top5: float


@dataclass(frozen=True)
class TaxonAccuracy:
    """Hit rates on the photos of one taxon, using all evidence."""

    taxon: str
    """Scientific name."""
    photos: int
    top1: float
    top5: float


@dataclass(frozen=True)
class Confusion:
    """How often one taxon was mistaken for another."""

    taxon: str
    """Scientific name of the taxon in the photos."""
    named: str
    """Scientific name of the first prediction."""
    photos: int


@dataclass(frozen=True)
class SearchPrecision:
    """Precision at 5 of a search by common name, as a mean over taxa."""

    taxa: int
    """Taxa in the flora that have photos here and an English common name."""
    photos: int
    """Photos searched."""
    precision_at_5: float
    best_possible: float
    """Precision of a perfect search; below 1 if a taxon has fewer than five photos."""


@dataclass(frozen=True)
class FloraEvaluation:
    """The results of `evaluate_flora`."""

    accuracy: tuple[Accuracy, ...]
    """By source, then by kind of evidence; if there are several sources, all of them together come last."""
    taxa: tuple[TaxonAccuracy, ...]
    """Taxa with photos, least accurate first."""
    confusions: tuple[Confusion, ...]
    """Pairs of taxa, most frequent first."""
    search: SearchPrecision | None
    """`None` if no taxon in the photos has a common name."""
    skipped: tuple[Skipped, ...]
    other_photos: int
    """Photos of taxa that are not in this flora."""
    trust: tuple[Trust, ...] = ()
    """By source, with all sources together last if there are several; empty if the flora is not calibrated."""
    sure: tuple[SureAnswers, ...] = ()
    """Right and wrong confident answers. First by source; then for photos of plants that are not in the flora (`other
    plants`); last with the taxon of each photo left out of the flora, if a taxon of its genus stays (`left out, genus
    present`) or not (`left out, genus absent`). Empty if the flora is not calibrated."""
    rejections: tuple[Rejection, ...] = ()
    """For photos that the flora should reject, if there are any: photos of plants that are neither its taxa nor inside
    one of them, and photos without a taxon."""
    evidence_photos: int = 0
    """Photos in the test split that were not used, because they are evidence of this flora."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON. Of skipped photos only the source is included; callers word the reasons."""
        return asdict(replace(self, skipped=())) | {"skipped": [photo.source for photo in self.skipped]}


def is_evidence(flora: Flora, records: Sequence[Record], shown: Sequence[Taxon | None]) -> NDArray[np.bool_]:
    """Return which photos are evidence of a flora, by their keys and the taxa that they show, shape (photos,)."""
    whole = flora.whole
    known = {
        (whole.taxa[e.taxon].scientific_name, e.content)
        for e in read_evidence(whole.folder)
        if e.kind == "photo"
    }
    found = [
        taxon is not None and (taxon.scientific_name, as_utf8(record.key)) in known
        for record, taxon in zip(records, shown, strict=True)
    ]
    return np.array(found, bool)


def evaluate_flora(
    flora: Flora, records: Sequence[Record], *, progress: Progress = no_progress
) -> FloraEvaluation:
    """Measure a flora on labelled photos.

    Photos in the test split that are evidence, because their taxa have no other photos, are not used.

    Args:
        flora: The flora.
        records: The photos; for an unbiased result, from the test split only. Photos of other taxa and photos without
            a taxon are used to measure rejection.
        progress: Called with "photos", the number done, and the total.

    Raises:
        FloraError: No readable photo shows a taxon in the flora.
    """
    rows = flora.tree.rows
    tests = np.array([record.split == "test" for record in records], bool)
    seen = tests & is_evidence(flora, records, [record.taxon for record in records])
    records = [record for record, known in zip(records, seen, strict=True) if not known]
    every = OnnxEmbedder(flora.encoder, appearance=True).embed_photos(records, progress)

    @cache
    def is_inside(taxon: Taxon) -> bool:
        return any(other.contains(taxon) for other in flora.taxa)

    kinds = np.array([_kind(record, rows.keys(), is_inside) for record in every.records])
    photos = _of_kind(every, kinds, "named")
    if not photos.records:
        raise FloraError("no-photo-of-flora", photos=len(records))
    targets = np.array([rows[r.taxon.scientific_name] for r in photos.records if r.taxon], np.intp)
    sources = np.array([r.source for r in photos.records])
    similarities = flora.similarities(every.vectors)
    named = similarities.part(kinds == "named")
    shares = named.shares(flora.calibration)
    bonus = named.bonus(flora.encoder.logit_scale)
    best = shares.probabilities if shares else named.values if bonus is None else named.values + bonus
    ranks = {
        kind: _places(best if kind == "both" else flora.similarities(photos.vectors, kind).values, targets)
        for kind in EVIDENCE_KINDS
    }
    accuracy = [
        _accuracy(source, kind, ranks[kind][sources == source])
        for source in sorted(set(sources.tolist()))
        for kind in EVIDENCE_KINDS
    ]
    if len(accuracy) > len(EVIDENCE_KINDS):
        accuracy += [_accuracy(ALL_SOURCES, kind, ranks[kind]) for kind in EVIDENCE_KINDS]
    search = _search_precision(flora, photos.vectors[:, : flora.encoder.width], targets)
    trust: list[Trust] = []
    rejections: list[Rejection] = []
    if flora.calibration.temperature is not None:
        for source in dict.fromkeys(row.source for row in accuracy):
            part = (sources == source) | (source == ALL_SOURCES)
            trust.append(
                measure_trust(source, named.part(part), targets[part], flora.calibration, flora.tree)
            )
        for kind in ("other plants", "no plants"):
            if (kinds == kind).any():
                rejections += rejection(kind, named, similarities.part(kinds == kind), flora.calibration)
    others_named = sum(bool(r.taxon) for r in every.records) - len(photos.records)
    return FloraEvaluation(
        tuple(accuracy),
        _by_taxon(flora, targets, ranks["both"]),
        _confusions(flora, targets, best.argmax(axis=1)),
        search,
        every.skipped,
        others_named,
        tuple(trust),
        _sure(flora, every, similarities, kinds) if trust else (),
        tuple(rejections),
        int(seen.sum()),
    )


def _by_taxon(flora: Flora, targets: NDArray[np.intp], ranks: NDArray[np.intp]) -> tuple[TaxonAccuracy, ...]:
    found = [
        TaxonAccuracy(
            flora.taxa[row].scientific_name, len(mine), float((mine < 1).mean()), float((mine < 5).mean())
        )
        for row in np.unique(targets).tolist()
        for mine in [ranks[targets == row]]
    ]
    return tuple(sorted(found, key=lambda taxon: (taxon.top1, taxon.top5, -taxon.photos)))


def _confusions(flora: Flora, targets: NDArray[np.intp], first: NDArray[np.intp]) -> tuple[Confusion, ...]:
    wrong = first != targets
    pairs = Counter(zip(targets[wrong].tolist(), first[wrong].tolist(), strict=True))
    return tuple(
        Confusion(flora.taxa[row].scientific_name, flora.taxa[named].scientific_name, photos)
        for (row, named), photos in pairs.most_common()
    )


def _kind(record: Record, names: Set[str], is_inside: Callable[[Taxon], bool]) -> str:
    """Return how a photo is used: to be `named`, or rejected as one of `other plants` or `no plants`; "" if unused."""
    if record.taxon is None:
        return "no plants" if record.fields.get("containsPlant") is not True else ""
    if record.taxon.scientific_name in names:
        return "named"
    return "" if is_inside(record.taxon) else "other plants"


def _sure(
    flora: Flora, photos: Photos, found: Similarities, kinds: NDArray[np.str_]
) -> tuple[SureAnswers, ...]:
    truths = [record.taxon for record in photos.records]
    sources = np.array([record.source for record in photos.records])
    genera = Counter(taxon.genus for taxon in flora.taxa)
    alone = np.array([t is not None and (t.taxon_rank == "genus" or genera[t.genus] < 2) for t in truths])
    named = kinds == "named"
    groups = {source: named & (sources == source) for source in sorted(set(sources[named].tolist()))}
    if len(groups) > 1:
        groups[ALL_SOURCES] = named
    groups["other plants"] = kinds == "other plants"
    left_out = {"left out, genus present": named & ~alone, "left out, genus absent": named & alone}
    return tuple(
        measure_sure(
            kind,
            flora,
            found.part(chosen),
            [t for t, c in zip(truths, chosen, strict=True) if t and c],
            leave_out=kind in left_out,
        )
        for kind, chosen in (groups | left_out).items()
        if chosen.any()
    )


def _of_kind(photos: Photos, kinds: NDArray[np.str_], kind: str) -> Photos:
    chosen = np.flatnonzero(kinds == kind)
    return Photos(tuple(photos.records[i] for i in chosen), photos.vectors[chosen])


def _places(similarities: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rank of the right taxon in each answer, from 0; after the last taxon if it lacks the evidence."""
    own = similarities[np.arange(len(targets)), targets][:, None]
    places: NDArray[np.intp] = (similarities > own).sum(axis=1)
    return np.where(np.isfinite(own[:, 0]), places, similarities.shape[1])


def _accuracy(source: str, evidence: EvidenceKind, ranks: NDArray[np.intp]) -> Accuracy:
    return Accuracy(source, evidence, len(ranks), float((ranks < 1).mean()), float((ranks < 5).mean()))


def _search_precision(flora: Flora, embeddings: Vectors, targets: NDArray[np.intp]) -> SearchPrecision | None:
    shown = np.unique(targets).tolist()
    asked = [flora.taxa[row] for row in shown if flora.taxa[row].vernacular_name]
    if not asked:
        return None
    queries = flora.encoder.encode_text([taxon.vernacular_name for taxon in asked])
    precisions, bests = [], []
    for taxon, query in zip(asked, queries, strict=True):
        fitting = [row for row in shown if flora.taxa[row] == taxon or taxon.contains(flora.taxa[row])]
        right = np.isin(targets, fitting)
        first = np.argsort(-(embeddings @ query), kind="stable")[:_DEPTH]
        precisions.append(right[first].sum() / _DEPTH)
        bests.append(min(right.sum(), _DEPTH) / _DEPTH)
    return SearchPrecision(len(asked), len(targets), float(np.mean(precisions)), float(np.mean(bests)))
