"""The store of kept photos: shards of small copies with their vectors, shared by the versions of a flora.

```
FLORA/photos/
├── 3f2a09c1d2e4b5a6.tar                 a WebDataset shard of copies, named by the start of its SHA-256
└── 3f2a09c1d2e4b5a6.8163f67c31a7.npy    their vectors in the same order, with the start of the encoder's fingerprint
```

The versions of the flora share these files, which never change. Files that no version lists come from an interrupted
change. The next change resumes from them, then removes those that it does not need.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dalip.datasets import Record
from dalip.errors import FloraError
from dalip.files import atomic_write
from dalip_index.store.kept_photos import Halves, Pack, digest_of, kept_fields, packs_of
from dalip_index.store.manifest import FileStamp
from dalip_index.store.versions import SHARED

__all__ = ["PACK_PHOTOS", "PhotoStore"]

PACK_PHOTOS = 512
"""Photos in a full pack."""


class PhotoStore:
    """The shared folder of a flora while a new version is written."""

    def __init__(self, root: Path, fingerprint: str, others: Iterable[Path] = ()) -> None:
        """Scan the existing packs.

        Args:
            root: The flora; its shared files are in its subfolder `photos`.
            fingerprint: Fingerprint of the encoder that makes the vectors.
            others: Shared folders of other floras, whose vectors can be reused.
        """
        self.folder = root / SHARED
        self.fingerprint = fingerprint
        self._places: dict[str, tuple[Pack, int]] = {}
        for folder in sorted({*others} - {self.folder}):
            for path in sorted(folder.glob("[!.]*.tar")):
                self._note(Pack(path))
        found = [Pack(path) for path in sorted(self.folder.glob("[!.]*.tar"))]
        self.packs = [pack for pack in found if self._note(pack)]
        self._written: set[Path] = set()

    def _note(self, pack: Pack) -> bool:
        """Register the photos in a pack with vectors. A damaged pack is ignored, so its photos are embedded again."""
        try:
            vectors = pack.vectors(self.fingerprint)
            if vectors is None or len(vectors) != len(pack.photos):
                return False
        except FloraError:
            return False
        self._places.update((digest_of(photo), (pack, row)) for row, photo in enumerate(pack.photos))
        return True

    def __contains__(self, digest: str) -> bool:
        return digest in self._places

    def photo(self, digest: str) -> Record:
        """Return the copy of a photo that has a vector."""
        pack, row = self._places[digest]
        return pack.photos[row]

    def vectors(self, digests: Sequence[str], width: int) -> Halves:
        """Return the vectors of photos in the order of `digests`, shape (photos, width).

        Raises:
            FloraError: A vector file is damaged or has another width.
        """
        gathered = np.empty((len(digests), width), np.float16)
        wanted: dict[Path, tuple[Pack, list[tuple[int, int]]]] = {}
        for place, digest in enumerate(digests):
            pack, row = self._places[digest]
            wanted.setdefault(pack.path, (pack, []))[1].append((place, row))
        for pack, pairs in wanted.values():
            found = pack.vectors(self.fingerprint)
            if found is None or found.shape != (len(pack.photos), width):
                raise FloraError("flora-vectors-size", source=pack.vectors_path(self.fingerprint))
            places, rows = np.array(pairs).T
            gathered[places] = found[rows]
        return gathered

    def write(self, photos: Sequence[tuple[Record, bytes]], vectors: Halves) -> Pack:
        """Write a pack with its vectors atomically.

        Args:
            photos: Records, each with the bytes of its copy.
            vectors: One row per photo.
        """
        self.folder.mkdir(exist_ok=True)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for photo, copy in photos:
                _put(archive, f"{digest_of(photo)}.webp", copy)
                _put(archive, f"{digest_of(photo)}.json", kept_fields(photo))
        pack = Pack(self.folder / f"{hashlib.sha256(content.getbuffer()).hexdigest()[:16]}.tar")
        vectors_path = pack.vectors_path(self.fingerprint)
        with atomic_write(vectors_path, durable=True) as draft, draft.open("wb") as file:
            np.save(file, vectors.astype("<f2"), allow_pickle=False)
        with atomic_write(pack.path, durable=True) as draft:
            draft.write_bytes(content.getbuffer())
        self._written |= {vectors_path, pack.path}
        self.packs.append(pack)
        self._note(pack)
        return pack

    def arrange(self, photos: Sequence[Record], width: int) -> list[Pack]:
        """Repack the photos, so that all packs but the last are full and contain only needed photos.

        Full packs in which every photo is needed stay unchanged. The other needed photos go into new packs, in the
        given order.

        Args:
            photos: All needed photos, each once; all have vectors.
            width: Length of a vector.

        Returns:
            The packs that contain exactly these photos.
        """
        wanted = {digest_of(photo): photo for photo in photos}
        staying: list[Pack] = []
        for pack in self.packs:
            if len(pack.photos) == PACK_PHOTOS and all(
                _same(wanted.get(digest_of(held)), held) for held in pack.photos
            ):
                staying.append(pack)
                for held in pack.photos:
                    del wanted[digest_of(held)]
        loose = list(wanted.values())
        for path in packs_of(loose):
            if path not in self._written:
                Pack(path).check()
        for start in range(0, len(loose), PACK_PHOTOS):
            group = loose[start : start + PACK_PHOTOS]
            vectors = self.vectors([digest_of(photo) for photo in group], width)
            staying.append(self.write([(photo, photo.read_bytes()) for photo in group], vectors))
        return staying

    def stamps(self, packs: Iterable[Pack], before: Mapping[str, FileStamp]) -> dict[str, FileStamp]:
        """Return size and hash of pack files, reusing those in `before` for files that were not written since."""
        paths = [path for pack in packs for path in (pack.path, pack.vectors_path(self.fingerprint))]
        known = {
            path: stamp for path in paths if (stamp := before.get(path.name)) and path not in self._written
        }
        return {path.name: known.get(path) or FileStamp.of(path) for path in paths}


def _same(one: Record | None, other: Record) -> bool:
    return one is not None and (one.key, one.fields) == (other.key, other.fields)


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)  # without time, owner or machine, so that packs are reproducible
    header.size = len(content)
    archive.addfile(header, io.BytesIO(content))
