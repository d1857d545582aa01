"""`manifest.json` of a flora: what a version holds, its encoder, and the hash of each file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dalip.errors import FloraError

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
class FloraManifest:
    """What a flora version says about itself."""

    version: str
    """Name of the version's folder."""
    encoder: EncoderStamp
    counts: FloraCounts
    selection: Mapping[str, HitRates]
    """By kind of evidence, on the selection photos: they chose the text weight, so this is no test."""
    files: Mapping[str, FileStamp]
    created_by: str
    """The DALIP version that built it."""
    leave_one_out: Mapping[str, HitRates] = field(default_factory=dict)
    """By kind of evidence, on the photos that are evidence, each compared with prototypes that it is no part of."""
    kept_side: int = 0
    """Short side in pixels of the copies that it keeps of its photos; 0 where it keeps none, but of plants that it was
    taught."""
    photos: Mapping[str, FileStamp] = field(default_factory=dict)
    """What it needs of the files that versions share."""
    format_version: int = FORMAT_VERSION

    @property
    def keeps_all(self) -> bool:
        """Whether it keeps a copy of every photo, so that any change can be learned from all of them anew."""
        counts = self.counts
        return counts.kept_photos == counts.photos + counts.selection_photos + counts.calibration_photos

    def save(self, folder: Path) -> None:
        """Write `manifest.json` into a version's folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FloraManifest":
        """Read the manifest of a version.

        Raises:
            FloraError: It is missing, damaged, or of a format that this DALIP does not know.
        """
        path = folder / MANIFEST
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if content.get("format_version") != FORMAT_VERSION:
                raise FloraError(
                    f"{path}: format {content.get('format_version')!r} is not {FORMAT_VERSION}; "
                    "use the DALIP that built this flora, or build it again"
                )
            return cls(
                version=str(content["version"]),
                encoder=EncoderStamp(
                    str(content["encoder"]["name"]),
                    str(content["encoder"]["fingerprint"]),
                    int(content["encoder"]["width"]),
                    int(content["encoder"]["appearance_width"]),
                ),
                counts=FloraCounts(**{name: int(number) for name, number in content["counts"].items()}),
                selection=_rates(content["selection"]),
                files=_stamps(content["files"]),
                created_by=str(content["created_by"]),
                leave_one_out=_rates(content["leave_one_out"]),
                kept_side=int(content["kept_side"]),
                photos=_stamps(content["photos"]),
            )
        except FileNotFoundError:
            raise FloraError(f"{path}: missing; build the flora again") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise FloraError(f"{path}: damaged ({error}); build the flora again") from error

    def check_sizes(self, folder: Path) -> None:
        """Compare the files of a version with their recorded sizes, which is fast enough for every load.

        Raises:
            FloraError: A file is missing or has another size.
        """
        for name, stamp in self.files.items():
            try:
                size = (folder / name).stat().st_size
            except OSError:
                raise FloraError(f"{folder / name}: missing; build the flora again") from None
            if size != stamp.size:
                raise FloraError(
                    f"{folder / name}: {size:,} bytes where the manifest says {stamp.size:,}; "
                    "build the flora again"
                )


def _rates(content: Mapping[str, Any]) -> dict[str, HitRates]:
    return {kind: HitRates(float(rates["top1"]), float(rates["top5"])) for kind, rates in content.items()}


def _stamps(content: Mapping[str, Any]) -> dict[str, FileStamp]:
    return {name: FileStamp(int(stamp["size"]), str(stamp["sha256"])) for name, stamp in content.items()}
