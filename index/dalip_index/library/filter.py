"""`PhotoFilter`: select photos of the library by taxon, verdict and date."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dalip.errors import LibraryError
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
# Many photos do not say when they were taken; the file's time is then the best guess, and marked as one.
_MOMENT = (
    "coalesce(nullif(replace(substr(event_date, 1, 19), 'T', ' '), ''), "
    "datetime(mtime_ns / 1000000000, 'unixepoch', 'localtime'))"
)
_PHOTOS = (
    "photos JOIN contents ON contents.id = photos.content LEFT JOIN looks ON looks.content = contents.id "
    "LEFT JOIN names ON names.content = contents.id WHERE vector IS NOT NULL"
)


def _is_date(text: str) -> bool:
    """Say whether a text is a day, a month or a year."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


@dataclass(frozen=True)
class PhotoFilter:
    """What photos must be like to be found; all are with the defaults."""

    taxon: str = ""
    """Scientific name, genus or family of what they show, upper or lower case. Photos that the flora refuses show
    nothing."""
    since: str = ""
    """First day, or year or month, as in `2024-05-31`, `2024-05` and `2024`. A photo that does not say when it was
    taken counts by the time of its file."""
    until: str = ""
    """Last day, year or month, itself included."""
    verdict: str = ""
    """One of an answer's verdicts."""

    def __post_init__(self) -> None:
        """Reject what no photo can be like.

        Raises:
            LibraryError: A date or a verdict that cannot be, or days in the wrong order.
        """
        for text in (self.since, self.until):
            if text and not _is_date(text):
                raise LibraryError("no-day", date=text)
        if self.since and self.until and self.since[: len(self.until)] > self.until:
            raise LibraryError("day-order", since=self.since, until=self.until)
        if self.verdict and self.verdict not in _VERDICTS:
            raise LibraryError("verdict-unknown", verdict=self.verdict, known=_VERDICTS)

    def sql(self) -> tuple[str, list[str]]:
        """Give the conditions, to be added to others, and their values."""
        conditions, values = "", list[str]()
        if self.taxon.strip():
            conditions += (
                f" AND verdict NOT IN {_REFUSED} AND ? COLLATE NOCASE IN (scientific_name, genus, family)"
            )
            values.append(self.taxon.strip())
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
    """Inner product with what was searched for; the larger the closer. `None` where nothing was."""
    content: str = ""
    """SHA-256 of the file, by which its thumbnail is found."""
    date: str = ""
    """When it was taken, ISO 8601, or else the time of its file."""
    date_from_file: bool = False
    """Whether the photo does not say when it was taken."""
    name: PhotoName | None = None
    """`None` where no flora has named it yet."""


@dataclass(frozen=True, slots=True)
class TaxonCount:
    """A species, genus or family that occurs in the library."""

    scientific_name: str
    taxon_rank: str
    photos: int


def matching(store: LibraryStore, only: PhotoFilter) -> NDArray[np.int64]:
    """Give the primary keys of the photos that are meant, ascending."""
    conditions, values = only.sql()
    with store.connect() as connection:
        rows = connection.execute(f"SELECT photos.id FROM {_PHOTOS}{conditions} ORDER BY photos.id", values)
        return np.fromiter((number for (number,) in rows), np.int64)


def newest(store: LibraryStore, only: PhotoFilter, offset: int, top_k: int) -> tuple[list[int], int]:
    """Give the primary keys of a page of the photos that are meant, the newest first, and how many are meant."""
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
    """Say what is known of photos.

    Args:
        store: The library.
        photos: Primary keys; one that is gone meanwhile is left out.
        similarities: Of each with what was searched for.
    """
    query = (
        f"SELECT path, sha256, {_MOMENT}, event_date, scientific_name, taxon_rank, vernacular_name, genus, family, "
        f"probability, verdict FROM {_PHOTOS} AND photos.id = ?"
    )
    with store.connect() as connection:
        for number, similarity in zip(photos, similarities, strict=True):
            for path, sha256, moment, taken, *name in connection.execute(query, (number,)):
                named = PhotoName(*name) if name[-1] else None
                yield Hit(Path(path), similarity, sha256, taken or moment.replace(" ", "T"), not taken, named)


def count_taxa(store: LibraryStore) -> list[TaxonCount]:
    """Count the photos of each taxon that occurs, with those that hold it, in alphabetical order."""
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
    """Count the photos of each verdict; the key of those that no flora has named yet is empty."""
    query = f"SELECT coalesce(verdict, ''), count(*) FROM {_PHOTOS} GROUP BY 1 ORDER BY 2 DESC, 1"
    with store.connect() as connection:
        return dict(connection.execute(query).fetchall())
