"""Shared by the `dalip evaluate` commands: options, reading photos, tables and JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dalip.errors import Skipped
from dalip.files import printable
from dalip.progress import Progress
from dalip_app.cli.options import NAMED_PHOTOS, need_training
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_json, print_result, worded

if TYPE_CHECKING:
    from dalip.datasets import Record
    from dalip.datasets.names.resolver import Resolver
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
"""Returns rows, and the photos that could not be read with the reasons."""

SplitName = Literal["train", "selection", "calibration", "test", "all"]
"""Split to measure on; the split of a photo depends only on its name."""

PhotosOption = Annotated[list[Path], NAMED_PHOTOS]
SplitOption = Annotated[
    SplitName,
    typer.Option(
        "--split", help="Split to measure on; use one that the model was neither trained nor tuned on."
    ),
]
EncodersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENCODER",
        help="Encoders to measure and compare (default: the built-in encoder): folders of exported encoders or, with "
        "PyTorch, `dalip train` runs, the authors' checkpoint, or open_clip models (hf-hub:NAME, local-dir:FOLDER, "
        "ViT-B-32@laion2b_e16).",
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
        help="Weight of the first order in a similarity; the second order gets the rest, and 1 or 0 measures one order "
        "alone (default: the weight in an exported encoder, 0.5 for other models).",
    ),
]


def read_photos(
    sources: "Sequence[Path]", names: "Resolver | None" = None
) -> "tuple[list[Record], list[Skipped]]":
    """Read the photos given with `--photos`; also return what was skipped, such as malformed rows and invalid taxa.

    Args:
        sources: The photos.
        names: The taxa to look their names up in, such as those of a flora.

    Raises:
        DataError: A source is missing, malformed or contains no photo.
    """
    from dalip.datasets import Report, read_named

    skipped: list[Skipped] = []
    records = read_named(*sources, names=names, report=Report(skipped.append, complain))
    return records, skipped


def of_split(records: "Sequence[Record]", split: str) -> "list[Record]":
    """Return the photos in a split.

    Raises:
        DataError: The split is empty.
    """
    from dalip.errors import DataError

    chosen = [record for record in records if split in ("all", record.split)]
    if not chosen:
        raise DataError("split-empty", photos=len(records), split=split)
    return chosen


def _open_embedders(sources: Sequence[str] | None, first_order: float | None) -> "list[Embedder]":
    """Open the encoders on the command line, or the built-in encoder.

    Raises:
        BundleError: An exported encoder is damaged.
        DalipError: A model cannot be loaded, packages for it are missing, or it does not support this weight.
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
    """Measure encoders, print a table or a JSON object, and report photos that could not be read.

    Args:
        measure: Measures one encoder.
        encoders: Value of the argument ENCODER.
        first_order: Value of `--first-order`.
        split: Split that is measured on.
        columns: Header and format of each column.
        as_json: Print a JSON object instead of a table.
        words: Number of leading columns that say what was measured; rows that agree in them are printed together.
        faults: What was skipped while the photos were listed.
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
    """Print the rows of all encoders in one table, with comparable rows next to each other."""
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
        split: Split that was measured on.
        found: The results.
        skipped: Photos that could not be read.
        faults: What was skipped while the photos were listed.
    """
    unreadable = [{"image": photo.source, "error": worded(photo)} for photo in skipped]
    print_json(
        {"split": split, **found, "unreadable": unreadable, "left_out": [worded(fault) for fault in faults]}
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int, split: str) -> None:
    """Print a table with the split in its header; the first `words` columns are left-aligned, the rest right."""
    lines = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print_result("  ".join(cells).rstrip() + ("" if number else f"   ({split} photos)"))
