"""Looking at a flora from outside: what is in it, and whether all of it is sound."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder
from dalip.errors import FloraError, ImageError
from dalip_index.flora.calibration import CALIBRATION, Calibration
from dalip_index.flora.prototypes import Prototypes, mean_prototypes, with_unit_appearance
from dalip_index.store.catalogue import (
    CATALOGUE,
    open_catalogue,
    read_evidence,
    read_taught,
    read_taxa,
)
from dalip_index.store.faiss_index import INDEX, read_index
from dalip_index.store.kept_photos import Pack, digest_of
from dalip_index.store.manifest import FileStamp, FloraManifest
from dalip_index.store.versions import SHARED, current_version

__all__ = ["FloraInfo", "find_problems", "flora_info", "verify_flora"]

_AGAIN = "build the flora again"
_ABOUT = 0.01  # how far a vector may be from the one of another machine; those kept have half precision
_LOOKED_AT = 8  # packs, and photos of each, that are looked at again


@dataclass(frozen=True)
class FloraInfo:
    """A flora at a glance."""

    path: Path
    manifest: FloraManifest
    """Version, encoder, counts, and the hit rates on selection photos."""
    calibration: Calibration
    size: int
    """Bytes on disk of the live version, with the photos that it keeps."""
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
    size = sum(p.stat().st_size for p in folder.iterdir()) + sum(s.size for s in manifest.photos.values())
    return FloraInfo(path, manifest, Calibration.load(folder / CALIBRATION), size, read_taught(folder))


def verify_flora(path: Path) -> FloraInfo:
    """Check everything in the live version of a flora against everything else, without its encoder.

    Args:
        path: The flora.

    Returns:
        The same as `flora_info`.

    Raises:
        FloraError: Something is wrong; the message names the file and says what, and what else is.
    """
    problems = find_problems(path)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise FloraError(f"{problems[0]}{more}")
    return flora_info(path)


def find_problems(path: Path, encoder: Encoder | None = None) -> list[str]:
    """Check everything in the live version of a flora against everything else.

    Args:
        path: The flora.
        encoder: Its encoder, if texts and a sample of its photos shall be looked at again.

    Returns:
        One line for each thing that is wrong, which names the file and says what; none for a sound flora.
    """
    problems: list[str] = []
    try:
        folder = current_version(path)
        manifest = flora_info(path).manifest
    except FloraError as error:
        return [str(error)]
    if manifest.version != folder.name:
        problems.append(f"{folder}: its manifest says that it is {manifest.version}; {_AGAIN}")
    missing = [name for name in (CATALOGUE, INDEX, CALIBRATION) if name not in manifest.files]
    problems += [f"{folder}: its manifest does not name {name}; {_AGAIN}" for name in missing]
    stamped = {folder / name: stamp for name, stamp in manifest.files.items()}
    stamped |= {path / SHARED / name: stamp for name, stamp in manifest.photos.items()}
    for place, stamp in stamped.items():
        if not place.exists():
            problems.append(f"{place}: missing; {_AGAIN}")
        elif FileStamp.of(place) != stamp:
            hint = f"delete it and {_AGAIN}" if place.parent.name == SHARED else _AGAIN
            problems.append(f"{place}: was changed after it was written; {hint}")
    if problems:  # what is not what was written could lead its reader anywhere
        return problems
    checks: list[Callable[[Path, Path, FloraManifest], Iterator[str]]]
    checks = [_check_catalogue, _check_vectors, _check_photos]
    if encoder:
        checks.append(partial(_look_again, encoder))
    for check in checks:
        try:
            problems += check(path, folder, manifest)
        except FloraError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def _check_catalogue(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[str]:
    name, counts = folder / CATALOGUE, manifest.counts
    with open_catalogue(folder) as connection:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
        if result != "ok":
            yield f"{name}: SQLite finds it damaged ({result}); {_AGAIN}"
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        if orphans:
            yield f"{name}: {len(orphans)} rows ({orphans[0][0]}, ...) belong to no taxon; {_AGAIN}"
        for rows, number in {
            "taxa": counts.taxa,
            "vernacular_names": counts.vernacular_names,
            "evidence WHERE kind = 'text'": counts.texts,
            "evidence WHERE kind = 'photo' AND role = 'evidence'": counts.photos,
            "evidence WHERE role = 'selection'": counts.selection_photos,
            "evidence WHERE role = 'calibration'": counts.calibration_photos,
            "evidence WHERE photo != ''": counts.kept_photos,
        }.items():
            found = _count(connection, rows)
            if found != number:
                yield f"{name}: {found} rows in {rows} where the manifest says {number}; {_AGAIN}"
    read_taxa(folder)


def _count(connection: sqlite3.Connection, rows: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
    return number


def _check_vectors(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[str]:
    calibration = Calibration.load(folder / CALIBRATION)
    taxa, stamp = manifest.counts.taxa, manifest.encoder
    width = stamp.width + stamp.appearance_width + 1
    prototypes = Prototypes.load(folder, taxa, stamp.width, stamp.appearance_width)
    behind = int(prototypes.text_counts.sum()), int(prototypes.photo_counts.sum())
    if behind != (manifest.counts.texts, manifest.counts.photos):
        yield f"{folder / CATALOGUE}: prototypes and evidence differ in number; {_AGAIN}"
    index = read_index(folder / INDEX)
    if (index.ntotal, index.d) != (taxa, width):
        yield (
            f"{folder / INDEX}: {index.ntotal} vectors of width {index.d} where the manifest says {taxa} of {width}; "
            f"{_AGAIN}"
        )
        return
    vectors = np.stack([index.reconstruct(number) for number in range(1, taxa + 1)])
    for name, found in ((INDEX, vectors), (CATALOGUE, prototypes.text), (CATALOGUE, prototypes.photos)):
        if not np.isfinite(found).all():
            yield f"{folder / name}: holds vectors that are not finite; {_AGAIN}"
    if not np.allclose(vectors, prototypes.vectors(calibration.text_weight), atol=1e-5, equal_nan=True):
        yield f"{folder / INDEX}: does not follow from the prototypes; {_AGAIN}"


def _check_photos(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[str]:
    """Check the photos that are kept against the catalogue, and the prototypes against their vectors."""
    evidence = [e for e in read_evidence(folder) if e.kind == "photo"]
    listed: dict[str, set[str]] = {}
    for one in evidence:
        if one.photo:
            listed.setdefault(one.pack, set()).add(one.photo)
    stamp = manifest.encoder
    width = stamp.width + stamp.appearance_width
    seen: dict[str, NDArray[np.float16]] = {}
    for name in sorted({*listed, *(name for name in manifest.photos if name.endswith(".tar"))}):
        pack = Pack(path / SHARED / name)
        held, vectors = [digest_of(photo) for photo in pack.photos], pack.vectors(stamp.fingerprint)
        if set(held) != listed.get(name, set()) or len(set(held)) < len(held):
            yield f"{pack.path}: holds other photos than the catalogue says; {_AGAIN}"
        if vectors is None or vectors.shape != (len(held), width):
            yield f"{pack.vectors_path(stamp.fingerprint)}: missing, or of the wrong size; {_AGAIN}"
        else:
            seen.update(zip(held, vectors, strict=True))
    own = [e for e in evidence if e.role == "evidence" and e.photo in seen]
    if own:
        rows, _ = with_unit_appearance(np.stack([seen[e.photo] for e in own]).astype(np.float32), stamp.width)
        labels = np.array([e.taxon for e in own], np.intp)
        means, counts = mean_prototypes(rows[:, stamp.width :], labels, manifest.counts.taxa)
        kept = Prototypes.load(folder, manifest.counts.taxa, stamp.width, stamp.appearance_width)
        whole = (counts > 0) & (counts == kept.photo_counts)
        if not np.allclose(means[whole], kept.photos[whole], atol=1e-5):
            yield f"{folder / CATALOGUE}: prototypes do not follow from the photos; {_AGAIN}"


def _look_again(encoder: Encoder, path: Path, folder: Path, manifest: FloraManifest) -> Iterator[str]:
    """Embed all texts and some of the photos again."""
    if manifest.encoder.fingerprint != encoder.fingerprint:
        yield f"{path}: was built with the encoder {manifest.encoder.name}, not with {encoder.manifest.name}"
        return
    evidence = read_evidence(folder)
    texts = [e for e in evidence if e.kind == "text"]
    vectors = encoder.encode_text([e.content for e in texts])
    means, _ = mean_prototypes(vectors, np.array([e.taxon for e in texts], np.intp), manifest.counts.taxa)
    kept = Prototypes.load(folder, manifest.counts.taxa, encoder.width, encoder.appearance_width)
    if not np.allclose(means, kept.text, atol=_ABOUT):
        yield f"{folder / CATALOGUE}: prototypes do not follow from the texts; {_AGAIN}"
    packs = [Pack(path / SHARED / name) for name in sorted(manifest.photos) if name.endswith(".tar")]
    for pack in packs[:: max(len(packs) // _LOOKED_AT, 1)]:
        photos = pack.photos[:: max(len(pack.photos) // _LOOKED_AT, 1)]
        known = pack.vectors(encoder.fingerprint)
        rows = {digest_of(photo): row for row, photo in enumerate(pack.photos)}
        found = encoder.encode_files((photo.read_bytes() for photo in photos), appearance=True)
        for photo, (_, vector) in zip(photos, found, strict=True):
            if isinstance(vector, ImageError):
                yield f"{pack.path}: its photo {digest_of(photo)[:12]} cannot be read; {_AGAIN}"
            elif known is not None and not np.allclose(vector, known[rows[digest_of(photo)]], atol=_ABOUT):
                yield f"{pack.path}: the vector of its photo {digest_of(photo)[:12]} is another; {_AGAIN}"
