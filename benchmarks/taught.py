"""Measure few-shot learning: plants left out of a flora and then taught from a few photos. Run by `trust.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from answers import without
from embedded import Embedded
from intervals import share_of
from numpy.typing import NDArray
from tables import Row

from dalip.encoder import Vectors
from dalip.taxonomy import Taxon
from dalip_index import Flora
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes, unit_mean, with_unit_appearance
from dalip_index.flora.similarities import Similarities

LEAST = 5
"""Photos of a taxon that is taught."""
NUMBERS = (1, 2, 4)
DRAWS = 10

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Known:
    """Test photos of plants in the flora: what teaching may cost."""

    vectors: Vectors
    targets: Indices
    """Rows of their taxa."""


@dataclass(frozen=True)
class Asked:
    """Photos of one taught taxon, compared with the flora that was taught it."""

    taxon: str
    top1: list[bool]
    top5: list[bool]
    rejected: list[bool]
    lost: float
    """Change of top-1 on test photos of the flora's own plants, as a share of these photos."""
    taken: float
    """Share of these photos whose first name is the new taxon."""


def taught_rows(flora: Flora, photos: Embedded, shown: Sequence[Taxon], known: Known) -> list[Row]:
    """Return how well taxa are identified that the flora was taught from 1, 2 and 4 photos, each alone.

    Args:
        flora: The flora, which may contain the taxa; each is left out before it is taught.
        photos: Photos that the flora was not built from.
        shown: The taxon in each, as `Labels.taxon` returns it.
        known: Test photos of plants in the flora.
    """
    found: dict[int, list[Asked]] = {number: [] for number in NUMBERS}
    names = np.array([taxon.scientific_name for taxon in shown])
    unit, lengths = with_unit_appearance(photos.vectors, flora.encoder.width)
    own, _ = with_unit_appearance(known.vectors, flora.encoder.width)
    for name in dict.fromkeys(names.tolist()):
        mine = np.flatnonzero(names == name)
        if len(mine) >= LEAST:
            for number, asked in taught(
                flora, shown[int(mine[0])], unit[mine], lengths[mine], own, known.targets
            ):
                found[number].append(asked)
    return [_row(number, asked) for number, asked in found.items() if asked]


def taught(
    flora: Flora, taxon: Taxon, photos: Vectors, lengths: Vectors, own: Vectors, targets: Indices
) -> list[tuple[int, Asked]]:
    """Teach a flora without a taxon that taxon, from random photos of it, and identify the others."""
    rest = without(flora, [t for t in flora.taxa if t.scientific_name == taxon.scientific_name])
    rows = [rest.tree.rows.get(flora.taxa[row].scientific_name, -1) for row in targets]
    kept = np.array(rows, np.intp) >= 0
    own, right = own[kept], np.array(rows, np.intp)[kept]
    drawn = [
        (number, np.random.default_rng([number, draw]).permutation(len(photos)))
        for number in NUMBERS
        for draw in range(DRAWS)
    ]
    comparison = _enlarged(rest, photos, [order[:number] for number, order in drawn])
    (before, taken_by), (others, new) = (
        np.split(comparison(some), [len(rest.taxa)], axis=1) for some in (own, photos)
    )
    hits = _logits(rest, before).argmax(axis=1) == right
    found, costs = [], dict[int, tuple[float, float]]()
    for row, (number, order) in enumerate(drawn):
        asked, column = order[number:], slice(row, row + 1)
        enlarged = np.hstack([others[asked], new[asked, column]])
        logits = _logits(rest, enlarged)
        ahead = (logits >= logits[:, -1:]).sum(axis=1) - 1
        rejected = np.logical_or(*Similarities(enlarged, lengths[asked]).refused(rest.calibration))
        if number not in costs:  # of the first draw alone, because it takes long
            with_it = _logits(rest, np.hstack([before, taken_by[:, column]]))
            taken = with_it.argmax(axis=1) == len(rest.taxa)
            costs[number] = float((hits & taken).mean()), float(taken.mean())
        hit = (ahead < 1).tolist(), (ahead < 5).tolist()
        found.append((number, Asked(taxon.scientific_name, *hit, rejected.tolist(), *costs[number])))
    return found


def _logits(flora: Flora, similarities: Vectors) -> NDArray[np.float64]:
    """Return logits of similarities to the taxa of a flora, and to a taught taxon if they have one more column."""
    levels = flora.levels
    if levels is not None:
        more = similarities.shape[1] - len(levels)
        levels = np.append(levels, np.zeros(more, levels.dtype))
    found = flora.calibration.logits(similarities, levels=levels)
    assert found is not None
    return found[0]


def _enlarged(flora: Flora, photos: Vectors, draws: Sequence[Indices]) -> Comparison:
    """Compare also with a taxon taught from each draw of photos; taught taxa do not change each other."""
    width, offset = flora.encoder.width, flora.calibration.taught_offset
    assert offset is not None
    prototypes: Prototypes = flora.prototypes
    for chosen in draws:
        photo = unit_mean(photos[chosen][:, width:])
        prototypes = prototypes.with_taxon(np.zeros(width, np.float32), 0, photo, len(chosen), offset)
    return Comparison(prototypes, flora.calibration.text_weight)


def _row(number: int, found: Sequence[Asked]) -> Row:
    taxa = [asked.taxon for asked in found for _ in asked.top1]
    return {
        "taught from": f"{number} photo{'s' * (number > 1)}",
        "taxa": len(set(taxa)),
        "top-1": share_of([hit for asked in found for hit in asked.top1], taxa),
        "top-5": share_of([hit for asked in found for hit in asked.top5], taxa),
        "rejected": share_of([hit for asked in found for hit in asked.rejected], taxa),
        "test photos: top-1 lost": f"{100 * mean(asked.lost for asked in found):.2f}",
        "test photos named as the new taxon": f"{100 * mean(asked.taken for asked in found):.2f}",
    }
