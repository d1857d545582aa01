"""What the commands of `dalip evaluate` share: their options, the photos they measure on, and their tables."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dalip.errors import Skipped
from dalip.progress import Progress
from dalip_app.cli.export import need_training
from dalip_app.cli.terminal import ProgressLine, complain, print_result
from dalip_app.messages.one_line import one_line

if TYPE_CHECKING:
    from dalip.datasets import Record
    from dalip.evaluation import Embedder

__all__ = [
    "EncodersArgument",
    "FirstOrderOption",
    "PhotosOption",
    "SplitName",
    "SplitOption",
    "described",
    "measure_encoders",
    "of_split",
    "print_table",
    "read_photos",
    "report_skipped",
]

Measure = Callable[["Embedder", Progress], tuple[list[Any], Sequence[Skipped]]]
"""Gives rows, and the photos that could not be read, with the reasons."""

SplitName = Literal["train", "selection", "calibration", "test", "all"]
"""Which photos to measure on; a photo's split follows from its name alone."""

PhotosOption = Annotated[
    list[Path],
    typer.Option(
        "--photos",
        metavar="PATH",
        help="Named photos: a folder with one sub-folder a taxon, a CSV or TSV that names photos, .tar shards, an "
        "export of iNaturalist, a Darwin Core Archive, or a folder or .zip archive of one of these. May be given "
        "several times.",
        show_default=False,
    ),
]
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


def read_photos(sources: "Sequence[Path]") -> "tuple[list[Record], list[str]]":
    """Read what `--photos` names, and say what of it cannot be used: malformed texts, no photo, a taxon that is none.

    Raises:
        DataError: A source is missing, malformed or holds no photo.
    """
    from dalip.datasets import Report, read_named
    from dalip_app.messages.errors import describe

    skipped: list[Skipped] = []
    records = read_named(*sources, report=Report(skipped.append, complain))
    return records, [describe(photo.error) for photo in skipped]


def of_split(records: "Sequence[Record]", split: str) -> "list[Record]":
    """Choose the photos of a split.

    Raises:
        DataError: There are none.
    """
    from dalip.errors import DataError

    chosen = [record for record in records if split in ("all", record.split)]
    if not chosen:
        raise DataError(f"none of the {len(records):,} photos is in the split {split}; try --split all")
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

    return load_embedder(source, first_order=first_order)


def _open_bundle(folder: Path, name: str, first_order: float | None) -> "Embedder":
    from dalip.encoder import Encoder
    from dalip.evaluation import OnnxEmbedder, Weighed

    embedder = OnnxEmbedder(Encoder.load(folder), name)
    return embedder if first_order is None else Weighed(embedder, first_order)


def measure_encoders(
    measure: Measure,
    encoders: Sequence[str] | None,
    first_order: float | None,
    split: str,
    columns: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    words: int,
    photos: int,
    faults: Sequence[str],
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
        photos: How many were to be read.
        faults: What was left out before, a line each.
    """
    embedders = _open_embedders(encoders, first_order)
    results = []
    skipped: list[Skipped] = []
    with ProgressLine() as progress:
        for embedder in embedders:
            rows, failed = measure(embedder, progress)
            results.append((embedder, rows))
            skipped += failed
    if as_json:
        content = {
            "split": split,
            "encoders": [
                {
                    "encoder": embedder.name,
                    "weights": {block.name: round(block.weight, 6) for block in embedder.blocks},
                    "rows": [asdict(row) for row in rows],
                }
                for embedder, rows in results
            ],
            "unreadable": described(skipped),
            "left_out": list(faults),
        }
        print_result(json.dumps(content, ensure_ascii=False))
    else:
        table = [
            [*(cell.format(row) for _, cell in columns), embedder.name]
            for embedder, rows in results
            for row in rows
        ]
        places = list(dict.fromkeys(tuple(line[:words]) for line in table))
        table.sort(
            key=lambda line: places.index(tuple(line[:words]))
        )  # what is to be compared, one below the other
        header = [name for name, _ in columns]
        print_table(
            [*header[:words], "encoder", *header[words:]],
            [[*line[:words], line[-1], *line[words:-1]] for line in table],
            words=words + 1,
            split=split,
        )
    report_skipped(skipped, photos, faults)


def described(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Give photos that were skipped, and why, for JSON."""
    from dalip_app.messages.errors import describe

    return [{"image": photo.source, "error": describe(photo.error)} for photo in skipped]


def report_skipped(skipped: Sequence[Skipped], photos: int, faults: Sequence[str]) -> None:
    """Name the photos that could not be read or were left out before, and end with status 1 if there are any."""
    for line in [*faults, *(photo.error for photo in skipped)]:
        complain(line)
    if faults:
        complain(f"records left out: {len(faults):,}")
    if skipped:
        complain(f"{len(skipped):,} of {photos:,} photos could not be read; the others were measured")
    if faults or skipped:
        raise typer.Exit(1)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int, split: str) -> None:
    """Print columns, the first `words` of them flush left and the others, numbers, flush right; and name the split."""
    lines = [header, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if i < words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print_result("  ".join(cells).rstrip() + ("" if number else f"   ({split} photos)"))
