"""Measure few-shot learning: how well a flora identifies plants taught from a few photos. Run by `trust.py`."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dalip.datasets import Record
from dalip.errors import ImageError
from dalip.photos import open_image
from dalip.prompts import taxon_texts
from dalip_index import Flora, Identification, load_flora, teach_taxon
from dalip_index.build.learn import hit_rates
from dalip_index.evaluation.trust import measure_trust
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.prototypes import Prototypes, telling, unit_mean, with_unit_appearance
from dalip_index.flora.similarities import Similarities

DRAWS = 30
ALONE_DRAWS = 3
TEACHINGS = 5
RANKS_ASKED = (None, "genus")
NUMBERS = (1, 2, 4)
COST = 0.005
"""Share of the answers to calibration photos that teaching may turn from right to wrong; the same for each way."""

Vectors = NDArray[np.float32]
Support = Sequence[NDArray[np.intp]]
"""The teaching photos of each taxon."""
Way = Callable[[Support], list[Vectors]]
"""Returns the vectors that each taught taxon is compared by, shape (one or more, E + A)."""


@dataclass(frozen=True)
class Named:
    """Photos and the taxa in them."""

    records: tuple[Record, ...]
    vectors: Vectors
    """Embeddings and appearances; the appearances have unit length."""
    lengths: Vectors
    """Lengths of the appearances before they were normalised."""
    targets: NDArray[np.intp]

    @property
    def number(self) -> int:
        """Number of taxa."""
        return int(self.targets.max()) + 1

    def draws(self, photos: int) -> Iterator[tuple[list[NDArray[np.intp]], NDArray[np.intp]]]:
        """Yield random teaching photos of each taxon, and the remaining photos, which are to be identified."""
        for seed in range(DRAWS):
            random = np.random.default_rng(seed)
            mixed = [
                random.permutation(np.flatnonzero(self.targets == taxon)) for taxon in range(self.number)
            ]
            yield [mine[:photos] for mine in mixed], np.concatenate([mine[photos:] for mine in mixed])


def new_taxa(flora: Flora, records: Sequence[Record], vectors: Vectors, least: int, most: int = 99) -> Named:
    """Return the photos of taxa that have `least` to `most` photos; the taxa are numbered 0, 1, ..."""
    names = [r.taxon.scientific_name if r.taxon else "" for r in records]
    kept = sorted(name for name in set(names) if least <= names.count(name) <= most)
    chosen = [i for i, name in enumerate(names) if name in kept]
    unit, lengths = with_unit_appearance(vectors[chosen], flora.encoder.width)
    targets = np.array([kept.index(names[i]) for i in chosen], np.intp)
    return Named(tuple(records[i] for i in chosen), unit, lengths, targets)


def enlarged(flora: Flora, new: Named, support: dict[int, NDArray[np.intp]]) -> Prototypes:
    """Return the prototypes of a flora that was taught new taxa from the photos chosen for each."""
    width, offset = flora.encoder.width, flora.calibration.taught_offset
    assert offset is not None
    prototypes = flora.prototypes
    for chosen in support.values():
        photo = unit_mean(new.vectors[chosen][:, width:])
        prototypes = prototypes.with_taxon(np.zeros(width, np.float32), 0, photo, len(chosen), offset)
    return prototypes


def taught_table(
    flora: Flora, sets: dict[str, Named], known: Vectors, targets: NDArray[np.intp]
) -> list[str]:
    """Return the accuracy on newly taught taxa, and what teaching them costs on the flora's own test photos."""
    known, _ = with_unit_appearance(known, flora.encoder.width)
    lines = [
        "| taught | photos per taxon | top-1 | top-5 | rejected | answered with a new taxon | accuracy if so answered "
        "| test photos: top-1 | top-5 | coverage at 0.9 | mistaken for a new taxon |",
        "|---|---:|" + "---:|" * 9,
        _old_row(flora, known, targets),
    ]
    for name, new in sets.items():
        for number in NUMBERS:
            if np.bincount(new.targets).min() <= number:
                continue
            together, alone = [], []
            for support, asked in new.draws(number):
                every = dict(enumerate(support))
                together.append(_taught(flora, new, every, asked, known, targets))
                if number == max(NUMBERS) and len(together) <= ALONE_DRAWS:
                    alone += [
                        _taught(flora, new, {t: mine}, asked[new.targets[asked] == t], known, targets)
                        for t, mine in every.items()
                    ]
            lines.append(f"| {new.number} {name} | {number} | {_cells(together)} |")
            if alone:
                lines.append(f"| one of these taxa alone | {number} | {_cells(alone)} |")
    return lines


def _taught(
    flora: Flora,
    new: Named,
    support: dict[int, NDArray[np.intp]],
    asked: NDArray[np.intp],
    known: Vectors,
    targets: NDArray[np.intp],
) -> tuple[float, ...]:
    """Return the rates of one row: on other photos of the taught taxa, then on the flora's own photos."""
    calibration, old = flora.calibration, len(flora.taxa)
    prototypes = enlarged(flora, new, support)
    similarities = prototypes.similarities(new.vectors[asked], "both", calibration.text_weight)
    places = {taxon: old + place for place, taxon in enumerate(support)}
    rows = np.array([places[taxon] for taxon in new.targets[asked].tolist()], np.intp)
    probabilities = calibration.probabilities(similarities)
    assert probabilities is not None
    first = similarities.argmax(axis=1)
    refused = np.logical_or(*Similarities(similarities, new.lengths[asked]).refused(calibration))
    as_new = (first >= old) & (probabilities.max(axis=1) >= calibration.threshold) & ~refused
    again = prototypes.similarities(known, "both", calibration.text_weight)
    return (
        *_rates(similarities, rows),
        float(refused.mean()),
        float(as_new.mean()),
        float((first == rows)[as_new].mean()) if as_new.any() else float("nan"),
        *_rates(again, targets),
        _kept(again, targets, calibration),
        float((again.argmax(axis=1) >= old).mean()),
    )


def _cells(found: Sequence[tuple[float, ...]]) -> str:
    columns = ([value for value in column if value == value] for column in zip(*found, strict=True))
    return " | ".join(f"{100 * mean(column):.1f} ± {100 * stdev(column):.1f}" for column in columns)


def _old_row(flora: Flora, known: Vectors, targets: NDArray[np.intp]) -> str:
    similarities = flora.prototypes.similarities(known, "both", flora.calibration.text_weight)
    rates = (*_rates(similarities, targets), _kept(similarities, targets, flora.calibration))
    return "| nothing | | | | | | | " + " | ".join(f"{100 * rate:.1f}" for rate in rates) + " | |"


def _kept(similarities: Vectors, targets: NDArray[np.intp], calibration: Calibration) -> float:
    lengths = np.ones(len(targets), np.float32)
    return measure_trust("", Similarities(similarities, lengths), targets, calibration).coverage["0.9"]


def _rates(similarities: Vectors, rows: NDArray[np.intp]) -> tuple[float, float]:
    found = hit_rates(similarities, rows)
    return found.top1, found.top5


def ways_table(
    flora: Flora,
    new: Named,
    tuned: tuple[Vectors, NDArray[np.intp]],
    test: tuple[Vectors, NDArray[np.intp]],
) -> list[str]:
    """Compare ways to represent a new taxon, at the same cost to the flora's own photos."""
    width, weight, known = flora.encoder.width, flora.calibration.text_weight, flora.prototypes.photos
    texts = np.vstack([_text(flora, record) for record in _one_each(new)])
    appearances, crops = new.vectors[:, width:], _crops(flora, new)

    def beside(text: Vectors, photo: Vectors) -> list[Vectors]:
        return [row[None] for row in np.hstack([text, photo])]

    def as_any_other(support: Support) -> list[Vectors]:
        return beside(weight * texts, (1 - weight) * _means(appearances, support))

    def embeddings(support: Support) -> list[Vectors]:
        return beside(_means(new.vectors[:, :width], support), np.zeros((new.number, known.shape[1])))

    def nearest(support: Support) -> list[Vectors]:
        return [np.pad(appearances[mine], ((0, 0), (width, 0))) for mine in support]

    def means(support: Support) -> list[Vectors]:
        return beside(0 * texts, _means(appearances, support))

    def chosen(support: Support) -> list[Vectors]:
        return beside(0 * texts, telling(_means(appearances, support), known))

    def with_crops(support: Support) -> list[Vectors]:
        return beside(0 * texts, telling(_means(crops, support), known))

    def with_texts(support: Support) -> list[Vectors]:
        return beside(0.25 * texts, 0.75 * telling(_means(appearances, support), known))

    ways: dict[str, Way] = {
        "like any other taxon: the flora's weights for texts and photos": as_any_other,
        "embeddings of the photos": embeddings,
        "appearances: the nearest photo": nearest,
        "appearances: their mean": means,
        "**appearances: the direction that separates their mean from the flora's taxa**": chosen,
        "the same, with the mirror image and eight crops of each photo": with_crops,
        "the same, without crops, with a quarter of the weight on texts": with_texts,
    }
    lines = [
        "| compared by | " + " | ".join(f"{n}-shot: top-1 | top-5 | test top-1 lost" for n in NUMBERS) + " |",
        "|---|" + "---:|" * (3 * len(NUMBERS)),
    ]
    for name, way in ways.items():
        cells: list[str] = []
        for number in NUMBERS:
            rates = _at_the_same_cost(flora, new, way, number, tuned, test, free=way is as_any_other)
            cells += [f"{100 * rate:.1f}" for rate in rates]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _means(rows: Vectors, support: Support) -> Vectors:
    return np.stack([unit_mean(rows[mine]) for mine in support])


def _scores(photos: Vectors, taxa: Sequence[Vectors]) -> Vectors:
    """Return the similarity of photos to the nearest vector of each taxon, shape (photos, taxa)."""
    return np.stack([(photos @ vectors.T).max(axis=1) for vectors in taxa], axis=1)


def _at_the_same_cost(
    flora: Flora,
    new: Named,
    way: Way,
    number: int,
    tuned: tuple[Vectors, NDArray[np.intp]],
    test: tuple[Vectors, NDArray[np.intp]],
    *,
    free: bool,
) -> tuple[float, float, float]:
    """Return top-1 and top-5 on new photos and the top-1 lost on test photos, as means over draws.

    The offset of the new taxa is such that calibration photos lose `COST`; a `free` way has no offset.
    """
    weight, old = flora.calibration.text_weight, len(flora.taxa)
    drawn = [(way(support), asked) for support, asked in new.draws(number)]

    def lost(photos: Vectors, targets: NDArray[np.intp]) -> Callable[[float], float]:
        before = flora.prototypes.similarities(photos, "both", weight)
        right, best = before.argmax(axis=1) == targets, before.max(axis=1)
        new_best = [_scores(photos, taxa).max(axis=1) for taxa, _ in drawn]
        return lambda offset: mean(float((right & (b + offset > best)).mean()) for b in new_best)

    cost, low, high = lost(*tuned), -2.0, 2.0
    for _ in range(0 if free else 30):
        middle = (low + high) / 2
        low, high = (low, middle) if cost(middle) > COST else (middle, high)
    offset = 0.0 if free else low
    before = flora.prototypes.similarities(new.vectors, "both", weight)
    rates = [
        _rates(
            np.hstack([before[asked], _scores(new.vectors[asked], taxa) + offset]), old + new.targets[asked]
        )
        for taxa, asked in drawn
    ]
    top1, top5 = (mean(column) for column in zip(*rates, strict=True))
    return top1, top5, lost(*test)(offset)


def _one_each(new: Named) -> list[Record]:
    return [new.records[int(np.flatnonzero(new.targets == taxon)[0])] for taxon in range(new.number)]


def _text(flora: Flora, record: Record) -> Vectors:
    assert record.taxon
    return unit_mean(flora.encoder.encode_text(taxon_texts(record.taxon)))


def _crops(flora: Flora, new: Named) -> Vectors:
    """Return the mean appearance of each photo, its mirror image and eight square crops: three full, five smaller."""
    found = []
    for record in new.records:
        photo = open_image(record.read_bytes())
        side, small = min(photo.size), 3 * min(photo.size) // 4
        room = (photo.width - side, photo.height - side)
        squares = [(room[0] * f, room[1] * f, side) for f in (0, 0.5, 1)]
        squares += [
            (room[0] / 2 + (side - small) * x, room[1] / 2 + (side - small) * y, small)
            for x, y in ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))
        ]
        pictures: list[Image.Image] = [photo, ImageOps.mirror(photo)]
        pictures += [photo.crop((int(x), int(y), int(x) + s, int(y) + s)) for x, y, s in squares]
        rows = [row for _, row in flora.encoder.encode_files(pictures, appearance=True)]
        vectors = np.stack([row for row in rows if not isinstance(row, ImageError)])
        found.append(
            with_unit_appearance(vectors, flora.encoder.width)[0][:, flora.encoder.width :].mean(axis=0)
        )
    return np.stack(found)


def inside_table(flora: Flora, records: Sequence[Record], root: Path, photos: int = 2) -> list[str]:
    """Identify species whose genus is a taxon of the flora, before and after the flora is taught the species."""
    by_taxon: dict[str, list[Record]] = {}
    for record in records:
        by_taxon.setdefault(record.taxon.scientific_name if record.taxon else "", []).append(record)
    outcomes = ("right species", "right genus or above", "wrong", "not confident", "rejected")
    counts = {
        (flora_is, rank): dict.fromkeys(outcomes, 0)
        for flora_is in ("before teaching", "after teaching")
        for rank in RANKS_ASKED
    }
    for seed in range(TEACHINGS):
        random = np.random.default_rng(seed)
        mixed = [[mine[i] for i in random.permutation(len(mine))] for mine in by_taxon.values()]
        asked = [record for mine in mixed for record in mine[photos:]]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "flora"
            for mine in mixed:
                assert mine[0].taxon
                teach_taxon(
                    path, flora.encoder, mine[0].taxon, [r.read_bytes() for r in mine[:photos]], start=root
                )
            for (flora_is, rank), found in counts.items():
                use = load_flora(path, flora.encoder) if flora_is == "after teaching" else flora
                answers = use.identify([r.read_bytes() for r in asked], rank=rank)
                for record, answer in zip(asked, answers, strict=True):
                    assert isinstance(answer, Identification)
                    found[_outcome(record, answer)] += 1
    lines = [f"| flora | rank | {' | '.join(outcomes)} |", "|---|---|" + "---:|" * len(outcomes)]
    for (flora_is, rank), found in counts.items():
        shares = " | ".join(f"{100 * count / sum(found.values()):.0f}" for count in found.values())
        lines.append(f"| {flora_is} | {rank or 'lowest confident rank'} | {shares} |")
    return lines


def _outcome(record: Record, answer: Identification) -> str:
    assert record.taxon
    if answer.verdict in ("not in flora", "not a plant"):
        return "rejected"
    if answer.taxon is None:
        return "not confident"
    if answer.taxon.scientific_name == record.taxon.scientific_name:
        return "right species"
    return "right genus or above" if answer.taxon.contains(record.taxon) else "wrong"
