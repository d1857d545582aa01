"""`manifest.json` of a flora: what a version holds, its encoder, and the hash of each file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dalip.errors import FloraError
from dalip.files import from_json, to_json

__all__ = [
    "MANIFEST",
    "EncoderStamp",
    "FileStamp",
    "FloraCounts",
    "FloraManifest",
    "HitRates",
]

FORMAT_VERSION = 3
"""The layout that this version of DALIP writes and reads."""

MANIFEST = "manifest.json"
"""Name of the manifest in a version's folder."""


@dataclass(frozen=True)
class FileStamp:
    """Size in bytes and SHA-256 of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileStamp":
        """Stamp a file on disk."""
        with path.open("rb") as stream:
            return cls(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class EncoderStamp:
    """The encoder that made a flora's vectors."""

    name: str
    fingerprint: str
    width: int
    """E, numbers in an embedding."""
    appearance_width: int
    """A, numbers in a photo's appearance."""


@dataclass(frozen=True)
class FloraCounts:
    """How much of everything went into a flora, and what was left out."""

    taxa: int
    vernacular_names: int
    texts: int
    photos: int
    """Photos that are evidence."""
    selection_photos: int
    calibration_photos: int
    test_photos: int
    """Photos left untouched, for others to measure on."""
    unreadable_photos: int
    """Photos that cannot be read, or that stand under two names."""
    other_photos: int
    """Photos that name no taxon of this flora."""
    repeated_photos: int = 0
    """Photos that were given more than once, and count once."""
    kept_photos: int = 0
    """Photos of which the flora keeps copies."""
    new_photos: int = 0
    """Photos that the encoder looked at for this version; it had looked at the others before."""
    taught: int = 0
    """Taxa that were taught later, by a few photos each."""


@dataclass(frozen=True)
class HitRates:
    """How often the right taxon is among the first 1 and 5, as shares of 1."""

    top1: float
    top5: float


@dataclass(frozen=True)
class _Format:
    """What every manifest says, whatever else is in it."""

    format_version: int | None = None


@dataclass(frozen=True)
class FloraManifest:
    """What a flora version says about itself."""

    version: str
    """Name of the version's folder."""
    encoder: EncoderStamp
    counts: FloraCounts
    selection: Mapping[str, HitRates]
    """By kind of evidence, on the validation photos: they chose the text weight, so this is no test."""
    files: Mapping[str, FileStamp]
    created_by: str
    """The DALIP version that built it."""
    leave_one_out: Mapping[str, HitRates]
    """By kind of evidence, on the photos that are evidence, each compared with prototypes that it is no part of."""
    kept_side: int
    """Short side in pixels of the copies that it keeps of its photos; 0 where it keeps none, but of plants that it was
    taught."""
    photos: Mapping[str, FileStamp]
    """What it needs of the files that versions share."""
    format_version: int = FORMAT_VERSION

    @property
    def keeps_all(self) -> bool:
        """Whether it keeps a copy of every photo, so that any change can be learned from all of them."""
        counts = self.counts
        return counts.kept_photos == counts.photos + counts.selection_photos + counts.calibration_photos

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into a version's folder."""
        (folder / MANIFEST).write_text(to_json(self), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FloraManifest":
        """Read the manifest of a version.

        Raises:
            FloraError: It is missing, damaged, or of a format that this DALIP does not know.
        """
        path = folder / MANIFEST
        try:
            content = path.read_bytes()
            found = from_json(content, _Format).format_version
            if found != FORMAT_VERSION:
                raise FloraError("flora-format", source=path, found=found, known=FORMAT_VERSION)
            return from_json(content, cls)
        except FileNotFoundError:
            raise FloraError("flora-file-missing", source=path) from None
        except (OSError, ValueError) as error:
            raise FloraError("flora-file-damaged", source=path, cause=error) from error

    def check_sizes(self, folder: Path) -> None:
        """Compare the files of a version with their recorded sizes, which is fast enough for every load.

        Raises:
            FloraError: A file is missing or has another size.
        """
        for name, stamp in self.files.items():
            try:
                size = (folder / name).stat().st_size
            except (OSError, ValueError):  # which a name with a zero byte is
                raise FloraError("flora-file-missing", source=folder / name) from None
            if size != stamp.size:
                raise FloraError("flora-file-size", source=folder / name, size=size, stamped=stamp.size)
