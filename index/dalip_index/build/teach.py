"""Teach a flora a plant from a few photos (few-shot, without training), and forget it again.

A flora that keeps its photos is rebuilt from all of them. Other floras, such as the built-in one, get an additional
prototype. Nothing changes for the other plants, except for photos that resemble the new plant.
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
from dalip.prompt_templates import prompts_for
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
from dalip_index.store.manifest import VECTORS_IN_CATALOGUE, FloraManifest
from dalip_index.store.photo_store import PhotoStore
from dalip_index.store.versions import flora_or_start, new_version

__all__ = ["flora_to_teach", "forget_taxon", "learns_from_all", "teach_from", "teach_taxon"]

_USUAL_CHANCE = 0.15
"""Typical `Calibration.chance` with the built-in encoder, for floras in which it could not be measured."""


class _Lesson(NamedTuple):
    """A taxon, and the texts and photos to teach it from."""

    taxon: Taxon
    texts: Sequence[str]
    photos: Sequence[int]
    """Rows in the embedded photos."""


class _Known(NamedTuple):
    """The taxa of a version with their evidence, prototypes and kept photos."""

    taxa: Sequence[Taxon]
    evidence: Sequence[Evidence]
    prototypes: Prototypes
    kept: Sequence[Record]

    @classmethod
    def of(cls, flora: Flora, contents: FloraContents) -> "_Known":
        """Combine a loaded flora with the rest of its contents on disk."""
        evidence = contents.evidence
        if contents.manifest.format_version == VECTORS_IN_CATALOGUE:  # held-out photos were not evidence
            evidence = tuple(e for e in evidence if e.role == "evidence")
        return cls(flora.taxa, evidence, flora.prototypes, contents.kept)

    def without(self, row: int) -> "_Known":
        """Return a copy without a taxon and without photos that no other taxon needs."""
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
    """Add a taxon to a flora from a few photos, without training.

    A flora that keeps its photos adds the new ones to them; it may already contain the taxon. In other floras, also
    those built from texts alone, photos are compared with the new taxon by appearance, along the direction that
    distinguishes the mean of its photos from the means of the other taxa. An offset is added to this similarity; it
    follows from the similarity that photos have by chance and from the flora's rejection limit. `docs/trust.md` reports
    how well this works and how it affects the other taxa.

    Args:
        path: The flora, which gets a new version and keeps small copies of the photos.
        encoder: The encoder that built it.
        taxon: The taxon; a missing family or order is filled in from the flora's taxa in the same genus.
        photos: Photos of it; one is enough, four are much better.
        start: The flora to copy if there is none at `path` yet.
        again: Whether to replace the photos that the taxon was taught from before.
        progress: Called with "photos", the number done, and the total.
        skipped: Called with each photo that is skipped because it cannot be read.

    Returns:
        The manifest of the new version.

    Raises:
        FloraError: A flora that keeps no photos, or was built without photos, already contains the taxon; its taxa
            contradict it; no photo can be read; or the flora cannot be loaded or written.
    """
    flora = flora_to_teach(path, start, encoder)
    taught = TAUGHT[taxon.scientific_name in flora.tree.rows]
    given = [taught_record(number, photo, taxon, taught) for number, photo in enumerate(photos, 1)]
    if learns_from_all(flora):
        return add_photos(path, encoder, given, [taxon], test_too=True, progress=progress, skipped=skipped)
    _ready(taxon, flora, again)  # report errors before the photos are read
    with new_version(path) as draft:
        # Load again, because another process may have taught it in the meantime.
        flora = flora_to_teach(path, start, encoder)
        known, placed = _ready(taxon, flora, again)
        store = PhotoStore(path, encoder.fingerprint)
        embedded = embed_and_keep(store, encoder, [*known.kept, *given], KEPT_SIDE, progress, skipped)
        (texts,) = prompts_for([placed], encoder.manifest.prompts, len(flora.taxa))
        lesson = _Lesson(placed, texts, range(len(known.kept), len(embedded.records)))
        return _teach(draft, store, flora, known, embedded, [lesson])


def forget_taxon(path: Path, encoder: Encoder, *names: str) -> FloraManifest:
    """Remove taught taxa from a flora, so that it answers as before.

    In a flora that keeps its photos, this removes the photos that the taxa were taught from. A taxon itself is removed
    if teaching added it and it has no other photos. `remove_from` removes any taxon.

    Args:
        path: The flora, which gets a new version.
        encoder: The encoder that built it.
        names: Scientific names of the taxa; either all of them are removed, or none.

    Returns:
        The manifest of the new version.

    Raises:
        FloraError: A taxon is not in the flora or was not taught, or the flora cannot be loaded or written.
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
    """Teach a copy of a flora the taxa of other floras, from their kept photos.

    A flora that keeps all its photos contributes every taxon with photos; other floras contribute the taxa that they
    were taught. Taxa already in the copy are not taught again. The other floras may have been built with another
    encoder, so this also moves a taught copy of the built-in flora to a new DALIP version.

    Args:
        out: The copy, which gets a new version; missing, empty, or a flora, which may be one of `floras`.
        encoder: The encoder that built `start`.
        start: The flora to copy.
        floras: The other floras; a taxon is taught from the first one that keeps photos of it.
        progress: Called with "photos", the number done, and the total.
        skipped: Called with each photo that has different names in two floras.

    Returns:
        The manifest of the new version.

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
    """Load the flora at `path`, or `start` if there is none yet; see `teach_taxon`."""
    return load_flora(flora_or_start(path, start), encoder)


def learns_from_all(flora: Flora) -> bool:
    """Return whether teaching rebuilds a flora from all its photos: it keeps them, and was built with some."""
    return flora.manifest.keeps_all and bool(flora.prototypes.photo_counts[~flora.prototypes.taught].any())


def _taught_row(scientific_name: str, flora: Flora) -> int:
    """Return the row of a taught taxon.

    Raises:
        FloraError: The taxon is not in the flora, or was not taught.
    """
    row = flora.tree.rows.get(scientific_name)
    if row is None:
        taught = flora.taught
        raise FloraError("taxon-not-taught", source=scientific_name, number=len(taught), taught=taught)
    if not flora.prototypes.taught[row]:
        raise FloraError("taxon-calibrated-with", source=scientific_name)
    return row


def _ready(taxon: Taxon, flora: Flora, again: bool) -> tuple[_Known, Taxon]:
    """Return the state of a flora before a taxon is taught, and the taxon with missing higher taxa filled in.

    Raises:
        FloraError: The flora already contains the taxon, or does not contain it with `again`; or its taxa contradict
            it.
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
    """Write a version with more taxa than a flora, from photos already embedded."""
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
    """Add the prototypes of a taxon taught from photos, shape (photos, E + A)."""
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
    """Write a version with other taxa than a flora and the same calibration."""
    manifest, found = flora.manifest, count_evidence(known.taxa, known.evidence)
    counts = replace(
        manifest.counts,
        taxa=found.taxa,
        vernacular_names=found.vernacular_names,
        texts=found.texts,
        photos=found.photos,
        selection_photos=found.selection_photos,
        calibration_photos=found.calibration_photos,
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
