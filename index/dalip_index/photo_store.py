"""The photos that a flora keeps, so that another encoder can look at them: small copies, with their vectors.

```
FLORA/photos/
├── 3f2a09c1d2e4b5a6.tar                 a WebDataset shard of copies; its name is the beginning of its SHA-256
└── 3f2a09c1d2e4b5a6.8163f67c31a7.npy    their vectors by the encoder whose fingerprint begins so, in their order
```

Versions of the flora share these files, which never change. What no version names was written by a change that did not
end: the next one goes on from it, and then removes what it has no use for.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.data import Record, read_records
from dalip.encoder import PhotoSource, open_image
from dalip.errors import DalipError, FloraError
from dalip.taxonomy import Taxon
from dalip_index.manifest import FileStamp
from dalip_index.versions import DRAFT, SHARED, flush

__all__ = [
    "KEPT_SIDE",
    "TAUGHT",
    "GivenPhoto",
    "Halves",
    "KeptPhoto",
    "Pack",
    "PhotoStore",
    "kept_copy",
    "kept_photos",
]

KEPT_SIDE = 320
"""Short side in pixels of the copies that are kept; today's encoder sees 256."""

TAUGHT = ("new plant", "more photos")
"""What stands in the field `taught` of a photo by which a flora was taught later: was the plant new to it?"""

_PACK_PHOTOS = 512
_QUALITY = (
    90  # of WebP, in percent: vectors of copies have a cosine of about 0.98 to those of the photos, or more
)
_LONGEST = 16_383  # pixels, the most that WebP can have

Halves = NDArray[np.float16]
"""Vectors as they are kept: float16 of shape (photos, E + A)."""


@dataclass(frozen=True)
class KeptPhoto(Record):
    """A photo that a flora keeps: the copy, under the key and with the fields of the photo that it was made from."""

    digest: str = ""
    """SHA-256 of the file that the copy was made from, which tells one photo from another."""

    def described_by(self, record: Record) -> "KeptPhoto":
        """Give the same copy under the key and with the fields of a record, as it will be kept."""
        if isinstance(record, KeptPhoto):
            return replace(self, key=record.key, fields=record.fields)
        # Who reads a pack as a shard finds each photo in the split that its own key put it in.
        fields = {"splitGroup": record.key, **record.fields}
        fields.pop("key", None)
        return replace(self, key=record.key, fields=json.loads(json.dumps(fields, default=str)))


@dataclass(frozen=True)
class GivenPhoto(Record):
    """A photo that comes from elsewhere than a shard, table or folder."""

    photo: PhotoSource = b""
    """A path, the bytes of an image file, an image, or a function that gives one of these."""

    @classmethod
    def of(cls, number: int, source: PhotoSource, taxon: Taxon, taught: str) -> "GivenPhoto":
        """Make a record of a photo that teaches a taxon.

        Args:
            number: What it is called by, where it has no path.
            source: Where it is.
            taxon: What it shows.
            taught: One of `TAUGHT`.
        """
        path = Path(source) if isinstance(source, str | Path) else Path(f"image {number}")
        key = str(path).encode("utf-8", "backslashreplace").decode()  # a file may be called anything
        if isinstance(source, bytes):
            key = hashlib.sha256(source).hexdigest()
        return cls(
            key, path, fields={**taxon.to_darwin_core(), "references": "", "taught": taught}, photo=source
        )

    def read_bytes(self) -> bytes:
        """Read the encoded image.

        Raises:
            DataError: It is a file that cannot be read.
        """
        found = self.photo() if callable(self.photo) else self.photo
        if isinstance(found, Image.Image):
            buffer = io.BytesIO()
            found.save(buffer, "PNG")
            return buffer.getvalue()
        return found if isinstance(found, bytes) else Record(self.key, Path(found)).read_bytes()


def kept_copy(content: bytes, side: int) -> bytes:
    """Make the copy of a photo that a flora keeps: upright, WebP, without EXIF, never larger than it was.

    A WebP that is small enough, and says nothing but its pixels, is kept as it is.

    Args:
        content: An image file.
        side: Short side in pixels.

    Raises:
        ImageError: It cannot be read.
    """
    image = open_image(content, target=side)
    if min(image.size) <= side and _is_bare_webp(content):
        return content
    scale = min(1.0, side / min(image.size), _LONGEST / max(image.size))
    if scale < 1:
        width, height = (max(round(length * scale), 1) for length in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY, method=2)
    return buffer.getvalue()


def _is_bare_webp(content: bytes) -> bool:
    """Say whether it is a WebP of the simple kinds, which hold one picture and nothing else."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP" and content[12:16] in (b"VP8 ", b"VP8L")


@dataclass(frozen=True)
class Pack:
    """One shard of copies."""

    path: Path

    @property
    def name(self) -> str:
        """Name of its file."""
        return self.path.name

    @cached_property
    def photos(self) -> tuple[KeptPhoto, ...]:
        """What it holds, in its order.

        Raises:
            FloraError: It is damaged.
        """
        try:
            return tuple(_kept(record) for record in read_records(self.path))
        except DalipError as error:
            raise FloraError(f"{error}; build the flora again") from error

    def check(self) -> None:
        """Make sure that it holds what was written: what is copied from it gets a new hash, which would say so.

        Raises:
            FloraError: It does not.
        """
        if FileStamp.of(self.path).sha256[:16] != self.path.stem:
            raise FloraError(
                f"{self.path}: was changed after it was written; delete it and build the flora again"
            )

    def vectors_path(self, fingerprint: str) -> Path:
        """Give the place of the vectors by the encoder with a fingerprint."""
        return self.path.with_name(f"{self.path.stem}.{fingerprint[:12]}.npy")

    def vectors(self, fingerprint: str) -> Halves | None:
        """Open the vectors by an encoder; `None` where it has not looked at this pack."""
        path = self.vectors_path(fingerprint)
        if not path.exists():
            return None
        try:
            found: Halves = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise FloraError(f"{path}: damaged ({error}); build the flora again") from error
        return found


def _kept(record: Record) -> KeptPhoto:
    fields = dict(record.fields)
    key = str(fields.pop("key", record.key))
    return KeptPhoto(key, record.path, record.offset, record.size, fields, digest=record.key)


def _to_json(photo: KeptPhoto) -> bytes:
    content = {**photo.fields, "key": photo.key}
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")


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
        """Note what the encoder has looked at in a pack; what is damaged is looked at again, and written anew."""
        try:
            vectors = pack.vectors(self.fingerprint)
            if vectors is None or len(vectors) != len(pack.photos):
                return False
        except FloraError:
            return False
        self._places.update((photo.digest, (pack, row)) for row, photo in enumerate(pack.photos))
        return True

    def __contains__(self, digest: str) -> bool:
        return digest in self._places

    def photo(self, digest: str) -> KeptPhoto:
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
                raise FloraError(
                    f"{pack.vectors_path(self.fingerprint)}: has the wrong size; build the flora again"
                )
            places, rows = np.array(pairs).T
            gathered[places] = found[rows]
        return gathered

    def write(self, photos: Sequence[tuple[KeptPhoto, bytes]], vectors: Halves) -> Pack:
        """Write a pack; it is there, whole and with its vectors, or not at all.

        Args:
            photos: Each with its copy.
            vectors: A row each.
        """
        self.folder.mkdir(exist_ok=True)
        draft = self.folder / f"{DRAFT}pack.tar"
        with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as archive:
            for photo, copy in photos:
                _put(archive, f"{photo.digest}.webp", copy)
                _put(archive, f"{photo.digest}.json", _to_json(photo))
        seen = self.folder / f"{DRAFT}vectors.npy"
        with seen.open("wb") as file:
            np.save(file, vectors.astype("<f2"), allow_pickle=False)
        pack = Pack(self.folder / f"{FileStamp.of(draft).sha256[:16]}.tar")
        for written, final in ((seen, pack.vectors_path(self.fingerprint)), (draft, pack.path)):
            flush(written)
            written.replace(final)
            self._written.add(final)
        self.packs.append(pack)
        self._note(pack)
        return pack

    def arrange(self, photos: Sequence[KeptPhoto], width: int) -> list[Pack]:
        """Bring the packs into order: each full, but for the last, and none with a photo that is not wanted.

        Full packs that are wanted whole stay as they are; what the others hold is written anew, in the given order.

        Args:
            photos: All that are wanted, each once; the encoder has looked at them.
            width: Numbers in a vector.

        Returns:
            The packs that hold these photos and no other.
        """
        wanted = {photo.digest: photo for photo in photos}
        staying: list[Pack] = []
        for pack in self.packs:
            if len(pack.photos) == _PACK_PHOTOS and all(
                _same(wanted.get(held.digest), held) for held in pack.photos
            ):
                staying.append(pack)
                for held in pack.photos:
                    del wanted[held.digest]
        loose = list(wanted.values())
        for path in sorted({photo.path for photo in loose} - self._written):
            Pack(path).check()
        for start in range(0, len(loose), _PACK_PHOTOS):
            group = loose[start : start + _PACK_PHOTOS]
            vectors = self.vectors([photo.digest for photo in group], width)
            staying.append(self.write([(photo, photo.read_bytes()) for photo in group], vectors))
        return staying

    def stamps(self, packs: Iterable[Pack], before: Mapping[str, FileStamp]) -> dict[str, FileStamp]:
        """Stamp the files of packs; what the version before stamped is not read again if it was not written anew."""
        paths = [path for pack in packs for path in (pack.path, pack.vectors_path(self.fingerprint))]
        known = {
            path: stamp for path in paths if (stamp := before.get(path.name)) and path not in self._written
        }
        return {path.name: known.get(path) or FileStamp.of(path) for path in paths}


def _same(one: KeptPhoto | None, other: KeptPhoto) -> bool:
    return one is not None and (one.key, one.fields) == (other.key, other.fields)


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)  # of no time, owner or machine
    header.size = len(content)
    archive.addfile(header, io.BytesIO(content))


def kept_photos(root: Path, files: Iterable[str], order: Iterable[str]) -> list[KeptPhoto]:
    """Give what a version keeps.

    Args:
        root: The flora.
        files: What its manifest names of the files that versions share.
        order: Digests, as its catalogue lists them.

    Raises:
        FloraError: A pack is damaged, or a photo is missing.
    """
    packs = [Pack(root / SHARED / name) for name in files if name.endswith(".tar")]
    photos = {photo.digest: photo for pack in packs for photo in pack.photos}
    try:
        return [photos[digest] for digest in order]
    except KeyError as error:
        raise FloraError(
            f"{root / SHARED}: the photo {error.args[0][:12]} is missing; build the flora again"
        ) from None
