"""Options that several commands share (--flora, --encoder, --only, ...), and functions that load their values."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dalip.errors import DalipError, DataError, FloraError
from dalip_app.cli.terminal import ProgressLine, complain

if TYPE_CHECKING:
    from dalip.encoder import Encoder
    from dalip_index import Flora

__all__ = [
    "NAMED_PHOTOS",
    "AllPhotosOption",
    "ChangedFloraOption",
    "DataDirOption",
    "DoubtfulOption",
    "EncoderOption",
    "FloraOption",
    "FlorasOption",
    "GivenPath",
    "JsonOption",
    "OnlyOption",
    "VerboseOption",
    "complain_of_unknown",
    "find_flora",
    "find_flora_to_change",
    "given_path",
    "is_list",
    "load_encoder",
    "load_flora",
    "names_in",
    "need_training",
]


class GivenPath(Path):
    """The annotation of a path that must not be empty, for arguments and options with `given_path` as their parser."""


GivenPath.__name__ = "path"  # what `--help` shows


def given_path(text: str) -> Path:
    """Return an argument as a path. An empty one, as from a variable that is not set, would be the current folder.

    Raises:
        BadParameter: It is empty.
    """
    if not text:
        raise typer.BadParameter("the path is empty; use . for the current folder")
    return Path(text)


NAMED_PHOTOS = typer.Option(
    "--photos",
    metavar="PATH",
    help="Labelled photos: a folder with one sub-folder per taxon, a CSV or TSV that lists photos, .tar shards, an "
    "iNaturalist export, a Darwin Core Archive, or a folder or .zip archive of any of these. Repeatable.",
    show_default=False,
    parser=given_path,
)
"""`--photos`, for commands in which it is required and commands in which it is optional."""
FloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="Flora to use (default: the built-in flora, including plants you taught it).",
        show_default=False,
    ),
]
FlorasOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="Flora to use; `builtin` is the built-in flora, including plants you taught it (the default). "
        "Repeatable: visitors can then choose between the floras.",
        show_default=False,
    ),
]
ChangedFloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="Flora to change (default: your copy of the built-in flora).",
        show_default=False,
    ),
]
EncoderOption = Annotated[
    Path | None,
    typer.Option(
        "--encoder",
        metavar="ENCODER",
        help="Encoder to use: a folder, or a name for `dalip encoder get` (default: the flora's own).",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        envvar="DALIP_DATA_DIR",
        help="Folder for your library, journal, encoders, regions and taught flora (default: the user data folder).",
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="WHAT",
        help="Restrict the answers to these taxa and reject photos of other plants: the name of a species, genus, "
        "family or order, or a list of taxa (a file with one name per line, or a table). Repeatable.",
        show_default=False,
    ),
]
AllPhotosOption = Annotated[
    bool,
    typer.Option(
        "--all-photos",
        help="Also use the test split (10 % of the photos), which is otherwise held out for `dalip evaluate`.",
    ),
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        help="List the files that are not photos, and the hidden and system files and folders, that were left out.",
    ),
]
DoubtfulOption = Annotated[
    Literal["skip", "genus"],
    typer.Option(
        "--doubtful",
        help="What to do with photos whose name is marked as doubtful, such as `Rosa cf. canina` or `Rosa "
        "canina?`: skip them, or count them for the genus.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]

_TOLD = 20  # unknown names that are listed; the checklist of a country would fill screens with them
_LISTS = (".txt", ".csv", ".tsv", ".gz", ".zip")


def need_training() -> None:
    """Check that the packages for training and export are installed.

    Raises:
        DalipError: A package is missing; the error gives its name and how to install everything.
    """
    try:
        import dalip.export
        import dalip.training.loop  # noqa: F401
    except ModuleNotFoundError as error:
        raise DalipError("training-package-missing", package=error.name) from None


def load_encoder(
    folder: Path | None,
    data_dir: Path | None = None,
    *,
    flora: Path | None = None,
    or_built_in: bool = False,
    remember: bool = False,
    verify: bool = False,
) -> "Encoder":
    """Load the encoder given with `--encoder`, that of a flora, or the built-in one.

    Args:
        folder: Value of the option.
        data_dir: The user's data folder.
        flora: Without the option, use the encoder of this flora; `None` for the built-in encoder.
        or_built_in: Whether to use the built-in encoder if there is no such flora, or its encoder is not known.
        remember: Whether to remember where the encoder is, so that floras made with it need no option.
        verify: Check every byte of the files.

    Raises:
        BundleError: The encoder is missing or damaged.
        FloraError: There is no such flora, or its encoder is not known.
    """
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index.places import encoder_of, named_encoder, remember_encoder

    if folder:
        encoder = Encoder.load(named_encoder(folder, data_dir), verify=verify)
        if remember:
            remember_encoder(encoder, data_dir)
        return encoder
    try:
        place = encoder_of(flora, data_dir) if flora else ENCODER
    except FloraError:
        if not or_built_in:
            raise
        place = ENCODER
    return Encoder.load(place, verify=verify)


def find_flora(folder: Path | None, data_dir: Path | None) -> Path:
    """Return the folder of `--flora`, or of the built-in flora with its taught plants (see `dalip_index.places`).

    A taught copy of the built-in flora that cannot be used is ignored, with a warning on stderr.
    """
    from dalip_index.places import chosen_flora

    return chosen_flora(folder, data_dir, complain)


def find_flora_to_change(folder: Path | None, data_dir: Path | None) -> tuple[Path, Path | None]:
    """Return the flora to change, and the flora to copy first if it does not exist yet.

    Raises:
        FloraError: This is the built-in flora, which cannot be changed.
    """
    from dalip_index.places import flora_to_change

    if folder is None:
        find_flora(None, data_dir)  # warns if the user's copy cannot be used
    return flora_to_change(folder, data_dir)


def load_flora(
    folder: Path | None,
    encoder: Path | None,
    data_dir: Path | None,
    only: Sequence[str] | None = None,
    *,
    for_photos: bool = False,
) -> "Flora":
    """Load the flora given with `--flora`, restricted to the taxa of `--only`; report unknown names on stderr.

    Args:
        folder: The flora.
        encoder: The encoder.
        data_dir: Where the user's copy of the built-in flora is.
        only: Names and files.
        for_photos: Whether photos will be embedded, so that the image encoder is opened while the flora loads.

    Raises:
        BundleError: The encoder is missing or damaged.
        DataError: See `names_in`.
        FloraError: The flora cannot be used, or does not contain any of the names.
    """
    from dalip_index import load_flora as load
    from dalip_index import restrict

    path = find_flora(folder, data_dir)
    opened = load_encoder(encoder, data_dir, flora=path)
    if for_photos:
        opened.open_ahead()
    flora = load(path, opened)
    if not only:
        return flora
    found = restrict(flora, names_in(only))
    complain_of_unknown(found, found.unknown)
    return found


def names_in(only: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Return the names given with `--only`, both directly and in files, each with its synonyms in the files.

    Args:
        only: Scientific names and paths. Anything that ends in .txt, .csv, .tsv, .gz or .zip is treated as a path.

    Raises:
        DataError: A file is missing, cannot be read, or contains no name.
    """
    names: dict[str, tuple[str, ...]] = {}
    for what in only or ():
        for name, synonyms in _names(what).items():
            names[name] = (*names.get(name, ()), *synonyms)
    return names


def is_list(what: str) -> bool:
    """Return whether a value is the path of a list of taxa, rather than a name."""
    path = Path(what)
    try:
        there = path.is_file()  # a folder with the name of a taxon may contain photos
    except OSError:  # too long for a path
        there = False
    return there or path.suffix.lower() in _LISTS


def _names(what: str) -> dict[str, tuple[str, ...]]:
    from dalip.datasets import Report
    from dalip.datasets.names.taxa_file import read_names

    if is_list(what):
        with ProgressLine() as progress:
            return read_names(Path(what), Report(on_note=complain), progress)
    name = " ".join(what.split())
    if not name:
        raise DataError("only-without-name")
    return {name: ()}


def complain_of_unknown(flora: "Flora", unknown: Iterable[str]) -> None:
    """Report on stderr the names of `--only` that are not in the flora, and those read as others; at most twenty."""
    from dalip_index import RestrictedFlora
    from dalip_index.flora.restricted import name_not_held

    names = list(unknown)
    for name in names[:_TOLD]:
        complain(name_not_held(flora.whole, name))
    for found in flora.noted[:_TOLD] if isinstance(flora, RestrictedFlora) else ():
        complain(found.note)
    if len(names) > _TOLD:
        complain(f"and {len(names) - _TOLD:,} more names that are not in the flora")
