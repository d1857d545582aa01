"""What the commands of `dalip evaluate` share: options, reading photos, tables and JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dalip.errors import Skipped
from dalip.files import printable
from dalip.progress import Progress
from dalip_app.cli.export import need_training
from dalip_app.cli.options import NAMED_PHOTOS
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_json, print_result, worded

if TYPE_CHECKING:
    from dalip.datasets import Record
    from dalip.evaluation import Embedder

__all__ = [
    "EncodersArgument",
    "FirstOrderOption",
    "PhotosOption",
    "SplitName",
    "SplitOption",
    "measure_encoders",
    "of_split",
    "print_evaluation",
    "print_table",
    "read_photos",
]

Measure = Callable[["Embedder", Progress], tuple[list[Any], Sequence[Skipped]]]
"""Gives rows, and the photos that could not be read, with the reasons."""

SplitName = Literal["train", "selection", "calibration", "test", "all"]
"""Which photos to measure on; a photo's split follows from its name alone."""

PhotosOption = Annotated[list[Path], NAMED_PHOTOS]
SplitOption = Annotated[
    SplitName,
    typer.Option(
        "--split", help="Which of the photos; what was learned or chosen on some is not measured on them."
    ),
]
EncodersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENCODER",
        help="What to measure, the built-in encoder if left out: folders of exported encoders; or, with PyTorch, "
        "runs of dalip train, the authors' checkpoint, open_clip models (hf-hub:NAME, local-dir:FOLDER, "
        "ViT-B-32@laion2b_e16). Several are compared.",
        show_default=False,
    ),
]
FirstOrderOption = Annotated[
    float | None,
    typer.Option(
        "--first-order",
        metavar="L1",
        min=0,
        max=1,
        help="Weight of the first order in a similarity, the second has the rest; 1 and 0 measure one alone. By "
        "default what the encoder was exported with, 0.5 for a model that was not.",
    ),
]


def read_photos(sources: "Sequence[Path]") -> "tuple[list[Record], list[Skipped]]":
    """Read what `--photos` names, and say what of it cannot be used: malformed texts, no photo, an invalid taxon.

    Raises:
        DataError: A source is missing, malformed or holds no photo.
    """
    from dalip.datasets import Report, read_named

    skipped: list[Skipped] = []
    records = read_named(*sources, report=Report(skipped.append, complain))
    return records, skipped


def of_split(records: "Sequence[Record]", split: str) -> "list[Record]":
    """Choose the photos of a split.

    Raises:
        DataError: There are none.
    """
    from dalip.errors import DataError

    chosen = [record for record in records if split in ("all", record.split)]
    if not chosen:
        raise DataError("split-empty", photos=len(records), split=split)
    return chosen


def _open_embedders(sources: Sequence[str] | None, first_order: float | None) -> "list[Embedder]":
    """Open what a command line names, or the built-in encoder.

    Raises:
        BundleError: An exported encoder is damaged.
        DalipError: Another source cannot be loaded, packages for it are missing, or it cannot be weighed so.
    """
    from dalip_assets import ENCODER

    if not sources:
        return [_open_bundle(ENCODER, "built-in", first_order)]
    return [_open(source, first_order) for source in dict.fromkeys(sources)]


def _open(source: str, first_order: float | None) -> "Embedder":
    path = Path(source)
    if path.is_dir() and not (path / "config.json").is_file():
        return _open_bundle(path, source, first_order)
    need_training()
    from dalip.training.torch_embedder import load_embedder

    return load_embedder(source, first_order=first_order, report=complain)


def _open_bundle(folder: Path, name: str, first_order: float | None) -> "Embedder":
    from dalip.encoder import Encoder
    from dalip.evaluation import OnnxEmbedder, Reweighted

    embedder = OnnxEmbedder(Encoder.load(folder), name)
    return embedder if first_order is None else Reweighted(embedder, first_order)


def measure_encoders(
    measure: Measure,
    encoders: Sequence[str] | None,
    first_order: float | None,
    split: str,
    columns: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    words: int,
    faults: Sequence[Skipped],
) -> None:
    """Measure encoders, print a table or an object, and report the photos that could not be read.

    Args:
        measure: What to do with each.
        encoders: What the command line named.
        first_order: What it said of their weights.
        split: What was measured on.
        columns: Head and format of each column.
        as_json: Print an object.
        words: How many of the columns say what was measured; rows that agree in them stand together.
        faults: What was left out before.
    """
    results: list[tuple[Embedder, list[Any]]] = []
    skipped: list[Skipped] = []
    embedders = _open_embedders(encoders, first_order)
    with ProgressLine() as progress:
        for embedder in embedders:
            rows, failed = measure(embedder, progress)
            results.append((embedder, rows))
            skipped += failed
    if as_json:
        found = [
            {
                "encoder": embedder.name,
                "weights": {block.name: round(block.weight, 6) for block in embedder.blocks},
                "rows": [asdict(row) for row in rows],
            }
            for embedder, rows in results
        ]
        print_evaluation(split, {"encoders": found}, skipped, faults)
    else:
        _print_compared(results, columns, words, split)
    left_out = LeftOut()
    left_out(*faults, *skipped)
    left_out.finish()


def _print_compared(
    results: "Sequence[tuple[Embedder, list[Any]]]",
    columns: Sequence[tuple[str, str]],
    words: int,
    split: str,
) -> None:
    """Print the rows of all encoders in one table, with rows that are to be compared one below the other."""
    table = [
        [*(cell.format(row) for _, cell in columns), embedder.name]
        for embedder, rows in results
        for row in rows
    ]
    places = list(dict.fromkeys(tuple(line[:words]) for line in table))
    table.sort(key=lambda line: places.index(tuple(line[:words])))
    header = [name for name, _ in columns]
    print_table(
        [*header[:words], "encoder", *header[words:]],
        [[*line[:words], line[-1], *line[words:-1]] for line in table],
        words=words + 1,
        split=split,
    )


def print_evaluation(
    split: str,
    found: Mapping[str, Any],
    skipped: Sequence[Skipped],
    faults: Sequence[Skipped],
) -> None:
    """Print an evaluation as JSON.

    Args:
        split: What was measured on.
        found: What was measured.
        skipped: Photos that could not be read.
        faults: What was left out before.
    """
    unreadable = [{"image": photo.source, "error": worded(photo)} for photo in skipped]
    print_json(
        {"split": split, **found, "unreadable": unreadable, "left_out": [worded(fault) for fault in faults]}
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int, split: str) -> None:
    """Print columns, the first `words` of them flush left and the others, numbers, flush right; and name the split."""
    lines = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print_result("  ".join(cells).rstrip() + ("" if number else f"   ({split} photos)"))
