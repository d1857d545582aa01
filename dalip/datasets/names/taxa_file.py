"""Read lists of taxa from files: tables with Darwin Core columns, and plain lists of names."""

from pathlib import Path

from dalip.datasets.report import Report
from dalip.datasets.tables import read_lines, read_table
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["read_names", "read_taxa"]

_TABLES = (".csv", ".tsv")


def read_taxa(path: Path, report: Report | None = None) -> list[Taxon]:
    """Read a taxa file: CSV or TSV with a header of Darwin Core terms.

    Args:
        path: The file; separated by tabs or semicolons if its header contains one, otherwise by commas.
        report: Receives each row that is skipped because it is malformed or repeats a taxon; without it, the first
            such row is an error.

    Returns:
        The taxa in the order of the file, at least one.

    Raises:
        DataError: The file cannot be read, has no column `scientificName`, or contains no taxon.
    """
    report = report or Report()
    taxa: dict[str, Taxon] = {}
    try:
        with path.open("rb") as file:
            table = read_table(file, str(path), report)
            table.require("scientificName")
            for line, row in table.rows:
                try:
                    taxon = Taxon.from_darwin_core(row)
                    if taxon.scientific_name in taxa:
                        raise DataError("taxon-repeated", name=taxon.scientific_name)
                except DataError as error:
                    report.skip_for(table.where(line), error)
                else:
                    taxa[taxon.scientific_name] = taxon
    except FileNotFoundError:
        raise DataError("taxa-file-missing", source=path) from None
    except OSError as error:
        raise DataError("taxa-file-not-read", source=path, cause=error.strerror) from error
    if not taxa:
        raise DataError("taxa-file-empty", source=path)
    return list(taxa.values())


def read_names(path: Path, report: Report | None = None) -> list[str]:
    """Read scientific names from a taxa file, or from a list with one name per line and comments after `#`.

    Args:
        path: The file; a table if its extension says so, or if its first line has the column `scientificName`.
        report: As for `read_taxa`.

    Raises:
        DataError: The file cannot be read, or contains no name.
    """
    try:
        with path.open("rb") as file:
            lines = read_lines(file, str(path), report or Report())
            first = next(lines, "")
            if path.suffix.lower() in _TABLES or "scientificName" in first:
                return [taxon.scientific_name for taxon in read_taxa(path, report)]
            written = [" ".join(line.partition("#")[0].split()) for line in (first, *lines)]
    except FileNotFoundError:
        raise DataError("taxa-file-missing", source=path) from None
    except OSError as error:
        raise DataError("taxa-file-not-read", source=path, cause=error.strerror) from error
    names = [name for name in written if name]
    if not names:
        raise DataError("names-file-empty", source=path)
    return names
