"""Read occurrence records, such as a download from GBIF, and count them by taxon and cell of the grid."""

import sqlite3
from collections import Counter
from collections.abc import Mapping

from dalip.datasets.columns import folded
from dalip.datasets.identification import is_other_kingdom
from dalip.datasets.report import Report, shown
from dalip.datasets.tables import Table
from dalip.errors import DataError
from dalip.progress import Progress
from dalip.scientific_name import read_name
from dalip.taxonomy import first_words
from dalip_index.regions.grid import cell_of

__all__ = ["read_occurrences"]

_TERMS = (
    "species",
    "scientificName",
    "kingdom",
    "decimalLatitude",
    "decimalLongitude",
    "occurrenceStatus",
    "basisOfRecord",
    "coordinateUncertaintyInMeters",
)
_NOT_WILD = ("FOSSIL_SPECIMEN", "FOSSILSPECIMEN", "LIVING_SPECIMEN", "LIVINGSPECIMEN")
_MOST_UNCERTAIN = 20_000  # metres; such a record may belong several cells away
_AT_ONCE = 50_000  # rows


class _LeftOut(Exception):  # noqa: N818
    """A row is left out on purpose; the argument is the reason."""


def read_occurrences(
    connection: sqlite3.Connection, source: int, table: Table, report: Report, progress: Progress
) -> Counter[str]:
    """Store how many records of each taxon there are in each cell, in an open transaction.

    Args:
        connection: The database.
        source: Primary key of the source.
        table: The records, with Darwin Core terms as columns.
        report: Receives the first row of each kind that cannot be used, with the number of others.
        progress: Receives the number of rows.

    Returns:
        Number of rows that are left out on purpose, by reason: `absent`, `not-wild`, `kingdom`, `higher-taxon`,
        `uncertain` and `without-coordinates`.
    """
    columns = {folded(column): column for column in reversed(table.columns)}
    terms = {term: columns[folded(term)] for term in _TERMS if folded(term) in columns}
    left_out, wrong = Counter[str](), dict[str, tuple[int, DataError, int]]()
    counts, ids = Counter[tuple[int, int]](), dict[str, int]()
    for number, (line, row) in enumerate(table.rows, 1):
        try:
            name, cell = _record({term: row[column] for term, column in terms.items() if column in row})
        except _LeftOut as reason:
            left_out[str(reason)] += 1
        except DataError as error:
            first, found, more = wrong.get(error.kind, (line, error, -1))
            wrong[error.kind] = first, found, more + 1
        else:
            if name not in ids:
                ids[name] = _id_of(connection, name)
            counts[cell, ids[name]] += 1
        if number % _AT_ONCE == 0:
            _count(connection, source, counts)
            progress("records read", number, 0)
    _count(connection, source, counts)
    for kind, (line, known, more) in wrong.items():
        report.skip(table.where(line), kind, **(known.facts | {"more": more}))
    return left_out


def _id_of(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (name,))
    found: int = connection.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()[0]
    return found


def _count(connection: sqlite3.Connection, source: int, counts: Counter[tuple[int, int]]) -> None:
    connection.executemany(
        "INSERT INTO records VALUES (?, ?, ?, ?) "
        "ON CONFLICT (cell, name, source) DO UPDATE SET number = number + excluded.number",
        ((cell, name, source, number) for (cell, name), number in sorted(counts.items())),
    )
    counts.clear()


def _record(fields: Mapping[str, str]) -> tuple[str, int]:
    """Return the taxon of a record, at most a species, and its cell.

    Raises:
        DataError: The coordinates are no numbers, or there is no name.
    """
    if fields.get("occurrenceStatus", "").upper() == "ABSENT":
        raise _LeftOut("absent")
    if fields.get("basisOfRecord", "").upper() in _NOT_WILD:
        raise _LeftOut("not-wild")
    if is_other_kingdom(fields.get("kingdom", "")):
        raise _LeftOut("kingdom")
    given = fields.get("decimalLatitude", ""), fields.get("decimalLongitude", "")
    if not given[0] or not given[1]:
        raise _LeftOut("without-coordinates")
    try:
        latitude, longitude = map(float, given)
    except ValueError:
        raise DataError("record-coordinates", given=shown(", ".join(given)), more=0) from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise DataError("record-coordinates", given=shown(", ".join(given)), more=0)
    if _uncertainty(fields) > _MOST_UNCERTAIN or latitude == longitude == 0:  # 0, 0 stands for unknown
        raise _LeftOut("uncertain")
    return _species(fields), cell_of(latitude, longitude)


def _uncertainty(fields: Mapping[str, str]) -> float:
    """Return the uncertainty of the coordinates in metres; 0 if it is unknown or not a number."""
    try:
        return float(fields.get("coordinateUncertaintyInMeters", 0))
    except ValueError:
        return 0.0


def _species(fields: Mapping[str, str]) -> str:
    if " " in (name := fields.get("species", "").strip()):  # some files have only the epithet there
        return name
    if not (given := fields.get("scientificName", "")):
        raise DataError("record-name-missing", more=0)
    parts = read_name(given)
    if parts is None or not parts.species:
        raise _LeftOut("higher-taxon")
    return first_words(parts.text, 2)
