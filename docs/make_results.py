"""Write the tables and plots of results.md from results/*.jsonl, the measurements of `benchmarks/method.py`.

The measurements of `benchmarks/appearance.py` are the table `appearance`.

python docs/make_results.py            # write tables and plots
python docs/make_results.py --check    # exit 1 if a table is out of date

The table of an experiment goes between `<!-- table: NAME -->` and `<!-- end -->`. The rest of the page is written
manually, except for the tables of other benchmarks, which write these themselves.
"""

import json
import math
import re
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
PAGE = DOCS / "results.md"
RESULTS = DOCS / "results"
OTHERS = ("general",)
"""Tables and results of other benchmarks."""
BLOCK = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Scores = dict[str, Any]
"""Scores of one run on test photos, by name; shares between 0 and 1, except for NLL."""
Measured = dict[str, dict[int, Scores]]
"""Scores of an experiment, by variant and seed."""


class Experiment(NamedTuple):
    """How an experiment is shown."""

    against: str
    """The variant that others are compared with; `{}` stands for the part of their names after the comma."""
    columns: tuple[str, ...] = ()
    """Names in `FIGURES`; by default, those that every experiment has."""
    plot: str = ""
    """`dots`, or `log` or `linear` for lines over an axis of that scale, then a colon and the label of the axis; empty
    for no plot."""
    seeds: int = 3
    """Runs of each variant without which the table is unfinished."""


MEAN = "mean top-1"
NLL = "mean NLL"
USUAL: dict[str, tuple[str, ...]] = {
    "Oxford top-1": ("Oxford 102 Flowers top-1",),
    "iNaturalist top-1": ("iNaturalist top-1",),
    MEAN: ("Oxford 102 Flowers top-1", "iNaturalist top-1"),
    NLL: ("Oxford 102 Flowers NLL", "iNaturalist NLL"),
    "caption → photo R@1": ("caption to photo R@1",),
    "caption → photo R@5": ("caption to photo R@5",),
    "photo → caption R@1": ("photo to caption R@1",),
}
"""Columns that every experiment has, and the scores that each is the mean of."""
BROAD: dict[str, tuple[str, ...]] = {
    "others top-1": ("other sources top-1",),
    "others top-5": ("other sources top-5",),
    "others genus": ("other sources genus",),
    "others family": ("other sources family",),
}
"""Columns of experiments with thousands of taxa."""
FIGURES = USUAL | BROAD
OF_BREADTH = (*BROAD, "Oxford top-1", "iNaturalist top-1", MEAN)
PLOTTED = ("Oxford top-1", "iNaturalist top-1", "caption → photo R@1")
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # safe for colour-blind readers (Okabe and Ito, 2008)
LINES = ((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^:"))

EXPERIMENTS = {
    "objectives": Experiment("DALIP", plot="dots"),
    "finetune": Experiment("DALIP", plot="dots"),
    "orders_finetuned": Experiment("first order alone"),
    "joint": Experiment("sum of two losses"),
    "orders": Experiment("first order alone"),
    "dropout": Experiment("0"),
    "norm": Experiment("batch norm"),
    "heads": Experiment("h 4, r 24", plot="dots"),
    "lambda": Experiment("0.5", plot="dots:l1"),
    "lr": Experiment("DALIP, 0.001"),
    "padding": Experiment("masked out"),
    "breadth": Experiment("DALIP", OF_BREADTH),
    "breadth_finetuned": Experiment("DALIP", OF_BREADTH, seeds=1),
    "epochs": Experiment("DALIP, {}", plot="log:epochs"),
    "mixing": Experiment("DALIP, {}", plot="linear:share of captioned photos in a batch (%)"),
    "forgetting": Experiment("DALIP, {}"),
}

STEPS = "appearance"
"""The table with one row per step, measured once, with intervals over photos instead of seeds."""

READ_IN_ORDERS = {"orders": "objectives", "orders_finetuned": "finetune"}
"""Tables that score the DALIP runs of another experiment with the first order, the second order and both."""

SHOWN_AS = {
    "joint": {"sum of two": "sum of two losses", "of the sum": "joint loss"},
    "padding": {"left out": "masked out", "counted": "counted as tokens"},
}
"""Row labels of variants whose names in the results files are too short to understand, by experiment."""


def read(folder: Path) -> dict[str, Measured]:
    """Return the measurements in a folder, by experiment.

    Experiments without a file are skipped. A file that no experiment shows ends the script.
    """
    unknown = {path.stem for path in folder.glob("*.jsonl")} - EXPERIMENTS.keys() - {STEPS, *OTHERS}
    if unknown:
        sys.exit(f"docs/make_results.py: add an entry to EXPERIMENTS for {', '.join(sorted(unknown))}")
    found: dict[str, Measured] = {}
    for name in EXPERIMENTS:
        path = folder / f"{READ_IN_ORDERS.get(name, name)}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines]
        measured: Measured = {}
        for row in rows:
            variant = SHOWN_AS.get(name, {}).get(row["variant"], row["variant"])
            variant = variant.replace(", 1 epochs", ", 1 epoch")
            tests = row["test"]
            read_with = "both" if name == "forgetting" and "both" in tests else "chosen"
            measured.setdefault(variant, {})[row["seed"]] = tests[read_with]
        if name in READ_IN_ORDERS:
            measured = _orders({row["seed"]: row["test"] for row in rows if row["variant"] == "DALIP"})
        if measured:
            found[name] = measured
    return found


def _orders(tests: dict[int, Scores]) -> Measured:
    names = {"first": "first order alone", "both": "both alike", "second": "second order alone"}
    chosen = ", ".join(f"{tests[seed]['chosen']['first order']:g}" for seed in sorted(tests))
    names["chosen"] = f"chosen: l1 = {chosen}"
    return {name: {seed: t[key] for seed, t in tests.items()} for key, name in names.items()} if tests else {}


def value(scores: Scores, figure: str) -> float:
    """Return a score of one run, in percent except for `NLL`."""
    return (1 if figure == NLL else 100) * mean(float(scores[name]) for name in FIGURES[figure])


def values_of(measured: Measured, variant: str, figure: str) -> list[float]:
    """Return a score of every run of a variant, ordered by seed."""
    return [value(scores, figure) for _, scores in sorted(measured[variant].items())]


def groups_of(measured: Measured, against: str) -> dict[str, list[str]]:
    """Return the variants that are compared with each other, grouped by their reference variant."""
    groups: dict[str, list[str]] = {}
    for variant in measured:
        groups.setdefault(against.format(variant.rpartition(", ")[2]), []).append(variant)
    return groups


def difference(measured: Measured, variant: str, other: str) -> str:
    """Return the paired difference of `MEAN` from another variant: mean over the common seeds ± standard error."""
    seeds = measured[variant].keys() & measured.get(other, {}).keys()
    if variant == other or not seeds:
        return "–"
    found = [value(measured[variant][s], MEAN) - value(measured[other][s], MEAN) for s in sorted(seeds)]
    error = f" ± {stdev(found) / math.sqrt(len(found)):.1f}" if len(found) > 1 else ""
    return f"{round(mean(found), 1) + 0.0:+.1f}{error}".replace("-", "−")  # + 0.0 avoids "-0.0"


def clear_winner(measured: Measured, variants: list[str], figure: str, seeds: int) -> str | None:
    """Return the variant whose mean beats the next by more than their pooled standard deviation, if there is one."""
    every = {variant: values_of(measured, variant, figure) for variant in variants}
    if len(every) < 2 or seeds < 2 or _unfinished(measured, seeds):
        return None
    best, second = sorted(every, key=lambda variant: mean(every[variant]), reverse=figure != NLL)[:2]
    spread = math.sqrt((stdev(every[best]) ** 2 + stdev(every[second]) ** 2) / 2)
    return best if abs(mean(every[best]) - mean(every[second])) > spread else None


def _wanted(measured: Measured, seeds: int) -> int:
    return max(seeds, *map(len, measured.values()))


def _unfinished(measured: Measured, seeds: int) -> bool:
    return any(len(runs) < _wanted(measured, seeds) for runs in measured.values())


def table(measured: Measured, shown: Experiment) -> list[str]:
    """Return the lines of an experiment's table."""
    columns, against, wanted = shown.columns or tuple(USUAL), shown.against, _wanted(measured, shown.seeds)
    lines = [
        f"| variant | seeds | {' | '.join(columns)} | difference in {MEAN} vs {against.replace(', {}', '')} |",
        f"|---|---|{'---:|' * (len(columns) + 1)}",
    ]
    for other, variants in groups_of(measured, against).items():
        best = {figure: clear_winner(measured, variants, figure, wanted) for figure in columns}
        for variant in variants:
            seeds = len(measured[variant])
            cells = [variant, str(seeds) if seeds == wanted else f"{seeds} of {wanted}"]
            for figure in columns:
                values = values_of(measured, variant, figure)
                places = 3 if figure == NLL else 1
                cell = f"{mean(values):.{places}f}" + (f" ± {stdev(values):.{places}f}" if seeds > 1 else "")
                cells.append(f"**{cell}**" if variant == best[figure] else cell)
            lines.append(f"| {' | '.join([*cells, difference(measured, variant, other)])} |")
    return lines


def steps_table(path: Path) -> list[str]:
    """Return the lines of the table of steps; a single line if the file does not exist yet."""
    if not path.exists():
        return ["**Not measured yet:** run the command above."]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    columns = list(rows[0]["figures"])
    lines = [f"| step | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row in rows:
        cells = [f"{share:.1f} ({low:.1f}–{high:.1f})" for share, low, high in row["figures"].values()]
        lines.append(f"| {' | '.join([row['step'], *cells])} |")
    return lines


def renewed(text: str, found: dict[str, Measured]) -> str:
    """Return the text of a page with its tables replaced by current ones."""

    def block(match: re.Match[str]) -> str:
        if match["name"] == STEPS:
            return "\n".join([match[1], *steps_table(RESULTS / f"{STEPS}.jsonl"), "", match[3]])
        if match["name"] in OTHERS:
            return match[0]
        measured = found.get(match["name"], {})
        shown = EXPERIMENTS[match["name"]]
        lines = table(measured, shown) if measured else []
        if not measured or _unfinished(measured, shown.seeds):
            lines += ["", "**Unfinished:** some runs are missing; run the command above again to resume."]
        return "\n".join([match[1], *lines, "", match[3]])

    return BLOCK.sub(block, text)


def draw(name: str, measured: Measured, path: Path) -> None:
    """Draw the plot of an experiment: readable at a width of 700 pixels, and sharp at twice that."""
    from matplotlib.figure import Figure

    shown = EXPERIMENTS[name]
    kind, _, label = shown.plot.partition(":")
    dots = kind == "dots"
    height = 0.95 + 0.26 * len(measured) if dots else 3.0
    figure = Figure(figsize=(7, height), layout="constrained")
    panels = figure.subplots(1, len(PLOTTED), sharey=dots)
    for axes, column in zip(panels, PLOTTED, strict=True):
        (_dots if dots else _lines)(axes, measured, column, shown)
        axes.set_title(f"{column} (%)", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    if not dots:
        figure.supxlabel(f"{label} – error bars: standard deviation over seeds", fontsize=9)
    else:
        panels[0].set_ylabel(label, fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=4, fontsize=8, handlelength=2.8, frameon=False
    )
    figure.savefig(path, dpi=200, metadata={"Software": None})


def _dots(axes: Any, measured: Measured, column: str, shown: Experiment) -> None:
    places = range(len(measured))
    every = [values_of(measured, variant, column) for variant in measured]
    points = [  # offset vertically, because seeds can have equal scores
        (value, place + 0.12 * (i - (len(values) - 1) / 2))
        for place, values in zip(places, every, strict=True)
        for i, value in enumerate(values)
    ]
    axes.plot(*zip(*points, strict=True), "o", color=BLUE, mfc="none", ms=4.5, label="one seed")
    axes.plot([mean(v) for v in every], places, "|", color="black", ms=15, mew=2, zorder=1, label="mean")
    if shown.against in measured:
        middle = mean(values_of(measured, shown.against, column))
        name = " = ".join([*shown.plot.split(":")[1:], shown.against])
        axes.axvline(middle, color=ORANGE, ls="--", lw=1, zorder=0, label=f"mean of {name}")
    axes.set_yticks(places, measured)
    axes.set_ylim(len(measured) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=5)


def _lines(axes: Any, measured: Measured, column: str, shown: Experiment) -> None:
    kind = shown.plot.partition(":")[0]
    lines: dict[str, list[tuple[float, list[float]]]] = {}
    for variant in measured:
        line, _, x = variant.rpartition(", ")
        number = float(x.split()[0].rstrip("%"))
        lines.setdefault(line, []).append((number, values_of(measured, variant, column)))
    for points in lines.values():
        points.sort()
    ticks = sorted({x for points in lines.values() for x, _ in points})
    for i, (line, points) in enumerate(lines.items()):
        aside = i - (len(lines) - 1) / 2  # offset, so that error bars do not overlap
        step = (max(ticks) - min(ticks)) / 60
        xs = [x * 1.05**aside if kind == "log" else x + aside * step for x, _ in points]
        means = [mean(values) for _, values in points]
        spread = [stdev(values) if len(values) > 1 else 0.0 for _, values in points]
        colour, style = LINES[i]
        axes.errorbar(xs, means, spread, fmt=style, color=colour, ms=5, capsize=2.5, label=line)
    axes.set_xscale(kind)
    axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
    axes.minorticks_off()


def main() -> None:
    """Write tables and plots or, with `--check`, exit with status 1 if the tables are out of date."""
    found = read(RESULTS)
    before = PAGE.read_text(encoding="utf-8")
    text = renewed(before, found)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        for name, measured in found.items():
            if EXPERIMENTS[name].plot:
                draw(name, measured, RESULTS / f"{name}.png")
    elif text != before:
        sys.exit("docs/results.md is out of date; run `python docs/make_results.py`")


if __name__ == "__main__":
    main()
