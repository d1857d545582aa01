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
_TABLES = _LISTS[1:]


def names_in(only: Sequence[str] | None) -> list[str]:
    """Read what `--only` names: the names themselves, and those in files.

    Args:
        only: Scientific names and paths. What is no file but ends in .txt, .csv or .tsv is taken for a path, too.

    Raises:
        DataError: A file is missing, cannot be read, or names no taxon.
    """
    return [name for what in only or () for name in _names(what)]


def _names(what: str) -> list[str]:
    path = Path(what)
    try:
        there = path.exists() and not path.is_dir()  # photos may lie in a folder of that name
    except OSError:  # too long for a path
        there = False
    if there or path.suffix.lower() in _LISTS:
        return _read(path)
    name = " ".join(what.split())
    if not name:
        raise DataError("--only: names no taxon; give the scientific name of one, or a file of names")
    return [name]


def _read(path: Path) -> list[str]:
    from dalip.taxonomy import read_taxa

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file of taxa") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8") from error
    lines = [" ".join(line.partition("#")[0].split()) for line in text.splitlines()]
    if path.suffix.lower() in _TABLES or "scientificName" in "".join(lines[:1]):
        return [taxon.scientific_name for taxon in read_taxa(path)]
    names = [line for line in lines if line]
    if not names:
        raise DataError(f"{path}: names no taxon; write one scientific name a line")
    return names


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
    from dalip_index.flora.restricted import name_not_held

    names = list(unknown)
    for name in names[:_TOLD]:
        complain(name_not_held(flora, name))
    if len(names) > _TOLD:
        complain(f"and {len(names) - _TOLD:,} more names that the flora lacks")
