"""The user's own photos, indexed for search: what was seen lies in SQLite, the search runs in FAISS.

The database holds each photo's path and each content's vector, keyed by its SHA-256, so a file that moved or
has a copy is never encoded twice. 100,000 vectors of width 512 are read into memory in less than a second, so
there is no index on disk that could fall behind.
"""

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dalip.encoder import Encoder, PhotoSource
from dalip.errors import ImageError, LibraryError
from dalip_index.answers import Progress, Unreadable, Vectors
from dalip_index.library_scan import Scan, scan_folder
from dalip_index.library_store import LibraryStore, SeenPhoto, StoredPhoto

__all__ = ["Hit", "Library", "LibraryReport"]

_BATCH = 64  # photos stored at once: what a kill can cost


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo found by a search."""

    path: Path
    similarity: float
    """Inner product with what was searched for; the larger the closer."""


@dataclass(frozen=True)
class LibraryReport:
    """What `Library.add` found and did."""

    added: int
    """New photos."""
    updated: int
    """Known photos that were encoded again: their content, or the encoder, had changed."""
    moved: int
    """Known photos found under another path."""
    removed: int
    """Known photos that are gone."""
    unchanged: int
    unreadable: tuple[Unreadable, ...]
    """Files that look like photos but cannot be read, and folders that cannot be listed."""


@dataclass(frozen=True)
class _Searchable:
    generation: int
    encoder: str
    paths: Sequence[str]
    index: Any


class Library:
    """Folders of photos that can be searched by words or by a photo. Several threads may share one."""

    def __init__(self, data_dir: Path) -> None:
        """Name the place; nothing is created before the first `add`.

        Args:
            data_dir: The user's data directory; the library lies in its folder `library`.
        """
        self._store = LibraryStore(Path(data_dir) / "library" / "library.db")
        self._loading = threading.Lock()
        self._searchable: _Searchable | None = None

    def __len__(self) -> int:
        """Give the number of photos that can be found."""
        return self._store.count()

    def add(self, folder: Path, encoder: Encoder, progress: Progress | None = None) -> LibraryReport:
        """Bring the library up to date with a folder and all below it; hidden files and folders are left out.

        Photos of unchanged size and time are not read again. If another encoder made the library's vectors,
        every folder of the library is encoded again. A killed call leaves a sound library; the next goes on.

        Args:
            folder: The folder.
            encoder: Makes the vectors.
            progress: Called with "photos", the number done, and the number to do.

        Raises:
            LibraryError: The folder is missing or holds no photo, or the library cannot be written.
        """
        root = Path(folder).resolve()
        if not root.is_dir():
            raise LibraryError(
                f"{folder}: no such folder; name a folder of photos", "no-folder", folder=str(folder)
            )
        scans = [scan_folder(str(root))]
        if not scans[0].files and not scans[0].refused and not (len(self) and self._holds_below(str(root))):
            raise LibraryError(
                f"{folder}: holds no photo; name a folder of photos", "no-photos", folder=str(folder)
            )
        self._store.begin(encoder.fingerprint, str(root))
        known = self._store.photos()
        unfinished = [path for path, photo in known.items() if photo.sha256 and not photo.ready]
        scans += [
            scan_folder(other)
            for other in self._store.folders()
            if other != str(root)
            and Path(other).is_dir()
            and any(p.startswith(other + os.sep) for p in unfinished)
        ]
        files = {path: stamp for scan in scans for path, stamp in scan.files.items()}
        changed = [
            SeenPhoto(path, *stamp) for path, stamp in files.items() if not _unchanged(known.get(path), stamp)
        ]
        seen: list[SeenPhoto] = []
        for start in range(0, len(changed), _BATCH):
            seen += self._store_batch(changed[start : start + _BATCH], encoder)
            if progress:
                progress("photos", len(seen), len(changed))
        gone = _gone(scans, seen, known)
        self._store.drop(gone)
        return _report(scans, seen, known, gone, unchanged=len(files) - len(changed))

    def search_text(self, text: str, encoder: Encoder, top_k: int = 20) -> list[Hit]:
        """Find the photos that fit a text, best first.

        Args:
            text: In plain words.
            encoder: The one that the photos were added with.
            top_k: How many to give at most.

        Raises:
            LibraryError: The text is empty, or the library is empty or made with another encoder.
        """
        if not text.strip():
            raise LibraryError("nothing to search for; say in words what the photos show", "no-words")
        return self._search(encoder.encode_text([text])[0], encoder, top_k)

    def search_image(self, source: PhotoSource, encoder: Encoder, top_k: int = 20) -> list[Hit]:
        """Find the photos that look like a photo, best first.

        Args:
            source: The photo; it need not be in the library.
            encoder: The one that the photos were added with.
            top_k: How many to give at most.

        Raises:
            ImageError: The photo cannot be read.
            LibraryError: The library is empty or made with another encoder.
        """
        ((_, result),) = encoder.encode_files([source])
        if isinstance(result, ImageError):
            raise result
        return self._search(result, encoder, top_k)

    def _holds_below(self, root: str) -> bool:
        return any(path.startswith(root + os.sep) for path in self._store.photos())

    def _store_batch(self, photos: Sequence[SeenPhoto], encoder: Encoder) -> list[SeenPhoto]:
        hashed = [_hashed(photo) for photo in photos]
        first_paths = {p.sha256: p.path for p in reversed(hashed) if p.sha256}
        for sha256 in self._store.known_contents(first_paths):
            del first_paths[sha256]
        vectors: dict[str, Vectors] = {}
        errors: dict[str, str] = {}
        results = encoder.encode_files([Path(path) for path in first_paths.values()])
        for sha256, (_, result) in zip(first_paths, results, strict=True):
            if isinstance(result, ImageError):
                errors[sha256] = str(result)
            else:
                vectors[sha256] = result
        stored = [
            replace(p, sha256=None, error=errors[p.sha256]) if p.sha256 in errors else p for p in hashed
        ]
        self._store.save(stored, vectors, encoder.fingerprint)
        return stored

    def _search(self, query: Vectors, encoder: Encoder, top_k: int) -> list[Hit]:
        if top_k < 1:
            raise ValueError(f"top_k is {top_k}; ask for at least one photo")
        library = self._load()
        if not library.paths:
            raise LibraryError("the library is empty; `dalip library add FOLDER` fills it", "library-empty")
        if library.encoder != encoder.fingerprint:
            raise LibraryError(
                "the library was made with another encoder; run `dalip library add` on one of its folders "
                "to encode all of it again",
                "library-other-encoder",
            )
        similarities, rows = library.index.search(query[None], min(top_k, len(library.paths)))
        return [
            Hit(Path(library.paths[row]), float(similarity))
            for similarity, row in zip(similarities[0], rows[0], strict=True)
        ]

    def _load(self) -> _Searchable:
        import faiss

        with self._loading:
            if self._searchable is None or self._searchable.generation != self._store.generation():
                loaded = self._store.load()
                index = faiss.IndexFlatIP(loaded.vectors.shape[1])
                index.add(loaded.vectors)
                self._searchable = _Searchable(loaded.generation, loaded.encoder, loaded.paths, index)
            return self._searchable


def _unchanged(known: StoredPhoto | None, stamp: tuple[int, int]) -> bool:
    return known is not None and known.ready and (known.size, known.mtime_ns) == stamp


def _hashed(photo: SeenPhoto) -> SeenPhoto:
    try:
        with Path(photo.path).open("rb") as stream:
            return replace(photo, sha256=hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        return replace(photo, error=f"{photo.path}: cannot be read ({error.strerror})")


def _gone(scans: Iterable[Scan], seen: Iterable[SeenPhoto], known: Mapping[str, StoredPhoto]) -> set[str]:
    """Find the known photos that are gone: missed by a scan, or found elsewhere and not there any more."""
    missed = {path for scan in scans for path in known if scan.misses(path)}
    found = {photo.sha256 for photo in seen if photo.sha256 and photo.path not in known}
    elsewhere = {path for path, photo in known.items() if photo.sha256 in found and not Path(path).exists()}
    return missed | elsewhere


def _report(
    scans: Iterable[Scan],
    seen: Sequence[SeenPhoto],
    known: Mapping[str, StoredPhoto],
    gone: set[str],
    unchanged: int,
) -> LibraryReport:
    readable = [photo for photo in seen if not photo.error]
    updated = sum(photo.path in known and known[photo.path].sha256 is not None for photo in readable)
    appeared = Counter(photo.sha256 for photo in readable if photo.path not in known)
    moved = (appeared & Counter(known[path].sha256 for path in gone)).total()
    unreadable = [Unreadable(photo.path, photo.error) for photo in seen if photo.error]
    return LibraryReport(
        added=len(readable) - updated - moved,
        updated=updated,
        moved=moved,
        removed=len(gone) - moved,
        unchanged=unchanged,
        unreadable=(*unreadable, *(refusal for scan in scans for refusal in scan.refused)),
    )
