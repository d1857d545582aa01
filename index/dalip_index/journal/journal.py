"""`Journal`: the user's observations, with DALIP's answers and the user's own names.

One SQLite file in the user's data folder. Every change is one transaction that is on disk when the method returns, so a
killed process loses nothing that was reported as saved.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from dalip.errors import JournalError, Skipped
from dalip.files import printable
from dalip.progress import no_report
from dalip_index.journal.journal_schema import MIGRATIONS
from dalip_index.journal.observation import Observation, check_field
from dalip_index.sqlite import Database, transaction

__all__ = ["Journal", "Snapshot"]

JOURNAL = "journal.db"
"""Name of the file in the user's data folder."""

Order = Literal["doubt", "date"]
"""`doubt`: observations that most need a review first (unconfirmed, then least probable). `date`: newest first."""

_ORDERS = {
    "doubt": "name <> '', coalesce(probability, 0), created DESC, id",
    "date": "CASE event_date WHEN '' THEN created ELSE event_date END DESC, created DESC, id",
}
_FIELDS = tuple(field.name for field in fields(Observation))
_COLUMNS = ", ".join(_FIELDS)
_WAIT = 120  # seconds; another process may be importing gigabytes of photos
_CHANGEABLE = ("name", "event_date", "latitude", "longitude", "notes")


class Snapshot:
    """The journal at one moment; what other processes save in the meantime is not visible."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        """Read from an open transaction; `None` for a journal that does not exist yet."""
        self._connection = connection

    def observations(
        self, order: Order = "date", limit: int = -1, offset: int = 0
    ) -> Iterator[Observation | Skipped]:
        """Return observations one after the other; arguments as for `Journal.observations`.

        Returns:
            Observations, and those that cannot be used, each with its ID as the source.
        """
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM observations ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?", limit, offset
        )
        return map(_read, rows)

    def photos(self, identifier: str, limit: int = -1) -> Iterator[bytes]:
        """Return the photos of an observation one after the other, as for `Journal.photos`."""
        sql = "SELECT jpeg FROM photos WHERE observation = ? ORDER BY position LIMIT ?"
        return (jpeg for (jpeg,) in self._rows(sql, identifier, limit))

    def number_of_photos(self, identifier: str) -> int:
        """Return how many photos an observation has."""
        return self._count("SELECT count(*) FROM photos WHERE observation = ?", identifier)

    def find(self, identifier: str) -> Observation | Skipped | None:
        """Return an observation, which perhaps cannot be used, or `None` if it does not exist."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM observations WHERE id = ?", identifier)
        return next(map(_read, rows), None)

    def __len__(self) -> int:
        """Return the number of observations."""
        return self._count("SELECT count(*) FROM observations")

    def _count(self, sql: str, *values: object) -> int:
        numbers: list[int] = [number for (number,) in self._rows(sql, *values)]
        return sum(numbers)

    def _rows(self, sql: str, *values: object) -> Iterable[tuple[Any, ...]]:
        return self._connection.execute(sql, values) if self._connection else ()


class Journal:
    """The observations in a data folder. Nothing is created on disk until the first one is saved."""

    def __init__(self, data_dir: Path) -> None:
        """Set the user's data folder."""
        self.path = data_dir / JOURNAL
        self._database = Database(self.path, MIGRATIONS, JournalError, "journal", wait=_WAIT)

    def add(self, observation: Observation, photos: Sequence[bytes]) -> bool:
        """Save an observation.

        Args:
            observation: The observation.
            photos: JPEG files, which are stored unchanged.

        Returns:
            Whether the observation was new; an existing one is left unchanged.

        Raises:
            JournalError: The file cannot be written, or a value must not be saved; see `check_field`.
        """
        return self.add_all([(observation, photos)]) == 1

    def add_all(self, entries: Iterable[tuple[Observation, Iterable[bytes]]]) -> int:
        """Save observations in one transaction: all of them, or none if there is an error or the process is killed.

        Args:
            entries: Observations with their photos, as for `add`. They are read while other processes cannot write.

        Returns:
            How many were new.

        Raises:
            JournalError: As for `add`.
        """
        self.make_folder()
        marks = ", ".join("?" * len(_FIELDS))
        added = 0
        with self._write(create=True) as connection:
            for observation, photos in entries:
                observation.check()
                values = [getattr(observation, name) for name in _FIELDS]
                done = connection.execute(
                    f"INSERT OR IGNORE INTO observations ({_COLUMNS}) VALUES ({marks})", values
                )
                if done.rowcount:
                    added += 1
                    rows = ((observation.id, position, jpeg) for position, jpeg in enumerate(photos))
                    # Another program may have deleted the observation and left its photos.
                    connection.execute("DELETE FROM photos WHERE observation = ?", (observation.id,))
                    connection.executemany("INSERT INTO photos VALUES (?, ?, ?)", rows)
        return added

    def make_folder(self) -> None:
        """Create the data folder.

        Raises:
            JournalError: It cannot be created.
        """
        self._database.make_folder()

    def change(self, identifier: str, **changes: object) -> Observation:
        """Change the fields of an observation that the user can edit.

        Args:
            identifier: ID of the observation.
            changes: New values of `name`, `event_date`, `latitude`, `longitude` or `notes`.

        Raises:
            JournalError: There is no such observation, or a value is invalid.
            ValueError: Another field was passed.
        """
        if not set(changes) <= set(_CHANGEABLE):
            raise ValueError(f"only {', '.join(_CHANGEABLE)} can be changed")
        for name, value in changes.items():
            check_field(name, value)
        with self._write() as connection:
            changed = replace(_get(connection, identifier), **changes)  # type: ignore[arg-type]
            if changes:
                assignments = ", ".join(f"{name} = ?" for name in changes)
                connection.execute(
                    f"UPDATE observations SET {assignments} WHERE id = ?", (*changes.values(), identifier)
                )
        return changed

    def remove(self, identifier: str) -> None:
        """Delete an observation and its photos, also one that cannot be used.

        Raises:
            JournalError: There is no such observation.
        """
        with self._write() as connection:
            if not connection.execute("DELETE FROM observations WHERE id = ?", (identifier,)).rowcount:
                raise JournalError("observation-gone", source=identifier)

    def get(self, identifier: str) -> Observation:
        """Return an observation.

        Raises:
            JournalError: There is no such observation.
        """
        if not self.path.exists():
            raise JournalError("no-journal", source=self.path)
        with self._connect("DEFERRED") as connection:
            return _get(connection, identifier)

    def photos(self, identifier: str, limit: int = -1) -> list[bytes]:
        """Return the photos of an observation as JPEG files, at most `limit`; all by default."""
        with self.snapshot() as now:
            return list(now.photos(identifier, limit))

    def observations(
        self,
        order: Order = "date",
        limit: int = -1,
        offset: int = 0,
        on_skip: Callable[[Skipped], object] = no_report,
    ) -> list[Observation]:
        """Return observations.

        Args:
            order: Sort order.
            limit: Maximum number; all by default.
            offset: Number of observations to skip at the start.
            on_skip: Called for each observation that cannot be used, because an earlier version imported it unchecked.
        """
        found = []
        with self.snapshot() as now:
            for seen in now.observations(order, limit, offset):
                if isinstance(seen, Observation):
                    found.append(seen)
                else:
                    on_skip(seen)
        return found

    def photographed(self, each: int) -> dict[str, list[str]]:
        """Find the taxa that have photos, by their accepted names.

        Args:
            each: Maximum number of observations per taxon.

        Returns:
            For each scientific name, the IDs of its observations that have a photo, newest first.
        """
        if not self.path.exists():
            return {}
        with self._connect("DEFERRED") as connection:
            rows = connection.execute(
                "SELECT CASE name WHEN '' THEN answered ELSE name END, id FROM observations "
                "WHERE id IN (SELECT observation FROM photos) "
                f"ORDER BY {_ORDERS['date']}"
            ).fetchall()
        found: dict[str, list[str]] = {}
        for scientific_name, identifier in rows:
            mine = found.setdefault(scientific_name, [])
            if len(mine) < each:
                mine.append(identifier)
        return found

    def __len__(self) -> int:
        """Return the number of observations."""
        with self.snapshot() as now:
            return len(now)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read the journal as it is at one moment."""
        if not self.path.exists():
            yield Snapshot(None)
            return
        with self._connect("DEFERRED") as connection:
            yield Snapshot(connection)

    @contextmanager
    def _write(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        if not create and not self.path.exists():
            raise JournalError("no-journal", source=self.path)
        # A transaction that reads before it writes fails if another process writes in between, so it locks at once.
        with self._connect("IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _connect(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Open the file and run the block in one transaction."""
        with self._database.connect() as connection:
            # Bytes that are not UTF-8 become lone surrogates, so that only their observation cannot be used.
            connection.text_factory = lambda text: text.decode(errors="surrogateescape")
            connection.execute("PRAGMA synchronous = FULL")  # commits also survive a power failure
            connection.execute("PRAGMA foreign_keys = ON")
            with transaction(connection, kind):
                yield connection


def _get(connection: sqlite3.Connection, identifier: str) -> Observation:
    found = Snapshot(connection).find(identifier)
    if found is None:
        raise JournalError("observation-gone", source=identifier)
    if isinstance(found, Skipped):
        raise found.error
    return found


def _read(row: tuple[Any, ...]) -> Observation | Skipped:
    try:
        return Observation(*row)
    except JournalError as error:
        return Skipped(row[0], JournalError("observation-unusable", id=printable(row[0]), cause=error))
