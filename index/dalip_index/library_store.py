"""The database of the photo library: which photos there are, what is in them, and their vectors.

Every method opens its own connection, so threads need no agreement, and every change is one transaction, so a
killed process leaves the state before it or after it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalip.errors import LibraryError
from dalip_index.answers import Vectors
from dalip_index.database import Database, transaction

__all__ = ["LibraryStore", "Loaded", "SeenPhoto", "StoredPhoto"]

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
    only INTEGER PRIMARY KEY CHECK (only = 1), generation INTEGER NOT NULL, encoder TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, vector BLOB);
CREATE TABLE IF NOT EXISTS photos (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content INTEGER REFERENCES contents (id), error TEXT
);
CREATE INDEX IF NOT EXISTS photos_content ON photos (content);
INSERT OR IGNORE INTO state VALUES (1, 0, '');
"""
_VECTOR_TYPE = (
    "<f2"  # half precision moves a similarity by less than 0.001 and halves the disk and the reading
)


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """What the library knows of a file."""

    size: int
    mtime_ns: int
    sha256: str | None
    """Of the content; `None` for a file that could not be read."""
    ready: bool
    """Whether it has a vector of the present encoder."""


@dataclass(frozen=True, slots=True)
class SeenPhoto:
    """A file as it was found on disk, to be stored."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    error: str | None = None
    """Why it cannot be used, or `None`."""


@dataclass(frozen=True)
class Loaded:
    """All photos that can be found, as of one generation of the database."""

    generation: int
    encoder: str
    """Fingerprint of the encoder that made the vectors."""
    paths: Sequence[str]
    vectors: Vectors
    """One row a path."""


class LibraryStore:
    """The library's SQLite file; nothing is created before `begin`."""

    def __init__(self, path: Path) -> None:
        """Name the file.

        Args:
            path: The database; its folder is created with it.
        """
        self.path = path
        self._database = Database(
            path, _SCHEMA, _SCHEMA_VERSION, LibraryError, "delete this file and add your folders again"
        )

    def begin(self, encoder: str, folder: str) -> None:
        """Prepare for adding a folder; vectors of another encoder are forgotten, the photos are not.

        Args:
            encoder: Fingerprint of the encoder.
            folder: The folder that is about to be added.
        """
        self._database.make_folder()
        with self._connect(create=True) as connection, transaction(connection):
            if connection.execute("SELECT encoder FROM state").fetchone()[0] != encoder:
                connection.execute("UPDATE contents SET vector = NULL")
                connection.execute("UPDATE state SET encoder = ?, generation = generation + 1", (encoder,))
            connection.execute("INSERT OR IGNORE INTO folders VALUES (?)", (folder,))

    def folders(self) -> list[str]:
        """Give the folders that were added."""
        with self._connect() as connection:
            return [path for (path,) in connection.execute("SELECT path FROM folders ORDER BY path")]

    def photos(self) -> dict[str, StoredPhoto]:
        """Give all known files by path, unreadable ones included."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns, sha256, vector IS NOT NULL "
                "FROM photos LEFT JOIN contents ON contents.id = content"
            )
            return {
                path: StoredPhoto(size, time, sha256, bool(ready)) for path, size, time, sha256, ready in rows
            }

    def known_contents(self, hashes: Iterable[str]) -> set[str]:
        """Say which contents have a vector already."""
        with self._connect() as connection:
            query = "SELECT 1 FROM contents WHERE sha256 = ? AND vector IS NOT NULL"
            return {sha256 for sha256 in hashes if connection.execute(query, (sha256,)).fetchone()}

    def save(self, photos: Sequence[SeenPhoto], vectors: dict[str, Vectors], encoder: str) -> None:
        """Store files and the vectors of new contents, all or nothing.

        Args:
            photos: What was found.
            vectors: By SHA-256, each of shape (width,).
            encoder: Fingerprint of the encoder that made the vectors.

        Raises:
            LibraryError: Another process has meanwhile changed the library's encoder.
        """
        with self._connect() as connection, transaction(connection):
            if connection.execute("SELECT encoder FROM state").fetchone()[0] != encoder:
                raise LibraryError(
                    f"{self.path}: another process is changing its encoder; wait until it is done"
                )
            connection.executemany(
                "INSERT INTO contents (sha256, vector) VALUES (?, ?) "
                "ON CONFLICT (sha256) DO UPDATE SET vector = excluded.vector",
                [(sha256, vector.astype(_VECTOR_TYPE).tobytes()) for sha256, vector in vectors.items()],
            )
            connection.executemany(
                "INSERT INTO photos (path, size, mtime_ns, content, error) "
                "VALUES (?, ?, ?, (SELECT id FROM contents WHERE sha256 = ?), ?) "
                "ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, "
                "content = excluded.content, error = excluded.error",
                [(p.path, p.size, p.mtime_ns, p.sha256, p.error) for p in photos],
            )
            connection.execute("UPDATE state SET generation = generation + 1")

    def drop(self, paths: Iterable[str]) -> None:
        """Forget files, and the contents that no file has any more."""
        with self._connect() as connection, transaction(connection):
            connection.executemany("DELETE FROM photos WHERE path = ?", [(path,) for path in paths])
            connection.execute(
                "DELETE FROM contents WHERE NOT EXISTS (SELECT 1 FROM photos WHERE content = contents.id)"
            )
            connection.execute("UPDATE state SET generation = generation + 1")

    def count(self) -> int:
        """Count the photos that can be found; 0 where there is no library yet."""
        if not self.path.exists():
            return 0
        with self._connect() as connection:
            query = (
                "SELECT count(*) FROM photos JOIN contents ON contents.id = content WHERE vector IS NOT NULL"
            )
            number: int = connection.execute(query).fetchone()[0]
            return number

    def generation(self) -> int:
        """Give a number that grows with every change."""
        with self._connect() as connection:
            number: int = connection.execute("SELECT generation FROM state").fetchone()[0]
            return number

    def load(self) -> Loaded:
        """Read all vectors into memory.

        Raises:
            LibraryError: There is no library, or it is damaged.
        """
        with self._connect() as connection, transaction(connection, "DEFERRED"):  # one view of both tables
            generation, encoder = connection.execute("SELECT generation, encoder FROM state").fetchone()
            rows = connection.execute(
                "SELECT path, vector FROM photos JOIN contents ON contents.id = content "
                "WHERE vector IS NOT NULL"
            ).fetchall()
        try:
            halves = np.frombuffer(b"".join(vector for _, vector in rows), _VECTOR_TYPE)
            vectors = halves.reshape(len(rows), -1 if rows else 0).astype(np.float32)
        except ValueError as error:
            raise self._database.damaged(error) from error
        return Loaded(generation, encoder, [path for path, _ in rows], vectors)

    @contextmanager
    def _connect(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        if not create and not self.path.exists():
            raise LibraryError("the library is empty; `dalip library add FOLDER` fills it", "library-empty")
        with self._database.connect() as connection:
            yield connection
