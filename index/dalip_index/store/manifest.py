"""`manifest.json` of a flora: the counts and encoder of a version, and the hash of each file."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dalip.errors import FloraError
from dalip.files import from_json, to_json

__all__ = [
    "MANIFEST",
    "NO_SHRINKAGE",
    "VECTORS_IN_CATALOGUE",
    "EncoderStamp",
    "FileStamp",
    "FloraCounts",
    "FloraManifest",
    "HitRates",
    "Shrinkage",
]

FORMAT_VERSION = 4
"""The layout that this version of DALIP writes."""

VECTORS_IN_CATALOGUE = 3
"""The earlier layout, which this version still reads: the catalogue contains the prototypes."""

MANIFEST = "manifest.json"
"""Name of the manifest in a version's folder."""


@dataclass(frozen=True)
class FileStamp:
    """Size in bytes and SHA-256 of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileStamp":
        """Return the size and hash of a file on disk."""
        with path.open("rb") as stream:
            return cls(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class EncoderStamp:
    """The encoder that made a flora's vectors."""

    name: str
    fingerprint: str
    width: int
    """E, length of an embedding."""
    appearance_width: int
    """A, length of a photo's appearance vector."""
    prompts: tuple[str, ...] = ()
    """Its prompt templates, from which the texts of most taxa were made; empty for DALIP's own wording."""


@dataclass(frozen=True)
class FloraCounts:
    """Numbers of taxa, texts and photos used in a flora, and of photos skipped."""

    taxa: int
    vernacular_names: int
    texts: int
    photos: int
    """Photos used as evidence."""
    selection_photos: int
    """Those of them that also chose the weights."""
    calibration_photos: int
    """Those of them that also calibrated the flora."""
    test_photos: int
    """Photos in the test split, not used so that accuracy can be measured on them."""
    unreadable_photos: int
    """Photos that cannot be read, or that have two different names."""
    other_photos: int
    """Photos without a taxon in this flora."""
    repeated_photos: int = 0
    """Duplicate photos, which are used once."""
    kept_photos: int = 0
    """Photos with a copy kept in the flora."""
    new_photos: int = 0
    """Photos embedded for this version; the others were embedded before."""
    taught: int = 0
    """Taxa taught later from a few photos each."""


@dataclass(frozen=True)
class HitRates:
    """Top-1 and top-5 hit rates: how often the right taxon is first, or among the first 5, from 0 to 1."""

    top1: float
    top5: float


@dataclass(frozen=True)
class Shrinkage:
    """How strongly photo prototypes are drawn towards genus and family, each in photos; chosen on validation photos."""

    genus: float = 0.0
    """The mean of the genus counts like this many photos of the taxon."""
    family: float = 0.0
    """The mean of the family counts like this many photos of the taxon."""

    def __post_init__(self) -> None:
        """Reject strengths that are negative or not finite.

        Raises:
            ValueError: One is.
        """
        if not (0 <= self.genus < math.inf and 0 <= self.family < math.inf):
            raise ValueError(f"shrinkage of {self.genus} and {self.family}")


NO_SHRINKAGE = Shrinkage()
"""Each prototype is the mean of the photos of its taxon alone."""


@dataclass(frozen=True)
class _Format:
    """The field that every format version has."""

    format_version: int | None = None


@dataclass(frozen=True)
class FloraManifest:
    """Description of one version of a flora."""

    version: str
    """Name of the version's folder."""
    encoder: EncoderStamp
    counts: FloraCounts
    selection: Mapping[str, HitRates]
    """By kind of evidence, on the validation photos. They chose the text weight, so this is not a test result."""
    files: Mapping[str, FileStamp]
    created_by: str
    """The DALIP version that built it."""
    leave_one_out: Mapping[str, HitRates]
    """By kind of evidence, on the evidence photos, each compared with prototypes that do not include it."""
    kept_side: int
    """Short side in pixels of the kept copies of photos; 0 if only photos of taught plants are kept."""
    photos: Mapping[str, FileStamp]
    """The shared files that this version needs."""
    shrinkage: Shrinkage = NO_SHRINKAGE
    """Strengths of the shrinkage of photo prototypes."""
    format_version: int = FORMAT_VERSION

    @property
    def keeps_all(self) -> bool:
        """Whether a copy of every photo is kept, so that the flora can be rebuilt from all of them."""
        return self.counts.kept_photos == self.photos_used

    @property
    def photos_used(self) -> int:
        """Number of photos that it was made from. In the earlier layout, held-out photos are not evidence."""
        counts, earlier = self.counts, self.format_version == VECTORS_IN_CATALOGUE
        return counts.photos + earlier * (counts.selection_photos + counts.calibration_photos)

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into a version's folder."""
        (folder / MANIFEST).write_text(to_json(self), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FloraManifest":
        """Read the manifest of a version.

        Raises:
            FloraError: The file is missing, damaged, or in a format that this version of DALIP does not support.
        """
        path = folder / MANIFEST
        try:
            content = path.read_bytes()
            found = from_json(content, _Format).format_version
            if found not in (VECTORS_IN_CATALOGUE, FORMAT_VERSION):
                raise FloraError("flora-format", source=path, found=found, known=FORMAT_VERSION)
            return from_json(content, cls)
        except FileNotFoundError:
            raise FloraError("flora-file-missing", source=path) from None
        except (OSError, ValueError) as error:
            raise FloraError("flora-file-damaged", source=path, cause=error) from error

    def check_sizes(self, folder: Path) -> None:
        """Compare the sizes of a version's files with the manifest, which is fast enough for every load.

        Raises:
            FloraError: A file is missing or has another size.
        """
        for name, stamp in self.files.items():
            try:
                size = (folder / name).stat().st_size
            except (OSError, ValueError):  # ValueError: a name with a null byte
                raise FloraError("flora-file-missing", source=folder / name) from None
            if size != stamp.size:
                raise FloraError("flora-file-size", source=folder / name, size=size, stamped=stamp.size)

    def check_hash(self, folder: Path, name: str) -> None:
        """Compare the SHA-256 of one of a version's files with the manifest.

        It takes a millisecond for 1 MB or less. Hashing does not hold Python's global lock, so it can run in a thread.

        Raises:
            FloraError: The file has changed, or cannot be read.
        """
        stamp = self.files.get(name)
        try:
            changed = stamp is not None and FileStamp.of(folder / name) != stamp
        except OSError as error:
            raise FloraError("flora-file-damaged", source=folder / name, cause=error) from error
        if changed:
            raise FloraError("flora-file-changed", source=folder / name)
