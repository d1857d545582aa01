"""Options that several commands share (--flora, --encoder, --only, ...), and the loading of what they name."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import DataError
from dalip_app.cli.terminal import complain

if TYPE_CHECKING:
    from dalip.encoder import Encoder
    from dalip_index import Flora

__all__ = [
    "NAMED_PHOTOS",
    "AllPhotosOption",
    "ChangedFloraOption",
    "DataDirOption",
    "EncoderOption",
    "FloraOption",
    "FlorasOption",
    "JsonOption",
    "OnlyOption",
    "complain_of_unknown",
    "find_flora",
    "find_flora_to_change",
    "load_encoder",
    "load_flora",
    "names_in",
]

NAMED_PHOTOS = typer.Option(
    "--photos",
    metavar="PATH",
    help="Named photos: a folder with one sub-folder per taxon, a CSV or TSV that names photos, .tar shards, an export "
    "of iNaturalist, a Darwin Core Archive, or a folder or .zip archive of one of these. May be given several times.",
    show_default=False,
)
"""`--photos`, for the commands that need named photos and for those that can do without."""
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
        "names (one per line, or a CSV or TSV with the column scientificName). May be given several times.",
        show_default=False,
    ),
]
AllPhotosOption = Annotated[
    bool,
    typer.Option(
        "--all-photos",
        help="Also learn from the test split (10 %), otherwise held out for `dalip evaluate`.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]

_TOLD = 20  # names that the flora lacks; a checklist of a country would fill screens with them
_LISTS = (".txt", ".csv", ".tsv")


def load_encoder(folder: Path | None, *, verify: bool = False) -> "Encoder":
    """Load the encoder of `--encoder`, or the built-in one.

    Args:
        folder: The option; `None` where it was left out.
        verify: Check every byte of it.

    Raises:
        BundleError: It is missing or damaged.
    """
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER

    return Encoder.load(folder or ENCODER, verify=verify)


def find_flora(folder: Path | None, data_dir: Path | None) -> Path:
    """Find the flora of `--flora`, or the built-in one with what it was taught, as `dalip_index.places` says.

    A copy of the built-in flora that cannot be used is left aside with a warning on stderr.
    """
    from dalip_index.places import chosen_flora

    return chosen_flora(folder, data_dir, complain)


def find_flora_to_change(folder: Path | None, data_dir: Path | None) -> tuple[Path, Path | None]:
    """Find the flora that a command changes, and what it starts from where there is none yet.

    Raises:
        FloraError: It is the built-in flora, which stays as it is.
    """
    from dalip_index.places import flora_to_change

    if folder is None:
        find_flora(None, data_dir)  # warns if the user's copy cannot be used
    return flora_to_change(folder, data_dir)


def load_flora(
    folder: Path | None, encoder: Path | None, data_dir: Path | None, only: Sequence[str] | None = None
) -> "Flora":
    """Load the flora of `--flora`, restricted to what `--only` names; says on stderr which of the names it lacks.

    Raises:
        BundleError: The encoder is missing or damaged.
        DataError: As `names_in`.
        FloraError: The flora cannot be used, or has none of the names.
    """
    from dalip_index import load_flora as load
    from dalip_index import restrict

    flora = load(find_flora(folder, data_dir), encoder)
    if not only:
        return flora
    found = restrict(flora, names_in(only))
    complain_of_unknown(found.whole, found.unknown)
    return found


def names_in(only: Sequence[str] | None) -> list[str]:
    """Read what `--only` names: the names themselves, and those in files.

    Args:
        only: Scientific names and paths. What is no file but ends in .txt, .csv or .tsv is taken for a path, too.

    Raises:
        DataError: A file is missing, cannot be read, or names no taxon.
    """
    return [name for what in only or () for name in _names(what)]


def _names(what: str) -> list[str]:
    from dalip.datasets import Report
    from dalip.datasets.taxa_file import read_names

    path = Path(what)
    try:
        there = path.is_file()  # photos may lie in a folder of that name
    except OSError:  # too long for a path
        there = False
    if there or path.suffix.lower() in _LISTS:
        return read_names(path, Report(on_note=complain))
    name = " ".join(what.split())
    if not name:
        raise DataError("only-without-name")
    return [name]


def complain_of_unknown(flora: "Flora", unknown: Iterable[str]) -> None:
    """Say on stderr which names a flora lacks, and what is spelt alike: a line each, and one for all beyond twenty."""
    from dalip_index.flora.restricted import name_not_held

    names = list(unknown)
    for name in names[:_TOLD]:
        complain(name_not_held(flora, name))
    if len(names) > _TOLD:
        complain(f"and {len(names) - _TOLD:,} more names that the flora lacks")
