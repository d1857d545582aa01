"""How the SQLite files of the library and the journal are opened, and their numbered migrations applied.

The file's `user_version` says how many migrations it has had. Opening it applies the others in their order, each in a
transaction of its own that also counts it, so a killed process leaves the version before or the one after. The first
time, a copy of a file that is not empty is left beside it, such as `journal.db.v1.bak` for one of version 1: to go
back to an older DALIP, stop DALIP and put it in the file's place. A file of a newer version is refused.
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
"""Changes the tables and what is in them, inside a transaction that it leaves open: no `executescript`."""

_WAIT = 30  # seconds, for another process that writes
_READ_ONLY = ("SQLITE_CANTOPEN", "SQLITE_READONLY")  # how the errors begin that a read-only folder causes


@dataclass(frozen=True)
class Database:
    """A file, the migrations that make its tables, and what is raised when something goes wrong with it."""

    path: Path
    migrations: Sequence[Migration]
    """The first makes the tables of version 1, each of the others the next version. Only ever appended to."""
    error: type[DalipError]
    """What is raised."""
    holds: Literal["library", "journal"]
    """What the file is: what to do about a damaged one differs."""

    def make_folder(self) -> None:
        """Make the folder that the file lies in.

        Raises:
            DalipError: It cannot be made; of the class `error`, as below.
        """
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.error("data-folder-not-made", source=folder, cause=error.strerror) from error

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file, brought to the present version, in autocommit mode.

        Raises:
            DalipError: It was written by a newer DALIP, is damaged, or cannot be used, or a query in the block fails.
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
        """Say that the file is damaged, and what to do."""
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
            # SQLite wants to make files beside one in WAL mode even to read it, unless told that no process writes.
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
            with transaction(connection):  # which one process has at a time
                version = _version(connection)
                if version < newest:
                    if to_copy:
                        self._copy(version)
                        to_copy = False
                    self.migrations[version](connection)
                    version += 1
                    connection.execute(f"PRAGMA user_version = {version}")
        if version > newest:  # by another process, of a newer DALIP, just now
            raise self.error("database-newer", source=self.path, version=version, known=newest)

    def _copy(self, version: int) -> None:
        """Leave a copy of the file beside it, as it was before a transaction of another connection."""
        path = self.path.with_name(f"{self.path.name}.v{version}.bak")
        try:
            with atomic_write(path, durable=True) as draft:
                draft.unlink(missing_ok=True)  # of a process that was killed
                source = sqlite3.connect(self.path, timeout=_WAIT)
                with closing(source), closing(sqlite3.connect(draft)) as copy:
                    copy.execute("PRAGMA journal_mode = OFF")  # nothing is left over if it is killed
                    source.backup(copy)
                shutil.copymode(self.path, draft)  # a file that others may not read stays one
        except (OSError, sqlite3.OperationalError) as error:
            raise self.error("database-not-copied", source=path, cause=error) from error


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer not wait for each other."""
    until = time.monotonic() + _WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except (
            sqlite3.OperationalError
        ) as error:  # SQLite does not wait here for another that has just opened it
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _has_log(path: Path) -> bool:
    """Say whether there are changes that SQLite has not put into the file yet."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Do all that the block does, or nothing."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
