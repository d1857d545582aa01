"""The SQLite database of the library: photos, their contents, names and vectors.

Every method opens its own connection, so threads need no coordination. Every change is one transaction, so a killed
process leaves the state before or after it. The vectors, which a search reads as a whole, are in a separate table from
the appearances, thumbnails and names, which are read photo by photo.

Photos in a library made by an early version of DALIP have only vectors. They can be searched as they are; the next time
a folder is added or updated, they are read again.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip.errors import LibraryError
from dalip.files import as_utf8
from dalip.photos import PhotoDetails
from dalip_index.library.library_files import FoundFile, KnownFile, is_below
from dalip_index.library.library_schema import MIGRATIONS
from dalip_index.sqlite import Database, transaction

__all__ = ["LibraryStore", "PhotoContent", "SearchIndex"]

# Half precision changes a similarity by less than 0.001 and halves disk space and read time.
_VECTOR_TYPE = "<f2"


@dataclass(frozen=True)
class PhotoContent:
    """Data derived from a photo, to be stored."""

    vector: Vectors
    """Embedding and appearance, shape (E + A,)."""
    details: PhotoDetails
    """When it was taken, from the file itself."""
    thumbnail: bytes
    """A small JPEG file."""


@dataclass(frozen=True)
class SearchIndex:
    """All searchable photos in the order of their paths, at one generation of the database."""

    generation: int
    encoder: str
    """Fingerprint of the encoder that made the vectors."""
    photos: NDArray[np.int64]
    """Primary keys."""
    vectors: Vectors
    """Embeddings, one row per photo."""


class LibraryStore:
    """The library's SQLite file. Nothing is created on disk before `begin`."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file.

        Args:
            path: The database; its folder is created with it.
        """
        self.path = path
        self._database = Database(path, MIGRATIONS, LibraryError, "library")

    def begin(self, encoder: str, folder: str | None = None) -> None:
        """Prepare for adding a folder. Vectors made by another encoder are deleted, photos are kept.

        Args:
            encoder: Fingerprint of the encoder.
            folder: The folder about to be added; `None` to update the folders already added.
        """
        self._database.make_folder()
        with self.connect(create=True) as connection, transaction(connection):
            if connection.execute("SELECT encoder FROM state").fetchone()[0] != encoder:
                connection.execute("UPDATE contents SET vector = NULL")
                connection.execute("DELETE FROM looks")
                connection.execute("DELETE FROM names")
                connection.execute("UPDATE state SET encoder = ?, generation = generation + 1", (encoder,))
            if folder is not None:
                connection.execute("INSERT OR IGNORE INTO folders VALUES (?)", (folder,))

    def encoder(self) -> str:
        """Return the fingerprint of the encoder that made the vectors; empty if there is no library yet."""
        if not self.path.exists():
            return ""
        with self.connect() as connection:
            fingerprint: str = connection.execute("SELECT encoder FROM state").fetchone()[0]
            return fingerprint

    def folders(self) -> list[str]:
        """Return the added folders; empty if there is no library yet."""
        if not self.path.exists():
            return []
        with self.connect() as connection:
            return [path for (path,) in connection.execute("SELECT path FROM folders ORDER BY path")]

    def photos(self) -> dict[str, KnownFile]:
        """Return all known files by path, including unreadable ones; empty if there is no library yet."""
        if not self.path.exists():
            return {}
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns, sha256, vector IS NOT NULL AND looks.content IS NOT NULL, "
                "looks.date_source IS NOT NULL, sidecars FROM photos "
                "LEFT JOIN contents ON contents.id = photos.content LEFT JOIN looks ON looks.content = photos.content"
            )
            return {
                path: KnownFile(size, time, sha256, bool(ready), bool(dated), sidecars)
                for path, size, time, sha256, ready, dated, sidecars in rows
            }

    def known_contents(self, hashes: Iterable[str]) -> dict[str, PhotoDetails | None]:
        """Return the contents that need not be encoded again, with their dates if this version of DALIP read them."""
        query = (
            "SELECT event_date, date_source FROM contents JOIN looks ON looks.content = id "
            "WHERE sha256 = ? AND vector IS NOT NULL"
        )
        found: dict[str, PhotoDetails | None] = {}
        with self.connect() as connection:
            for sha256 in hashes:
                for date, source in connection.execute(query, (sha256,)):
                    found[sha256] = None if source is None else PhotoDetails(date, event_date_source=source)
        return found

    def save(
        self,
        photos: Sequence[FoundFile],
        contents: Mapping[str, PhotoContent],
        encoder: str,
        width: int,
        dates: Mapping[str, PhotoDetails] | None = None,
    ) -> None:
        """Store files and the contents of new ones in one transaction. Files in folders removed meanwhile are skipped.

        Args:
            photos: The files found.
            contents: Photo contents by SHA-256.
            encoder: Fingerprint of the encoder that made the vectors.
            width: E, the length of the embedding at the start of each vector.
            dates: Dates of other contents that were read again, by SHA-256.

        Raises:
            LibraryError: Another process has changed the library's encoder in the meantime.
        """
        with self.connect() as connection, transaction(connection):
            self.require_encoder(connection, encoder)
            folders = [folder for (folder,) in connection.execute("SELECT path FROM folders")]
            photos = [photo for photo in photos if any(is_below(photo.path, folder) for folder in folders)]
            for sha256 in {photo.sha256 for photo in photos if photo.sha256} & contents.keys():
                content = contents[sha256]
                halves = content.vector.astype(_VECTOR_TYPE)
                ((number,),) = connection.execute(
                    "INSERT INTO contents (sha256, vector) VALUES (?, ?) "
                    "ON CONFLICT (sha256) DO UPDATE SET vector = excluded.vector RETURNING id",
                    (sha256, halves[:width].tobytes()),
                ).fetchall()
                connection.execute(
                    "INSERT OR REPLACE INTO looks (content, appearance, thumbnail, event_date, date_source) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (number, halves[width:].tobytes(), content.thumbnail, *_dated(content.details)),
                )
            connection.executemany(
                "UPDATE looks SET event_date = ?, date_source = ? "
                "WHERE content = (SELECT id FROM contents WHERE sha256 = ?)",
                [(*_dated(details), sha256) for sha256, details in (dates or {}).items()],
            )
            connection.executemany(
                "INSERT INTO photos (path, size, mtime_ns, content, error, sidecars, event_date, date_source) "
                "VALUES (?, ?, ?, (SELECT id FROM contents WHERE sha256 = ?), ?, ?, ?, ?) "
                "ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, "
                "content = excluded.content, error = excluded.error, sidecars = excluded.sidecars, "
                "event_date = excluded.event_date, date_source = excluded.date_source",
                [
                    (
                        *(p.path, p.size, p.mtime_ns, p.sha256, as_utf8(p.error) if p.error else None),
                        *(p.sidecars, *_dated(p.details)),
                    )
                    for p in photos
                ],
            )
            connection.execute("UPDATE state SET generation = generation + 1")

    def drop(self, paths: Iterable[str], folder: str | None = None) -> None:
        """Delete files from the database, and contents that no remaining file has.

        Args:
            paths: The files.
            folder: An added folder to delete with them.
        """
        with self.connect() as connection, transaction(connection):
            connection.execute("DELETE FROM folders WHERE path = ?", (folder,))
            connection.executemany("DELETE FROM photos WHERE path = ?", [(path,) for path in paths])
            connection.execute(
                "DELETE FROM contents WHERE NOT EXISTS (SELECT 1 FROM photos WHERE content = contents.id)"
            )
            for table in ("looks", "names"):
                connection.execute(f"DELETE FROM {table} WHERE content NOT IN (SELECT id FROM contents)")
            connection.execute("UPDATE state SET generation = generation + 1")

    def folder_counts(self) -> dict[str, int]:
        """Return the added folders, each with its number of searchable photos."""
        counts = dict.fromkeys(self.folders(), 0)
        for path, photo in self.photos().items() if counts else ():
            for folder in counts:
                counts[folder] += bool(photo.sha256) and is_below(path, folder)
        return counts

    def thumbnail(self, sha256: str) -> bytes | None:
        """Return the thumbnail of a content as JPEG; `None` if there is none."""
        with self.connect() as connection:
            query = "SELECT thumbnail FROM looks JOIN contents ON id = content WHERE sha256 = ?"
            row = connection.execute(query, (sha256,)).fetchone()
            return row[0] if row else None

    def paths(self, sha256: str) -> list[Path]:
        """Return the files that had a content when they were last read."""
        with self.connect() as connection:
            query = "SELECT path FROM photos JOIN contents ON contents.id = content WHERE sha256 = ? ORDER BY path"
            return [Path(path) for (path,) in connection.execute(query, (sha256,))]

    def generation(self) -> int:
        """Return a number that increases with every change of photos or vectors."""
        with self.connect() as connection:
            number: int = connection.execute("SELECT generation FROM state").fetchone()[0]
            return number

    def load(self) -> SearchIndex:
        """Read all embeddings into memory.

        Raises:
            LibraryError: There is no library, or it is damaged.
        """
        # A consistent view of both tables.
        with self.connect() as connection, transaction(connection, "DEFERRED"):
            generation, encoder = connection.execute("SELECT generation, encoder FROM state").fetchone()
            rows = connection.execute(
                "SELECT photos.id, vector FROM photos JOIN contents ON contents.id = content "
                "WHERE vector IS NOT NULL ORDER BY path"
            ).fetchall()
        numbers = np.array([number for number, _ in rows], np.int64)
        return SearchIndex(generation, encoder, numbers, self.vectors([vector for _, vector in rows]))

    def vectors(self, halves: Sequence[bytes]) -> Vectors:
        """Decode stored vectors of equal width, one per row.

        Raises:
            LibraryError: A vector is damaged.
        """
        try:
            flat = np.frombuffer(b"".join(halves), _VECTOR_TYPE)
            return flat.reshape(len(halves), -1 if halves else 0).astype(np.float32)
        except ValueError as error:
            raise self._database.damaged(error) from error

    def require_encoder(self, connection: sqlite3.Connection, encoder: str) -> None:
        """Make sure, inside a transaction, that the vectors are still from an encoder.

        Raises:
            LibraryError: Another process has changed the library's encoder in the meantime.
        """
        if connection.execute("SELECT encoder FROM state").fetchone()[0] != encoder:
            raise LibraryError("library-busy", source=self.path)

    @contextmanager
    def connect(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the database.

        Args:
            create: Whether to create it if it does not exist.

        Raises:
            LibraryError: It does not exist or cannot be used.
        """
        if not create and not self.path.exists():
            raise LibraryError("library-empty")
        with self._database.connect() as connection:
            yield connection


def _dated(details: PhotoDetails) -> tuple[str, str]:
    return details.event_date, details.event_date_source
