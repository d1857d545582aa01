"""`PhotoFilter`: select photos in the library by taxon, verdict and date."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.names.resolve import as_given
from dalip.errors import LibraryError
from dalip.photos import FILE_TIME
from dalip_index.flora.answer import Verdict
from dalip_index.library.database import LibraryStore
from dalip_index.library.naming import PhotoName

__all__ = [
    "Hit",
    "PhotoFilter",
    "TaxonCount",
    "count_taxa",
    "count_verdicts",
    "hits_of",
    "matching",
    "newest",
]

_DATE = re.compile(r"\d{4}(-\d{2}){0,2}", re.ASCII)
_VERDICTS: tuple[str, ...] = get_args(Verdict)
_REFUSED = "('not in flora', 'not a plant')"
# Without any other source, the file's time is the best guess, and is marked as such. NULL if it cannot be right.
_MOMENT = (
    "coalesce(nullif(replace(substr(photos.event_date, 1, 19), 'T', ' '), ''), "
    "iif(mtime_ns / 1000000000 BETWEEN 1 AND strftime('%s', 'now', '+1 day') + 0, "
    "datetime(mtime_ns / 1000000000, 'unixepoch', 'localtime'), NULL))"
)
_PHOTOS = (
    "photos JOIN contents ON contents.id = photos.content "
    "LEFT JOIN names ON names.content = contents.id WHERE vector IS NOT NULL"
)


def _is_date(text: str) -> bool:
    """Return whether a string is a day, a month or a year."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


@dataclass(frozen=True)
class PhotoFilter:
    """Conditions that photos must meet to be found. By default, all photos do."""

    taxon: str = ""
    """Scientific name, with or without author, genus or family, case-insensitive. Photos that the flora rejects do not
    match any taxon."""
    since: str = ""
    """First day, month or year, as in `2024-05-31`, `2024-05` and `2024`. If nothing says when a photo was taken, the
    time of its file is used."""
    until: str = ""
    """Last day, month or year, inclusive."""
    verdict: str = ""
    """One of the verdicts of an answer."""

    def __post_init__(self) -> None:
        """Reject invalid conditions.

        Raises:
            LibraryError: A date or a verdict is invalid, or the dates are in the wrong order.
        """
        for text in (self.since, self.until):
            if text and not _is_date(text):
                raise LibraryError("no-day", date=text)
        if self.since and self.until and self.since[: len(self.until)] > self.until:
            raise LibraryError("day-order", since=self.since, until=self.until)
        if self.verdict and self.verdict not in _VERDICTS:
            raise LibraryError("verdict-unknown", verdict=self.verdict, known=_VERDICTS)

    def sql(self) -> tuple[str, list[str]]:
        """Return the SQL conditions, to append to a WHERE clause, and their parameters."""
        conditions, values = "", list[str]()
        if self.taxon.strip():
            found = as_given(self.taxon, with_cultivar=True).taxon
            names = {" ".join(self.taxon.split()), found.scientific_name if found else ""} - {""}
            any_of = " OR ".join("? COLLATE NOCASE IN (scientific_name, genus, family)" for _ in names)
            conditions += f" AND verdict NOT IN {_REFUSED} AND ({any_of})"
            values += sorted(names)
        if self.since:
            conditions += f" AND {_MOMENT} >= ?"
            values.append(self.since)
        if self.until:
            conditions += f" AND substr({_MOMENT}, 1, {len(self.until)}) <= ?"
            values.append(self.until)
        if self.verdict:
            conditions += " AND verdict = ?"
            values.append(self.verdict)
        return conditions, values


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo that was found."""

    path: Path
    similarity: float | None = None
    """Inner product with the query; larger is more similar. `None` if there was no query."""
    content: str = ""
    """SHA-256 of the file, the key of its thumbnail."""
    date: str = ""
    """When it was taken, ISO 8601; if unknown, the time of its file, unless that is in the future."""
    date_source: str = ""
    """Where `date` comes from: one of `DATE_SOURCES`, or `EXIF` for a photo that an earlier version of DALIP read."""
    name: PhotoName | None = None
    """`None` if no flora has identified it yet."""


@dataclass(frozen=True, slots=True)
class TaxonCount:
    """A species, genus or family that occurs in the library."""

    scientific_name: str
    taxon_rank: str
    photos: int


def matching(store: LibraryStore, only: PhotoFilter) -> NDArray[np.int64]:
    """Return the primary keys of the photos that match a filter, ascending."""
    conditions, values = only.sql()
    with store.connect() as connection:
        rows = connection.execute(f"SELECT photos.id FROM {_PHOTOS}{conditions} ORDER BY photos.id", values)
        return np.fromiter((number for (number,) in rows), np.int64)


def newest(store: LibraryStore, only: PhotoFilter, offset: int, top_k: int) -> tuple[list[int], int]:
    """Return the primary keys of one page of the photos that match a filter, newest first, and the total number."""
    conditions, values = only.sql()
    with store.connect() as connection:
        rows = connection.execute(
            f"SELECT photos.id, count(*) OVER () FROM {_PHOTOS}{conditions} ORDER BY {_MOMENT} DESC, path "
            "LIMIT ? OFFSET ?",
            (*values, top_k, offset),
        ).fetchall()
        if not rows and offset:
            (total,) = connection.execute(f"SELECT count(*) FROM {_PHOTOS}{conditions}", values).fetchone()
            return [], total
    return [number for number, _ in rows], rows[0][1] if rows else 0


def hits_of(
    store: LibraryStore, photos: Sequence[int], similarities: Sequence[float | None]
) -> Iterator[Hit]:
    """Look up photos and yield a hit for each.

    Args:
        store: The library.
        photos: Primary keys; photos deleted in the meantime are skipped.
        similarities: Similarity of each photo to the query.
    """
    query = (
        f"SELECT path, sha256, {_MOMENT}, photos.event_date, date_source, scientific_name, taxon_rank, "
        f"vernacular_name, genus, family, probability, verdict FROM {_PHOTOS} AND photos.id = ?"
    )
    with store.connect() as connection:
        for number, similarity in zip(photos, similarities, strict=True):
            for path, sha256, moment, taken, source, *name in connection.execute(query, (number,)):
                named = PhotoName(*name) if name[-1] else None
                if not taken and moment:
                    taken, source = moment.replace(" ", "T"), FILE_TIME
                yield Hit(Path(path), similarity, sha256, taken, source, named)


def count_taxa(store: LibraryStore) -> list[TaxonCount]:
    """Count the photos of each taxon in the library and of its genus and family, in alphabetical order."""
    named = f"SELECT {{}} FROM {_PHOTOS} AND verdict NOT IN {_REFUSED}"
    parts = (
        named.format("scientific_name AS name, taxon_rank AS rank"),
        named.format("genus, 'genus'") + " AND genus NOT IN ('', scientific_name)",
        named.format("family, 'family'") + " AND family NOT IN ('', scientific_name)",
    )
    query = f"SELECT name, min(rank), count(*) FROM ({' UNION ALL '.join(parts)}) GROUP BY name ORDER BY name"
    with store.connect() as connection:
        return [TaxonCount(*row) for row in connection.execute(query)]


def count_verdicts(store: LibraryStore) -> dict[str, int]:
    """Count the photos by verdict; the key for photos not yet identified is an empty string."""
    query = f"SELECT coalesce(verdict, ''), count(*) FROM {_PHOTOS} GROUP BY 1 ORDER BY 2 DESC, 1"
    with store.connect() as connection:
        return dict(connection.execute(query).fetchall())
