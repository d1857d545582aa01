"""The kept photos of a flora: shards of small copies with their vectors, shared by its versions.

```
FLORA/photos/
├── 3f2a09c1d2e4b5a6.tar                 a WebDataset shard of copies; its name is the beginning of its SHA-256
└── 3f2a09c1d2e4b5a6.8163f67c31a7.npy    their vectors by the encoder whose fingerprint begins so, in their order
```

Versions of the flora share these files, which never change. What no version names was written by a change that did not
end: the next one resumes from it, and then removes what it has no use for.
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
    """The folder of what versions share, while one of them is written."""

    def __init__(self, root: Path, fingerprint: str, others: Iterable[Path] = ()) -> None:
        """Look at what is there.

        Args:
            root: The flora; what it shares lies in `photos` below it.
            fingerprint: Of the encoder that looks at photos.
            others: Such folders of other floras, whose vectors are as good.
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
        """Note what the encoder has looked at in a pack; what is damaged is embedded and written again."""
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
        """Give the copy of a photo that the encoder has looked at."""
        pack, row = self._places[digest]
        return pack.photos[row]

    def vectors(self, digests: Sequence[str], width: int) -> Halves:
        """Give the vectors of photos that the encoder has looked at, (photos, width), in the order of `digests`.

        Raises:
            FloraError: A file of vectors is damaged or has another width.
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
        """Write a pack; it is there, whole and with its vectors, or not at all.

        Args:
            photos: Each with its copy.
            vectors: A row each.
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
        """Bring the packs into order: each full, except for the last, and none with a photo that is not wanted.

        Full packs that are wanted whole stay as they are; what the others hold goes into new ones, in the given order.

        Args:
            photos: All that are wanted, each once; the encoder has looked at them.
            width: Numbers in a vector.

        Returns:
            The packs that hold these photos and no other.
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
        """Stamp the files of packs; what the version before stamped is not read again unless it was written since."""
        paths = [path for pack in packs for path in (pack.path, pack.vectors_path(self.fingerprint))]
        known = {
            path: stamp for path in paths if (stamp := before.get(path.name)) and path not in self._written
        }
        return {path.name: known.get(path) or FileStamp.of(path) for path in paths}


def _same(one: Record | None, other: Record) -> bool:
    return one is not None and (one.key, one.fields) == (other.key, other.fields)


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)  # of no time, owner or machine
    header.size = len(content)
    archive.addfile(header, io.BytesIO(content))
