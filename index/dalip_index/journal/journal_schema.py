"""The tables of the journal, as numbered migrations: `observations`, and their `photos`."""

import sqlite3

__all__ = ["MIGRATIONS"]


def _observations_and_photos(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE observations (id TEXT PRIMARY KEY, created TEXT NOT NULL, answered TEXT NOT NULL, "
        "answered_rank TEXT NOT NULL, family TEXT NOT NULL, probability REAL, verdict TEXT NOT NULL, "
        "name TEXT NOT NULL, event_date TEXT NOT NULL, latitude REAL, longitude REAL, notes TEXT NOT NULL) STRICT"
    )
    connection.execute(
        "CREATE TABLE photos (observation TEXT NOT NULL REFERENCES observations (id) ON DELETE CASCADE, "
        "position INTEGER NOT NULL, jpeg BLOB NOT NULL, PRIMARY KEY (observation, position)) STRICT"
    )


MIGRATIONS = (_observations_and_photos,)
