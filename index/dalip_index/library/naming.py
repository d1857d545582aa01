"""Identify the photos in the library with a flora, from their stored vectors."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dalip.encoder import Vectors
from dalip.progress import Progress, no_progress
from dalip_index.flora.answer import Identification
from dalip_index.flora.flora import Flora
from dalip_index.library.database import LibraryStore
from dalip_index.sqlite import transaction

__all__ = ["PhotoName", "count_named_otherwise", "name_photos"]

_AT_ONCE = 256  # photos identified in one transaction: a few tenths of a second


@dataclass(frozen=True, slots=True)
class PhotoName:
    """A flora's answer for a photo, as stored in the library."""

    scientific_name: str
    """The taxon of a confident answer, which may be a genus or family; otherwise the first prediction."""
    taxon_rank: str
    vernacular_name: str
    genus: str
    family: str
    probability: float | None
    """Between 0 and 1; `None` if the flora is not calibrated."""
    verdict: str

    @classmethod
    def of(cls, answer: Identification) -> "PhotoName":
        """Extract from an answer what the library stores."""
        first = answer.predictions[0]
        taxon, probability = (
            (answer.taxon, answer.probability) if answer.taxon else (first.taxon, first.probability)
        )
        return cls(
            taxon.scientific_name,
            taxon.taxon_rank,
            taxon.vernacular_name,
            taxon.genus,
            taxon.family,
            probability,
            answer.verdict,
        )


def flora_stamp(flora: Flora) -> str:
    """Return a hash that identifies one version of one flora."""
    files = sorted((name, stamp.sha256) for name, stamp in flora.manifest.files.items())
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]


def name_photos(
    store: LibraryStore,
    flora: Flora,
    progress: Progress = no_progress,
    stop: Callable[[], bool] | None = None,
) -> int:
    """Identify the photos that this version of the flora has not identified yet.

    Args:
        store: The library.
        flora: Built with the encoder that made the library's vectors.
        progress: Called with "names", the number done, and 0, because the total is not known in advance.
        stop: Called now and then; return true to stop early. Names found so far are kept.

    Returns:
        The number of photo contents identified; copies count once.

    Raises:
        LibraryError: The library cannot be used, or another process is changing its encoder.
    """
    stamp, done = flora_stamp(flora), 0
    while not (stop and stop()):
        numbers, vectors = _unnamed(store, stamp)
        if not numbers:
            break
        # Stored names outlive the current restriction of answers, so the whole flora answers.
        answers = (flora.whole.answer("", row[None], top_k=1) for row in vectors)
        names = {n: PhotoName.of(answer) for n, answer in zip(numbers, answers, strict=True)}
        _save(store, names, stamp, flora.encoder.fingerprint)
        done += len(names)
        progress("names", done, 0)
    return done


def count_named_otherwise(store: LibraryStore, flora: Flora) -> int:
    """Count the photos that this version of the flora has not identified."""
    query = (
        "SELECT count(*) FROM photos JOIN contents ON contents.id = photos.content "
        "LEFT JOIN names ON names.content = contents.id WHERE vector IS NOT NULL AND flora IS NOT ?"
    )
    with store.connect() as connection:
        number: int = connection.execute(query, (flora_stamp(flora),)).fetchone()[0]
        return number


def _unnamed(store: LibraryStore, stamp: str) -> tuple[list[int], Vectors]:
    with store.connect() as connection:
        rows = connection.execute(
            "SELECT id, vector, appearance FROM contents JOIN looks ON looks.content = id "
            "LEFT JOIN names ON names.content = id WHERE vector IS NOT NULL AND flora IS NOT ? LIMIT ?",
            (stamp, _AT_ONCE),
        ).fetchall()
    return [number for number, _, _ in rows], store.vectors([vector + look for _, vector, look in rows])


def _save(store: LibraryStore, names: Mapping[int, PhotoName], stamp: str, encoder: str) -> None:
    with store.connect() as connection, transaction(connection):
        store.require_encoder(connection, encoder)
        connection.executemany(
            "INSERT OR REPLACE INTO names SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM contents WHERE id = ?",
            [
                (
                    stamp,
                    n.scientific_name,
                    n.taxon_rank,
                    n.vernacular_name,
                    n.genus,
                    n.family,
                    n.probability,
                    n.verdict,
                    number,
                )
                for number, n in names.items()
            ],
        )
