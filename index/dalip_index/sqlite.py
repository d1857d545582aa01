"""A SQLite file of the user's own things, opened the same way by the library and the journal."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dalip.errors import DalipError

__all__ = ["Database", "transaction"]


@dataclass(frozen=True)
class Database:
    """A file, what is in it, and how to speak of what goes wrong with it."""

    path: Path
    schema: str
    """Statements that make the tables where they are not there yet."""
    version: int
    """Of the schema."""
    error: type[DalipError]
    """What is raised."""
    remedy: str
    """What to do about a damaged file."""

    def make_folder(self) -> None:
        """Make the folder that the file lies in.

        Raises:
            DalipError: It cannot be made; of the class `error`, as below.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.error(
                f"{self.path.parent}: cannot be created ({error.strerror}); use another --data-dir"
            ) from error

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file, with its tables, in autocommit mode.

        Raises:
            DalipError: It was written by a newer DALIP, is damaged, or cannot be used, or a query in the block fails.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version > self.version:
                    raise self.error(f"{self.path}: was written by a newer DALIP; update DALIP")
                if version < self.version:
                    connection.execute(
                        "PRAGMA journal_mode = WAL"
                    )  # readers and a writer do not wait for another
                    connection.executescript(
                        f"BEGIN IMMEDIATE; {self.schema} PRAGMA user_version = {self.version}; COMMIT;"
                    )
                yield connection
        except sqlite3.OperationalError as error:
            raise self.error(
                f"{self.path}: cannot be used ({error}); is the disk full or read-only?"
            ) from error
        except sqlite3.Error as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> DalipError:
        """Say that the file is damaged, and what to do."""
        return self.error(f"{self.path}: damaged ({error}); {self.remedy}")


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
