"""The tables of the photo library, as numbered migrations.

- `state`: one row with the generation, which increases with every change, and the encoder that made the vectors.
- `folders`: the folders that were added.
- `contents`: file contents by SHA-256, with their embeddings.
- `photos`: the files, each with its content, or with the error if it cannot be read; its date, the source of the date,
  and the sidecars that were read for it.
- `looks`: data needed for single photos: the date in the content and its source, the appearance, and a thumbnail.
- `names`: a flora's answer for each content.
"""

import sqlite3

__all__ = ["MIGRATIONS"]


def _photos_and_vectors(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 1), generation INTEGER NOT NULL, "
        "encoder TEXT NOT NULL)"
    )
    connection.execute("CREATE TABLE folders (path TEXT PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE contents (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, vector BLOB)"
    )
    connection.execute(
        "CREATE TABLE photos (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, "
        "mtime_ns INTEGER NOT NULL, content INTEGER REFERENCES contents (id), error TEXT)"
    )
    connection.execute("CREATE INDEX photos_content ON photos (content)")
    connection.execute("INSERT INTO state VALUES (1, 0, '')")


def _looks_and_names(connection: sqlite3.Connection) -> None:
    """Photos without a row in `looks` can be searched; the next update reads them again."""
    connection.execute(
        "CREATE TABLE looks (content INTEGER PRIMARY KEY REFERENCES contents (id), event_date TEXT NOT NULL, "
        "appearance BLOB NOT NULL, thumbnail BLOB NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE names (content INTEGER PRIMARY KEY REFERENCES contents (id), flora TEXT NOT NULL, "
        "scientific_name TEXT NOT NULL, taxon_rank TEXT NOT NULL, vernacular_name TEXT NOT NULL, "
        "genus TEXT NOT NULL, family TEXT NOT NULL, probability REAL, verdict TEXT NOT NULL)"
    )


def _date_sources(connection: sqlite3.Connection) -> None:
    """Contents without `date_source` have a date that an earlier version read; the next update reads it again."""
    connection.execute("ALTER TABLE looks ADD COLUMN date_source TEXT")
    for column in ("event_date", "date_source", "sidecars"):
        connection.execute(f"ALTER TABLE photos ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
    connection.execute(
        "UPDATE photos SET date_source = 'EXIF', event_date = looks.event_date FROM looks "
        "WHERE looks.content = photos.content AND looks.event_date != ''"
    )


MIGRATIONS = (_photos_and_vectors, _looks_and_names, _date_sources)
