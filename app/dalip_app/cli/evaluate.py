"""`dalip evaluate`: the group of commands, with `flora` and `forgetting`."""

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
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FloraOption,
    JsonOption,
    OnlyOption,
    need_training,
)
from dalip_app.cli.regional.region_options import (
    DEFAULT_RADIUS,
    NearOption,
    RadiusOption,
    RegionOption,
    load_regional_flora,
    read_region,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_result

if TYPE_CHECKING:
    from dalip_index import FloraEvaluation
    from dalip_index.evaluation.trust import Trust

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure the accuracy of floras and encoders.")

_WORST = 10  # taxa and confusions printed without --all-taxa

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
    """Measure the accuracy of floras and encoders."""


@app.command("flora", epilog=_FLORA_EXAMPLES)
def flora(
    photos: PhotosOption,
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    only: OnlyOption = None,
    region: RegionOption = None,
    near: NearOption = "",
    radius: RadiusOption = DEFAULT_RADIUS,
    split: SplitOption = "test",
    all_taxa: Annotated[
        bool, typer.Option("--all-taxa", help="Print all taxa and confusions, not only the ten worst.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Plot calibration, prediction-set coverage and top-1 accuracy per taxon to this .png or .svg file.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Measure the accuracy, calibration and rejection rates of a flora.

    Rejection is measured on photos of plants that are not in the flora and on photos without a taxon; of the photos
    without a taxon, those labelled `containsPlant` are skipped.
    """
    from dalip_index import evaluate_flora

    if plot:
        from dalip_index.evaluation.plots import check_plot

        check_plot(plot)
    place = read_region(region, near, radius, only, data_dir)
    loaded = load_regional_flora(flora, encoder, data_dir, only, place)
    records, faults = read_photos(photos, loaded.whole.names)
    chosen = of_split(records, split)
    with ProgressLine() as progress:
        found = evaluate_flora(loaded, chosen, progress=progress)
    if as_json:
        print_evaluation(split, found.to_dict(), found.skipped, faults)
    else:
        _print_tables(found, split, None if all_taxa else _WORST)
    if found.evidence_photos:
        complain(f"{counted(found.evidence_photos, 'photo')} not used, because the flora was made from them")
    if plot:
        from dalip_index.evaluation.plots import draw_evaluation

        draw_evaluation(found, plot)
        complain(f"{plot}: plot written")
    left_out = LeftOut()
    left_out(*faults, *found.skipped)
    left_out.finish()


app.command("zero-shot", epilog=encoders_cli.ZERO_SHOT_EXAMPLES)(encoders_cli.zero_shot)
app.command("retrieval", epilog=encoders_cli.RETRIEVAL_EXAMPLES)(encoders_cli.retrieval)
app.command("few-shot", epilog=encoders_cli.FEW_SHOT_EXAMPLES)(encoders_cli.few_shot)
app.command("linear-probe", epilog=encoders_cli.LINEAR_PROBE_EXAMPLES)(encoders_cli.linear_probe)


@app.command("forgetting", epilog=_FORGETTING_EXAMPLES)
def forgetting(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished `dalip train` run.")],
    photos: PhotosOption,
    split: SplitOption = "test",
    as_json: JsonOption = False,
) -> None:
    """Measure how much of ImageNet an image tower forgot during training.

    Applies the classifier of the pretrained weights to the pretrained and to the trained tower. Photos must have
    their ImageNet class as `wordnetID`, for example n04592741. To measure what was forgotten about captions, compare a
    run with an earlier one using `dalip evaluate retrieval`. Needs PyTorch and a run that started from lite0-minilm or
    lite2-minilm.
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
            f"search by common name: precision at 5 is {search.precision_at_5:.3f} for {search.taxa} names "
            f"and {search.photos:,} photos (best possible: {search.best_possible:.3f})"
        )
    if found.trust:
        _print_trust(found.trust, split)
    if found.rejections:
        print_result("")
        print_table(
            ["should reject", "score", "photos", "AUROC", "FPR at 95 %", "rejected"],
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
            ["confused taxon", "answer", "photos"],
            [[c.taxon, c.named, f"{c.photos:,}"] for c in found.confusions[:shown]],
            words=2,
            split=split,
        )
    if found.other_photos:
        complain(f"skipped {counted(found.other_photos, 'photo')} without a taxon of this flora")


def _print_trust(rows: "Sequence[Trust]", split: SplitName) -> None:
    """Print calibration, and coverage and size of the conformal prediction sets."""
    names = [*rows[0].coverage]
    print_result("")
    print_table(
        [
            *("source", "photos", "macro top-1", "ECE", "confident", "correct"),
            *(f"coverage {name}" for name in names),
            "set size",
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
