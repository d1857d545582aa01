"""Teaching a flora a plant by a few photos, and taking it back.

A flora that keeps its photos learns from all of them anew. One that does not, as the built-in one, is taught: without
training, and nothing changes for the others but for photos that resemble the new plant.
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
from dalip.progress import Progress, no_progress
from dalip.prompts import taxon_texts
from dalip.taxon_tree import check_taxonomy, placed_among
from dalip.taxonomy import Taxon
from dalip_index.build.build import count_evidence, photo_evidence, write_version
from dalip_index.build.change import add_photos, remove_from
from dalip_index.build.embed_photos import Seen, look_and_keep, say_nothing
from dalip_index.build.learn import Learned
from dalip_index.build.plan import shown
from dalip_index.build.state import State, read_state
from dalip_index.flora.flora import Flora
from dalip_index.flora.load import load_flora
from dalip_index.flora.prototypes import Prototypes, unit_mean, with_unit_appearance
from dalip_index.store.catalogue import Evidence
from dalip_index.store.kept_photos import KEPT_SIDE, TAUGHT, digest_of, packs_of, taught_record
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.photo_store import PhotoStore
from dalip_index.store.versions import CURRENT, new_version

__all__ = ["flora_to_teach", "forget_taxon", "teach_from", "teach_taxon"]

_USUAL_CHANCE = 0.15
"""What `Calibration.chance` is about with the built-in encoder, for floras whose photos do not say it."""


class _Lesson(NamedTuple):
    """A taxon, and what it is taught by."""

    taxon: Taxon
    texts: Sequence[str]
    photos: Sequence[int]
    """Rows of those that were looked at."""


def teach_taxon(
    path: Path,
    encoder: Encoder,
    taxon: Taxon,
    photos: Sequence[PhotoSource],
    *,
    start: Path | None = None,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = say_nothing,
) -> FloraManifest:
    """Add a taxon to a flora by a few photos of it, without training.

    A flora that keeps its photos adds them to those; then it may hold the taxon already. In another flora, or one of
    texts alone, a photo is compared with the new taxon by appearance, in the direction that tells the mean of its
    photos from those of the other taxa. How alike two photos are by chance, and how badly photos fit that the flora
    refuses, say what is added to that similarity. `docs/trust.md` says how well it works, and what it costs the other
    taxa.

    Args:
        path: The flora, which gets a new version, and keeps small copies of the photos.
        encoder: The one that built it.
        taxon: The taxon; where it does not say its family or order, the flora's taxa of its genus do.
        photos: Photos of it: one will do, four are much better.
        start: The flora to start from where there is none at `path` yet.
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
    if flora.manifest.keeps_all and flora.prototypes.photo_counts[~flora.prototypes.taught].any():
        return add_photos(path, encoder, given, [taxon], test_too=True, progress=progress, skipped=skipped)
    placed = _placed(taxon, flora)  # so that what cannot be is said before the photos are read
    with new_version(path) as draft:
        flora = flora_to_teach(
            path, start, encoder
        )  # again, for another process may have taught it meanwhile
        placed = _placed(taxon, flora)
        state = read_state(flora.folder.parent)
        store = PhotoStore(path, encoder.fingerprint)
        seen = look_and_keep(store, encoder, [*state.kept, *given], KEPT_SIDE, progress, skipped)
        lesson = _Lesson(placed, taxon_texts(placed), range(len(state.kept), len(seen.records)))
        return _teach(draft, store, flora, state, seen, [lesson])


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
        flora, state = load_flora(path, encoder), read_state(path)
        evidence, taxa, prototypes = list(state.evidence), list(flora.taxa), flora.prototypes
        for row in sorted({_taught_row(name, flora) for name in names}, reverse=True):
            evidence = [replace(e, taxon=e.taxon - (e.taxon > row)) for e in evidence if e.taxon != row]
            prototypes = prototypes.without(row)
            del taxa[row]
        staying = {e.photo for e in evidence}
        kept = [photo for photo in state.kept if digest_of(photo) in staying]
        store = PhotoStore(path, encoder.fingerprint)
        return _write(draft, store, flora, taxa, evidence, prototypes, kept)


def _forget_photos(path: Path, encoder: Encoder, names: Sequence[str]) -> FloraManifest:
    state = read_state(path)
    state.require_taxa(names)
    gone: list[str] = []
    photos: list[str] = []
    for name in names:
        photos_of_it = [photo for photo in state.kept if shown(photo) == name]
        taught = [photo for photo in photos_of_it if photo.fields.get("taught") in TAUGHT]
        if not taught:
            raise FloraError(
                f"{name}: the flora was built with it; `dalip index remove` takes it out all the same",
                "not-taught",
                plant=name,
            )
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
    skipped: Callable[[Skipped], None] = say_nothing,
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
        flora, base = load_flora(start, encoder), read_state(start)
        taxa: dict[str, tuple[Taxon, Sequence[str]]] = {}
        kept: list[Record] = list(base.kept)
        for state in map(read_state, floras):
            names = state.texts if state.manifest.keeps_all else state.taught
            new = {name for name in names if name not in taxa and name not in flora.tree.rows}
            kept += [photo for photo in state.kept if shown(photo) in new]
            taxa |= {
                t.scientific_name: (t, state.texts[t.scientific_name])
                for t in state.taxa
                if t.scientific_name in new
            }
        store = PhotoStore(out, encoder.fingerprint, {pack.parent for pack in packs_of(kept)})
        seen = look_and_keep(store, encoder, kept, base.kept_side, progress, skipped)
        photos: dict[str, list[int]] = {}
        for row, record in enumerate(seen.records):
            photos.setdefault(shown(record), []).append(row)
        lessons = [_Lesson(t, texts, photos[name]) for name, (t, texts) in taxa.items() if name in photos]
        return _teach(draft, store, flora, base, seen, lessons)


def flora_to_teach(path: Path, start: Path | None, encoder: Encoder) -> Flora:
    """Load the flora at `path` or, where there is none yet, the one to start from; see `teach_taxon`."""
    return load_flora(path if start is None or (path / CURRENT).exists() else start, encoder)


def _taught_row(scientific_name: str, flora: Flora) -> int:
    """Find the row of a taxon that was taught.

    Raises:
        FloraError: The flora does not hold it, or was built with it.
    """
    row = flora.tree.rows.get(scientific_name)
    if row is None:
        taught = ", ".join(flora.taught) or "nothing"
        raise FloraError(f"{scientific_name}: the flora does not hold it; it was taught {taught}")
    if not flora.prototypes.taught[row]:
        raise FloraError(
            f"{scientific_name}: the flora was built with it, and its calibration with both; build it again without it"
        )
    return row


def _placed(taxon: Taxon, flora: Flora) -> Taxon:
    """Complete what holds a taxon by what the flora knows of its genus and family.

    Raises:
        FloraError: The flora holds it already, or its taxa contradict it.
    """
    name = taxon.scientific_name
    if any(name.casefold() == other.scientific_name.casefold() for other in flora.taxa):
        raise FloraError(
            f"{name}: the flora holds it already; if it was taught, remove it first to teach it anew",
            "known-already",
            plant=name,
        )
    placed = placed_among(taxon, flora.taxa)
    check_taxonomy((*flora.taxa, placed))
    return placed


def _teach(
    draft: tuple[Path, str],
    store: PhotoStore,
    flora: Flora,
    state: State,
    seen: Seen,
    lessons: Sequence[_Lesson],
) -> FloraManifest:
    """Write a version that knows more taxa than a flora, whose state it is, by photos that were looked at."""
    taxa, evidence, prototypes = list(flora.taxa), list(state.evidence), flora.prototypes
    for taxon, texts, photos in lessons:
        if not photos:
            raise FloraError(
                f"{taxon.scientific_name}: none of its photos can be read; name at least one that can",
                "no-photo-readable",
                plant=taxon.scientific_name,
            )
        row, records = len(taxa), [seen.records[i] for i in photos]
        prototypes = _with(flora, prototypes, texts, seen.vectors[list(photos)].astype(np.float32))
        evidence += [Evidence(row, "text", text) for text in texts]
        evidence += photo_evidence(records, np.full(len(records), row), ["evidence"] * len(records))
        taxa.append(taxon)
    check_taxonomy(taxa)
    return _write(draft, store, flora, taxa, evidence, prototypes, seen.kept)


def _with(flora: Flora, prototypes: Prototypes, texts: Sequence[str], photos: Vectors) -> Prototypes:
    """Add the prototypes of a taxon that is taught by photos, shape (photos, E + A)."""
    width = flora.encoder.width
    offset = flora.calibration.taught_offset
    if offset is None:
        others = flora.judged(photos).similarities[:, ~flora.prototypes.taught]
        offset = float(others.max(axis=1).min()) - _USUAL_CHANCE
    appearances = with_unit_appearance(photos, width)[0][:, width:]
    text, mean = unit_mean(flora.encoder.encode_text(texts)), unit_mean(appearances)
    if not np.isfinite(text).all() or not np.isfinite(mean).all():
        raise FloraError("the encoder gives no finite vector; check it with `dalip index verify --encoder`")
    return prototypes.with_taxon(text, len(texts), mean, len(photos), offset)


def _write(
    draft: tuple[Path, str],
    store: PhotoStore,
    flora: Flora,
    taxa: Sequence[Taxon],
    evidence: Sequence[Evidence],
    prototypes: Prototypes,
    kept: Sequence[Record],
) -> FloraManifest:
    """Write a version that holds other taxa and is calibrated as before."""
    manifest, found = flora.manifest, count_evidence(taxa, evidence)
    counts = replace(
        manifest.counts,
        taxa=found.taxa,
        vernacular_names=found.vernacular_names,
        texts=found.texts,
        photos=found.photos,
        kept_photos=found.kept_photos,
        taught=int(prototypes.taught.sum()),
    )
    learned = Learned(prototypes, flora.calibration, manifest.selection, manifest.leave_one_out)
    return write_version(
        draft, flora.encoder, taxa, evidence, learned, counts, manifest.kept_side, store, kept
    )
