"""Measure answers for a region, by `--region` and with `--only region`: two tables of docs/trust.md.

    python benchmarks/regions.py --data DATA            # DATA: the folder with the shards
    python benchmarks/regions.py --data DATA --write    # writes the tables into docs/trust.md

The photos of one region are the test photos of the iNaturalist set. Its list contains the taxa of this set and a number
of other taxa of the built-in flora, drawn at random several times. The same photos are answered without a region, with
the list as a region, and with the list only. Photos of plants that are not on a list are those of the Oxford set. The
weight of regions was fitted on calibration photos when the flora was built, and nothing is chosen here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from answers import Answered, Labels, answer_all, labelled
from embedded import Embedded, embed
from intervals import DRAWS
from numpy.typing import NDArray
from tables import Row, make_table, on_photos, publish

from dalip.taxonomy import Taxon
from dalip_index import Flora, RegionTaxa, in_region, load_flora
from dalip_index.flora.regional import rows_inside

PAGE = Path(__file__).parent.parent / "docs" / "trust.md"
OTHERS = (0, 500, 2000, 5000)
SEEDS = 5
MODES = {"no region": None, "the list as a region": False, "the list only": True}
"""Whether answers may contain only taxa of the list; `None` for answers without it."""

Measure = Callable[[Answered], bool]

OF_THE_REGION: dict[str, Measure] = {
    "top-1": lambda answer: answer.top1,
    "top-5": lambda answer: answer.top5,
    "confident and right": lambda answer: answer.sure_and_right,
    "confident and wrong": lambda answer: answer.sure_and_wrong,
    "rejected": lambda answer: answer.verdict in ("not in flora", "not a plant"),
}
OF_OTHER_PLANTS: dict[str, Measure] = {
    "confident and right": OF_THE_REGION["confident and right"],
    "confident and wrong": OF_THE_REGION["confident and wrong"],
    "a wrong species, confident": lambda answer: (
        answer.sure_and_wrong and answer.claimed is not None and answer.claimed.taxon_rank == "species"
    ),
    "rejected": OF_THE_REGION["rejected"],
}

Photos = tuple[Embedded, list[Taxon]]


def lists_of(flora: Flora, shown: Sequence[str]) -> dict[int, list[list[str]]]:
    """Return lists of names, by the number of taxa besides those of the photos."""
    others = [taxon.scientific_name for taxon in flora.taxa if taxon.scientific_name not in shown]
    orders = [np.random.default_rng(seed).permutation(len(others)) for seed in range(SEEDS)]
    return {
        number: [[*shown, *(others[row] for row in order[:number])] for order in orders] for number in OTHERS
    }


def values_of(answers: Sequence[Answered], measures: dict[str, Measure]) -> NDArray[np.float64]:
    """Return what each photo scores by each measure, shape (photos, measures)."""
    return np.array([[measure(answer) for measure in measures.values()] for answer in answers], float)


def interval(values: NDArray[np.float64], groups: NDArray[np.intp]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over photos, by groups of them; missing values are NaN."""
    known = np.isfinite(values)
    sums = np.bincount(groups, np.where(known, values, 0.0))
    sizes = np.bincount(groups, known)
    drawn = np.random.default_rng(0).integers(0, len(sizes), (DRAWS, len(sizes)))
    means = sums[drawn].sum(axis=1) / np.maximum(sizes[drawn].sum(axis=1), 1e-9)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def table(
    flora: Flora,
    lists: dict[int, list[list[str]]],
    photos: Photos,
    measures: dict[str, Measure],
    *,
    inside: bool,
) -> list[str]:
    """Answer photos of plants that are on a list, or of others, in each way.

    A cell is the mean over photos and lists in percent, and the difference from the answers without a region, with a
    paired bootstrap interval over taxa.
    """
    embedded, shown = photos
    groups = np.unique([taxon.scientific_name for taxon in shown], return_inverse=True)[1]
    plain = values_of(answer_all(flora, embedded, shown), measures)
    rows: list[Row] = []
    for number, drawn in lists.items():
        scores: dict[str, list[NDArray[np.float64]]] = {mode: [] for mode in MODES}
        for names in drawn:
            listed = dict.fromkeys(names, ())
            used = held(flora, shown, listed) == inside
            for mode, only in MODES.items():
                found = np.full(plain.shape, np.nan)
                if only is None:
                    found[used] = plain[used]
                else:
                    regional = in_region(flora, RegionTaxa("the list", listed, only))
                    of_list = [taxon for taxon, chosen in zip(shown, used, strict=True) if chosen]
                    found[used] = values_of(answer_all(regional, embedded.part(used), of_list), measures)
                scores[mode].append(found)
        for mode, every in scores.items():
            cells = {}
            for place, measure in enumerate(measures):
                values = np.array([found[:, place] for found in every])
                before = np.array([found[:, place] for found in scores["no region"]])
                cells[measure] = cell(values, values - before, groups, plain=MODES[mode] is None)
            rows.append({"other taxa": f"{number:,}", "answered with": mode, **cells})
    return make_table(rows)


def cell(
    values: NDArray[np.float64], changes: NDArray[np.float64], groups: NDArray[np.intp], *, plain: bool
) -> str:
    """Return a share in percent and, unless it is that without a region, how much it changed."""
    share = f"{100 * np.nanmean(values):.1f}"
    if plain:
        return share
    every = np.isfinite(changes).any(axis=0)
    mean = np.full(changes.shape[1], np.nan)
    mean[every] = np.nanmean(changes[:, every], axis=0)
    low, high = interval(mean, groups)
    return f"{share} ({100 * low:+.1f} to {100 * high:+.1f})"


def held(flora: Flora, shown: Sequence[Taxon], listed: dict[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """Return which photos show a taxon that occurs in the region."""
    inside, rows = rows_inside(flora.name_index, listed), flora.tree.rows
    return np.array([inside[rows[taxon.scientific_name]] for taxon in shown], bool)


def photos_of(flora: Flora, data: Path, labels: Labels, name: str) -> Photos:
    """Return the test photos of a set whose taxa are in the flora."""
    every = embed(flora.encoder, data, name, ("calibration", "test")).of_split("test")
    found, shown = labelled(every, labels)
    known = np.array([taxon.scientific_name in flora.tree.rows for taxon in shown], bool)
    return found.part(known), [taxon for taxon, chosen in zip(shown, known, strict=True) if chosen]


def main() -> None:
    arguments = on_photos(__doc__).parse_args()
    flora = load_flora()
    labels = Labels(flora, arguments.data)
    own = photos_of(flora, arguments.data, labels, "inat")
    others = photos_of(flora, arguments.data, labels, "oxford")
    lists = lists_of(flora, sorted({taxon.scientific_name for taxon in own[1]}))
    tables = {
        "regions": table(flora, lists, own, OF_THE_REGION, inside=True),
        "regions-others": table(flora, lists, others, OF_OTHER_PLANTS, inside=False),
    }
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
