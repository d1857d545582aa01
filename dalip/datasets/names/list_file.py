"""Open a list of taxa: a table or plain names, packed or not; other kinds of files are refused with what to do."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dalip.datasets.archives import Archive
from dalip.datasets.columns import NameColumns, is_known, name_columns
from dalip.datasets.names.ncbi_dump import NAMES, NODES, read_dump
from dalip.datasets.report import Report, shown
from dalip.datasets.tables import Table, read_lines, read_table
from dalip.errors import DataError
from dalip.progress import Progress, no_progress
from dalip.scientific_name import read_name

__all__ = ["ListFile", "open_list"]

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_TABLES = (".csv", ".tsv", ".tab", ".psv")
_CORES = (
    "wcvp_names.csv",
    "classification.csv",
    "classification.txt",
    "taxon.tsv",
    "taxon.txt",
    "nameusage.tsv",
    "taxa.csv",
)
_IN_ZIP = (*_TABLES, ".txt")
_NO_NAMES = frozenset({"name", "names", "plant", "plants", "list", "scientific", "botanical"})
"""Words that head a column, but do not say what kind of names it has."""


class ListFile(NamedTuple):
    """An open list of taxa."""

    name: str
    """Its name in messages."""
    table: Table | None
    """Its rows, if it is a table."""
    columns: NameColumns
    """The columns of the table that describe taxa."""
    lines: Iterator[tuple[int, str]]
    """Its lines, if it is not a table."""


@contextmanager
def open_list(path: Path, report: Report, progress: Progress = no_progress) -> Iterator[ListFile]:
    """Open a list of taxa.

    Args:
        path: A table with a header, or a text file with one name per line, plain, gzipped, or in a .zip archive.
        report: Receives each row that cannot be read.
        progress: Receives the number of lines of a file that is read first, such as the classification of NCBI.

    Raises:
        DataError: It cannot be read, or is a table without a column of scientific names.
    """
    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            start, name = file.read(4), str(path)
            file.seek(0)
            if start == _OLD_EXCEL:
                raise DataError("list-is-spreadsheet", source=path)
            dump = stack.enter_context(_ncbi_dump(path, report, progress)) if start == _ZIP else None
            if start == _ZIP and dump is None:
                file, name = stack.enter_context(_in_archive(path, report))
            opened = dump or _opened(file, name, report)
        except FileNotFoundError:
            raise DataError("taxa-file-missing", source=path) from None
        except OSError as error:
            raise DataError("taxa-file-not-read", source=path, cause=error.strerror or error) from error
        yield opened


def _opened(stream: BinaryIO, name: str, report: Report) -> ListFile:
    if stream.read(200).partition(b"\n")[0].count(b"\t|\t"):
        raise DataError("list-is-ncbi-dump", source=name)
    stream.seek(0)
    table = read_table(stream, name, report)
    columns = name_columns(tuple(table.columns))
    if columns.have_names:
        return ListFile(name, table, columns, iter(()))
    if not _is_plain(table.columns, name):
        found = shown(", ".join(filter(None, table.columns)) or "none")
        raise DataError("list-without-names", source=name, found=found)
    stream.seek(0)
    return ListFile(name, None, columns, read_lines(stream, name, report))


def _is_plain(first: list[str], name: str) -> bool:
    """Return whether the first row is that of a list with one name per line, rather than a header."""
    if any(is_known(cell) for cell in first):
        return False
    text = ", ".join(first)
    if name.lower().removesuffix(".gz").endswith(_TABLES):
        word = text.strip("'\"")
        return (
            len(first) == 1 and word[:1].isupper() and word.lower() not in _NO_NAMES and bool(read_name(word))
        )
    return len(first) == 1 or not any(separator in text for separator in "\t;|")


@contextmanager
def _ncbi_dump(path: Path, report: Report, progress: Progress) -> Iterator[ListFile | None]:
    """Open NCBI's taxonomy dump in a .zip archive; `None` if it contains something else."""
    archive = Archive(path, report)
    if not {NODES, NAMES} <= {*archive.names}:
        yield None
        return
    with archive.open(NODES) as nodes, archive.open(NAMES) as names:
        table = read_dump(nodes, names, str(path), progress)
        yield ListFile(table.name, table, name_columns(tuple(table.columns)), iter(()))


@contextmanager
def _in_archive(path: Path, report: Report) -> Iterator[tuple[BinaryIO, str]]:
    """Open the only list of taxa in a .zip archive.

    Raises:
        DataError: It has none or several, or is a spreadsheet.
    """
    archive = Archive(path, report)
    if any(name in ("xl/workbook.xml", "content.xml", "[Content_Types].xml") for name in archive.names):
        raise DataError("list-is-spreadsheet", source=path)
    found = [name for name in archive.names if name.lower().endswith(_IN_ZIP) and _has_names(archive, name)]
    # Archives of checklists have further tables with names, such as those of types.
    found = [name for name in found if name.rpartition("/")[2].lower() in _CORES] or found
    if len(found) != 1:
        raise DataError(
            "list-archive", source=path, number=len(found), names=[shown(name) for name in found[:10]]
        )
    with archive.open(found[0]) as stream:
        yield stream, f"{path}: {shown(found[0])}"


def _has_names(archive: Archive, name: str) -> bool:
    quiet = Report(lambda skipped: None)
    with archive.open(name) as stream:
        return name_columns(tuple(read_table(stream, name, quiet).columns)).have_names
