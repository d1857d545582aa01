"""Plots for `dalip evaluate flora`: reliability diagram, coverage, accuracy by taxon."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dalip.errors import DalipError, first_line
from dalip_index.evaluation.trust import Trust

if TYPE_CHECKING:
    from dalip_index.evaluation.evaluate import FloraEvaluation

__all__ = ["check_plot", "draw_evaluation", "draw_reliability"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # safe for colour-blind readers
_MARKERS = "os^Dv"


def check_plot(path: Path) -> None:
    """Make sure that a figure can be drawn, before the time is spent on measuring.

    Raises:
        DalipError: Matplotlib is missing or does not support the format, or the folder does not exist.
    """
    formats = _figure(1).canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise DalipError("plot-format", source=path)
    if not path.absolute().parent.is_dir():
        raise DalipError("plot-folder-missing", source=path, folder=path.parent)


def draw_evaluation(found: "FloraEvaluation", path: Path) -> None:
    """Draw the evaluation of a flora: reliability, coverage of the conformal prediction sets, and top-1 by taxon.

    Args:
        found: The results.
        path: The output file; the suffix selects the format, such as .png or .svg.

    Raises:
        DalipError: Matplotlib is missing, or the file cannot be written.
        ValueError: Matplotlib does not support the format; `check_plot` reports this earlier.
    """
    figure = _figure(7.5 if not found.trust else 11)
    panels = figure.subplots(1, 3 if found.trust else 1, squeeze=False)[0]
    if found.trust:
        draw_reliability(panels[0], found.trust)
        _draw_coverage(panels[1], found.trust)
    _draw_taxa(panels[-1], [taxon.top1 for taxon in found.taxa])
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise DalipError("plot-not-written", source=path, cause=first_line(error)) from error


def _figure(width: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DalipError("matplotlib-missing") from None
    return Figure(figsize=(width, 3.9), layout="constrained")


def draw_reliability(axes: Any, trust: Sequence[Trust]) -> None:
    """Draw a reliability diagram: how often answers are correct, plotted against their predicted probability.

    Args:
        axes: Matplotlib axes.
        trust: Each is drawn as one line.
    """
    axes.plot([0, 100], [0, 100], color="0.6", lw=1, ls="--", label="ideal")
    for place, row in enumerate(trust):
        axes.plot(
            [100 * b.probability for b in row.reliability],
            [100 * b.right for b in row.reliability],
            color=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            ms=4,
            lw=1.2,
            label=f"{row.source}: ECE {100 * row.ece:.1f} %",
        )
    _finish(axes, "probability of the first name (%)", "correct (%)", "Reliability")


def _draw_coverage(axes: Any, trust: Sequence[Trust]) -> None:
    wanted = [100 * float(name) for name in trust[0].coverage]
    axes.plot([75, 100], [75, 100], color="0.6", lw=1, ls="--", label="ideal")
    for place, row in enumerate(trust):
        kept = [100 * share for share in row.coverage.values()]
        axes.plot(
            wanted,
            kept,
            color=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            ms=4,
            lw=1.2,
            label=row.source,
        )
    _finish(axes, "requested coverage (%)", "sets that contain the right name (%)", "Coverage")


def _draw_taxa(axes: Any, top1: Sequence[float]) -> None:
    axes.bar(range(len(top1)), [100 * share for share in top1], width=1, color=_COLOURS[0])
    axes.set_ylim(0, 100)
    _finish(axes, f"{len(top1)} taxa, worst first", "top-1 (%)", "By taxon")


def _finish(axes: Any, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
