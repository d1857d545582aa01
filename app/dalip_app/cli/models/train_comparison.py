"""The comparison at the end of `dalip train --init`: the new encoder and the one it started from."""

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
    "| photos of | identified by | photos | among | top-1 before | after | top-5 before | after | correct only before "
    "| correct only after |"
)
_NAMES = {"text": "their texts", "photos": "other photos", "both": "both", "captions": "captions"}


def read_old(sources: Sequence[Path]) -> "dict[str, list[Record]]":
    """Read the photos given with `--old`; the keys are the names of their files or folders.

    Raises:
        DataError: A source is missing, malformed or contains no photo.
    """
    found: dict[str, list[Record]] = {}
    for source in sources:
        records, faults = read_photos([source])
        for fault in faults:
            complain(fault)
        found.setdefault(source.name, []).extend(records)
    return found


def compared(run: Path, old: "Mapping[str, Sequence[Record]]") -> list[str]:
    """Compare the encoder of a run with the one that it started from; print a table and return lines for the README.

    Args:
        run: Folder of the run, with both encoders and the configuration that lists its photos.
        old: Photos of plants that the first encoder was trained on, by source name.
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
        f"The run started from `{start}`. Both encoders identify photos in the calibration and test splits, 20 % of "
        "all photos, which were not used for training or tuning. As in a flora, photos in the training split serve as "
        "the other photos, and photos in the validation split (`selection`) weigh them against the texts. `among` is "
        "the number of candidate names. For captions, their photos are retrieved, and captions are counted instead of "
        "photos. If few photos are measured, a difference of a few photos is within chance.",
        "",
        *table,
    ]
    if _OWN not in measured:
        lines += ["", "The improvement was not measured: none of the run's photos is in these splits."]
    if missing := sorted({*old} - measured):
        lines += [
            "",
            f"Not measured, because none of their photos is in these splits: {', '.join(missing)}.",
        ]
    if not old:
        lines += [
            "",
            "What the encoder forgot about the plants it was trained on before was not measured. To measure it, run "
            "`dalip train RUN --old PATH` with photos of these plants.",
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
