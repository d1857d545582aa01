"""Update the figures in the model card and the README from `evaluation.json`, which `benchmarks/trust.py` writes.

python assets/dalip_assets/make_card.py            # update MODEL_CARD.md and README.md
python assets/dalip_assets/make_card.py --check    # exit with status 1 if one of them is out of date
"""

import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent
CARD = ASSETS / "MODEL_CARD.md"
README = ASSETS.parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- figures: (?P<what>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = 120

MANY = ("oxford", "inat")
"""Sets with many photos of few taxa."""
OTHER = "garden"
"""The set from another source, which is for testing only."""

Figures = dict[str, Any]
"""The content of `evaluation.json`: rows of tables by name. A list is a share and its 95 % interval."""


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a table; its columns are those of the first row."""
    if not rows:
        return "No photos."
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    lines += [f"| {' | '.join(_shown(row[column]) for column in columns)} |" for row in rows]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, list):
        share, low, high = (100 * part for part in value)
        return f"{share:.1f} ({low:.1f}–{high:.1f})"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _by(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return rows by their first cell."""
    return {str(next(iter(row.values()))): row for row in rows}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def knows(figures: Figures) -> str:
    """Return what the README says about the number of plants, and about accuracy."""
    rows, few = _by(figures["accuracy"]), _by(figures["evidence"])
    many = [rows[name] for name in MANY]
    photos = sum(row["photos"] for row in many)
    right = sum(row["photos"] * row["top-1"][0] for row in many) / photos
    told = (
        f"The first name is right for {_percent(right)} of {photos:,} test photos of plants with many photos"
    )
    if OTHER in rows:
        row = rows[OTHER]
        told += f", and for {_percent(row['top-1'][0])} of {row['photos']:,} photos of garden plants from elsewhere"
    told += "."
    for number, label in (("1", "one photo"), ("0, texts only", "texts only")):
        if number in few:
            row = few[number]
            told += (
                f" If the flora knows a plant from {label}, the first name is right for {_percent(row['top-1'][0])} of "
                f"the photos, and the family for {_percent(row['family'][0])}."
            )
    left_out = _by(figures["left-out"])["all"]
    wrong = (
        f"If a plant is missing from the flora, a confident answer can only be right at the rank of genus or above. "
        f"Of {left_out['photos']:,} photos of such plants, {_percent(left_out['confident and wrong'][0])} got a "
        "confident answer that was wrong. [Accuracy and calibration](docs/trust.md) has all the measurements."
    )
    return "\n".join(
        textwrap.fill(f"- **{title}** {text}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for title, text in (
            (
                f"{figures['taxa']:,} plants.",
                "The built-in flora knows some from hundreds of photos and others from few. For other plants, [build "
                "your own flora](docs/guide/own-flora.md).",
            ),
            ("Accuracy depends on the plant and on the photo.", told),
            ("Plants that are missing.", wrong),
        )
    )


def selection(_: Figures) -> str:
    """Return the accuracy on the validation photos, as measured in training."""
    manifest = json.loads((ASSETS / "encoder" / "manifest.json").read_text(encoding="utf-8"))
    rows = manifest["details"]["selection"].items()
    parts = [f"{source} {100 * row['top_1']:.1f} % of {row['photos']}" for source, row in rows]
    weights = " and ".join(f"{b['weight']:.1f} {b['name'].replace('_', ' ')}" for b in manifest["blocks"])
    return textwrap.fill(
        f"Top-1 from texts alone on the validation photos, in PyTorch: {', '.join(parts)}. "
        f"The scoring weights were chosen on these photos: {weights}.",
        WIDTH,
    )


def size(figures: Figures) -> str:
    """Return the sizes of the encoder and the flora."""
    encoder, flora = (
        sum(p.stat().st_size for p in (ASSETS / name).rglob("*") if p.is_file()) / 1e6
        for name in ("encoder", "flora")
    )
    return f"The encoder is {encoder:.1f} MB on disk, the flora of {figures['taxa']:,} taxa {flora:.1f} MB."


BLOCKS: dict[str, Callable[[Figures], str]] = {
    "knows": knows,
    "selection": selection,
    "size": size,
    **{
        name: lambda figures, name=name: table(figures[name])  # type: ignore[misc]
        for name in ("accuracy", "evidence", "sure", "left-out", "worst-families", "confused")
    },
}


def renewed(text: str, figures: Figures) -> str:
    """Return the text of a page with its figures replaced by current ones."""
    return BLOCK.sub(lambda m: f"{m[1]}{BLOCKS[m['what']](figures)}\n{m[3]}", text)


def main() -> None:
    """Update the pages or, with `--check`, exit with status 1 if one is out of date."""
    figures: Figures = json.loads((ASSETS / "evaluation.json").read_text(encoding="utf-8"))
    for page in (CARD, README):
        text = page.read_text(encoding="utf-8")
        if "--check" not in sys.argv[1:]:
            page.write_text(renewed(text, figures), encoding="utf-8")
        elif renewed(text, figures) != text:
            sys.exit(f"{page.name} is out of date; run `make format`")


if __name__ == "__main__":
    main()
