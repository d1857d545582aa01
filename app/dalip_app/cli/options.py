"""Options that several commands share: --flora, --encoder, --only, --data-dir, --json."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllPhotosOption",
    "ChangedFloraOption",
    "DataDirOption",
    "EncoderOption",
    "FloraOption",
    "FlorasOption",
    "JsonOption",
    "OnlyOption",
]

FloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="The flora to answer from; if left out, the built-in one, with what you taught it.",
        show_default=False,
    ),
]
FlorasOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="A flora to answer from. May be given several times, then visitors choose; `builtin` is the built-in one, "
        "which is used if none is given.",
        show_default=False,
    ),
]
ChangedFloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="The flora to change; if left out, your copy of the built-in one.",
        show_default=False,
    ),
]
EncoderOption = Annotated[
    Path | None,
    typer.Option("--encoder", metavar="FOLDER", help="The encoder to use; the built-in one if left out."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        envvar="DALIP_DATA_DIR",
        help="Where DALIP keeps your own things, such as your library; your user data folder if left out.",
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="WHAT",
        help="Answer with these taxa only: the scientific name of a species, genus, family or order, or a file of "
        "names (one a line, or a CSV or TSV with the column scientificName). May be given several times.",
        show_default=False,
    ),
]
AllPhotosOption = Annotated[
    bool,
    typer.Option(
        "--all-photos",
        help="Learn from photos of the test split, too, a tenth, which else are left for `dalip evaluate`.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
