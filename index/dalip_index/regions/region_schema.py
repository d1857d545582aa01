"""The tables of the regions, as numbered migrations.

- `sources`: the files that were added.
- `names`: scientific names, without authors.
- `synonyms`: other names of the same taxa.
- `areas`: continents, regions and areas (levels 1 to 3 of the TDWG scheme), each with the one that contains it.
- `area_names`: the taxa of each area, apart from those of the areas that it contains.
- `records`: number of occurrence records of a taxon in a cell of the grid; see `cells_near`.
"""

import sqlite3

__all__ = ["MIGRATIONS"]


def _areas_and_records(connection: sqlite3.Connection) -> None:
    for table in (
        "sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, added TEXT NOT NULL, "
        "taxa INTEGER NOT NULL, records INTEGER NOT NULL) STRICT",
        "names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        "synonyms (name INTEGER NOT NULL REFERENCES names (id), synonym TEXT NOT NULL, "
        "PRIMARY KEY (name, synonym)) STRICT, WITHOUT ROWID",
        "areas (id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources (id), level INTEGER NOT NULL, "
        "code TEXT NOT NULL, name TEXT NOT NULL, parent INTEGER REFERENCES areas (id)) STRICT",
        "area_names (area INTEGER NOT NULL REFERENCES areas (id), name INTEGER NOT NULL REFERENCES names (id), "
        "PRIMARY KEY (area, name)) STRICT, WITHOUT ROWID",
        "records (cell INTEGER NOT NULL, name INTEGER NOT NULL REFERENCES names (id), "
        "source INTEGER NOT NULL REFERENCES sources (id), number INTEGER NOT NULL, "
        "PRIMARY KEY (cell, name, source)) STRICT, WITHOUT ROWID",
    ):
        connection.execute(f"CREATE TABLE {table}")


MIGRATIONS = (_areas_and_records,)
