"""`--only`: answers restricted to some taxa of a flora."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import DataError
from dalip_app.cli.terminal import complain

if TYPE_CHECKING:
    from dalip_index import Flora

__all__ = ["OnlyOption", "complain_of_unknown", "names_in", "restricted"]

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

_TOLD = 20  # names that the flora lacks; a checklist of a country would fill screens with them
_LISTS = (".txt", ".csv", ".tsv")


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
        there = path.exists() and not path.is_dir()  # photos may lie in a folder of that name
    except OSError:  # too long for a path
        there = False
    if there or path.suffix.lower() in _LISTS:
        return read_names(path, Report(on_note=complain))
    name = " ".join(what.split())
    if not name:
        raise DataError("only-without-name")
    return [name]


def restricted(flora: "Flora", only: Sequence[str] | None) -> "Flora":
    """Restrict a flora to what `--only` names, and say on stderr which names it lacks; as it is without `--only`.

    Raises:
        DataError: As `names_in`.
        FloraError: The flora has none of the names.
    """
    if not only:
        return flora
    from dalip_index import restrict

    found = restrict(flora, names_in(only))
    complain_of_unknown(found.whole, found.unknown)
    return found


def complain_of_unknown(flora: "Flora", unknown: Iterable[str]) -> None:
    """Say on stderr which names a flora lacks, and what is spelt alike: a line each, and one for all beyond twenty."""
    from dalip_index.flora.restricted import alike_names

    names = list(unknown)
    for name in names[:_TOLD]:
        alike = alike_names(flora, name)
        perhaps = f"; perhaps you mean {' or '.join(alike)}" if alike else ""
        complain(f"{name}: the flora holds no such taxon, and none inside it{perhaps}")
    if len(names) > _TOLD:
        complain(f"and {len(names) - _TOLD:,} more names that the flora lacks")
