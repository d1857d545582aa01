"""Looking at a flora from outside: what is in it, and whether all of it is sound."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalip.errors import FloraError
from dalip_index.calibration import CALIBRATION, Calibration
from dalip_index.catalogue import CATALOGUE, open_catalogue, read_prototypes, read_taught, read_taxa
from dalip_index.manifest import FileStamp, FloraManifest
from dalip_index.vectors import INDEX, read_index
from dalip_index.versions import current_version

__all__ = ["FloraInfo", "flora_info", "verify_flora"]


@dataclass(frozen=True)
class FloraInfo:
    """A flora at a glance."""

    path: Path
    manifest: FloraManifest
    """Version, encoder, counts, and the hit rates on selection photos."""
    calibration: Calibration
    size: int
    """Bytes on disk of the live version."""
    taught: tuple[str, ...]
    """Scientific names of the taxa that were taught later."""


def flora_info(path: Path) -> FloraInfo:
    """Describe the live version of a flora, without its encoder.

    Args:
        path: The flora.

    Raises:
        FloraError: It is missing or damaged.
    """
    folder = current_version(path)
    manifest = FloraManifest.load(folder)
    manifest.check_sizes(folder)
    size = sum(p.stat().st_size for p in folder.iterdir())
    return FloraInfo(path, manifest, Calibration.load(folder / CALIBRATION), size, read_taught(folder))


def verify_flora(path: Path) -> FloraInfo:
    """Check everything in the live version of a flora against everything else, without its encoder.

    Args:
        path: The flora.

    Returns:
        The same as `flora_info`.

    Raises:
        FloraError: Something is wrong; the message names the file and says what.
    """
    folder = current_version(path)
    info = flora_info(path)
    manifest = info.manifest
    if manifest.version != folder.name:
        raise FloraError(f"{folder}: its manifest says that it is {manifest.version}; build the flora again")
    for name in (CATALOGUE, INDEX, CALIBRATION):
        if name not in manifest.files:
            raise FloraError(f"{folder}: its manifest does not name {name}; build the flora again")
    for name, stamp in manifest.files.items():
        if FileStamp.of(folder / name) != stamp:
            raise FloraError(f"{folder / name}: was changed after it was written; build the flora again")
    _verify_catalogue(folder, manifest)
    _verify_vectors(folder, manifest, info.calibration)
    return info


def _verify_catalogue(folder: Path, manifest: FloraManifest) -> None:
    with open_catalogue(folder) as connection:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
        if result != "ok":
            raise FloraError(
                f"{folder / CATALOGUE}: SQLite finds it damaged ({result}); build the flora again"
            )
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        if orphans:
            raise FloraError(
                f"{folder / CATALOGUE}: {len(orphans)} rows ({orphans[0][0]}, ...) belong to no taxon; "
                "build the flora again"
            )
        counts = manifest.counts
        expected = {
            "taxa": counts.taxa,
            "vernacular_names": counts.vernacular_names,
            "evidence WHERE kind = 'text'": counts.texts,
            "evidence WHERE kind = 'photo'": counts.photos,
        }
        for rows, number in expected.items():
            found = _count(connection, rows)
            if found != number:
                raise FloraError(
                    f"{folder / CATALOGUE}: {found} rows in {rows} where the manifest says {number}; "
                    "build the flora again"
                )
    read_taxa(folder)


def _count(connection: sqlite3.Connection, rows: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
    return number


def _verify_vectors(folder: Path, manifest: FloraManifest, calibration: Calibration) -> None:
    taxa, stamp = manifest.counts.taxa, manifest.encoder
    width = stamp.width + stamp.appearance_width + 1
    prototypes = read_prototypes(folder, taxa, stamp.width, stamp.appearance_width)
    if (int(prototypes.text_counts.sum()), int(prototypes.photo_counts.sum())) != (
        manifest.counts.texts,
        manifest.counts.photos,
    ):
        raise FloraError(
            f"{folder / CATALOGUE}: prototypes and evidence differ in number; build the flora again"
        )
    index = read_index(folder / INDEX)
    if (index.ntotal, index.d) != (taxa, width):
        raise FloraError(
            f"{folder / INDEX}: {index.ntotal} vectors of width {index.d} where the manifest says {taxa} of "
            f"{width}; build the flora again"
        )
    vectors = np.stack([index.reconstruct(number) for number in range(1, taxa + 1)])
    for name, found in ((INDEX, vectors), (CATALOGUE, prototypes.text), (CATALOGUE, prototypes.photos)):
        if not np.isfinite(found).all():
            raise FloraError(f"{folder / name}: holds vectors that are not finite; build the flora again")
    if not np.allclose(vectors, prototypes.vectors(calibration.text_weight), atol=1e-5):
        raise FloraError(f"{folder / INDEX}: does not follow from the prototypes; build the flora again")
