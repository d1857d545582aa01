"""Read the distribution of plants by TDWG areas, `wcvp_distribution.csv` of the World Checklist of Vascular Plants."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator

from dalip.datasets.report import Report
from dalip.datasets.tables import Table
from dalip.errors import RegionError
from dalip.progress import Progress
from dalip.ranks import read_rank
from dalip_index.regions.source_file import SourceFile
from dalip_index.sqlite import in_parts

__all__ = ["read_distribution"]

_LEVELS = (("continent_code_l1", "continent"), ("region_code_l2", "region"), ("area_code_l3", "area"))
_HIGHER = ("order", "family", "genus")
_AT_ONCE = 10_000  # rows


def read_distribution(
    connection: sqlite3.Connection, source: int, files: SourceFile, report: Report, progress: Progress
) -> Counter[str]:
    """Store the areas of a distribution and the taxa that occur in each, in an open transaction.

    Args:
        connection: The database. Rows are collected in temporary tables, so the memory does not grow with the files.
        source: Primary key of the source.
        files: The distribution, and the names of its taxa.
        report: Receives rows that cannot be used.
        progress: Receives the number of rows.

    Returns:
        Number of rows that are left out on purpose, by reason: `extinct`, `doubtful`, `higher-taxon`.

    Raises:
        RegionError: The names of the taxa are missing.
    """
    if files.names is None:
        raise RegionError("region-names-missing", source=files.table.name)
    connection.execute(
        "CREATE TEMP TABLE listed (plant TEXT PRIMARY KEY, name TEXT, accepted TEXT, rank TEXT)"
    )
    connection.execute("CREATE TEMP TABLE placed (area INTEGER, plant TEXT, line INTEGER)")
    try:
        _in_parts(
            connection, "INSERT OR IGNORE INTO listed VALUES (?, ?, ?, ?)", _names(files.names, progress)
        )
        left_out = Counter[str]()
        rows = _placed(connection, source, files.table, left_out, progress)
        _in_parts(connection, "INSERT INTO placed VALUES (?, ?, ?)", rows)
        _store(connection, files.table, left_out, report)
    finally:
        for table in ("listed", "placed"):
            connection.execute(f"DROP TABLE temp.{table}")
    return left_out


def _in_parts(connection: sqlite3.Connection, query: str, rows: Iterable[tuple[object, ...]]) -> None:
    for part in in_parts(rows, _AT_ONCE):
        connection.executemany(query, part)


def _names(table: Table, progress: Progress) -> Iterator[tuple[object, ...]]:
    """Yield the identifier of each name, the name, the identifier of the accepted name, and the rank."""
    table.require("plant_name_id", "taxon_name")
    for number, (_, row) in enumerate(table.rows, 1):
        if number % _AT_ONCE == 0:
            progress("names read", number, 0)
        plant, name = row.get("plant_name_id", ""), row.get("taxon_name", "")
        if plant and name:
            rank = read_rank(row.get("taxon_rank", "")) or ""
            yield plant, name, row.get("accepted_plant_name_id", plant), rank


def _placed(
    connection: sqlite3.Connection, source: int, table: Table, left_out: Counter[str], progress: Progress
) -> Iterator[tuple[object, ...]]:
    """Yield the area and the taxon of each row, and its line; areas are stored when they are first seen."""
    areas: dict[tuple[str, ...], int | None] = {}
    for number, (line, row) in enumerate(table.rows, 1):
        if number % _AT_ONCE == 0:
            progress("rows read", number, 0)
        if row.get("extinct") == "1":
            left_out["extinct"] += 1
        elif row.get("location_doubtful") == "1":
            left_out["doubtful"] += 1
        else:
            codes = tuple(row.get(code, "") for code, _ in _LEVELS)
            if codes not in areas:
                areas[codes] = _area(connection, source, row, codes, areas)
            yield areas[codes], row.get("plant_name_id", ""), line


def _area(
    connection: sqlite3.Connection,
    source: int,
    row: dict[str, str],
    codes: tuple[str, ...],
    areas: dict[tuple[str, ...], int | None],
) -> int | None:
    """Store an area, and the region and continent that contain it; `None` if the row names none."""
    found = None
    for level, (_, column) in enumerate(_LEVELS, 1):
        if not (code := codes[level - 1]):
            continue
        key = (*codes[:level], *("" for _ in codes[level:]))
        if areas.get(key) is None:
            name = row.get(column, code)
            areas[key] = connection.execute(
                "INSERT INTO areas (source, level, code, name, parent) VALUES (?, ?, ?, ?, ?)",
                (source, level, code, name, found),
            ).lastrowid
        found = areas[key]
    return found


def _store(connection: sqlite3.Connection, table: Table, left_out: Counter[str], report: Report) -> None:
    marks = ", ".join("?" for _ in _HIGHER)
    (left_out["higher-taxon"],) = connection.execute(
        f"SELECT count(*) FROM placed JOIN listed USING (plant) WHERE rank IN ({marks})", _HIGHER
    ).fetchone()
    for kind, wrong in (
        ("region-row-without-area", "area IS NULL"),
        ("region-plant-unknown", "area IS NOT NULL AND plant NOT IN (SELECT plant FROM listed)"),
    ):
        number, line, plant = connection.execute(
            f"SELECT count(*), min(line), plant FROM placed WHERE {wrong}"
        ).fetchone()
        if number:
            report.skip(table.where(line), kind, plant=plant or "''", more=number - 1)
    used = f"placed JOIN listed USING (plant) WHERE area IS NOT NULL AND rank NOT IN ({marks})"
    connection.execute(f"INSERT OR IGNORE INTO names (name) SELECT DISTINCT listed.name FROM {used}", _HIGHER)
    connection.execute(
        "INSERT OR IGNORE INTO area_names SELECT area, names.id FROM placed JOIN listed USING (plant) "
        f"JOIN names ON names.name = listed.name WHERE area IS NOT NULL AND rank NOT IN ({marks})",
        _HIGHER,
    )
    # A name that is also an accepted one, by another author, says nothing.
    connection.execute("CREATE INDEX temp.listed_names ON listed (name)")
    connection.execute(
        "INSERT OR IGNORE INTO synonyms SELECT names.id, other.name FROM listed AS other "
        "JOIN listed ON listed.plant = other.accepted JOIN names ON names.name = listed.name "
        "WHERE other.plant != other.accepted AND other.name NOT IN "
        "(SELECT name FROM listed WHERE plant = accepted)"
    )
