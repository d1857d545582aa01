"""Teaching a flora a plant by a few photos, and taking it back: no training, and nothing changes for the others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dalip.encoder import Encoder, PhotoSource
from dalip.errors import FloraError, ImageError
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip_index.answers import Progress, Unreadable, Vectors
from dalip_index.build import write_version
from dalip_index.catalogue import Evidence, read_evidence
from dalip_index.flora import Flora
from dalip_index.load import load_flora
from dalip_index.manifest import FloraManifest
from dalip_index.prototypes import Prototypes, unit_mean, with_unit_appearance
from dalip_index.ranks import check_taxonomy
from dalip_index.versions import CURRENT, new_version

__all__ = ["flora_to_teach", "forget_taxon", "teach_taxon"]

_USUAL_CHANCE = 0.15
"""What `Calibration.chance` is about with the built-in encoder, for floras whose photos do not say it."""


def teach_taxon(
    path: Path,
    encoder: Encoder,
    taxon: Taxon,
    photos: Sequence[PhotoSource],
    *,
    start: Path | None = None,
    progress: Progress | None = None,
    unreadable: Callable[[Unreadable], None] | None = None,
) -> FloraManifest:
    """Add a taxon to a flora by a few photos of it, without training.

    A photo is compared with it by appearance, in the direction that tells the mean of its photos from those of the
    other taxa. How alike two photos are by chance, and how badly photos fit that the flora refuses, say what is added
    to that similarity. `docs/trust.md` says how well it works, and what it costs the other taxa.

    Args:
        path: The flora, which gets a new version.
        encoder: The one that built it.
        taxon: The taxon; where it does not say its family or order, the flora's taxa of its genus do.
        photos: Photos of it: one will do, four are much better.
        start: The flora to start from where there is none at `path` yet.
        progress: Called with "photos", the number done, and the number to do.
        unreadable: Called with each photo that cannot be read and is left out.

    Returns:
        What the flora holds now.

    Raises:
        FloraError: The flora holds the taxon already, its taxa contradict it, no photo can be read, or the flora cannot
            be loaded or written.
    """
    flora = flora_to_teach(path, start, encoder)
    _placed(taxon, flora)  # so that what cannot be is said before the photos are read
    rows: list[Vectors] = []
    names: list[str] = []
    for number, (name, result) in enumerate(flora.encoded(photos), 1):
        if not isinstance(result, ImageError):
            rows.append(result)
            names.append(name.encode("utf-8", "backslashreplace").decode())  # a file may be called anything
        elif unreadable:
            unreadable(Unreadable(name, str(result)))
        if progress:
            progress("photos", number, len(photos))
    if not rows:
        raise FloraError(
            f"{taxon.scientific_name}: none of its photos can be read; name at least one that can",
            "no-photo-readable",
            plant=taxon.scientific_name,
        )
    with new_version(path) as (folder, version):
        flora = flora_to_teach(
            path, start, encoder
        )  # again, for another process may have taught it meanwhile
        placed = _placed(taxon, flora)
        texts = taxon_texts(placed)
        row = len(flora.taxa)
        evidence = [
            *read_evidence(flora.folder),
            *(Evidence(row, "text", text) for text in texts),
            *(Evidence(row, "photo", name) for name in names),
        ]
        prototypes = _with(flora, texts, np.stack(rows))
        return _write(folder, version, flora, (*flora.taxa, placed), evidence, prototypes)


def forget_taxon(path: Path, encoder: Encoder, scientific_name: str) -> FloraManifest:
    """Take away a taxon that a flora was taught, so that it answers as before.

    Args:
        path: The flora, which gets a new version.
        encoder: The one that built it.
        scientific_name: Of the taxon.

    Returns:
        What the flora holds now.

    Raises:
        FloraError: The flora does not hold the taxon or was built with it, or cannot be loaded or written.
    """
    _taught_row(scientific_name, load_flora(path, encoder))  # before anything is written
    with new_version(path) as (folder, version):
        flora = load_flora(path, encoder)
        row = _taught_row(scientific_name, flora)
        evidence = [
            replace(e, taxon=e.taxon - (e.taxon > row)) for e in read_evidence(flora.folder) if e.taxon != row
        ]
        taxa = (*flora.taxa[:row], *flora.taxa[row + 1 :])
        return _write(folder, version, flora, taxa, evidence, flora.prototypes.without(row))


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
    family = taxon.family or _first(t.family for t in flora.taxa if taxon.genus and t.genus == taxon.genus)
    if taxon.taxon_rank == "family":
        family = name
    order = taxon.order or _first(t.order for t in flora.taxa if family and t.family == family)
    placed = replace(taxon, family="" if family == name else family, order=order)
    check_taxonomy((*flora.taxa, placed))
    return placed


def _first(names: Iterable[str]) -> str:
    return next((name for name in names if name), "")


def _with(flora: Flora, texts: Sequence[str], photos: Vectors) -> Prototypes:
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
    return flora.prototypes.with_taxon(text, len(texts), mean, len(photos), offset)


def _write(
    folder: Path,
    version: str,
    flora: Flora,
    taxa: Sequence[Taxon],
    evidence: Sequence[Evidence],
    prototypes: Prototypes,
) -> FloraManifest:
    """Write a version that holds other taxa and is calibrated as before."""
    counts = replace(
        flora.manifest.counts,
        taxa=len(taxa),
        vernacular_names=sum(len(taxon.vernacular_names) for taxon in taxa),
        texts=int(prototypes.text_counts.sum()),
        photos=int(prototypes.photo_counts.sum()),
        taught=int(prototypes.taught.sum()),
    )
    rates = flora.manifest.selection
    return write_version(
        folder, version, flora.encoder, taxa, evidence, prototypes, flora.calibration, counts, rates
    )
