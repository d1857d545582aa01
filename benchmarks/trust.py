"""Measure accuracy, calibration, coverage and rejection of a flora: the tables of docs/trust.md.

    python benchmarks/trust.py --data DATA            # DATA: the folder with the shards
    python benchmarks/trust.py --data DATA --write    # writes the tables into docs/trust.md

The calibration and test photos are split into random halves 100 times: one half calibrates the flora, the other is
measured. Photos that the flora should reject are split into halves by their keys: the scores were chosen on one half,
and the other is for reporting.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tables import publish
from taught import inside_table, new_taxa, taught_table, ways_table

from dalip.datasets import Record, read_records
from dalip.errors import ImageError
from dalip.evaluation import OnnxEmbedder
from dalip.photos import open_image
from dalip_assets import FLORA
from dalip_index import Bin, Flora, Trust, heat_map, load_flora
from dalip_index.evaluation.plots import draw_reliability
from dalip_index.evaluation.trust import (
    COVERAGES,
    auroc,
    expected_calibration_error,
    measure_trust,
    reliability,
)
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.fit_calibration import fit_calibration
from dalip_index.flora.prototypes import with_unit_appearance
from dalip_index.flora.similarities import Similarities

PAGE = Path(__file__).parent.parent / "docs" / "trust.md"
PLOT = PAGE.with_name("reliability.png")
HALVINGS = 100
GROUPS = 400
EXPLAINED = 200
NEIGHBOURS = 10
HIDDEN = 0.2
"""Share of a photo that the deletion test hides."""


@dataclass(frozen=True)
class Photos:
    """Photos of one kind, with their vectors and their similarities to the taxa of a flora."""

    records: tuple[Record, ...]
    vectors: NDArray[np.float32]
    compared: Similarities
    targets: NDArray[np.intp]
    """Rows of their taxa; -1 for taxa that are not in the flora."""

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Photos":
        """Return some of the photos."""
        records = [self.records[i] for i in np.arange(len(self.records))[chosen]]
        compared = Similarities(self.compared.values[chosen], self.compared.lengths[chosen])
        return Photos(tuple(records), self.vectors[chosen], compared, self.targets[chosen])

    def of(self, source: str) -> NDArray[np.bool_]:
        """Return which photos are from a source."""
        return np.array([r.source == source for r in self.records])

    def fit(self, flora: Flora) -> Calibration:
        """Calibrate the flora on these photos."""
        weight, compared = flora.calibration.text_weight, self.compared
        return fit_calibration(weight, 0, compared.values, self.targets, compared.lengths)


def read(flora: Flora, records: list[Record]) -> Photos:
    rows = flora.tree.rows
    found = OnnxEmbedder(flora.encoder, appearance=True).embed_photos(records)
    targets = [rows.get(r.taxon.scientific_name, -1) if r.taxon else -1 for r in found.records]
    return Photos(found.records, found.vectors, flora.similarities(found.vectors), np.array(targets, np.intp))


def halves(count: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    for seed in range(HALVINGS):
        order = np.random.default_rng(seed).permutation(count)
        yield order[: count // 2], order[count // 2 :]


def spread(values: list[float], percent: bool = True) -> str:
    factor, places = (100, 1) if percent else (1, 2)
    return f"{factor * mean(values):.{places}f} ± {factor * stdev(values):.{places}f}"


def halved(flora: Flora, known: Photos) -> dict[str, list[Trust]]:
    found: dict[str, list[Trust]] = {}
    for fitted, measured in halves(len(known.records)):
        calibration, half = known.part(fitted).fit(flora), known.part(measured)
        for source in ("all", *sorted({r.source for r in known.records})):
            some = half if source == "all" else half.part(half.of(source))
            found.setdefault(source, []).append(
                measure_trust(source, some.compared, some.targets, calibration)
            )
    return found


def calibration_table(found: dict[str, list[Trust]]) -> list[str]:
    names = [f"{c:g}" for c in COVERAGES]
    lines = [
        "| source | ECE | answered | accuracy if answered | "
        + " | ".join(f"coverage at {n} | set size" for n in names)
        + " |",
        "|---|" + "---:|" * (3 + 2 * len(names)),
    ]
    for source, rows in found.items():
        cells = [spread([getattr(r, f) for r in rows]) for f in ("ece", "answered", "right_if_answered")]
        for n in names:
            cells += [
                spread([r.coverage[n] for r in rows]),
                spread([r.set_size[n] for r in rows], percent=False),
            ]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return lines


def draw(found: dict[str, list[Trust]], path: Path) -> None:
    """Draw the reliability diagram; each bin is the mean over the random halves."""
    from matplotlib.figure import Figure

    means = []
    for rows in found.values():
        bins = [
            Bin(some[0].photos, mean(b.probability for b in some), mean(b.right for b in some))
            for some in zip(*(row.reliability for row in rows), strict=True)
        ]
        means.append(replace(rows[0], reliability=tuple(bins), ece=mean(row.ece for row in rows)))
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    draw_reliability(figure.subplots(), means)
    figure.savefig(path, dpi=160, metadata={"Software": None})


def elsewhere_table(flora: Flora, groups: dict[str, Photos]) -> list[str]:
    calibration = flora.calibration
    lines = [
        "| photos | number | top-1 | answered | accuracy if answered | "
        + " | ".join(f"coverage at {c:g}" for c in COVERAGES)
        + " | rejected |",
        "|---|" + "---:|" * (5 + len(COVERAGES)),
    ]
    for name, photos in groups.items():
        found = measure_trust(name, photos.compared, photos.targets, calibration)
        top1 = (photos.compared.values.argmax(axis=1) == photos.targets).mean()
        cells = [top1, found.answered, found.right_if_answered, *found.coverage.values()]
        refused = found.not_a_plant + found.not_in_flora
        text = " | ".join(f"{100 * value:.1f}" for value in (*cells, refused))
        lines.append(f"| {name} | {found.photos} | {text} |")
    return lines


def scores_of(flora: Flora, photos: Photos, train: NDArray[np.float32]) -> dict[str, NDArray[np.floating]]:
    """Return established out-of-distribution scores of photos; higher means that a photo fits the flora better.

    Args:
        flora: The flora.
        photos: The photos.
        train: Appearances of the photos that the flora was built from, of unit length.
    """
    compared = photos.compared
    temperature = flora.calibration.temperature
    assert temperature is not None
    logits = compared.values.astype(np.float64) / temperature
    highest = logits.max(axis=1)
    unit, _ = with_unit_appearance(photos.vectors, flora.encoder.width)
    nearest = np.partition(unit[:, flora.encoder.width :] @ train.T, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return {
        "maximum softmax probability (Hendrycks and Gimpel, 2017)": np.exp(highest - energy),
        "energy (Liu et al., 2020)": energy,
        "maximum similarity": compared.values.max(axis=1),
        "mean similarity to the ten nearest training photos of the flora (Sun et al., 2022)": nearest.mean(
            axis=1
        ),
        "Mahalanobis distance to the mean plant": -compared.lengths,
    }


def refusal_table(
    flora: Flora,
    known: Photos,
    same_source: Photos,
    others: dict[str, Photos],
    train: NDArray[np.float32],
) -> list[str]:
    columns = [f"{name}, {half}" for name in others for half in ("chosen on", "reported")]
    lines = [
        f"| score | {' | '.join(columns)} | other plants vs known plants of the same source |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    passes, alike = scores_of(flora, known, train), scores_of(flora, same_source, train)
    fails = {name: scores_of(flora, photos, train) for name, photos in others.items()}
    second = {name: np.array([second_half(r) for r in photos.records]) for name, photos in others.items()}
    for score in passes:
        cells = [
            f"{auroc(passes[score], fails[name][score][second[name] == half]):.4f}"
            for name in others
            for half in (False, True)
        ]
        cells.append(f"{auroc(alike[score], fails['other plants'][score]):.3f}")
        lines.append(f"| {score} | {' | '.join(cells)} |")
    return lines


def verdict_table(flora: Flora, groups: dict[str, Photos]) -> list[str]:
    lines = ["| photos | number | not a plant | not in flora | identified |", "|---|---:|---:|---:|---:|"]
    for name, photos in groups.items():
        none, other = photos.compared.refused(flora.calibration)
        shares = (none.mean(), other.mean(), 1 - none.mean() - other.mean())
        cells = " | ".join(f"{100 * share:.1f}" for share in shares)
        lines.append(f"| {name} | {len(photos.records)} | {cells} |")
    return lines


def together_table(flora: Flora, test: Photos) -> list[str]:
    lines = [
        "| source | photos per group | groups | top-1 | mean probability of the right taxon | ECE |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for source in sorted({r.source for r in test.records}):
        some = test.part(test.of(source))
        for size in (1, 2, 3, 4):
            random = np.random.default_rng(size)
            by_taxon = [np.flatnonzero(some.targets == row) for row in np.unique(some.targets)]
            enough = [mine for mine in by_taxon if len(mine) >= size]
            weights = np.array([len(mine) for mine in enough]) / sum(map(len, enough))
            drawn = [enough[i] for i in random.choice(len(enough), GROUPS, p=weights)]
            groups = np.array([random.choice(mine, size, replace=False) for mine in drawn])
            probabilities = flora.calibration.probabilities(some.compared.values[groups].mean(axis=1), size)
            assert probabilities is not None
            targets = some.targets[groups[:, 0]]
            right = probabilities.argmax(axis=1) == targets
            own = probabilities[np.arange(GROUPS), targets].mean()
            error = expected_calibration_error(reliability(probabilities.max(axis=1), right))
            lines.append(
                f"| {source} | {size} | {GROUPS} | {100 * right.mean():.1f} | {100 * own:.1f} | {100 * error:.1f} |"
            )
    return lines


def deletion_table(flora: Flora, records: list[Record]) -> list[str]:
    """Test attribution by deletion: hide a fifth of each photo and measure the lead of the best taxon again."""
    random = np.random.default_rng(0)
    changes: dict[str, list[float]] = {
        "hottest patches": [],
        "random patches": [],
        "coldest patches": [],
    }
    size = flora.encoder.manifest.image.size
    for record in records:
        photo = ImageOps.fit(open_image(record.read_bytes()), (size, size), Image.Resampling.BICUBIC)
        first, second = flora.answer("", _vectors(flora, [photo]), 2).predictions
        heat = heat_map(flora, photo, first.taxon, second.taxon)
        order, hidden = np.argsort(-heat.ravel()), round(heat.size * HIDDEN)
        chosen = (order[:hidden], random.permutation(heat.size)[:hidden], order[-hidden:])
        covered = [_without(photo, heat.shape, patches) for patches in chosen]
        similarities = flora.similarities(_vectors(flora, [photo, *covered])).values
        leads = similarities[:, flora.row(first.taxon)] - similarities[:, flora.row(second.taxon)]
        for name, lead in zip(changes, leads[1:], strict=True):
            changes[name].append(float(lead - leads[0]))
    lines = ["| hidden part | change of the lead in similarity, ± standard error |", "|---|---:|"]
    for name, values in changes.items():
        lines.append(f"| {name} | {mean(values):+.3f} ± {stdev(values) / len(values) ** 0.5:.3f} |")
    return lines


def _vectors(flora: Flora, photos: list[Image.Image]) -> NDArray[np.float32]:
    found = (row for _, row in flora.encoder.encode_files(photos, appearance=True))
    return np.stack([row for row in found if not isinstance(row, ImageError)])


def _without(photo: Image.Image, grid: tuple[int, ...], patches: NDArray[np.intp]) -> Image.Image:
    """Return a square photo with some patches painted over with its mean colour."""
    covered = photo.copy()
    colour = tuple(np.asarray(photo).reshape(-1, 3).mean(axis=0).astype(int).tolist())
    height, width = photo.height / grid[0], photo.width / grid[1]
    for row, column in zip(*np.unravel_index(patches, grid), strict=True):
        box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
        covered.paste(colour, tuple(round(float(x)) for x in box))
    return covered


def second_half(record: Record) -> bool:
    return int(hashlib.sha1(f"half {record.key}".encode()).hexdigest(), 16) % 2 == 1


def measure(flora: Flora, root: Path, data: Path, plot: Path | None) -> dict[str, list[str]]:
    plants = read_records(*sorted(data.glob("inat-*.tar")), *sorted(data.glob("oxford-*.tar")))
    known = read(flora, [r for r in plants if r.split in ("calibration", "test")])
    test = known.part(np.array([r.split == "test" for r in known.records]))
    calibrating = known.part(np.array([r.split == "calibration" for r in known.records]))
    built = OnnxEmbedder(flora.encoder, appearance=True).embed_photos(
        [r for r in plants if r.split == "train"]
    )
    train = with_unit_appearance(built.vectors, flora.encoder.width)[0][:, flora.encoder.width :]
    garden = read(flora, read_records(*sorted(data.glob("garden-*.tar"))))
    objects = read_records(*sorted(data.glob("general-objects-*.tar")))
    things = read(flora, [r for r in objects if r.fields.get("containsPlant") is False])
    holds = np.array([any(r.taxon and t.contains(r.taxon) for t in flora.taxa) for r in garden.records])
    garden_known, absent = garden.part(garden.targets >= 0), garden.part((garden.targets < 0) & ~holds)
    inside = garden.part(holds & (garden.targets < 0))
    new = new_taxa(flora, absent.records, absent.vectors, least=5)
    fewer = new_taxa(flora, absent.records, absent.vectors, least=3, most=4)
    tuned, asked = (
        (with_unit_appearance(photos.vectors, flora.encoder.width)[0], photos.targets)
        for photos in (calibrating, test)
    )
    halvings = halved(flora, known)
    if plot:
        draw(halvings, plot)
    return {
        "calibration": calibration_table(halvings),
        "elsewhere": elsewhere_table(
            flora, {"test photos": test, "garden photos of known taxa": garden_known}
        ),
        "refusals": refusal_table(
            flora, known, garden_known, {"no plants": things, "other plants": absent}, train
        ),
        "verdicts": verdict_table(
            flora,
            {
                "test photos": test,
                "garden photos of known taxa": garden_known,
                "species of a genus in the flora": inside,
                "garden photos of other plants": absent,
                "no plants": things,
            },
        ),
        "inside": inside_table(flora, inside.records, root),
        "together": together_table(flora, test),
        "taught": taught_table(flora, {"taxa": new, "held-out taxa": fewer}, *asked),
        "ways": ways_table(flora, new, tuned, asked),
        "deletion": deletion_table(flora, list(test.records)[:: len(test.records) // EXPLAINED]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--flora", type=Path)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    flora, plot = load_flora(arguments.flora, arguments.encoder), PLOT if arguments.write else None
    tables = measure(flora, arguments.flora or FLORA, arguments.data, plot)
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
