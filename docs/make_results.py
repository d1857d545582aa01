"""Make results.md and its plots from what `benchmarks/method.py` measured, the files results/*.jsonl.

python docs/make_results.py            # renew page and plots
python docs/make_results.py --check    # exit 1 if the page is out of date
"""

import json
import math
import sys
import textwrap
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
PAGE = DOCS / "results.md"
RESULTS = DOCS / "results"
READINGS = RESULTS / "readings.md"

Scores = dict[str, Any]
"""What one run reached on test photos, by figure, parts of one."""
Measured = dict[str, dict[int, Scores]]
"""The scores of an experiment, by variant and seed."""


class Experiment(NamedTuple):
    """How an experiment is shown."""

    title: str
    about: str
    against: str
    """The variant that others are compared with; `{}` stands for what follows the comma in their names."""
    plot: str = ""
    """`dots`, or `log` or `linear` for lines over such an axis; its label follows a colon. Empty for no plot."""


MEAN = "mean top-1"
NLL = "mean NLL"
FIGURES: dict[str, tuple[str, ...]] = {
    "Oxford top-1": ("Oxford 102 Flowers top-1",),
    "iNaturalist top-1": ("iNaturalist top-1",),
    MEAN: ("Oxford 102 Flowers top-1", "iNaturalist top-1"),
    NLL: ("Oxford 102 Flowers NLL", "iNaturalist NLL"),
    "caption → photo R@1": ("caption to photo R@1",),
    "caption → photo R@5": ("caption to photo R@5",),
    "photo → caption R@1": ("photo to caption R@1",),
}
"""The columns of a table, and the scores that each is the mean of."""
PLOTTED = ("Oxford top-1", "iNaturalist top-1", "caption → photo R@1")
SEEDS = 3
TESTED = {"Oxford": 493, "iNaturalist": 340, "captioned": 90, "captions": 450}
"""How many photos, or captions of them, a test is made of."""
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # told apart by colour-blind eyes (Okabe and Ito, 2008)
LINES = ((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^:"))

EXPERIMENTS = {
    "objectives": Experiment(
        "What is minimised",
        "DALIP's loss, half InfoNCE of the first order and half of the second, beside losses of one order. “First "
        "order” is the same InfoNCE in a model without the second order: the fairest plain CLIP; once more with as "
        "many numbers a photo as DALIP has of both orders. “CLIP” and “SigLIP” are the published losses, to which the "
        "text of another photo is wrong even if both photos show one species; in all other rows photos of one species "
        "match each other's texts.",
        "DALIP",
        "dots",
    ),
    "finetune": Experiment(
        "What is minimised, with the image tower learning",
        "The same question when the image tower is trained as well, but for its first stages, so that the loss can "
        "shape the tokens whose distribution it compares: 16 epochs, crops of 128 pixels, photos read at 160.",
        "DALIP",
        "dots",
    ),
    "joint": Experiment(
        "Sum of two losses, or loss of the sum",
        "InfoNCE of each order, added up, makes each of them name plants by itself. InfoNCE of the weighted "
        "similarity S asks that only of both together.",
        "sum of two",
    ),
    "orders": Experiment(
        "Orders in scoring",
        "One trained model, read in four ways: the weight l1 of the first order in an answer is free to differ from "
        "the one in the loss. These are the DALIP runs of the first table; “chosen” has the weight with the least "
        "negative log-likelihood on the selection photos, here a number a seed.",
        "first order alone",
    ),
    "dropout": Experiment(
        "Dropout before the Gram matrix",
        "The authors' release drops with probability 0.5: whole channels of an image, whole tokens of a text. Dropped "
        "and rescaled entries inflate the diagonal of the Gram matrix, from which all distances come.",
        "0",
    ),
    "norm": Experiment(
        "Norm of the reduced image channels",
        "The authors' batch norm shares statistics over a batch; layer norm treats each token by itself, so that a "
        "batch can be divided over parts and processes without changing the outcome.",
        "batch norm",
    ),
    "heads": Experiment(
        "Heads and channels",
        "The second order has h·r·(r + 1)/2 numbers for h heads of r channels. From one to eight heads at the same r, "
        "then less and more channels, of which h 4, r 46 is the paper's, then one head with about as many numbers as "
        "four of 24 (1,200).",
        "h 4, r 24",
        "dots",
    ),
    "lambda": Experiment(
        "Weight of the first order in the loss",
        "l1 of the loss; the second order has 1 − l1. How the orders are weighed in the answer is chosen anew for "
        "each run.",
        "0.5",
        "dots:l1",
    ),
    "lr": Experiment(
        "Learning rate of the heads",
        "Each objective at a second learning rate, so that none is judged at the best one of another. Which rate is "
        "best for which is to be read off the selection photos; their figures are in the rows of results/lr.jsonl.",
        "DALIP, 0.001",
    ),
    "padding": Experiment(
        "Padding of texts",
        "Texts are filled up to one length. The authors' release counts the filling as tokens of the distribution; "
        "we leave it out.",
        "left out",
    ),
    "epochs": Experiment(
        "Convergence",
        "From 1 to 20 epochs, each a run with its own learning-rate schedule: whether DALIP learns faster or slower, "
        "and whether a lead lasts.",
        "DALIP, {}",
        "log:epochs",
    ),
    "mixing": Experiment(
        "Captioned photos in the mixture",
        "The share of a batch that are captioned photos of everyday things instead of plants, at the same number of "
        "steps: what general retrieval gains, and what plants lose.",
        "DALIP, {}",
        "linear:captioned photos in a batch (%)",
    ),
    "forgetting": Experiment(
        "Captions first, then plants",
        "What learning plants costs a model that knew something else: a first stage on captioned photos of everyday "
        "things alone (60 epochs), and from there as many steps as in the other tables, on plants alone or with a "
        "tenth of captioned photos kept. Both orders are weighed alike in all rows, for a model that has seen no "
        "plants has nothing to choose by.",
        "DALIP, {}",
    ),
}
"""In the order of the page."""


def read(folder: Path) -> dict[str, Measured]:
    """Read the measurements that are there, in the order of the page."""
    strangers = {path.stem for path in folder.glob("*.jsonl")} - EXPERIMENTS.keys()
    if strangers:
        sys.exit(f"docs/make_results.py: say in EXPERIMENTS what {', '.join(sorted(strangers))} compares")
    found: dict[str, Measured] = {}
    for name in EXPERIMENTS:
        source = "objectives" if name == "orders" else name
        path = folder / f"{source}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines]
        measured: Measured = {}
        for row in rows:
            variant = row["variant"].replace(", 1 epochs", ", 1 epoch")
            tests = row["test"]
            read_with = "both" if name == "forgetting" and "both" in tests else "chosen"
            measured.setdefault(variant, {})[row["seed"]] = tests[read_with]
        if name == "orders":
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
    """Give a figure of one run, in percent but for `NLL`."""
    return (1 if figure == NLL else 100) * mean(float(scores[name]) for name in FIGURES[figure])


def values_of(measured: Measured, variant: str, figure: str) -> list[float]:
    """Give a figure of all runs of a variant, by seed."""
    return [value(scores, figure) for _, scores in sorted(measured[variant].items())]


def groups_of(measured: Measured, against: str) -> dict[str, list[str]]:
    """Give the variants that are compared with each other, by the one that all others of them are compared with."""
    groups: dict[str, list[str]] = {}
    for variant in measured:
        groups.setdefault(against.format(variant.rpartition(", ")[2]), []).append(variant)
    return groups


def difference(measured: Measured, variant: str, other: str) -> str:
    """Give the mean difference of `MEAN` to another variant over the seeds of both, and its standard error."""
    seeds = measured[variant].keys() & measured.get(other, {}).keys()
    if variant == other or not seeds:
        return "–"
    found = [value(measured[variant][s], MEAN) - value(measured[other][s], MEAN) for s in sorted(seeds)]
    error = f" ± {stdev(found) / math.sqrt(len(found)):.1f}" if len(found) > 1 else ""
    return f"{round(mean(found), 1) + 0.0:+.1f}{error}".replace("-", "−")  # + 0.0 for no "-0.0"


def clear_winner(measured: Measured, variants: list[str], figure: str) -> str | None:
    """Give the variant whose mean beats the next by more than the pooled standard deviation of the two, if any."""
    every = {variant: values_of(measured, variant, figure) for variant in variants}
    if len(every) < 2 or _unfinished(measured):
        return None
    best, second = sorted(every, key=lambda variant: mean(every[variant]), reverse=figure != NLL)[:2]
    spread = math.sqrt((stdev(every[best]) ** 2 + stdev(every[second]) ** 2) / 2)
    return best if abs(mean(every[best]) - mean(every[second])) > spread else None


def _wanted(measured: Measured) -> int:
    return max(SEEDS, *map(len, measured.values()))


def _unfinished(measured: Measured) -> bool:
    return any(len(runs) < _wanted(measured) for runs in measured.values())


def table(measured: Measured, against: str) -> list[str]:
    """Give the lines of an experiment's table."""
    lines = [
        f"| variant | seeds | {' | '.join(FIGURES)} | {MEAN} against {against.replace(', {}', '')} |",
        f"|---|---|{'---:|' * (len(FIGURES) + 1)}",
    ]
    for other, variants in groups_of(measured, against).items():
        best = {figure: clear_winner(measured, variants, figure) for figure in FIGURES}
        for variant in variants:
            seeds = len(measured[variant])
            cells = [variant, str(seeds) if seeds == _wanted(measured) else f"{seeds} of {_wanted(measured)}"]
            for figure in FIGURES:
                values = values_of(measured, variant, figure)
                places = 3 if figure == NLL else 1
                cell = f"{mean(values):.{places}f}" + (f" ± {stdev(values):.{places}f}" if seeds > 1 else "")
                cells.append(f"**{cell}**" if variant == best[figure] else cell)
            lines.append(f"| {' | '.join([*cells, difference(measured, variant, other)])} |")
    return lines


def section(name: str, measured: Measured) -> list[str]:
    """Give the lines of an experiment."""
    shown = EXPERIMENTS[name]
    source = "objectives" if name == "orders" else name
    seeds = f" --seeds {_wanted(measured)}" if _wanted(measured) > SEEDS else ""
    lines = ["", f"## {shown.title}", "", wrapped(shown.about), ""]
    lines += ["```", f"python benchmarks/method.py {source} --data DATA{seeds}", "```", ""]
    lines += table(measured, shown.against)
    if _unfinished(measured):
        lines += ["", "**Unfinished:** runs are missing; the command above goes on where it stopped."]
    if shown.plot:
        lines += ["", f"![{shown.title}: {', '.join(PLOTTED)}](results/{name}.png)"]
    return [*lines, "", wrapped(f"**Reading.** {readings()[name]}")]


def readings() -> dict[str, str]:
    """Give what we make of each table."""
    _, *sections = READINGS.read_text(encoding="utf-8").split("\n## ")
    parts = [section.partition("\n") for section in sections]
    return {name: text.strip() for name, _, text in parts}


def wrapped(text: str) -> str:
    """Break the lines of paragraphs anew; those of headings, comments and code stay."""
    return "\n\n".join(
        part if part.startswith(("#", "<!--", "```")) else textwrap.fill(part, 120, break_on_hyphens=False)
        for part in text.split("\n\n")
    )


def chance(source: str, at: float) -> str:
    """Give the standard error, in percent, of a part of a test's photos that is `at` in truth (binomial)."""
    return f"{100 * math.sqrt(at * (1 - at) / TESTED[source]):.1f}"


def introduction() -> str:
    """Give the top of the page."""
    return f"""# What is true of the method

<!-- Made by docs/make_results.py from docs/results/. -->

One thing is changed at a time; all else is the same on both sides: photos, texts, steps, seeds, starting weights. The
runs are small, made on 2 CPU cores, and their figures are for comparison with each other, not with other papers'.

```
pip install ".[builtin]"
python benchmarks/method.py all --data DATA    # DATA: the folder of the shards; takes many hours
python docs/make_results.py                    # this page and its plots
```

**Photos.** Real ones of 130 plant taxa: Oxford 102 Flowers (87 taxa, garden flowers in close-up) and iNaturalist
around Santa Cruz, California (44 taxa, wild and cluttered; one taxon is in both). Beside them 807 everyday photos with
five captions each, a tenth of a batch where nothing else is said. A photo's split follows from the SHA-1 of its key:
70 % are learned from, 10 % are for selection, 10 % for calibration, not used here, and 10 % for the test.

**Towers.** EfficientNet-Lite0 and all-MiniLM-L6-v2, both pretrained and, where nothing else is said, both frozen: what
learns is projections and second-order heads (4 heads of 24 channels, batch norm, joint width 256), for 20 epochs of
batches of 96, in crops of 160 pixels; photos are read at 192. These runs have 1,340 steps; since they were made an
epoch counts its last batch in part, too, and the commands take 1,350.

**Figures.** A photo is named from texts alone, among all 130 taxa: top-1 over {TESTED["Oxford"]} test photos of Oxford
and {TESTED["iNaturalist"]} of iNaturalist, and the mean of the two; and the mean negative log-likelihood of the right
name (NLL, in nats; lower is better), each source at its best temperature, which chance moves less than top-1. General
retrieval, which training on plants can spoil: for each of the {TESTED["captions"]} captions of {TESTED["captioned"]}
test photos, whether its photo comes first (R@1) or among the first five (R@5); and for each photo, whether the first
caption is one of its own. On the selection photos one number is chosen for each model with two orders, the weight l1 of
the first in the answer. Everything below is measured on test photos.

**Spread and chance.** All but NLL is in percent; mean ± standard deviation over seeds. A seed decides initial heads,
order of photos, crops and texts. A mean is bold where it is better than the next by more than the standard deviation of
the two, pooled. The last column takes differences seed by seed, mean ± standard error; over three seeds it takes 4.3
standard errors for 95 % certainty (Student's t), and among many rows one or another gets there by chance. Other photos
would give other figures: the standard error from drawing test photos is {chance("Oxford", 0.8)} points at 80 % on
Oxford, {chance("iNaturalist", 0.6)} at 60 % on iNaturalist, {chance("captioned", 0.2)} at 20 % for photo → caption, and
no less than {chance("captions", 0.2)} for caption → photo, where five captions share a photo. It weighs less on a
difference, both sides of which are measured on the same photos."""


def page(folder: Path) -> str:
    """Give the whole page."""
    lines = [wrapped(introduction())]
    for name, measured in read(folder).items():
        lines += section(name, measured)
    speed = folder / "speed.md"
    if speed.exists():
        lines += ["", "## Speed", "", speed.read_text(encoding="utf-8").strip()]
    return "\n".join(lines) + "\n"


def draw(name: str, measured: Measured, path: Path) -> None:
    """Draw the plot of an experiment, to be read at 700 pixels and sharp at twice that."""
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
        figure.supxlabel(f"{label} – bars: standard deviation over seeds", fontsize=9)
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
    points = [
        (value, place + 0.12 * (i - (len(values) - 1) / 2))  # one below the other, since they may be equal
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
        aside = i - (len(lines) - 1) / 2  # so that error bars do not hide each other
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
    """Renew page and plots or, with `--check`, say whether the page is up to date."""
    text = page(RESULTS)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        for name, measured in read(RESULTS).items():
            if EXPERIMENTS[name].plot:
                draw(name, measured, RESULTS / f"{name}.png")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/results.md is out of date; run `python docs/make_results.py`")


if __name__ == "__main__":
    main()
