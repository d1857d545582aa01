"""Update the library from its folders, reading only files that changed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dalip.encoder import Encoder
from dalip.errors import ImageError, LibraryError, Skipped
from dalip.files import as_utf8
from dalip.photos import READABLE
from dalip.photos.details.sidecars import read_beside
from dalip.progress import Progress, no_progress
from dalip_index.flora.flora import Flora
from dalip_index.library.database import LibraryStore, PhotoContent
from dalip_index.library.library_files import FoundFile, KnownFile, is_below
from dalip_index.library.naming import name_photos
from dalip_index.library.read_photo import PhotoReader, changing, hash_file, read_dated
from dalip_index.library.scan import Scan, scan_folder, sidecar_paths

__all__ = [
    "LibraryReport",
    "UpdateOptions",
    "add_folder",
    "existing_folder",
    "forget_folder",
    "update_folders",
]

_BATCH = 32  # photos stored in one transaction: the most that a killed process loses
_ROUNDS = 3  # a file that is replaced while it is read is read again


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
    """Photos that cannot be read, and folders that cannot be listed."""
    others: tuple[Path, ...] = ()
    """Files that are neither photos nor their sidecars."""
    left_out: tuple[Path, ...] = ()
    """Hidden files, and hidden and system folders, whose contents were not listed."""
    stopped: bool = False
    """Whether the update was stopped early."""

    @property
    def counts(self) -> dict[str, int]:
        """What happened to how many files and folders, without zeros."""
        every = {
            "added": self.added,
            "changed": self.updated,
            "moved": self.moved,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "unreadable": len(self.skipped),
            "not photos": len(self.others),
            "hidden or system": len(self.left_out),
        }
        return {what: number for what, number in every.items() if number}


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
    root = existing_folder(folder)
    known = store.photos()
    scan = scan_folder(str(root), known)
    if not scan.files and not scan.refused and not any(is_below(path, str(root)) for path in known):
        raise LibraryError("folder-without-photos", source=folder, readable=READABLE)
    store.begin(options.encoder.fingerprint, str(root))
    known = store.photos()
    unfinished = [path for path, photo in known.items() if photo.sha256 and not photo.ready]
    others = [
        scan_folder(other, known)
        for other in store.folders()
        if other != str(root) and Path(other).is_dir() and any(is_below(p, other) for p in unfinished)
    ]
    return _Update(store, [scan, *others], known, options).run()


def existing_folder(folder: Path) -> Path:
    """Return the absolute path of a folder, without links.

    Raises:
        LibraryError: There is no such folder, or its path is not UTF-8, so the library cannot store it.
    """
    try:
        root = Path(folder).resolve()
        found = root.is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, or a cycle of links
        found = False
    if not found:
        raise LibraryError("no-folder", source=as_utf8(folder))
    if as_utf8(root) != str(root):
        raise LibraryError("name-not-utf8", source=as_utf8(folder))
    return root


def update_folders(store: LibraryStore, options: UpdateOptions) -> LibraryReport:
    """Update a library from all its folders; see `Library.update`."""
    if not store.folders():
        raise LibraryError("library-empty")
    store.begin(options.encoder.fingerprint)
    known = store.photos()
    scans = [scan_folder(f, known) if Path(f).is_dir() else _absent(f) for f in store.folders()]
    return _Update(store, scans, known, options).run()


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
        files = {path: photo for scan in self.scans for path, photo in scan.files.items()}
        changed = [photo for path, photo in files.items() if not _unchanged(self.known.get(path), photo)]
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
        """Read and store a batch; a photo that is replaced between two steps is read again."""
        left, start = list(photos), len(self.seen)
        for number in range(_ROUNDS):
            hashed = [self._hashed(photo) if number == 0 else hash_file(photo) for photo in left]
            done = self._read(hashed, start + len(photos) - len(left), total)
            self.seen += done
            finished = {photo.path for photo in done}
            left = [photo for photo in left if photo.path not in finished]
            if not left or self.options.stopped():
                return
        lost = [replace(photo, error=changing(photo.path)) for photo in left]
        self.store.save(lost, {}, self.options.encoder.fingerprint, self.options.encoder.width)
        self.seen += lost

    def _read(self, hashed: Sequence[FoundFile], before: int, total: int) -> list[FoundFile]:
        """Read photos that have their hashes, store them, and return those that were stored."""
        known = self.store.known_contents({p.sha256 for p in hashed if p.sha256})
        first = {p.sha256: p for p in reversed(hashed) if p.sha256}
        again = {
            sha256: found
            for sha256, details in known.items()
            if details is None and (found := read_dated(first[sha256])) is not None
        }
        new = [photo for sha256, photo in first.items() if sha256 not in known]
        contents, errors = self._encode(new, before + len(hashed) - len(new), total)
        dates = {sha256: details for sha256, details in known.items() if details} | again
        dates |= {sha256: content.details for sha256, content in contents.items()}
        stored = [photo for photo in hashed if photo.error]
        for photo in hashed:
            if error := errors.get(photo.path) or errors.get(photo.sha256 or photo.path):
                stored.append(replace(photo, sha256=None, error=error))
            elif photo.sha256 in dates:
                beside = read_beside(Path(photo.path), sidecar_paths(photo))
                stored.append(replace(photo, details=dates[photo.sha256].or_from(beside)))
        encoder = self.options.encoder
        self.store.save(stored, contents, encoder.fingerprint, encoder.width, again)
        return stored

    def _hashed(self, photo: FoundFile) -> FoundFile:
        """Return a photo with its hash; if the file is unchanged, without reading it."""
        known = self.known.get(photo.path)
        if known and known.ready and (known.size, known.mtime_ns) == (photo.size, photo.mtime_ns):
            return replace(photo, sha256=known.sha256)
        return hash_file(photo)

    def _encode(
        self, photos: Sequence[FoundFile], before: int, total: int
    ) -> tuple[dict[str, PhotoContent], dict[str, ImageError]]:
        """Encode photos of different content.

        Returns:
            What was derived from them, by hash; and errors, by hash, or by path of a file that can no longer be opened.
            Both lack files that no longer have their hash.
        """
        contents: dict[str, PhotoContent] = {}
        errors: dict[str, ImageError] = {}
        readers = [PhotoReader(photo.path, self.options.encoder.manifest.image.size) for photo in photos]
        found = self.options.encoder.encode_files(readers, appearance=True)
        for number, (photo, (reader, row)) in enumerate(zip(photos, found, strict=True), start=1):
            if isinstance(row, ImageError):
                if reader.sha256 in (photo.sha256, ""):
                    errors[reader.sha256 or photo.path] = row
            elif reader.sha256 == photo.sha256:
                contents[reader.sha256] = PhotoContent(row, reader.details, reader.thumbnail)
            self.options.progress("photos", before + number, total)
            if self.options.stopped():
                break
        return contents, errors

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
            others=tuple(path for scan in self.scans for path in scan.others),
            left_out=tuple(path for scan in self.scans for path in scan.left_out),
            stopped=stopped,
        )


def _unchanged(known: KnownFile | None, photo: FoundFile) -> bool:
    return (
        known is not None
        and known.ready
        and known.dated
        and (known.size, known.mtime_ns, known.sidecars) == (photo.size, photo.mtime_ns, photo.sidecars)
    )


def _absent(folder: str) -> Scan:
    return Scan(folder, refused=[Skipped.of(folder, LibraryError("folder-absent"))], unlisted=[folder])
