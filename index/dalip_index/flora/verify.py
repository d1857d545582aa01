"""`verify_flora` and `flora_info`: check that a flora's files are consistent, and describe its contents."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Encoder
from dalip.errors import FloraError, ImageError
from dalip.progress import Progress, no_progress
from dalip.taxon_tree import TaxonTree, place_taxa
from dalip_index.flora.calibration import CALIBRATION, Calibration
from dalip_index.flora.load import VERSION_FILES, check_encoder, read_tree
from dalip_index.flora.prototypes import Prototypes, mean_prototypes, with_unit_appearance
from dalip_index.store.catalogue import (
    CATALOGUE,
    open_catalogue,
    read_evidence,
    read_taught,
    read_taxa,
)
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX
from dalip_index.store.kept_photos import Pack, digest_of
from dalip_index.store.manifest import VECTORS_IN_CATALOGUE, FileStamp, FloraManifest
from dalip_index.store.name_tables import names_fit
from dalip_index.store.quantized import ZERO
from dalip_index.store.taxon_arrays import TAXON_ARRAYS, TaxonArrays
from dalip_index.store.versions import SHARED, current_version

__all__ = ["FloraInfo", "find_problems", "flora_info", "verify_flora"]

_ABOUT = (
    0.01  # tolerance for vectors from another machine; those of photos have half precision, prototypes 8 bits
)
_LOOKED_AT = 8  # about how many packs, and photos in each, are embedded again
_TAXA_LOOKED_AT = 200  # about how many taxa, whose texts are all embedded again
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class FloraInfo:
    """Summary of a flora."""

    path: Path
    manifest: FloraManifest
    """Version, encoder, counts, and the hit rates on validation photos."""
    calibration: Calibration
    size: int
    """Bytes on disk of the live version, including kept photos."""
    taught: tuple[str, ...]
    """Scientific names of the taxa taught later."""


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
    """Check all files in the live version of a flora against each other, without its encoder.

    Args:
        path: The flora.

    Returns:
        The same as `flora_info`.

    Raises:
        FloraError: There is a problem. The error contains the file and the number of further problems.
    """
    problems = find_problems(path)
    if len(problems) > 1:
        raise FloraError("problems-of-flora", first=problems[0], others=len(problems) - 1)
    if problems:
        raise problems[0]
    return flora_info(path)


def find_problems(
    path: Path, encoder: Encoder | None = None, progress: Progress = no_progress
) -> list[FloraError]:
    """Check all files in the live version of a flora against each other.

    Args:
        path: The flora.
        encoder: Its encoder, to embed the texts of some taxa and some photos again; `None` to skip this.
        progress: Called with "texts", the number done, and the total.

    Returns:
        One error per problem, with the file; empty for a sound flora.
    """
    problems: list[FloraError] = []
    try:
        folder = current_version(path)
        manifest = flora_info(path).manifest
    except FloraError as error:
        return [error]
    if manifest.version != folder.name:
        problems.append(FloraError("manifest-of-another-version", source=folder, version=manifest.version))
    earlier = manifest.format_version == VECTORS_IN_CATALOGUE
    problems += [
        FloraError("manifest-lacks-file", source=folder, name=name)
        for name in ((CATALOGUE, CALIBRATION) if earlier else VERSION_FILES)
        if name not in manifest.files and name != TAXON_ARRAYS  # written only since floras became large
    ]
    stamped = {folder / name: stamp for name, stamp in manifest.files.items()}
    stamped |= {path / SHARED / name: stamp for name, stamp in manifest.photos.items()}
    for place, stamp in stamped.items():
        if not place.exists():
            problems.append(FloraError("flora-file-missing", source=place))
        elif FileStamp.of(place) != stamp:
            shared = place.parent.name == SHARED
            problems.append(
                FloraError("shared-file-changed" if shared else "flora-file-changed", source=place)
            )
    if problems:  # do not read changed files: their content could be anything
        return problems
    checks: list[Callable[[Path, Path, FloraManifest], Iterator[FloraError]]]
    checks = [_check_catalogue, _check_vectors, _check_photos]
    if encoder:
        checks.append(partial(_look_again, encoder, progress))
    for check in checks:
        try:
            problems += check(path, folder, manifest)
        except FloraError as error:
            problems.append(error)
    return list({str(problem): problem for problem in problems}.values())


def _check_catalogue(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[FloraError]:
    name, counts = folder / CATALOGUE, manifest.counts
    with open_catalogue(folder) as connection:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
        if result != "ok":
            yield FloraError("flora-file-damaged", source=name, cause=result)
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        if orphans:
            yield FloraError("rows-of-no-taxon", source=name, rows=len(orphans), table=orphans[0][0])
        for rows, number in {
            "taxa": counts.taxa,
            "vernacular_names": counts.vernacular_names,
            "evidence WHERE kind = 'photo'": manifest.photos_used,
            "evidence WHERE role = 'selection'": counts.selection_photos,
            "evidence WHERE role = 'calibration'": counts.calibration_photos,
            "evidence WHERE photo != ''": counts.kept_photos,
        }.items():
            found = _count(connection, rows)
            if found != number:
                yield FloraError("rows-not-counted", source=name, rows=rows, found=found, expected=number)
    texts = sum(e.kind == "text" for e in read_evidence(folder))
    if texts != counts.texts:
        yield FloraError("rows-not-counted", source=name, rows="texts", found=texts, expected=counts.texts)
    read_taxa(folder)


def _count(connection: sqlite3.Connection, rows: str) -> int:
    number: int = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
    return number


def _check_vectors(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[FloraError]:
    arrays, tree = read_tree(folder, manifest)
    prototypes = Prototypes.load(folder, manifest)
    if arrays and not _fit(arrays, tree, prototypes):
        yield FloraError("arrays-differ-from-catalogue", source=folder / TAXON_ARRAYS)
    with open_catalogue(folder) as connection:
        if not names_fit(connection, tuple(tree.taxa), tuple(tree.higher)):
            yield FloraError("names-differ-from-taxa", source=folder / CATALOGUE)
    behind = int(prototypes.text_counts.sum()), int(prototypes.photo_counts.sum())
    if behind != (manifest.counts.texts, manifest.counts.photos):
        yield FloraError("prototypes-differ-from-evidence", source=folder / CATALOGUE)
    text = prototypes.text.codes != ZERO
    for present, name in ((text[prototypes.text_counts > 0], TEXT_INDEX), (prototypes.photos, PHOTO_INDEX)):
        if not present.any(axis=1).all():
            yield FloraError("vectors-of-zeros", source=folder / name)


def _fit(arrays: TaxonArrays, tree: TaxonTree, prototypes: Prototypes) -> bool:
    """Return whether arrays and higher taxa are those that follow from the catalogue and the index of texts."""
    higher, above = place_taxa(tree.taxa)
    expected = prototypes.arrays(above)
    return list(tree.higher) == higher and all(
        np.array_equal(getattr(arrays, f.name), getattr(expected, f.name), equal_nan=True)
        for f in fields(TaxonArrays)
    )


def _check_photos(path: Path, folder: Path, manifest: FloraManifest) -> Iterator[FloraError]:
    """Check the kept photos against the catalogue, and the prototypes against the photos' vectors."""
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
            yield FloraError("pack-differs-from-catalogue", source=pack.path)
        if vectors is None or vectors.shape != (len(held), width):
            yield FloraError("vectors-of-pack", source=pack.vectors_path(stamp.fingerprint))
        else:
            seen.update(zip(held, vectors, strict=True))
    earlier = manifest.format_version == VECTORS_IN_CATALOGUE
    own = [e for e in evidence if e.photo in seen and not (earlier and e.role != "evidence")]
    if own:
        rows, _ = with_unit_appearance(np.stack([seen[e.photo] for e in own]).astype(np.float32), stamp.width)
        labels = np.array([e.taxon for e in own], np.intp)
        means, counts = mean_prototypes(rows[:, stamp.width :], labels, manifest.counts.taxa)
        kept = Prototypes.load(folder, manifest)
        whole = np.flatnonzero((counts > 0) & (counts == kept.photo_counts))
        if not np.allclose(means[whole], kept.photos[kept.photo_places[whole]], atol=_ABOUT):
            yield FloraError("prototypes-differ-from-photos", source=folder / PHOTO_INDEX)


def _look_again(
    encoder: Encoder, progress: Progress, path: Path, folder: Path, manifest: FloraManifest
) -> Iterator[FloraError]:
    """Embed the texts of some taxa and some of the photos again and compare the vectors."""
    check_encoder(path, manifest.encoder, encoder)
    texts = [e for e in read_evidence(folder) if e.kind == "text"]
    taxa = sorted({e.taxon for e in texts})
    taxa = taxa[:: max(len(taxa) // _TAXA_LOOKED_AT, 1)]
    chosen = set(taxa)
    texts = [e for e in texts if e.taxon in chosen]
    vectors = [np.empty((0, encoder.width), np.float32)]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        progress("texts", start, len(texts))
        vectors.append(encoder.encode_text([e.content for e in texts[start : start + _TEXTS_AT_ONCE]]))
    labels = np.array([e.taxon for e in texts], np.intp)
    means, _ = mean_prototypes(np.concatenate(vectors), labels, manifest.counts.taxa)
    if not np.allclose(means[taxa], Prototypes.load(folder, manifest).text[taxa], atol=_ABOUT):
        yield FloraError("prototypes-differ-from-texts", source=folder / TEXT_INDEX)
    packs = [Pack(path / SHARED / name) for name in sorted(manifest.photos) if name.endswith(".tar")]
    for pack in packs[:: max(len(packs) // _LOOKED_AT, 1)]:
        photos = pack.photos[:: max(len(pack.photos) // _LOOKED_AT, 1)]
        known = pack.vectors(encoder.fingerprint)
        rows = {digest_of(photo): row for row, photo in enumerate(pack.photos)}
        found = encoder.encode_files((photo.read_bytes() for photo in photos), appearance=True)
        for photo, (_, vector) in zip(photos, found, strict=True):
            if isinstance(vector, ImageError):
                yield FloraError("packed-photo-unreadable", source=pack.path, photo=digest_of(photo)[:12])
            elif known is not None and not np.allclose(vector, known[rows[digest_of(photo)]], atol=_ABOUT):
                yield FloraError(
                    "packed-photo-of-another-vector", source=pack.path, photo=digest_of(photo)[:12]
                )
