"""Show which families a flora identifies well, as a picture and in tables, and what it confuses. Run by `trust.py`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answers import Answered
from intervals import share_of
from tables import Row

from dalip_index import Flora

LEAST = 10
"""Test photos of a family in the tables."""
SHOWN = 12
"""Rows of a table."""
COLOURS = ("#00204d", "#414d6b", "#7c7b78", "#bcaf6f", "#ffea46")
"""Five steps of the colour map cividis, which readers with colour blindness can tell apart by lightness."""
NO_PHOTO = "#ffffff"
SIZE = (4.6, 6.6)
"""Inches: the picture is as wide as a phone, and its smallest letters are readable there."""
DPI = 200
LETTERS = 7.0
"""Points."""

Box = tuple[float, float, float, float]
"""Left, bottom, width and height of a tile."""


@dataclass(frozen=True)
class Family:
    """A family of the flora and how often its photos get the right family."""

    name: str
    taxa: int
    hits: tuple[bool, ...]
    """Whether the most probable family was right, for each photo."""

    @property
    def accuracy(self) -> float | None:
        """Share of photos with the right family; `None` without photos."""
        return sum(self.hits) / len(self.hits) if self.hits else None


def families_of(flora: Flora, answers: Sequence[Answered]) -> list[Family]:
    """Return the families in a flora, largest first."""
    taxa = Counter(t.family or t.scientific_name for t in flora.taxa if t.family or t.taxon_rank == "family")
    hits: dict[str, list[bool]] = {name: [] for name in taxa}
    for answer in answers:
        name = answer.shown.family or answer.shown.scientific_name
        if answer.evidence >= 0 and name in hits:
            hits[name].append(answer.family)
    return [Family(name, number, tuple(hits[name])) for name, number in taxa.most_common()]


def family_rows(families: Sequence[Family], *, best: bool) -> list[Row]:
    """Return the families with the most or the fewest photos of the right family, among those with enough photos."""
    known = [family for family in families if len(family.hits) >= LEAST]
    known.sort(key=lambda f: (f.accuracy or 0.0, len(f.hits) * (1 if best else -1)), reverse=best)
    return [
        {
            "family": family.name,
            "taxa in the flora": family.taxa,
            "test photos": len(family.hits),
            "right family": share_of(family.hits),
        }
        for family in known[:SHOWN]
    ]


def confusion_rows(answers: Sequence[Answered]) -> list[Row]:
    """Return the pairs of genera that are confused most often, in either direction."""
    pairs: Counter[tuple[str, str]] = Counter()
    photos: Counter[str] = Counter()
    for answer in answers:
        shown, named = (t.genus or t.scientific_name for t in (answer.shown, answer.first))
        photos[shown] += 1
        if shown != named:
            first, second = sorted((shown, named))
            pairs[first, second] += 1
    return [
        {
            "genera": f"*{first}*, *{second}*",
            "confused": number,
            "test photos of the two": photos[first] + photos[second],
        }
        for (first, second), number in pairs.most_common(SHOWN)
        if number > 1
    ]


def squarify(areas: Sequence[float], box: Box) -> list[Box]:
    """Divide a box into tiles with given areas, largest first, that are as square as possible.

    Source: Bruls, Huizing and van Wijk, "Squarified treemaps", 2000.
    """
    left, bottom, width, height = box
    scale = width * height / sum(areas)
    tiles: list[Box] = []
    rest = [area * scale for area in areas]
    while rest:
        side = min(width, height)
        number = 1
        while number < len(rest) and _worst(rest[: number + 1], side) <= _worst(rest[:number], side):
            number += 1
        row, rest = rest[:number], rest[number:]
        thick = sum(row) / side
        along = 0.0
        for area in row:
            long = area / thick
            if width >= height:
                tiles.append((left, bottom + height - along - long, thick, long))
            else:
                tiles.append((left + along, bottom + height - thick, long, thick))
            along += long
        if width >= height:
            left, width = left + thick, width - thick
        else:
            height -= thick
    return tiles


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of the sides of the tiles in a row."""
    thick = sum(row) / side
    return max(max(area / thick**2, thick**2 / area) for area in row)


def draw(families: Sequence[Family], path: Path) -> None:
    """Draw a treemap: the area of a tile is the number of taxa, its colour the share of photos of the right family."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    figure = Figure(figsize=SIZE)
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.92))
    axes.set_axis_off()
    width, height = (100 * side for side in (0.98 * SIZE[0], 0.92 * SIZE[1]))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    tiles = squarify([family.taxa for family in families], (0, 0, width, height))
    for family, (x, y, w, h) in zip(families, tiles, strict=True):
        colour = _colour(family.accuracy)
        plain = family.accuracy is None
        axes.add_patch(
            Rectangle(
                (x, y),
                w,
                h,
                facecolor=colour,
                edgecolor="#999999" if plain else "white",
                lw=0.5,
                hatch="////" if plain else None,
            )
        )
        _write(axes, family, (x, y, w, h))
    steps = [f"{20 * step}–{20 * step + 20} %" for step in range(len(COLOURS))]
    handles = [Patch(facecolor=colour, edgecolor="#999999") for colour in COLOURS]
    handles.append(Patch(facecolor=NO_PHOTO, edgecolor="#999999", hatch="////"))
    figure.legend(
        handles,
        [*steps, "no test photo"],
        loc="upper center",
        ncols=3,
        fontsize=LETTERS + 1,
        frameon=False,
        borderaxespad=0.1,
        columnspacing=1.2,
        handlelength=1.4,
    )
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _colour(accuracy: float | None) -> str:
    return NO_PHOTO if accuracy is None else COLOURS[min(int(accuracy * len(COLOURS)), len(COLOURS) - 1)]


def _write(axes: Any, family: Family, tile: Box) -> None:
    """Write the name of a family and its accuracy on its tile, as far as there is room."""
    x, y, width, height = tile
    letters, lines = width * 0.72 / LETTERS, int(height * 0.72 / LETTERS / 1.25)
    stem = family.name.removesuffix("aceae")
    for told in ([family.name], [f"{stem}-", "aceae"] if stem != family.name else []):
        if told and len(told) <= lines and max(map(len, told)) * 0.56 + 0.4 <= letters:
            break
    else:
        return
    if family.accuracy is not None:
        share = f"{family.accuracy:.0%} of {len(family.hits)}"
        if len(told) < lines and len(share) * 0.6 <= letters:
            told.append(share)
    axes.text(
        x + width / 2,
        y + height / 2,
        "\n".join(told),
        ha="center",
        va="center",
        fontsize=LETTERS,
        color="white" if family.accuracy is not None and family.accuracy < 0.4 else "black",
        bbox={"facecolor": NO_PHOTO, "edgecolor": "none", "pad": 0.5} if family.accuracy is None else None,
    )
