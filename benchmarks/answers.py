"""Answer labelled photos with a flora, and judge the answers: names, confident answers and prediction sets."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from embedded import Embedded

from dalip.datasets import Record
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import Flora
from dalip_index.flora.similarities import Similarities
from dalip_index.flora.verdict import DEFAULT_COVERAGE

TOP = 5


def agree(named: Taxon, shown: Taxon) -> bool:
    """Return whether a name is right, as far as the label says: the same taxon, or one of the two contains the other.

    A name may be of a higher rank than the label, as in a confident answer at the rank of genus, or of a lower one, if
    the label is a whole genus.
    """
    return named.scientific_name == shown.scientific_name or named.contains(shown) or shown.contains(named)


class Labels:
    """The taxa of a flora that labels of photos stand for."""

    def __init__(self, flora: Flora, data: Path) -> None:
        """Read the synonyms of the data folder, if there are any."""
        self._flora = flora
        self._synonyms: dict[str, list[str]] = defaultdict(list)
        path = data / "synonyms.tsv.gz"
        if path.exists():
            with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t"):
                    self._synonyms[row["synonym"]].append(row["acceptedName"])
                    self._synonyms[row["acceptedName"]].append(row["synonym"])

    def taxon(self, label: Taxon) -> Taxon:
        """Return the flora's own taxon; for other plants the label, in the family and order of its genus there."""
        resolver = self._flora.names
        for name in (label.scientific_name, *self._synonyms[label.scientific_name]):
            found = resolver.named(name)
            if found and found.scientific_name in self._flora.tree.rows:
                return found
        genus = resolver.named(label.genus) if label.genus else None
        if genus and genus.taxon_rank == "genus":
            return replace(label, family=genus.family or label.family, order=genus.order or label.order)
        return label

    def row(self, taxon: Taxon) -> int:
        """Return the row of a taxon that `taxon` returned; -1 if it is not in the flora."""
        return self._flora.tree.rows.get(taxon.scientific_name, -1)


@dataclass(frozen=True)
class Answered:
    """The answer of a flora for a photo of a plant, and whether it was right."""

    shown: Taxon
    """The taxon in the photo."""
    first: Taxon
    """The first name."""
    probability: float
    """Probability of the first name."""
    top1: bool
    top5: bool
    genus: bool
    """Whether the most probable genus is right."""
    family: bool
    """Whether the most probable family is right."""
    verdict: str
    claimed: Taxon | None
    """The confident answer, which may be a genus or family; `None` unless the verdict is `sure`."""
    covered: bool
    """Whether the prediction set contains the taxon, or the genus or family that holds it."""
    set_size: int
    evidence: int
    """Number of photos that the flora knows the taxon from; -1 if the taxon is not in the flora."""
    covered_itself: bool
    """Whether the prediction set, before genera and families shorten it, contains the taxon itself."""

    @property
    def sure_and_right(self) -> bool:
        """Whether the answer is confident, and right at the rank it claims."""
        return self.claimed is not None and agree(self.claimed, self.shown)

    @property
    def sure_and_wrong(self) -> bool:
        """Whether the answer is confident, but wrong at the rank it claims."""
        return self.claimed is not None and not agree(self.claimed, self.shown)


def answer_all(flora: Flora, photos: Embedded, shown: Sequence[Taxon]) -> list[Answered]:
    """Answer photos, one by one, as `dalip identify` does.

    Args:
        flora: The flora, calibrated.
        photos: The photos.
        shown: The taxon in each, as `Labels.taxon` returns it.
    """
    found = []
    counts = flora.prototypes.photo_counts
    for vector, taxon in zip(photos.vectors, shown, strict=True):
        compared = flora.similarities(vector[None])
        answer = flora.answer_compared("", compared, top_k=TOP)
        given = [prediction.taxon for prediction in answer.predictions]
        row = flora.tree.rows.get(taxon.scientific_name, -1)
        shares = compared.shares(flora.calibration)
        assert shares is not None
        least = flora.calibration.least_probability(DEFAULT_COVERAGE, int(shares.likely_levels[0])) or 0.0
        found.append(
            Answered(
                taxon,
                given[0],
                answer.predictions[0].probability or 0.0,
                names(given[0], taxon),
                any(names(name, taxon) for name in given),
                _at(flora, compared, taxon, "genus"),
                _at(flora, compared, taxon, "family"),
                answer.verdict,
                answer.taxon,
                any(agree(prediction.taxon, taxon) for prediction in answer.taxon_set),
                len(answer.taxon_set),
                int(counts[row]) if row >= 0 else -1,
                row >= 0 and bool(shares.probabilities[0, row] >= least),
            )
        )
    return found


def names(named: Taxon, shown: Taxon) -> bool:
    """Return whether a name is that of the taxon, or of a species of it if the label is a genus."""
    return named.scientific_name == shown.scientific_name or shown.contains(named)


def _at(flora: Flora, compared: Similarities, shown: Taxon, rank: str) -> bool:
    (best,) = flora.answer_compared("", compared, top_k=1, rank=rank).predictions
    own = getattr(shown, rank) or (shown.scientific_name if shown.taxon_rank == rank else "")
    return bool(own) and best.taxon.scientific_name == own


def labelled(photos: Embedded, labels: Labels) -> tuple[Embedded, list[Taxon]]:
    """Return the photos with a label, and their taxa."""
    named = photos.part(np.array([record.taxon is not None for record in photos.records], bool))
    return named, [labels.taxon(_label(record)) for record in named.records]


def _label(record: Record) -> Taxon:
    assert record.taxon
    return record.taxon


def without(flora: Flora, taxa: Sequence[Taxon]) -> Flora:
    """Return a flora without some of its taxa, as if it had been built without their texts and photos.

    The vectors of the remaining taxa are computed again from their own evidence. The weight of texts and the
    calibration stay the same: they were fitted on other photos than those that benchmarks measure.
    """
    left_out = {taxon.scientific_name for taxon in taxa}
    kept = np.array([r for r, t in enumerate(flora.taxa) if t.scientific_name not in left_out], np.intp)
    prototypes = flora.prototypes.part(kept)
    rest = tuple(flora.taxa[row] for row in kept)
    return Flora(flora.folder, flora.manifest, flora.calibration, TaxonTree(rest), prototypes, flora.encoder)
