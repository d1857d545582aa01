"""`open_source`: open a file with distributions or occurrence records, packed or not, and recognise which it is."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from dalip.datasets.archives import Archive, is_archive
from dalip.datasets.columns import folded
from dalip.datasets.darwin_core_meta import read_meta, read_rows
from dalip.datasets.report import Report, shown
from dalip.datasets.tables import Table, read_table
from dalip.errors import DataError, RegionError

__all__ = ["SourceFile", "SourceKind", "open_source"]

SourceKind = Literal["distribution", "occurrences"]

_NAMES = "wcvp_names.csv"
_TABLES = (".csv", ".txt", ".tsv")
_META = "meta.xml"


class SourceFile(NamedTuple):
    """An open file of distributions or occurrence records."""

    kind: SourceKind
    table: Table
    names: Table | None = None
    """The names of the taxa, for a distribution."""


@contextmanager
def open_source(path: Path, names: Path | None, report: Report) -> Iterator[SourceFile]:
    """Open a file of distributions or occurrence records.

    Args:
        path: `wcvp_distribution.csv`, a table of occurrences with Darwin Core terms, or a .zip archive of either.
        names: The names of the taxa in a distribution; by default `wcvp_names.csv` beside it or in the archive.
        report: Receives each row that cannot be read.

    Raises:
        DataError: It cannot be read.
        RegionError: It is another kind of file.
    """
    with ExitStack() as stack:
        try:
            if is_archive(path):
                found = _in_archive(path, report, stack)
            else:
                found = _recognised(read_table(stack.enter_context(path.open("rb")), str(path), report))
                beside = path.with_name(_NAMES)
                if names is None and found.kind == "distribution" and beside.is_file():
                    names = beside
            if names is not None:
                stream = stack.enter_context(names.open("rb"))
                found = found._replace(names=read_table(stream, str(names), report))
        except FileNotFoundError as error:
            raise RegionError("region-file-missing", source=error.filename) from None
        except OSError as error:
            raise DataError("table-not-read", source=path, cause=error.strerror or error) from error
        yield found


def _kind(table: Table) -> SourceKind | None:
    if {"plant_name_id", "area_code_l3"} <= set(table.columns):
        return "distribution"
    terms = {folded(column) for column in table.columns}
    if {"decimallatitude", "decimallongitude"} <= terms and {"species", "scientificname"} & terms:
        return "occurrences"
    return None


def _recognised(table: Table) -> SourceFile:
    kind = _kind(table)
    if kind is None:
        found = shown(", ".join(filter(None, table.columns)) or "none")
        raise RegionError("region-file-unknown", source=table.name, found=found)
    return SourceFile(kind, table)


def _in_archive(path: Path, report: Report, stack: ExitStack) -> SourceFile:
    archive = Archive(path, report)
    bases = [name.removesuffix(_META) for name in archive.names if name.rpartition("/")[2] == _META]
    if bases:
        for layout in read_meta(archive, bases[0]):
            if layout.kind == "occurrence":
                rows = read_rows(archive, bases[0], layout, report)
                columns = [term for _, term in layout.columns] + list(layout.defaults)
                return _recognised(Table(columns, enumerate((row for _, row in rows), 1), str(path)))
    found, names = None, None
    for name in archive.names:
        if not name.lower().endswith(_TABLES):
            continue
        table = read_table(stack.enter_context(archive.open(name)), f"{path}: {shown(name)}", report)
        if name.rpartition("/")[2].lower() == _NAMES:
            names = table
        elif found is None and (kind := _kind(table)):
            found = SourceFile(kind, table)
    if found is None:
        raise RegionError("region-file-unknown", source=path, found=shown(", ".join(archive.names[:10])))
    return found._replace(names=names)
