"""SQLite for the library, the journal and regions: opens the files and applies numbered migrations.

The file's `user_version` is the number of migrations applied so far. Opening the file applies the remaining ones in
order. Each runs in a separate transaction that also updates `user_version`, so a killed process leaves either the
version before or the version after. Before the first of these migrations, a file that is not empty is copied next to
itself, for example to `journal.db.v1.bak` for version 1. To go back to an older DALIP, stop DALIP and replace the file
with that copy. Files with a newer version are rejected.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from dalip.disk import find_write_fault, is_write_fault, process_using, write_fault
from dalip.errors import DalipError
from dalip.files import atomic_write

__all__ = ["ASKED_AT_ONCE", "Database", "Migration", "in_parts", "transaction"]

Migration = Callable[[sqlite3.Connection], None]
"""Changes tables and rows in an open transaction, which it must not end; so it cannot use `executescript`."""

T = TypeVar("T")

ASKED_AT_ONCE = 500
"""Values in one query with `IN`; SQLite limits them."""

_UNWRITABLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")
"""Prefixes of the names of errors that a full disk or a folder without write permission causes."""


@dataclass(frozen=True)
class Database:
    """A database file, its migrations, and the error class raised for it."""

    path: Path
    migrations: Sequence[Migration]
    """The first creates the tables of version 1, and each later one produces the next version. Append only."""
    error: type[DalipError]
    """The class of the errors raised."""
    holds: Literal["library", "journal", "regions"]
    """The contents of the file, because the remedy for a damaged file differs."""
    wait: float = 30
    """Seconds to wait for another process that is writing."""

    def make_folder(self) -> None:
        """Create the folder that contains the file, and make sure that the file can be created.

        Raises:
            DalipError: One of them cannot be created. The class is `error`, here and below.
        """
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fault = None
        except OSError as error:
            fault = write_fault(folder, error)
        if not fault and not self.path.exists():  # SQLite would leave an empty file
            fault = find_write_fault(folder)
        if fault:
            raise self.error("data-folder-not-written", source=folder, cause=fault)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file in autocommit mode, after migrating it to the current version.

        If the disk is full or the folder cannot be written, the connection can only read. A file of an earlier version
        is then migrated in memory.

        Raises:
            DalipError: The file was written by a newer DALIP, is damaged or cannot be used, or a query in the block
                fails.
        """
        obstacle: Exception | None = None
        try:
            connection, obstacle = self._open()
            with closing(connection):
                yield connection
        except sqlite3.OperationalError as error:
            raise self._not_used(error, obstacle) from error
        except sqlite3.Error as error:
            raise self.damaged(error) from error

    def _not_used(self, error: sqlite3.OperationalError, obstacle: Exception | None) -> DalipError:
        """Return the error for a failed query.

        Args:
            error: The failure.
            obstacle: Why the connection can only read, or `None`.
        """
        name = error.sqlite_errorname
        if name.startswith("SQLITE_BUSY"):
            holder = process_using(self.path)
            return self.error("database-busy", source=self.path, holder=holder, waited=round(self.wait))
        if obstacle or name.startswith(("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")):
            fault = write_fault(self.path, obstacle or error)
            return self.error("database-not-written", source=self.path, cause=fault)
        return self.error("database-not-used", source=self.path, cause=error)

    def damaged(self, error: Exception) -> DalipError:
        """Return the error for a damaged file, which includes the remedy."""
        return self.error("database-damaged", source=self.path, cause=error, holds=self.holds)

    def _open(self) -> tuple[sqlite3.Connection, Exception | None]:
        """Return a connection to the current version, and why it can only read, or `None` if it can also write."""
        connection, obstacle = self._connect()
        try:
            self._migrate(connection)
        except (OSError, sqlite3.OperationalError) as error:
            with closing(connection):
                if not _is_unwritable(error):
                    raise
                obstacle = obstacle or error
                return self._migrated_in_memory(connection), obstacle
        except BaseException:
            connection.close()
            raise
        return connection, obstacle

    def _connect(self) -> tuple[sqlite3.Connection, Exception | None]:
        connection = sqlite3.connect(self.path, timeout=self.wait, isolation_level=None)
        try:
            _version(connection)
        except sqlite3.OperationalError as error:
            connection.close()
            if not _is_unwritable(error) or not self.path.exists():
                raise
            return self._connect_to_read(error), error
        except BaseException:
            connection.close()
            raise
        return connection, None

    def _connect_to_read(self, obstacle: Exception) -> sqlite3.Connection:
        """Open the file where SQLite cannot create the files that it needs next to a database in WAL mode.

        That no such file is there means that no other process has the database open.
        """
        how = "immutable=1"
        if _is_left(self.path, "-journal"):
            cause = write_fault(self.path, obstacle)
            raise self.error("database-not-read", source=self.path, cause=cause)
        # A killed process left it: it contains changes that are not in the file yet.
        if _is_left(self.path, "-wal"):
            how = f"vfs={'win32' if os.name == 'nt' else 'unix'}-none"  # without locks, which need the other files
        address = f"{self.path.resolve().as_uri()}?mode=ro&{how}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # keeps the index of the log in memory
        return connection

    def _migrated_in_memory(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Return a migrated copy of an earlier version, because the file itself cannot be changed."""
        copy = sqlite3.connect(":memory:", isolation_level=None)
        connection.backup(copy)
        for version in range(_version(copy), len(self.migrations)):
            with transaction(copy):
                self.migrations[version](copy)
        copy.execute("PRAGMA query_only = ON")  # a change would be lost
        return copy

    def _migrate(self, connection: sqlite3.Connection) -> None:
        before, newest = _version(connection), len(self.migrations)
        if before > newest:
            raise self.error("database-newer", source=self.path, version=before, known=newest)
        if before == newest:
            return
        self._write_ahead(connection)
        to_copy = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        version = before
        while version < newest:
            with transaction(connection):  # only one process at a time
                version = _version(connection)
                if version < newest:
                    # A version above `before` is already migrated in part, and was copied before that.
                    if to_copy and version == before:
                        self._copy(version)
                    self.migrations[version](connection)
                    version += 1
                    connection.execute(f"PRAGMA user_version = {version}")
        if version > newest:  # another process with a newer DALIP has just migrated it
            raise self.error("database-newer", source=self.path, version=version, known=newest)

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """Switch to the write-ahead log (WAL), so that readers and a writer do not block each other."""
        until = time.monotonic() + self.wait
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # SQLite's timeout does not apply here if another process has just opened the file.
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _copy(self, version: int) -> None:
        """Copy the file next to itself, as it was before the transaction that is open on another connection."""
        path = self.path.with_name(f"{self.path.name}.v{version}.bak")
        try:
            with atomic_write(path, durable=True) as draft:
                draft.unlink(missing_ok=True)  # left by a killed process
                source = sqlite3.connect(self.path, timeout=self.wait)
                with closing(source), closing(sqlite3.connect(draft)) as copy:
                    copy.execute("PRAGMA journal_mode = OFF")  # a killed process leaves no journal file
                    source.backup(copy)
                shutil.copymode(self.path, draft)  # the copy is as private as the file
        except (OSError, sqlite3.OperationalError) as error:
            if _is_unwritable(error):
                raise
            size = -(-self.path.stat().st_size // 1_000_000)
            fault = write_fault(path, error)
            raise self.error("database-not-copied", source=path, size=size, cause=fault) from error


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _is_unwritable(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorname.startswith(_UNWRITABLE)
    return is_write_fault(error) or isinstance(error, PermissionError)


def _is_left(path: Path, ending: str) -> bool:
    """Return whether a file that SQLite writes next to the database is there and not empty."""
    log = path.with_name(path.name + ending)
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


def in_parts(values: Iterable[T], number: int) -> Iterator[list[T]]:
    """Yield lists of at most `number` values, in order."""
    every = iter(values)
    while part := list(islice(every, number)):
        yield part
