"""`Library`: add folders of photos, update and remove them, and search.

The database contains each photo's path and each content's vector, keyed by SHA-256, so moved or copied files are never
encoded again. 100,000 vectors of width 512 are read into memory in less than a second and compared in a few hundredths
of a second, so there is no index on disk that could become out of date.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalip.encoder import Encoder, Vectors
from dalip.errors import ImageError, LibraryError
from dalip.photos import PhotoSource
from dalip.progress import Progress, no_progress
from dalip_index.flora.flora import Flora
from dalip_index.library.database import LibraryStore, SearchIndex
from dalip_index.library.filter import (
    Hit,
    PhotoFilter,
    TaxonCount,
    count_taxa,
    count_verdicts,
    hits_of,
    matching,
    newest,
)
from dalip_index.library.naming import count_named_otherwise, name_photos
from dalip_index.library.search_limits import limits_of
from dalip_index.library.update import LibraryReport, UpdateOptions, add_folder, forget_folder, update_folders

__all__ = ["Found", "Library"]

_EVERY = PhotoFilter()


@dataclass(frozen=True)
class Found:
    """One page of search results."""

    hits: tuple[Hit, ...]
    """Best or newest first."""
    total: int
    """Number of photos on all pages."""
    hidden: int = 0
    """Number of further photos that match the filter but are too dissimilar from the query."""


class Library:
    """Folders of photos that can be searched by words or by photo. Thread-safe."""

    def __init__(self, data_dir: Path) -> None:
        """Set the location; nothing is created on disk before the first `add`.

        Args:
            data_dir: The user's data folder; the library is in its subfolder `library`.
        """
        self._store = LibraryStore(Path(data_dir) / "library" / "library.db")
        self._loading = threading.Lock()
        self._loaded: SearchIndex | None = None

    def __len__(self) -> int:
        """Return the number of searchable photos."""
        return sum(self.verdicts().values())

    @property
    def encoder(self) -> str:
        """Fingerprint of the encoder that made the vectors; empty if there is no library yet."""
        return self._store.encoder()

    def add(
        self,
        folder: Path,
        encoder: Encoder,
        progress: Progress = no_progress,
        *,
        flora: Flora | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> LibraryReport:
        """Update the library from a folder and its subfolders; links to folders are followed once.

        Photos are recognised by their content. Other files, and hidden and system folders, are counted in the report.
        Photos whose size and modification time are unchanged are not opened. If another encoder made the library's
        vectors, every folder in the library is encoded again. If the process is killed, the library stays consistent
        and the next call resumes.

        Args:
            folder: The folder.
            encoder: Makes the vectors.
            progress: Called with "photos", the number done, and the total; then with "names".
            flora: Identifies the photos; without it, existing names are kept and new photos have no name.
            stop: Called after every few photos; return true to stop early. Photos read so far are kept.

        Raises:
            LibraryError: The folder is missing or contains no photo, or the library cannot be written.
        """
        return add_folder(self._store, folder, UpdateOptions(encoder, flora, progress, stop))

    def update(
        self,
        encoder: Encoder,
        progress: Progress = no_progress,
        *,
        flora: Flora | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> LibraryReport:
        """Update the library from all its folders, as `add` does for one.

        A missing folder is reported as unreadable but keeps its photos, because its disk may be connected again.
        """
        return update_folders(self._store, UpdateOptions(encoder, flora, progress, stop))

    def remove(self, folder: Path) -> int:
        """Remove a folder and its photos from the library, except photos that are also in another added folder.

        Args:
            folder: A folder that was added; it need not exist any more.

        Returns:
            The number of photos removed.

        Raises:
            LibraryError: The folder was not added, or a parent folder was, so its photos would come back.
        """
        return forget_folder(self._store, folder)

    def name(
        self, flora: Flora, progress: Progress = no_progress, stop: Callable[[], bool] | None = None
    ) -> int:
        """Identify the photos that this version of the flora has not identified yet, without reading any file.

        Args:
            flora: Built with the encoder that made the library's vectors.
            progress: Called with "names", the number done, and 0.
            stop: Called now and then; return true to stop early.

        Returns:
            The number of photos identified, copies counted once; 0 if another encoder made the library's vectors.
        """
        if self._store.encoder() != flora.encoder.fingerprint:
            return 0
        return name_photos(self._store, flora, progress, stop)

    def search_text(
        self,
        text: str,
        encoder: Encoder,
        top_k: int = 20,
        *,
        offset: int = 0,
        only: PhotoFilter = _EVERY,
        everything: bool = False,
        closest: int = 0,
    ) -> Found:
        """Find the photos that match a text query, best first.

        Args:
            text: The query, in plain words.
            encoder: The encoder that made the library's vectors.
            top_k: Maximum number of hits.
            offset: Number of best hits to skip, for the next page.
            only: Which photos to search.
            everything: Also return photos that are too dissimilar from the query, instead of only counting them.
            closest: Number of such photos to return if no photo is similar enough; they still count as hidden.

        Raises:
            LibraryError: The query is empty, or the library is empty or was made with another encoder.
        """
        if not text.strip():
            raise LibraryError("no-words")
        limits = limits_of(encoder)
        least = None if everything or limits is None else limits.words
        return self._search(encoder.encode_text([text])[0], encoder, top_k, offset, only, least, closest)

    def search_image(
        self,
        source: PhotoSource,
        encoder: Encoder,
        top_k: int = 20,
        *,
        offset: int = 0,
        only: PhotoFilter = _EVERY,
        everything: bool = False,
        closest: int = 0,
    ) -> Found:
        """Find the photos that look similar to a photo, best first.

        Args:
            source: The photo; it need not be in the library.
            encoder: The encoder that made the library's vectors.
            top_k: As `search_text`.
            offset: As `search_text`.
            only: As `search_text`.
            everything: As `search_text`.
            closest: As `search_text`.

        Raises:
            ImageError: The photo cannot be read.
            LibraryError: The library is empty or was made with another encoder.
        """
        ((_, result),) = encoder.encode_files([source])
        if isinstance(result, ImageError):
            raise result
        limits = limits_of(encoder)
        least = None if everything or limits is None else limits.photo
        return self._search(result, encoder, top_k, offset, only, least, closest)

    def newest(self, top_k: int = 20, *, offset: int = 0, only: PhotoFilter = _EVERY) -> Found:
        """Return photos without a query, newest first.

        Args:
            top_k: Maximum number of photos.
            offset: Number of newest photos to skip.
            only: Which photos to return.
        """
        _check_page(top_k, offset)
        photos, total = newest(self._store, only, offset, top_k)
        return Found(tuple(hits_of(self._store, photos, [None] * len(photos))), total)

    def folders(self) -> dict[str, int]:
        """Return the added folders, each with its number of searchable photos."""
        return self._store.folder_counts()

    def taxa(self) -> list[TaxonCount]:
        """Return the taxa found in the photos, including genera and families, each with its number of photos."""
        return count_taxa(self._store) if self._store.path.exists() else []

    def verdicts(self) -> dict[str, int]:
        """Return the number of photos by verdict; the key for photos not yet identified is an empty string."""
        return count_verdicts(self._store) if self._store.path.exists() else {}

    def named_otherwise(self, flora: Flora) -> int:
        """Count the photos not identified by this version of the flora: by another flora or version, or not yet."""
        return count_named_otherwise(self._store, flora) if self._store.path.exists() else 0

    def thumbnail(self, content: str) -> bytes | None:
        """Return the JPEG thumbnail of a photo; `None` if the photo is not in the library.

        Args:
            content: SHA-256 of the file.
        """
        return self._store.thumbnail(content)

    def path_of(self, content: str) -> Path | None:
        """Return an existing file with the content of a photo; `None` if there is none any more.

        Args:
            content: SHA-256 of the file.
        """
        return next((path for path in self._store.paths(content) if path.is_file()), None)

    def _search(
        self,
        query: Vectors,
        encoder: Encoder,
        top_k: int,
        offset: int,
        only: PhotoFilter,
        least: float | None,
        closest: int,
    ) -> Found:
        _check_page(top_k, offset)
        library = self._load()
        if not len(library.photos):
            raise LibraryError("library-empty")
        if library.encoder != encoder.fingerprint:
            raise LibraryError("library-other-encoder")
        similarities = library.vectors @ query
        rows = np.arange(len(library.photos))
        if only != _EVERY:
            rows = np.flatnonzero(np.isin(library.photos, matching(self._store, only)))
        rows = rows[np.argsort(-similarities[rows], kind="stable")]  # ties are ordered by path
        total = len(rows) if least is None else int((similarities[rows] >= least).sum())
        page = rows[offset : min(offset + top_k, total)] if total else rows[:closest]
        hits = hits_of(self._store, library.photos[page].tolist(), similarities[page].tolist())
        return Found(tuple(hits), total, len(rows) - total)

    def _load(self) -> SearchIndex:
        with self._loading:
            if self._loaded is None or self._loaded.generation != self._store.generation():
                self._loaded = self._store.load()
            return self._loaded


def _check_page(top_k: int, offset: int) -> None:
    if top_k < 1 or offset < 0:
        raise ValueError(f"top_k is {top_k} and offset {offset}; top_k must be at least 1, offset at least 0")
