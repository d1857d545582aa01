"""`dalip evaluate`: how good the answers are, measured on photos whose names are known."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip_app.identify_cli import EncoderOption, FloraOption, JsonOption
from dalip_app.terminal import Progress, complain, one_line, print_result

if TYPE_CHECKING:
    from dalip_index import FloraEvaluation

__all__ = ["SplitChoice", "app", "flora"]

app = typer.Typer(no_args_is_help=True, help="Measure how good the answers are.")

_EXAMPLES = """\b
Examples:
  dalip evaluate flora --photos shards/
  dalip evaluate flora --flora garden-flora --photos named/ --split all"""


class SplitChoice(StrEnum):
    """Which photos to measure on; a photo's split follows from its name alone."""

    TRAIN = "train"
    SELECTION = "selection"
    CALIBRATION = "calibration"
    TEST = "test"
    ALL = "all"


@app.callback()
def evaluate() -> None:
    """Measure how good the answers are."""


@app.command("flora", epilog=_EXAMPLES)
def flora(
    photos: Annotated[
        list[Path],
        typer.Option(
            "--photos",
            metavar="PATH",
            help="Named photos: a .tar shard, a folder of shards, a folder with a table, or a folder "
            "with one sub-folder a taxon. May be given several times.",
            show_default=False,
        ),
    ],
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    split: Annotated[
        SplitChoice,
        typer.Option("--split", help="Which of the photos; floras are built and tuned on all but test."),
    ] = SplitChoice.TEST,
    as_json: JsonOption = False,
) -> None:
    """Measure a flora: how often the right name comes first, and how well a common name finds photos."""
    from dalip.data import read_records
    from dalip.errors import DataError
    from dalip_index import evaluate_flora, load_flora

    records = read_records(*photos)
    chosen = [r for r in records if split is SplitChoice.ALL or r.split == split.value]
    if not chosen:
        raise DataError(f"none of the {len(records)} photos is in the split {split.value}; try --split all")
    loaded = load_flora(flora, encoder)
    with Progress() as progress:
        found = evaluate_flora(loaded, chosen, progress=progress)
    for photo in found.unreadable:
        complain(photo.error)
    if as_json:
        print_result(json.dumps({"split": split.value} | found.to_dict(), ensure_ascii=False))
    else:
        _print_tables(found, split)
    if found.unreadable:
        raise typer.Exit(1)


def _print_tables(found: "FloraEvaluation", split: SplitChoice) -> None:
    widths = max(len("source"), *(len(one_line(row.source)) for row in found.accuracy))
    print_result(f"{'source':<{widths}}  evidence  photos   top-1   top-5   ({split.value} photos)")
    for row in found.accuracy:
        figures = f"{row.evidence:<8}  {row.photos:>6,}  {row.top1:>6.1%}  {row.top5:>6.1%}"
        print_result(f"{one_line(row.source):<{widths}}  {figures}")
    if found.search:
        search = found.search
        print_result(
            f"search by common name: precision at 5 is {search.precision_at_5:.3f} over {search.taxa} names "
            f"and {search.photos:,} photos (at best {search.best_possible:.3f})"
        )
    if found.other_photos:
        complain(f"{found.other_photos:,} photos name no taxon of this flora and were left out")
