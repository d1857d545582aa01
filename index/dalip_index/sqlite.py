"""SQLite for the library and the journal: opens the files and applies numbered migrations.

The file's `user_version` is the number of migrations applied so far. Opening the file applies the remaining ones in
order. Each runs in a separate transaction that also updates `user_version`, so a killed process leaves either the
version before or the version after. Before the first of these migrations, a file that is not empty is copied next to
itself, for example to `journal.db.v1.bak` for version 1. To go back to an older DALIP, stop DALIP and replace the file
with that copy. Files with a newer version are rejected.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dalip.errors import DalipError
from dalip.files import atomic_write

__all__ = ["Database", "Migration", "transaction"]

Migration = Callable[[sqlite3.Connection], None]
"""Changes tables and rows in an open transaction, which it must not end; so it cannot use `executescript`."""

_WAIT = 30  # seconds to wait for another process that is writing
_READ_ONLY = (
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
)  # prefixes of the error names that a read-only folder causes


@dataclass(frozen=True)
class Database:
    """A database file, its migrations, and the error class raised for it."""

    path: Path
    migrations: Sequence[Migration]
    """The first creates the tables of version 1, and each later one produces the next version. Append only."""
    error: type[DalipError]
    """The class of the errors raised."""
    holds: Literal["library", "journal"]
    """The contents of the file, because the remedy for a damaged file differs."""

    def make_folder(self) -> None:
        """Create the folder that contains the file.

        Raises:
            DalipError: The folder cannot be created. The class is `error`, here and below.
        """
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.error("data-folder-not-made", source=folder, cause=error.strerror) from error

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file in autocommit mode, after migrating it to the current version.

        Raises:
            DalipError: The file was written by a newer DALIP, is damaged or cannot be used, or a query in the block
                fails.
        """
        try:
            with closing(self._open()) as connection:
                self._migrate(connection)
                yield connection
        except sqlite3.OperationalError as error:
            raise self.error("database-not-used", source=self.path, cause=error) from error
        except sqlite3.Error as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> DalipError:
        """Return the error for a damaged file, which includes the remedy."""
        return self.error("database-damaged", source=self.path, cause=error, holds=self.holds)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
        try:
            _version(connection)
        except sqlite3.Error as error:
            connection.close()
            unwritable = error.sqlite_errorname.startswith(_READ_ONLY)
            if not unwritable or not self.path.exists() or _has_log(self.path):
                raise
            # SQLite creates files next to a database in WAL mode even to read it, unless `immutable` is set.
            address = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
            return sqlite3.connect(address, uri=True, isolation_level=None)
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version, newest = _version(connection), len(self.migrations)
        if version > newest:
            raise self.error("database-newer", source=self.path, version=version, known=newest)
        if version == newest:
            return
        _write_ahead(connection)
        to_copy = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        while version < newest:
            with transaction(connection):  # only one process at a time
                version = _version(connection)
                if version < newest:
                    if to_copy:
                        self._copy(version)
                        to_copy = False
                    self.migrations[version](connection)
                    version += 1
                    connection.execute(f"PRAGMA user_version = {version}")
        if version > newest:  # another process with a newer DALIP has just migrated it
            raise self.error("database-newer", source=self.path, version=version, known=newest)

    def _copy(self, version: int) -> None:
        """Copy the file next to itself, as it was before the transaction that is open on another connection."""
        path = self.path.with_name(f"{self.path.name}.v{version}.bak")
        try:
            with atomic_write(path, durable=True) as draft:
                draft.unlink(missing_ok=True)  # left by a killed process
                source = sqlite3.connect(self.path, timeout=_WAIT)
                with closing(source), closing(sqlite3.connect(draft)) as copy:
                    copy.execute("PRAGMA journal_mode = OFF")  # a killed process leaves no journal file
                    source.backup(copy)
                shutil.copymode(self.path, draft)  # the copy is as private as the file
        except (OSError, sqlite3.OperationalError) as error:
            raise self.error("database-not-copied", source=path, cause=error) from error


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log (WAL), so that readers and a writer do not block each other."""
    until = time.monotonic() + _WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except (
            sqlite3.OperationalError
        ) as error:  # SQLite's timeout does not apply here if another process has just opened the file
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _has_log(path: Path) -> bool:
    """Return whether the write-ahead log contains changes that are not in the file yet."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Run the block in a transaction, which is rolled back if the block raises."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
