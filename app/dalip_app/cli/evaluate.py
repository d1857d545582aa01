"""`dalip evaluate flora` and `forgetting`, and the group of these commands."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip_app.cli import evaluate_encoders as encoders_cli
from dalip_app.cli.evaluate_options import (
    PhotosOption,
    SplitName,
    SplitOption,
    of_split,
    print_evaluation,
    print_table,
    read_photos,
)
from dalip_app.cli.export import need_training
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FloraOption,
    JsonOption,
    OnlyOption,
    load_flora,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_result

if TYPE_CHECKING:
    from dalip_index import FloraEvaluation
    from dalip_index.evaluation.trust import Trust

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure how good the answers are.")

_WORST = 10  # taxa, and confusions, that are printed if not all of them are asked for

_FLORA_EXAMPLES = """\b
Examples:
  dalip evaluate flora --photos shards/
  dalip evaluate flora --flora garden-flora --photos named/ --split all
  dalip evaluate flora --photos shards/ --plot flora.png --all-taxa"""

_FORGETTING_EXAMPLES = """\b
Examples:
  dalip evaluate forgetting runs/mine --photos objects.tar
  dalip evaluate forgetting runs/mine --photos objects.tar --split all"""


@app.callback()
def evaluate() -> None:
    """Measure how good the answers are."""


@app.command("flora", epilog=_FLORA_EXAMPLES)
def flora(
    photos: PhotosOption,
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    only: OnlyOption = None,
    split: SplitOption = "test",
    all_taxa: Annotated[
        bool, typer.Option("--all-taxa", help="Print every taxon and every confusion, not only the worst.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Plot calibration, prediction-set coverage and top-1 by taxon, as .png or .svg.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Measure a flora: how often the right name comes first, and how far the answers can be trusted.

    Photos of plants that the flora does not hold, and photos that name no taxon, show what it rejects; photos that are
    labelled `containsPlant` are left out of the latter.
    """
    from dalip_index import evaluate_flora

    if plot:
        from dalip_index.evaluation.plots import check_plot

        check_plot(plot)
    records, faults = read_photos(photos)
    chosen = of_split(records, split)
    loaded = load_flora(flora, encoder, data_dir, only)
    with ProgressLine() as progress:
        found = evaluate_flora(loaded, chosen, progress=progress)
    if as_json:
        print_evaluation(split, found.to_dict(), found.skipped, faults)
    else:
        _print_tables(found, split, None if all_taxa else _WORST)
    if plot:
        from dalip_index.evaluation.plots import draw_evaluation

        draw_evaluation(found, plot)
        complain(f"{plot}: drawn")
    left_out = LeftOut()
    left_out(*faults, *found.skipped)
    left_out.finish()


app.command("zero-shot", epilog=encoders_cli.ZERO_SHOT_EXAMPLES)(encoders_cli.zero_shot)
app.command("retrieval", epilog=encoders_cli.RETRIEVAL_EXAMPLES)(encoders_cli.retrieval)
app.command("few-shot", epilog=encoders_cli.FEW_SHOT_EXAMPLES)(encoders_cli.few_shot)
app.command("linear-probe", epilog=encoders_cli.LINEAR_PROBE_EXAMPLES)(encoders_cli.linear_probe)


@app.command("forgetting", epilog=_FORGETTING_EXAMPLES)
def forgetting(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run of dalip train.")],
    photos: PhotosOption,
    split: SplitOption = "test",
    as_json: JsonOption = False,
) -> None:
    """Measure what an image tower has forgotten of the classes of ImageNet.

    The classifier that its pretrained weights came with is applied to the pretrained and to the trained tower. Photos
    name their class by `wordnetID`, as in n04592741. For what was forgotten of captions, compare a run with an earlier
    one by `dalip evaluate retrieval`. It needs PyTorch, and a run that started from lite0-minilm or lite2-minilm.
    """
    need_training()
    from dalip.training.forgetting import forgetting as measure

    records, faults = read_photos(photos)
    chosen = of_split(records, split)
    with ProgressLine() as progress:
        found, skipped = measure(run, chosen, progress)
    if as_json:
        print_evaluation(split, asdict(found), skipped, faults)
    else:
        rows = [
            [
                "before training",
                f"{found.photos:,}",
                f"{found.before_top_1:.1%}",
                f"{found.before_top_5:.1%}",
            ],
            ["after training", f"{found.photos:,}", f"{found.after_top_1:.1%}", f"{found.after_top_5:.1%}"],
        ]
        print_table(["image tower", "photos", "top-1", "top-5"], rows, words=1, split=split)
    left_out = LeftOut()
    left_out(*faults, *skipped)
    left_out.finish()


def _print_tables(found: "FloraEvaluation", split: SplitName, shown: int | None) -> None:
    rows = [
        [row.source, row.evidence, f"{row.photos:,}", f"{row.top1:.1%}", f"{row.top5:.1%}"]
        for row in found.accuracy
    ]
    print_table(["source", "evidence", "photos", "top-1", "top-5"], rows, words=2, split=split)
    if found.search:
        search = found.search
        print_result(
            f"search by common name: precision at 5 is {search.precision_at_5:.3f} over {search.taxa} names "
            f"and {search.photos:,} photos (at best {search.best_possible:.3f})"
        )
    if found.trust:
        _print_trust(found.trust, split)
    if found.rejections:
        print_result("")
        print_table(
            ["to reject", "score", "photos", "AUROC", "FPR at 95 %", "rejected"],
            [
                [r.kind, r.score, f"{r.photos:,}", f"{r.auroc:.4f}", f"{r.fpr_at_95:.1%}", f"{r.refused:.1%}"]
                for r in found.rejections
            ],
            words=2,
            split=split,
        )
    print_result("")
    print_table(
        ["taxon" if shown is None else "worst taxa", "photos", "top-1", "top-5"],
        [[t.taxon, f"{t.photos:,}", f"{t.top1:.1%}", f"{t.top5:.1%}"] for t in found.taxa[:shown]],
        words=1,
        split=split,
    )
    if found.confusions:
        print_result("")
        print_table(
            ["taken for another", "named", "photos"],
            [[c.taxon, c.named, f"{c.photos:,}"] for c in found.confusions[:shown]],
            words=2,
            split=split,
        )
    if found.other_photos:
        complain(f"{found.other_photos:,} photos name no taxon of this flora")


def _print_trust(rows: "Sequence[Trust]", split: SplitName) -> None:
    """Print how far the numbers can be trusted: calibration, and how often the right name is in the set of names."""
    names = [*rows[0].coverage]
    print_result("")
    print_table(
        [
            *("source", "photos", "macro top-1", "ECE", "answered", "right"),
            *(f"in set of {name}" for name in names),
            "size",
        ],
        [
            [
                row.source,
                f"{row.photos:,}",
                *(f"{x:.1%}" for x in (row.macro_top1, row.ece, row.answered, row.right_if_answered)),
                *(f"{row.coverage[name]:.1%}" for name in names),
                " ".join(f"{row.set_size[name]:.1f}" for name in names),
            ]
            for row in rows
        ],
        words=1,
        split=split,
    )
