"""The table at the end of `dalip train --init`: the new encoder beside the one that it started from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dalip_app.cli.evaluate_options import read_photos
from dalip_app.cli.terminal import ProgressLine, complain, print_result

if TYPE_CHECKING:
    from dalip.datasets import Record
    from dalip_index import Change

__all__ = ["compared", "read_old"]

_OWN = "this run"
_HEADER = (
    "| photos of | named by | photos | among | top-1 before | after | top-5 before | after | right before alone "
    "| right after alone |"
)
_NAMES = {"text": "their texts", "photos": "other photos", "both": "both", "captions": "captions"}


def read_old(sources: Sequence[Path]) -> "dict[str, list[Record]]":
    """Read photos of what an encoder knew before, by the names of their files or folders.

    Raises:
        DataError: A source is missing, malformed or holds no photo.
    """
    found: dict[str, list[Record]] = {}
    for source in sources:
        records, faults = read_photos([source])
        for fault in faults:
            complain(fault)
        found.setdefault(source.name, []).extend(records)
    return found


def compared(run: Path, old: "Mapping[str, Sequence[Record]]") -> list[str]:
    """Compare the encoder of a run with the one that it started from, print the table, and give lines for its page.

    Args:
        run: It holds both, and its configuration names its photos.
        old: Photos of what the first knew before, by what they are called.
    """
    from dalip.encoder import Encoder
    from dalip.training import TrainConfig
    from dalip.training.data.corpus import load_corpus
    from dalip.training.inherit import START
    from dalip_index import compare_encoders

    corpus = load_corpus(TrainConfig.load(run / "config.json"))
    before, after = Encoder.load(run / START), Encoder.load(run / "encoder")
    with ProgressLine() as progress:
        changes = compare_encoders(
            before, after, {_OWN: corpus.records, **old}, corpus.taxa, progress=progress
        )
    table = [_HEADER, "|---|---|" + "---:|" * 8, *map(_row, changes)]
    for line in table if changes else ():
        print_result(line)
    return _page(table if changes else [], {change.what for change in changes}, before.manifest.name, old)


def _page(
    table: list[str], measured: set[str], start: str, old: "Mapping[str, Sequence[Record]]"
) -> list[str]:
    lines = [
        f"It started from `{start}`. Both name photos of the splits calibration and test, a fifth of all, from which "
        "nothing was learned or chosen. As in a flora, photos of the split train are the other photos, and those of "
        "validation (`selection`) weigh them against the texts. `among` is how many names there are to choose from. "
        "Captions are asked for their photos, and counted instead of these. Where few photos are measured, a "
        "difference of a few is chance.",
        "",
        *table,
    ]
    if _OWN not in measured:
        lines += ["", "What it brought was not measured: none of its photos is in one of these splits."]
    if missing := sorted({*old} - measured):
        lines += [
            "",
            f"Not measured, for none of their photos is in one of these splits: {', '.join(missing)}.",
        ]
    if not old:
        lines += [
            "",
            "What it cost on the plants that the encoder knew before was not measured: `dalip train RUN --old PATH` "
            "does, with photos of them.",
        ]
    return lines


def _row(change: "Change") -> str:
    rates = [
        rate
        for name in ("top1", "top5")
        for rate in (f"{100 * getattr(side, name):.1f} %" for side in (change.before, change.after))
    ]
    alone = ["" if count is None else f"{count:,}" for count in (change.lost, change.gained)]
    cells = [change.what, _NAMES[change.by], f"{change.photos:,}", f"{change.classes:,}", *rates, *alone]
    return f"| {' | '.join(cells)} |"
