"""Measure answers restricted by `--only`, and the rejection of other plants: two tables of docs/trust.md.

    python benchmarks/only.py --data DATA            # DATA: the folder with the shards
    python benchmarks/only.py --data DATA --write    # writes the tables into docs/trust.md

The built-in flora answers with all of its taxa and restricted to lists: half of its taxa and ten taxa, five random
lists each; all taxa of the sets with few taxa; and a family. The rejection rule was chosen on validation photos;
everything else is measured on test photos. Photos of plants that are not in the flora are split into halves by their
keys, as in benchmarks/trust.py, one for each purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from answers import Labels, labelled
from embedded import GARDEN, NARROW, PLANTS, Embedded, embed, read_set
from numpy.typing import NDArray
from rejected import second_half
from tables import on_photos, publish

from dalip.encoder import Vectors
from dalip.taxonomy import Taxon
from dalip_index import Calibration, Flora, RestrictedFlora, load_flora, restrict
from dalip_index.evaluation.trust import measure_trust
from dalip_index.flora.calibration import IN_FLORA_LEAST
from dalip_index.flora.similarities import Similarities

PAGE = Path(__file__).parent.parent / "docs" / "trust.md"
SEEDS = 5
TAXA = 10
FAMILY = "Asteraceae"
COVERAGE = "0.9"

Rule = Callable[[Similarities, Calibration], NDArray[np.bool_]]
"""Returns which photos are rejected as plants of other taxa than those on the list."""


@dataclass(frozen=True)
class Photos:
    """Photos of one kind."""

    vectors: Vectors
    shown: tuple[Taxon, ...] = ()
    """The taxon in each, if they show plants."""

    def part(self, chosen: NDArray[np.bool_]) -> "Photos":
        """Return some of the photos."""
        return Photos(self.vectors[chosen], tuple(self.shown[i] for i in np.flatnonzero(chosen)))


@dataclass(frozen=True)
class Material:
    """Photos, by what is in them."""

    known: Photos
    """Plants in the flora."""
    absent: Photos
    """Plants that are not in the flora."""
    things: Photos
    """Photos without plants."""
    narrow: tuple[str, ...]
    """Names of the taxa in the sets with few taxa."""


def lists_of(flora: Flora, narrow: tuple[str, ...]) -> dict[str, list[list[str]]]:
    """Return lists of names, by the label of their row."""
    names = [taxon.scientific_name for taxon in flora.taxa]
    found: dict[str, list[list[str]]] = {}
    for number, among in ((len(names) // 2, names), (TAXA, narrow)):
        orders = [np.random.default_rng(seed).permutation(len(among)) for seed in range(SEEDS)]
        found[f"{number:,} of {len(names):,} taxa"] = [
            [among[row] for row in order[:number]] for order in orders
        ]
    taxa = sum(taxon.family == FAMILY for taxon in flora.taxa)
    every = {f"the {len(narrow)} taxa with many photos": [list(narrow)]} if len(narrow) < len(names) else {}
    return found | every | {f"{FAMILY}, {taxa} taxa": [[FAMILY]]}


def divided(some: Flora, known: Photos) -> tuple[Photos, Photos]:
    """Return the photos of taxa on the list, and those of other taxa, except for taxa within one on the list."""
    held = some.tree.rows
    rows = np.array([taxon.scientific_name in held for taxon in known.shown], bool)
    inside = np.array([any(t.contains(taxon) for t in some.taxa) for taxon in known.shown], bool)
    return known.part(rows), known.part(~rows & ~inside)


def measured(
    some: RestrictedFlora, answering: Flora, allowed: Photos, left_out: Photos, material: Material
) -> list[float]:
    """Measure a flora on photos of the taxa on a list, and on photos that should be rejected."""
    calibration = answering.calibration
    targets = np.array([answering.row(taxon) for taxon in allowed.shown], np.intp)
    compared = answering.similarities(allowed.vectors)
    trust = measure_trust("", compared, targets, calibration)
    refused = [
        float(np.logical_or(*answering.similarities(photos.vectors).refused(calibration)).mean())
        for photos in (left_out, material.absent, material.things)
    ]
    found = compared.shares(calibration)
    top1 = 0.0 if found is None else (found.probabilities.argmax(axis=1) == targets).mean()
    shares = (top1, trust.ece, trust.coverage[COVERAGE], trust.not_in_flora, *refused)
    return [trust.set_size[COVERAGE], *(100 * float(share) for share in shares)]


def only_table(flora: Flora, material: Material) -> list[str]:
    columns = ("set size", "top-1", "ECE", f"coverage at {COVERAGE}", "wrongly rejected")
    kinds = ("taxa not on the list", "plants not in the flora", "no plants")
    head = [*columns, *(f"rejected: {kind}" for kind in kinds)]
    lines = [f"| photos of | answered with | {' | '.join(head)} |", "|---|---|" + "---:|" * len(head)]
    for name, drawn in lists_of(flora, material.narrow).items():
        rows: dict[str, list[list[float]]] = {"all taxa": [], "the list only": []}
        for names in drawn:
            some = restrict(flora, names)
            photos = divided(some, material.known)
            for which, answering in zip(rows, (flora, some), strict=True):
                rows[which].append(measured(some, answering, *photos, material))
        for which, found in rows.items():
            size, *shares = zip(*found, strict=True)
            cells = [_spread(size, 2), *(_spread(values, 1) for values in shares)]
            lines.append(f"| {name} | {which} | {' | '.join(cells)} |")
    return lines


def _spread(values: tuple[float, ...], places: int) -> str:
    middle = f"{mean(values):.{places}f}"
    return middle if len(values) == 1 else f"{middle} ± {stdev(values):.{places}f}"


def _shares(values: tuple[float, ...], found: NDArray[np.floating]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = (np.searchsorted(values, found, "right") + 1) / (len(values) + 1)
    return shares


def _whole(compared: Similarities, calibration: Calibration) -> NDArray[np.float64]:
    return _shares(calibration.fits, np.array([best for best, _, _ in compared.fits(calibration)]))


def _best_listed(compared: Similarities, calibration: Calibration) -> NDArray[np.float64]:
    return _shares(calibration.fits, compared.values.max(axis=1))


def _probable(compared: Similarities, calibration: Calibration) -> NDArray[np.float64]:
    return _shares(calibration.right, np.array([listed for _, listed, _ in compared.fits(calibration)]))


def _halves(compared: Similarities, calibration: Calibration) -> NDArray[np.float64]:
    return 2 * np.minimum(_whole(compared, calibration), _probable(compared, calibration))


RULES: dict[str, Rule] = {
    "best similarity in the whole flora": lambda *of: _whole(*of) < IN_FLORA_LEAST,
    "best similarity on the list": lambda *of: _best_listed(*of) < IN_FLORA_LEAST,
    "probability of the list": lambda *of: _probable(*of) < IN_FLORA_LEAST,
    "first or third rule, each at the full rate": lambda *of: (
        np.minimum(_whole(*of), _probable(*of)) < IN_FLORA_LEAST
    ),
    "first or third rule, each at half the rate": lambda *of: _halves(*of) < IN_FLORA_LEAST,
    "**first or third rule, rate split in proportion to the list**": lambda compared, calibration: np.array(
        [calibration.foreign(*fit) for fit in compared.fits(calibration)]
    ),
}
"""Rejection rules that were tried, by the label of their row."""


def rules_table(flora: Flora, material: Material) -> list[str]:
    lists = lists_of(flora, material.narrow)
    lines = [f"| rejected by | {' | '.join(lists)} |", "|---|" + "---:|" * len(lists)]
    compared: list[list[list[Similarities]]] = []
    for drawn in lists.values():
        compared.append([])
        for names in drawn:
            some = restrict(flora, names)
            photos = (*divided(some, material.known), material.absent)
            compared[-1].append([some.similarities(each.vectors) for each in photos])
    for title, rule in RULES.items():
        cells = []
        for found in compared:
            shares = [[rule(each, flora.calibration).mean() for each in kinds] for kinds in found]
            cells.append(" / ".join(f"{100 * share:.1f}" for share in np.mean(shares, axis=0)))
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def gathered(flora: Flora, data: Path) -> dict[str, Material]:
    """Return the photos of the validation and the test split, each encoded once."""
    labels, objects = Labels(flora, data), embed(flora.encoder, data, "objects")
    garden = embed(flora.encoder, data, *GARDEN)
    garden = garden.part(np.array([record.taxon is not None for record in garden.records], bool))
    second = np.array([second_half(record) for record in garden.records], bool)
    shown = {labels.taxon(r.taxon).scientific_name for n in NARROW for r in read_set(data, n) if r.taxon}
    plants = {
        "selection": [embed(flora.encoder, data, name, ("selection",)) for name in PLANTS],
        "test": [embed(flora.encoder, data, n, ("calibration", "test")).of_split("test") for n in PLANTS],
    }
    absent = _labelled(garden, labels)
    outside = np.array([not _held(flora, taxon) for taxon in absent.shown], bool)
    return {
        split: Material(
            _known(flora, _joined([_labelled(photos, labels) for photos in found])),
            absent.part(outside & (second == (split == "test"))),
            Photos(objects.vectors),
            tuple(sorted(shown & flora.tree.rows.keys())),
        )
        for split, found in plants.items()
    }


def _labelled(photos: Embedded, labels: Labels) -> Photos:
    found, shown = labelled(photos, labels)
    return Photos(found.vectors, tuple(shown))


def _joined(every: list[Photos]) -> Photos:
    return Photos(
        np.concatenate([photos.vectors for photos in every]),
        tuple(taxon for photos in every for taxon in photos.shown),
    )


def _known(flora: Flora, photos: Photos) -> Photos:
    held = flora.tree.rows
    return photos.part(np.array([taxon.scientific_name in held for taxon in photos.shown], bool))


def _held(flora: Flora, taxon: Taxon) -> bool:
    return taxon.scientific_name in flora.tree.rows or any(t.contains(taxon) for t in flora.taxa)


def main() -> None:
    arguments = on_photos(__doc__).parse_args()
    flora = load_flora()
    found = gathered(flora, arguments.data)
    tables = {
        "only": only_table(flora, found["test"]),
        "only-rules": rules_table(flora, found["selection"]),
    }
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
