"""`Journal`: the user's observations, with DALIP's answers and the user's own names.

One SQLite file in the user's data folder. Every change is one transaction that is on disk when the method returns, so a
killed process loses nothing that was reported as saved.
"""

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from dalip.errors import JournalError
from dalip_index.flora.answer import Identification
from dalip_index.journal.journal_schema import MIGRATIONS
from dalip_index.sqlite import Database, transaction

__all__ = ["Journal", "Observation"]

JOURNAL = "journal.db"
"""Name of the file in the user's data folder."""

Order = Literal["doubt", "date"]
"""`doubt`: observations that most need a review first (unconfirmed, then least probable). `date`: newest first."""

_ORDERS = {
    "doubt": "name <> '', coalesce(probability, 0), created DESC, id",
    "date": "CASE event_date WHEN '' THEN created ELSE event_date END DESC, created DESC, id",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One plant that someone photographed."""

    id: str
    """Never changes; exports use the same ID."""
    created: str
    """When the observation was saved, in UTC, ISO 8601."""
    answered: str
    """Scientific name of the first prediction."""
    answered_rank: str
    family: str
    probability: float | None
    """Probability of `answered`; `None` if the flora was not calibrated."""
    verdict: str
    name: str = ""
    """Scientific name according to the user, the same as `answered` or a correction; empty if unverified."""
    event_date: str = ""
    """When the photo was taken, ISO 8601, if the photo contains it and the user chose to keep it."""
    latitude: float | None = None
    """Degrees north, WGS 84, if the photo contains it and the user chose to keep it."""
    longitude: float | None = None
    """Degrees east."""
    notes: str = ""

    def __post_init__(self) -> None:
        """Reject invalid values.

        Raises:
            JournalError: The coordinates or a date are invalid, one coordinate is missing, or the probability is
                outside 0 to 1.
        """
        if (self.latitude is None) != (self.longitude is None):
            raise JournalError("place-by-half")
        place = (self.latitude or 0.0, self.longitude or 0.0)
        if not (-90 <= place[0] <= 90 and -180 <= place[1] <= 180):
            raise JournalError("no-place", latitude=str(place[0]), longitude=str(place[1]))
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise JournalError("no-probability", number=str(self.probability))
        for date in (self.created, self.event_date):
            try:
                datetime.fromisoformat(date or "2000-01-01")
            except ValueError:
                raise JournalError("no-date", date=date) from None

    @property
    def accepted(self) -> str:
        """The user's name for the plant, or DALIP's answer if the user gave none."""
        return self.name or self.answered

    @classmethod
    def of(cls, answer: Identification, **more: object) -> "Observation":
        """Create a new observation from an answer.

        Args:
            answer: The answer for the photos of one plant, with at least one prediction.
            more: Fields that are not in the answer, such as `notes`.
        """
        first = answer.predictions[0]
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(
            uuid.uuid4().hex,
            created,
            first.taxon.scientific_name,
            first.taxon.taxon_rank,
            first.taxon.family,
            first.probability,
            answer.verdict,
            **more,  # type: ignore[arg-type]
        )


_FIELDS = tuple(field.name for field in fields(Observation))
_COLUMNS = ", ".join(_FIELDS)
_CHANGEABLE = ("name", "event_date", "latitude", "longitude", "notes")


class Journal:
    """The observations in a data folder. Nothing is created on disk until the first one is saved."""

    def __init__(self, data_dir: Path) -> None:
        """Set the user's data folder."""
        self.path = data_dir / JOURNAL
        self._database = Database(self.path, MIGRATIONS, JournalError, "journal")

    def add(self, observation: Observation, photos: Sequence[bytes]) -> bool:
        """Save an observation.

        Args:
            observation: The observation.
            photos: JPEG files, which are stored unchanged.

        Returns:
            Whether the observation was new; an existing one is left unchanged.

        Raises:
            JournalError: The file cannot be written.
        """
        self._database.make_folder()
        values = [getattr(observation, name) for name in _FIELDS]
        with self._connect(create=True) as connection:
            added = connection.execute(
                f"INSERT OR IGNORE INTO observations ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})",
                values,
            ).rowcount
            if added:
                rows = [(observation.id, position, jpeg) for position, jpeg in enumerate(photos)]
                connection.executemany("INSERT INTO photos VALUES (?, ?, ?)", rows)
        return bool(added)

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
        with self._connect(change=True) as connection:
            changed = replace(self._get(connection, identifier), **changes)  # type: ignore[arg-type]
            if changes:
                assignments = ", ".join(f"{name} = ?" for name in changes)
                connection.execute(
                    f"UPDATE observations SET {assignments} WHERE id = ?", (*changes.values(), identifier)
                )
        return changed

    def remove(self, identifier: str) -> None:
        """Delete an observation and its photos.

        Raises:
            JournalError: There is no such observation.
        """
        with self._connect(change=True) as connection:
            self._get(connection, identifier)
            connection.execute("DELETE FROM observations WHERE id = ?", (identifier,))

    def get(self, identifier: str) -> Observation:
        """Return an observation.

        Raises:
            JournalError: There is no such observation.
        """
        with self._connect() as connection:
            return self._get(connection, identifier)

    def photos(self, identifier: str, limit: int = -1) -> list[bytes]:
        """Return the photos of an observation as JPEG files, at most `limit`; all by default."""
        with self._connect() as connection:
            return [
                jpeg
                for (jpeg,) in connection.execute(
                    "SELECT jpeg FROM photos WHERE observation = ? ORDER BY position LIMIT ?",
                    (identifier, limit),
                )
            ]

    def observations(self, order: Order = "date", limit: int = -1, offset: int = 0) -> list[Observation]:
        """Return observations.

        Args:
            order: Sort order.
            limit: Maximum number; all by default.
            offset: Number of observations to skip at the start.
        """
        if not self.path.exists():
            return []
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM observations ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?",
                (limit, offset),
            ).fetchall()
        return [Observation(*row) for row in rows]

    def photographed(self, each: int) -> dict[str, list[str]]:
        """Find the taxa that have photos, by their accepted names.

        Args:
            each: Maximum number of observations per taxon.

        Returns:
            For each scientific name, the IDs of its observations that have a photo, newest first.
        """
        if not self.path.exists():
            return {}
        with self._connect() as connection:
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
        if not self.path.exists():
            return 0
        with self._connect() as connection:
            number: int = connection.execute("SELECT count(*) FROM observations").fetchone()[0]
            return number

    def _get(self, connection: sqlite3.Connection, identifier: str) -> Observation:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM observations WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None:
            raise JournalError("observation-gone", source=identifier)
        return Observation(*row)

    @contextmanager
    def _connect(self, *, create: bool = False, change: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the file and run the block in one transaction.

        One that changes the file takes the lock at once: if it first read, it would fail when another process writes.
        """
        if not create and not self.path.exists():
            raise JournalError("no-journal", source=self.path)
        with self._database.connect() as connection:
            connection.execute("PRAGMA synchronous = FULL")  # commits also survive a power failure
            connection.execute("PRAGMA foreign_keys = ON")
            with transaction(connection, "IMMEDIATE" if create or change else "DEFERRED"):
                yield connection
