"""Update the library from its folders, reading only files that changed."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from dalip.encoder import Encoder
from dalip.errors import ImageError, LibraryError, Skipped
from dalip.photos import caution_about, encode, open_image, read_details, shrink
from dalip.photos.walk import IMAGE_SUFFIXES
from dalip.progress import Progress, no_progress
from dalip_index.flora.flora import Flora
from dalip_index.library.database import FoundFile, KnownFile, LibraryStore, PhotoContent
from dalip_index.library.naming import name_photos
from dalip_index.library.scan import Scan, is_below, scan_folder

__all__ = ["LibraryReport", "UpdateOptions", "add_folder", "forget_folder", "update_folders"]

_BATCH = 32  # photos stored in one transaction: the most that a killed process loses
_THUMBNAIL, _QUALITY = 320, 75  # long side in pixels, and JPEG quality: about 12 KB per photo


@dataclass(frozen=True)
class LibraryReport:
    """The result of a library update."""

    added: int
    """New photos."""
    updated: int
    """Known photos that were read again because their content or the encoder had changed, or data was missing."""
    moved: int
    """Known photos found under another path."""
    removed: int
    """Known photos that no longer exist."""
    unchanged: int
    skipped: tuple[Skipped, ...]
    """Files with a photo suffix that cannot be read, and folders that cannot be listed."""
    stopped: bool = False
    """Whether the update was stopped early."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of photos `added`, `changed`, `moved`, `removed`, `unchanged` and `unreadable`, without zeros."""
        every = {
            "added": self.added,
            "changed": self.updated,
            "moved": self.moved,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "unreadable": len(self.skipped),
        }
        return {what: number for what, number in every.items() if number}


@dataclass
class _PhotoToEncode:
    """Opens a photo when the encoder requests it, and stores its date and thumbnail."""

    path: str
    side: int
    """Side of the encoder's input, in pixels."""
    event_date: str = ""
    thumbnail: bytes = b""

    def __call__(self) -> Image.Image:
        image = open_image(self.path, target=max(self.side, _THUMBNAIL // 2))
        if min(image.size) < self.side and (caution := caution_about(Path(self.path))):
            raise caution
        self.event_date = read_details(Path(self.path)).event_date
        self.thumbnail = encode(shrink(image, long_side=_THUMBNAIL), "JPEG", _QUALITY)
        return image


@dataclass(frozen=True)
class UpdateOptions:
    """Options of a library update."""

    encoder: Encoder
    flora: Flora | None = None
    """Identifies the photos; `None` to leave their names unchanged."""
    progress: Progress = no_progress
    stop: Callable[[], bool] | None = None
    """Called after every few photos; returns true to stop early."""

    def stopped(self) -> bool:
        """Return whether to stop early."""
        return self.stop is not None and self.stop()


def add_folder(store: LibraryStore, folder: Path, options: UpdateOptions) -> LibraryReport:
    """Update a library from a folder; see `Library.add`."""
    root = Path(folder).resolve()
    if not root.is_dir():
        raise LibraryError("no-folder", source=folder)
    scan = scan_folder(str(root))
    if not scan.files and not scan.refused and not any(is_below(path, str(root)) for path in store.photos()):
        raise LibraryError("folder-without-photos", source=folder, endings=sorted(IMAGE_SUFFIXES))
    store.begin(options.encoder.fingerprint, str(root))
    known = store.photos()
    unfinished = [path for path, photo in known.items() if photo.sha256 and not photo.ready]
    others = [
        scan_folder(other)
        for other in store.folders()
        if other != str(root) and Path(other).is_dir() and any(is_below(p, other) for p in unfinished)
    ]
    return _Update(store, [scan, *others], known, options).run()


def update_folders(store: LibraryStore, options: UpdateOptions) -> LibraryReport:
    """Update a library from all its folders; see `Library.update`."""
    if not store.folders():
        raise LibraryError("library-empty")
    store.begin(options.encoder.fingerprint)
    scans = [scan_folder(f) if Path(f).is_dir() else _absent(f) for f in store.folders()]
    return _Update(store, scans, store.photos(), options).run()


def forget_folder(store: LibraryStore, folder: Path) -> int:
    """Remove a folder from a library; see `Library.remove`."""
    root, folders = str(Path(folder).resolve()), store.folders()
    if root not in folders:
        raise LibraryError("folder-unknown", source=folder)
    others = [other for other in folders if other != root]
    above = next((other for other in others if is_below(root, other)), None)
    if above:
        raise LibraryError("folder-inside", source=folder, above=above)
    paths = [
        path
        for path in store.photos()
        if is_below(path, root) and not any(is_below(path, other) for other in others)
    ]
    store.drop(paths, root)
    return len(paths)


@dataclass
class _Update:
    """One update of the library, based on folder scans."""

    store: LibraryStore
    scans: Sequence[Scan]
    known: Mapping[str, KnownFile]
    """The files that the library knew before."""
    options: UpdateOptions
    seen: list[FoundFile] = field(default_factory=list)
    """Files read and stored."""

    def run(self) -> LibraryReport:
        """Read and store changed files, and drop files that no longer exist."""
        files = {path: stamp for scan in self.scans for path, stamp in scan.files.items()}
        changed = [
            FoundFile(path, *stamp)
            for path, stamp in files.items()
            if not _unchanged(self.known.get(path), stamp)
        ]
        for start in range(0, len(changed), _BATCH):
            self._store(changed[start : start + _BATCH], len(changed))
            self.options.progress("photos", len(self.seen), len(changed))
            if self.options.stopped():
                break
            self._name()
        stopped = len(self.seen) < len(changed)
        gone = set() if stopped else self._gone()  # if stopped, a moved file may not have been seen yet
        self.store.drop(gone)
        self._name()
        return self._report(gone, len(files) - len(changed), stopped=stopped)

    def _name(self) -> None:
        if self.options.flora is not None:
            name_photos(self.store, self.options.flora, self.options.progress, self.options.stop)

    def _store(self, photos: Sequence[FoundFile], total: int) -> None:
        hashed = [_hashed(photo) for photo in photos]
        first_paths = {p.sha256: p.path for p in reversed(hashed) if p.sha256}
        for sha256 in self.store.known_contents(first_paths):
            del first_paths[sha256]
        side = self.options.encoder.manifest.image.size
        readers = [_PhotoToEncode(path, side) for path in first_paths.values()]
        contents: dict[str, PhotoContent] = {}
        errors: dict[str, ImageError] = {}
        before = len(self.seen) + len(photos) - len(readers)
        found = self.options.encoder.encode_files(readers, appearance=True)
        for sha256, (reader, row) in zip(first_paths, found, strict=True):
            if isinstance(row, ImageError):
                errors[sha256] = row
            else:
                contents[sha256] = PhotoContent(row, reader.event_date, reader.thumbnail)
            self.options.progress("photos", before + len(contents) + len(errors), total)
            if self.options.stopped():
                break
        left = first_paths.keys() - contents.keys() - errors.keys()
        stored = [
            replace(p, sha256=None, error=errors[p.sha256]) if p.sha256 in errors else p
            for p in hashed
            if p.sha256 not in left
        ]
        self.store.save(stored, contents, self.options.encoder.fingerprint, self.options.encoder.width)
        self.seen += stored

    def _gone(self) -> set[str]:
        """Find known photos that no longer exist: missed by a scan, or moved to a new path."""
        missed = {path for scan in self.scans for path in self.known if scan.misses(path)}
        found = {photo.sha256 for photo in self.seen if photo.sha256 and photo.path not in self.known}
        elsewhere = {
            path for path, photo in self.known.items() if photo.sha256 in found and not Path(path).exists()
        }
        return missed | elsewhere

    def _report(self, gone: set[str], unchanged: int, *, stopped: bool) -> LibraryReport:
        readable = [photo for photo in self.seen if not photo.error]
        known = self.known
        updated = sum(photo.path in known and known[photo.path].sha256 is not None for photo in readable)
        appeared = Counter(photo.sha256 for photo in readable if photo.path not in known)
        moved = (appeared & Counter(known[path].sha256 for path in gone)).total()
        unreadable = [Skipped.of(photo.path, photo.error) for photo in self.seen if photo.error]
        refused = [refusal for scan in self.scans for refusal in scan.refused]
        return LibraryReport(
            added=len(readable) - updated - moved,
            updated=updated,
            moved=moved,
            removed=len(gone) - moved,
            unchanged=unchanged,
            skipped=(*unreadable, *refused),
            stopped=stopped,
        )


def _unchanged(known: KnownFile | None, stamp: tuple[int, int]) -> bool:
    return known is not None and known.ready and (known.size, known.mtime_ns) == stamp


def _hashed(photo: FoundFile) -> FoundFile:
    try:
        with Path(photo.path).open("rb") as stream:
            return replace(photo, sha256=hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        return replace(photo, error=LibraryError("file-not-read", source=photo.path, cause=error.strerror))


def _absent(folder: str) -> Scan:
    return Scan(folder, refused=[Skipped.of(folder, LibraryError("folder-absent"))], unlisted=[folder])
