"""`Regions`: the user's regions, in one SQLite file: add, list and remove files, and find the plants of a region."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection

from dalip.datasets.report import Report
from dalip.errors import RegionError
from dalip.files import as_utf8
from dalip.progress import Progress, no_progress
from dalip_index.flora.regional import RegionTaxa
from dalip_index.regions.grid import cells_near
from dalip_index.regions.read_distribution import read_distribution
from dalip_index.regions.read_occurrences import read_occurrences
from dalip_index.regions.region_schema import MIGRATIONS
from dalip_index.regions.source_file import SourceKind, open_source
from dalip_index.sqlite import ASKED_AT_ONCE, Database, in_parts, transaction

__all__ = ["Area", "RegionSource", "Regions"]

_ALIKE = 70  # of 100: minimum fuzzy-match score of a name to suggest
_OFFERED = 3


@dataclass(frozen=True)
class RegionSource:
    """A file that was added."""

    name: str
    kind: SourceKind
    taxa: int
    """Number of taxa in it."""
    records: int
    """Number of pairs of an area and a taxon, or of occurrence records."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Number of rows that were left out on purpose, by reason; only known when the file is added."""


@dataclass(frozen=True)
class Area:
    """An area with its plants."""

    code: str
    name: str
    level: int
    """Level of the TDWG scheme: 1 for continents, 2 for regions, 3 for areas."""
    taxa: int


class Regions:
    """The user's regions. Nothing is created on disk before a file is added."""

    def __init__(self, folder: Path) -> None:
        """Set the place of the database.

        Args:
            folder: The user's data folder.
        """
        self.path = folder / "regions.db"
        self._database = Database(self.path, MIGRATIONS, RegionError, "regions")

    def add(
        self, path: Path, report: Report, progress: Progress = no_progress, *, names: Path | None = None
    ) -> RegionSource:
        """Add a file, or replace the one with the same name: completely or, if this is interrupted, not at all.

        Args:
            path: As `open_source`.
            report: Receives rows that cannot be used.
            progress: Receives the number of rows.
            names: As `open_source`.

        Raises:
            DataError: The file cannot be read.
            RegionError: It is another kind of file or has no usable row, or the database cannot be written.
        """
        with open_source(path, names, report) as file:
            self._database.make_folder()
            with self._database.connect() as connection, transaction(connection):
                name = as_utf8(path.name)
                _remove(connection, name)
                source = connection.execute(
                    "INSERT INTO sources (name, kind, added, taxa, records) VALUES (?, ?, ?, 0, 0)",
                    (name, file.kind, datetime.now(UTC).isoformat(timespec="seconds")),
                ).lastrowid
                assert source is not None
                if file.kind == "distribution":
                    left_out = read_distribution(connection, source, file, report, progress)
                    counted = (
                        "SELECT count(DISTINCT area_names.name), count(*) FROM area_names "
                        "JOIN areas ON areas.id = area WHERE source = ?"
                    )
                else:
                    left_out = read_occurrences(connection, source, file.table, report, progress)
                    counted = "SELECT count(DISTINCT name), sum(number) FROM records WHERE source = ?"
                taxa, records = connection.execute(counted, (source,)).fetchone()
                if not taxa:
                    raise RegionError("region-file-empty", source=path)
                connection.execute(
                    "UPDATE sources SET taxa = ?, records = ? WHERE id = ?", (taxa, records, source)
                )
                _remove_unused_names(connection)
        return RegionSource(name, file.kind, taxa, records, +left_out)

    def remove(self, name: str) -> None:
        """Remove a file that was added.

        Raises:
            RegionError: There is none with this name.
        """
        held = [source.name for source in self.sources()]
        if name not in held:
            raise RegionError("region-source-unknown", source=name, held=held, number=len(held))
        with self._database.connect() as connection, transaction(connection):
            _remove(connection, name)
            _remove_unused_names(connection)

    def sources(self) -> list[RegionSource]:
        """Return the files that were added, by name."""
        if not self.path.exists():
            return []
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT name, kind, taxa, records FROM sources ORDER BY name"
            ).fetchall()
        return [RegionSource(*row) for row in rows]

    def areas(self, text: str = "") -> list[Area]:
        """Return the areas whose code or name contains a text, by level and name; by default all of them."""
        if not self.path.exists():
            return []
        with self._database.connect() as connection:
            rows = connection.execute(
                f"{_INSIDE} SELECT areas.code, areas.name, areas.level, count(DISTINCT area_names.name) FROM areas "
                "JOIN inside ON inside.top = areas.id LEFT JOIN area_names ON area_names.area = inside.id "
                "GROUP BY areas.level, areas.code ORDER BY areas.level, areas.name"
            ).fetchall()
        asked = _folded(text)
        return [Area(*row) for row in rows if asked in _folded(row[0]) or asked in _folded(row[1])]

    def find(self, asked: str) -> RegionTaxa:
        """Find the plants of an area.

        Args:
            asked: Its code or name, without regard to case and accents. A name that several levels have stands for
                all of these areas.

        Raises:
            RegionError: There is no such area.
        """
        every = self._names_of_areas()
        if not every:
            raise RegionError("regions-missing", source=asked)
        rows = [row for row in every if _folded(asked) in (_folded(row[1]), _folded(row[2]))]
        if not rows:
            alike = _alike(asked, [name for _, _, name in every])
            raise RegionError("region-unknown", source=asked, alike=alike, alternatives=len(alike))
        with self._database.connect() as connection:
            marks = ", ".join("?" * len(rows))
            names = connection.execute(
                f"{_INSIDE} SELECT DISTINCT names.id, names.name FROM inside "
                f"JOIN area_names ON area_names.area = inside.id JOIN names ON names.id = area_names.name "
                f"WHERE inside.top IN ({marks})",
                [row[0] for row in rows],
            ).fetchall()
            synonyms = _synonyms(connection, names)
        return RegionTaxa(rows[0][2], {name: synonyms.get(key, ()) for key, name in names})

    def near(self, latitude: float, longitude: float, radius: float) -> RegionTaxa:
        """Find the plants with occurrence records near a place.

        Args:
            latitude: In degrees, -90 to 90.
            longitude: In degrees, -180 to 180.
            radius: In km. What counts is the centre of a cell of the grid; see `cells_near`.

        Raises:
            RegionError: There are no records.
        """
        place = f"{radius:g} km around {latitude:g}, {longitude:g}"
        if not any(source.kind == "occurrences" for source in self.sources()):
            raise RegionError("records-missing", source=place)
        with self._database.connect() as connection:
            found: set[tuple[int, str]] = set()
            for first, last in cells_near(latitude, longitude, radius):
                found |= set(
                    connection.execute(
                        "SELECT DISTINCT names.id, names.name FROM records JOIN names ON names.id = records.name "
                        "WHERE cell BETWEEN ? AND ?",
                        (first, last),
                    )
                )
            synonyms = _synonyms(connection, found)
        if not found:
            raise RegionError("records-none-near", source=place)
        return RegionTaxa(place, {name: synonyms.get(key, ()) for key, name in sorted(found)})

    def _names_of_areas(self) -> list[tuple[int, str, str]]:
        if not self.path.exists():
            return []
        with self._database.connect() as connection:
            return connection.execute("SELECT id, code, name FROM areas ORDER BY level, id").fetchall()


_INSIDE = (
    "WITH RECURSIVE inside (top, id) AS (SELECT id, id FROM areas UNION "
    "SELECT inside.top, areas.id FROM inside JOIN areas ON areas.parent = inside.id)"
)
"""Each area (`top`) with itself and those that it contains."""


def _synonyms(connection: Connection, names: Iterable[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
    found = dict[int, tuple[str, ...]]()
    for some in in_parts((key for key, _ in names), ASKED_AT_ONCE):
        marks = ", ".join("?" * len(some))
        for key, synonym in connection.execute(f"SELECT * FROM synonyms WHERE name IN ({marks})", some):
            found[key] = (*found.get(key, ()), synonym)
    return found


def _remove(connection: Connection, name: str) -> None:
    """Remove a file, if it was added."""
    source = "(SELECT id FROM sources WHERE name = ?)"
    for rows in (
        f"area_names WHERE area IN (SELECT id FROM areas WHERE source = {source})",
        f"areas WHERE source = {source}",
        f"records WHERE source = {source}",
        "sources WHERE name = ?",
    ):
        connection.execute(f"DELETE FROM {rows}", (name,))


def _remove_unused_names(connection: Connection) -> None:
    used = "(SELECT name FROM area_names UNION SELECT name FROM records)"
    connection.execute(f"DELETE FROM synonyms WHERE name NOT IN {used}")
    connection.execute(f"DELETE FROM names WHERE id NOT IN {used}")


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


def _alike(asked: str, names: list[str]) -> list[str]:
    from rapidfuzz import fuzz, process

    by_folded = {_folded(name): name for name in names}
    found = process.extract(
        _folded(asked), list(by_folded), scorer=fuzz.ratio, limit=_OFFERED, score_cutoff=_ALIKE
    )
    return [by_folded[folded] for folded, _, _ in found]
