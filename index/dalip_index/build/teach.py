"""Teach a flora a plant from a few photos, and let the flora forget it.

A flora that keeps its photos learns from all of them again. One that does not, as the built-in one, is taught: without
training, and nothing changes for the others except for photos that resemble the new plant.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dalip.datasets import Record
from dalip.encoder import Encoder, Vectors
from dalip.errors import FloraError, Skipped
from dalip.photos import PhotoSource
from dalip.progress import Progress, no_progress, no_report
from dalip.prompts import taxon_texts
from dalip.taxon_tree import check_taxonomy, placed_among
from dalip.taxonomy import Taxon
from dalip_index.build.build import count_evidence, photo_evidence, write_version
from dalip_index.build.change import add_photos, remove_from
from dalip_index.build.contents import FloraContents, read_contents, taxon_name_of
from dalip_index.build.embed_photos import EmbeddedPhotos, embed_and_keep
from dalip_index.build.learn import Learned
from dalip_index.flora.flora import Flora
from dalip_index.flora.load import load_flora
from dalip_index.flora.prototypes import Prototypes, unit_mean, with_unit_appearance
from dalip_index.store.catalogue import Evidence
from dalip_index.store.kept_photos import KEPT_SIDE, TAUGHT, digest_of, packs_of, taught_record
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.photo_store import PhotoStore
from dalip_index.store.versions import CURRENT, new_version

__all__ = ["flora_to_teach", "forget_taxon", "learns_from_all", "teach_from", "teach_taxon"]

_USUAL_CHANCE = 0.15
"""What `Calibration.chance` is about with the built-in encoder, for floras whose photos do not say it."""


class _Lesson(NamedTuple):
    """A taxon, and what it is taught by."""

    taxon: Taxon
    texts: Sequence[str]
    photos: Sequence[int]
    """Rows of those that were embedded."""


class _Known(NamedTuple):
    """What a version knows."""

    taxa: Sequence[Taxon]
    evidence: Sequence[Evidence]
    prototypes: Prototypes
    kept: Sequence[Record]

    @classmethod
    def of(cls, flora: Flora, contents: FloraContents) -> "_Known":
        """Take it from a flora, and from what else stands on disk."""
        return cls(flora.taxa, contents.evidence, flora.prototypes, contents.kept)

    def without(self, row: int) -> "_Known":
        """Take a taxon away, and the photos that no other needs."""
        evidence = [replace(e, taxon=e.taxon - (e.taxon > row)) for e in self.evidence if e.taxon != row]
        staying = {e.photo for e in evidence}
        return _Known(
            [taxon for number, taxon in enumerate(self.taxa) if number != row],
            evidence,
            self.prototypes.without(row),
            [photo for photo in self.kept if digest_of(photo) in staying],
        )


def teach_taxon(
    path: Path,
    encoder: Encoder,
    taxon: Taxon,
    photos: Sequence[PhotoSource],
    *,
    start: Path | None = None,
    again: bool = False,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Add a taxon to a flora by a few photos of it, without training.

    A flora that keeps its photos adds them to those; then it may hold the taxon already. In another flora, or one of
    texts alone, a photo is compared with the new taxon by appearance, in the direction that tells the mean of its
    photos from those of the other taxa. How alike two photos are by chance, and how badly photos fit that the flora
    rejects, say what is added to that similarity. `docs/trust.md` says how well it works, and what it costs the other
    taxa.

    Args:
        path: The flora, which gets a new version, and keeps small copies of the photos.
        encoder: The one that built it.
        taxon: The taxon; where it does not say its family or order, the flora's taxa of its genus do.
        photos: Photos of it: one will do, four are much better.
        start: The flora to start from where there is none at `path` yet.
        again: Whether the flora was taught the taxon before, and forgets those photos in the same step.
        progress: Called with "photos", the number done, and the number to do.
        skipped: Called with each photo that cannot be read and is left out.

    Returns:
        What the flora holds now.

    Raises:
        FloraError: The flora, which keeps no photos or has none, holds the taxon already; its taxa contradict it; no
            photo can be read; or the flora cannot be loaded or written.
    """
    flora = flora_to_teach(path, start, encoder)
    taught = TAUGHT[taxon.scientific_name in flora.tree.rows]
    given = [taught_record(number, photo, taxon, taught) for number, photo in enumerate(photos, 1)]
    if learns_from_all(flora):
        return add_photos(path, encoder, given, [taxon], test_too=True, progress=progress, skipped=skipped)
    _ready(taxon, flora, again)  # so that what cannot be is said before the photos are read
    with new_version(path) as draft:
        flora = flora_to_teach(
            path, start, encoder
        )  # again, for another process may have taught it meanwhile
        known, placed = _ready(taxon, flora, again)
        store = PhotoStore(path, encoder.fingerprint)
        embedded = embed_and_keep(store, encoder, [*known.kept, *given], KEPT_SIDE, progress, skipped)
        lesson = _Lesson(placed, taxon_texts(placed), range(len(known.kept), len(embedded.records)))
        return _teach(draft, store, flora, known, embedded, [lesson])


def forget_taxon(path: Path, encoder: Encoder, *names: str) -> FloraManifest:
    """Take away taxa that a flora was taught, so that it answers as before.

    From a flora that keeps its photos it takes those by which it was taught, and a taxon if it was new then and has no
    others; `remove_from` takes any.

    Args:
        path: The flora, which gets a new version.
        encoder: The one that built it.
        names: Scientific names of the taxa; all are taken away, or none.

    Returns:
        What the flora holds now.

    Raises:
        FloraError: The flora does not hold a taxon or was built with it, or cannot be loaded or written.
    """
    flora = load_flora(path, encoder)
    if flora.manifest.keeps_all and not {*names} <= {*flora.taught}:
        return _forget_photos(path, encoder, names)
    for name in names:  # before anything is written
        _taught_row(name, flora)
    with new_version(path) as draft:
        flora = load_flora(path, encoder)
        known = _Known.of(flora, read_contents(path))
        for row in sorted({_taught_row(name, flora) for name in names}, reverse=True):
            known = known.without(row)
        return _write(draft, PhotoStore(path, encoder.fingerprint), flora, known)


def _forget_photos(path: Path, encoder: Encoder, names: Sequence[str]) -> FloraManifest:
    contents = read_contents(path)
    contents.require_taxa(names)
    gone: list[str] = []
    photos: list[str] = []
    for name in names:
        photos_of_it = [photo for photo in contents.kept if taxon_name_of(photo) == name]
        taught = [photo for photo in photos_of_it if photo.fields.get("taught") in TAUGHT]
        if not taught:
            raise FloraError("taxon-built-in", source=name)
        if len(taught) == len(photos_of_it) and any(photo.fields["taught"] == TAUGHT[0] for photo in taught):
            gone.append(name)
        else:
            photos += [digest_of(photo) for photo in taught]
    return remove_from(path, encoder, names=gone, photos=photos)


def teach_from(
    out: Path,
    encoder: Encoder,
    start: Path,
    floras: Sequence[Path],
    *,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Teach a copy of a flora what others know, by the photos that these keep.

    From a flora that keeps all its photos come all taxa that have some, from another one those that it was taught; what
    the copy holds already is not taught again. The encoder need not be theirs, so that this also moves a copy of the
    built-in flora to the one of a new DALIP.

    Args:
        out: The copy, which gets a new version; absent, empty, or a flora, also one of `floras`.
        encoder: The one that built `start`.
        start: The flora to start from.
        floras: The others; the first one that keeps photos of a taxon teaches it.
        progress: Called with "photos", the number done, and the number to do.
        skipped: Called with each photo that two floras have under two names.

    Returns:
        What the copy holds now.

    Raises:
        FloraError: A flora cannot be read or written, or taxa contradict each other.
    """
    with new_version(out) as draft:
        flora, base = load_flora(start, encoder), read_contents(start)
        taxa: dict[str, tuple[Taxon, Sequence[str]]] = {}
        kept: list[Record] = list(base.kept)
        for contents in map(read_contents, floras):
            names = contents.texts if contents.manifest.keeps_all else contents.taught
            new = {name for name in names if name not in taxa and name not in flora.tree.rows}
            kept += [photo for photo in contents.kept if taxon_name_of(photo) in new]
            taxa |= {
                t.scientific_name: (t, contents.texts[t.scientific_name])
                for t in contents.taxa
                if t.scientific_name in new
            }
        store = PhotoStore(out, encoder.fingerprint, {pack.parent for pack in packs_of(kept)})
        embedded = embed_and_keep(store, encoder, kept, base.kept_side, progress, skipped)
        photos: dict[str, list[int]] = {}
        for row, record in enumerate(embedded.records):
            photos.setdefault(taxon_name_of(record), []).append(row)
        lessons = [_Lesson(t, texts, photos[name]) for name, (t, texts) in taxa.items() if name in photos]
        return _teach(draft, store, flora, _Known.of(flora, base), embedded, lessons)


def flora_to_teach(path: Path, start: Path | None, encoder: Encoder) -> Flora:
    """Load the flora at `path` or, where there is none yet, the one to start from; see `teach_taxon`."""
    return load_flora(path if start is None or (path / CURRENT).exists() else start, encoder)


def learns_from_all(flora: Flora) -> bool:
    """Say whether a flora that is taught learns from all its photos: it keeps them, and was built with some."""
    return flora.manifest.keeps_all and bool(flora.prototypes.photo_counts[~flora.prototypes.taught].any())


def _taught_row(scientific_name: str, flora: Flora) -> int:
    """Find the row of a taxon that was taught.

    Raises:
        FloraError: The flora does not hold it, or was built with it.
    """
    row = flora.tree.rows.get(scientific_name)
    if row is None:
        taught = flora.taught
        raise FloraError("taxon-not-taught", source=scientific_name, number=len(taught), taught=taught)
    if not flora.prototypes.taught[row]:
        raise FloraError("taxon-calibrated-with", source=scientific_name)
    return row


def _ready(taxon: Taxon, flora: Flora, again: bool) -> tuple[_Known, Taxon]:
    """Give what a flora knows before it is taught a taxon, and the taxon, completed by its genus and family.

    Raises:
        FloraError: The flora holds it already, or not yet if it is taught it again; or its taxa contradict it.
    """
    known, name = _Known.of(flora, read_contents(flora.folder.parent)), taxon.scientific_name
    if again:
        known = known.without(_taught_row(name, flora))
    if any(name.casefold() == other.scientific_name.casefold() for other in known.taxa):
        raise FloraError("known-already", plant=name)
    placed = placed_among(taxon, known.taxa)
    check_taxonomy((*known.taxa, placed))
    return known, placed


def _teach(
    draft: tuple[Path, str],
    store: PhotoStore,
    flora: Flora,
    known: _Known,
    embedded: EmbeddedPhotos,
    lessons: Sequence[_Lesson],
) -> FloraManifest:
    """Write a version that knows more taxa than a flora does, by photos that are embedded."""
    taxa, evidence, prototypes = list(known.taxa), list(known.evidence), known.prototypes
    for taxon, texts, photos in lessons:
        if not photos:
            raise FloraError("no-photo-readable", plant=taxon.scientific_name)
        row, records = len(taxa), [embedded.records[i] for i in photos]
        vectors = embedded.vectors[list(photos)].astype(np.float32)
        prototypes = _with(flora, prototypes, taxon, texts, vectors)
        evidence += [Evidence(row, "text", text) for text in texts]
        evidence += photo_evidence(records, np.full(len(records), row), ["evidence"] * len(records))
        taxa.append(taxon)
    check_taxonomy(taxa)
    return _write(draft, store, flora, _Known(taxa, evidence, prototypes, embedded.kept))


def _with(
    flora: Flora, prototypes: Prototypes, taxon: Taxon, texts: Sequence[str], photos: Vectors
) -> Prototypes:
    """Add the prototypes of a taxon that is taught by photos, shape (photos, E + A)."""
    width = flora.encoder.width
    offset = flora.calibration.taught_offset
    if offset is None:
        others = flora.similarities(photos).values[:, ~flora.prototypes.taught]
        offset = float(others.max(axis=1).min()) - _USUAL_CHANCE
    appearances = with_unit_appearance(photos, width)[0][:, width:]
    text, mean = unit_mean(flora.encoder.encode_text(texts)), unit_mean(appearances)
    for kind, vector in (("texts", text), ("photos", mean)):
        if not np.isfinite(vector).all():
            raise FloraError("embedding-not-finite", source=taxon.scientific_name, evidence=kind)
    return prototypes.with_taxon(text, len(texts), mean, len(photos), offset)


def _write(draft: tuple[Path, str], store: PhotoStore, flora: Flora, known: _Known) -> FloraManifest:
    """Write a version that knows other taxa than a flora, and is calibrated as it is."""
    manifest, found = flora.manifest, count_evidence(known.taxa, known.evidence)
    counts = replace(
        manifest.counts,
        taxa=found.taxa,
        vernacular_names=found.vernacular_names,
        texts=found.texts,
        photos=found.photos,
        kept_photos=found.kept_photos,
        taught=int(known.prototypes.taught.sum()),
    )
    learned = Learned(known.prototypes, flora.calibration, manifest.selection, manifest.leave_one_out)
    return write_version(
        draft,
        flora.encoder,
        known.taxa,
        known.evidence,
        learned,
        counts,
        manifest.kept_side,
        store,
        known.kept,
    )
