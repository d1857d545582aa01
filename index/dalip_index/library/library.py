"""`Library`: add folders of photos, update and forget them, and search.

The database holds each photo's path and each content's vector, keyed by its SHA-256, so a file that moved or
has a copy is never encoded twice. 100,000 vectors of width 512 are read into memory in less than a second and
compared in a few hundredths, so there is no index on disk that could fall behind.
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
    """A page of what a search found."""

    hits: tuple[Hit, ...]
    """The best, or newest, first."""
    total: int
    """How many photos there are on all pages."""
    hidden: int = 0
    """How many more are meant by the filter and are too unlike what was searched for."""


class Library:
    """Folders of photos that can be searched by words or by a photo. Several threads may share one."""

    def __init__(self, data_dir: Path) -> None:
        """Name the place; nothing is created before the first `add`.

        Args:
            data_dir: The user's data directory; the library lies in its folder `library`.
        """
        self._store = LibraryStore(Path(data_dir) / "library" / "library.db")
        self._loading = threading.Lock()
        self._loaded: SearchIndex | None = None

    def __len__(self) -> int:
        """Give the number of photos that can be found."""
        return sum(self.verdicts().values())

    def add(
        self,
        folder: Path,
        encoder: Encoder,
        progress: Progress = no_progress,
        *,
        flora: Flora | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> LibraryReport:
        """Bring the library up to date with a folder and all below it; hidden files and folders are left out.

        Photos of unchanged size and time are not read again. If another encoder made the library's vectors,
        every folder of the library is encoded again. A killed call leaves a sound library; the next resumes.

        Args:
            folder: The folder.
            encoder: Makes the vectors.
            progress: Called with "photos", the number done, and the number to do; then with "names".
            flora: Says what the photos show; without it they stay as they were named, new ones without a name.
            stop: Asked after every few photos whether to end early; what is read is kept.

        Raises:
            LibraryError: The folder is missing or holds no photo, or the library cannot be written.
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
        """Bring the library up to date with all folders that were added, as `add` does with one.

        A folder that is not there keeps its photos, and is among the unreadable: its disk may come back.
        """
        return update_folders(self._store, UpdateOptions(encoder, flora, progress, stop))

    def remove(self, folder: Path) -> int:
        """Forget a folder and the photos below it, but those that lie in another folder of the library.

        Args:
            folder: One that was added; it need not be there any more.

        Returns:
            How many photos were forgotten.

        Raises:
            LibraryError: It was not added, or a folder above it was, so that its photos would come back.
        """
        return forget_folder(self._store, folder)

    def name(
        self, flora: Flora, progress: Progress = no_progress, stop: Callable[[], bool] | None = None
    ) -> int:
        """Say what the photos show that this version of the flora has not named yet, without reading a file.

        Args:
            flora: Built with the encoder that made the library's vectors.
            progress: Called with "names", the number done, and 0.
            stop: Asked now and then whether to end early.

        Returns:
            How many photos were named, copies counted once; none where another encoder made the library.
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
        """Find the photos that fit a text, best first.

        Args:
            text: In plain words.
            encoder: The one that the photos were added with.
            top_k: How many to give at most.
            offset: How many of the best to leave out, as they were given before.
            only: Which photos are meant.
            everything: Give photos that are too unlike the text, too, instead of counting them.
            closest: How many of those to give where no photo is like it; they count as hidden all the same.

        Raises:
            LibraryError: The text is empty, or the library is empty or made with another encoder.
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
        """Find the photos that look like a photo, best first.

        Args:
            source: The photo; it need not be in the library.
            encoder: The one that the photos were added with.
            top_k: As `search_text`.
            offset: As `search_text`.
            only: As `search_text`.
            everything: As `search_text`.
            closest: As `search_text`.

        Raises:
            ImageError: The photo cannot be read.
            LibraryError: The library is empty or made with another encoder.
        """
        ((_, result),) = encoder.encode_files([source])
        if isinstance(result, ImageError):
            raise result
        limits = limits_of(encoder)
        least = None if everything or limits is None else limits.photo
        return self._search(result, encoder, top_k, offset, only, least, closest)

    def newest(self, top_k: int = 20, *, offset: int = 0, only: PhotoFilter = _EVERY) -> Found:
        """Give the photos that are meant without searching, the newest first.

        Args:
            top_k: How many to give at most.
            offset: How many of the newest to leave out.
            only: Which photos are meant.
        """
        _check_page(top_k, offset)
        photos, total = newest(self._store, only, offset, top_k)
        return Found(tuple(hits_of(self._store, photos, [None] * len(photos))), total)

    def folders(self) -> dict[str, int]:
        """Give the folders that were added, with the number of photos below each that can be found."""
        return self._store.folder_counts()

    def taxa(self) -> list[TaxonCount]:
        """Give the taxa that the photos show, with genera and families, and the number of photos of each."""
        return count_taxa(self._store) if self._store.path.exists() else []

    def verdicts(self) -> dict[str, int]:
        """Give the number of photos of each verdict; the key of photos that are not named yet is empty."""
        return count_verdicts(self._store) if self._store.path.exists() else {}

    def named_otherwise(self, flora: Flora) -> int:
        """Count the photos that another flora, or another version of this one, has named, or none."""
        return count_named_otherwise(self._store, flora) if self._store.path.exists() else 0

    def thumbnail(self, content: str) -> bytes | None:
        """Give the small JPEG of a photo; `None` for one that the library does not hold.

        Args:
            content: SHA-256 of the file.
        """
        return self._store.thumbnail(content)

    def path_of(self, content: str) -> Path | None:
        """Give a file that holds a photo; `None` where there is none any more.

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
        rows = rows[np.argsort(-similarities[rows], kind="stable")]  # ties in the order of their paths
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
        raise ValueError(f"top_k is {top_k} and offset {offset}; ask for at least one photo, from 0 on")
