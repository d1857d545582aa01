"""Teach a flora the plants in a journal."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalip.datasets.names.resolve import resolve_typed
from dalip.datasets.names.resolver import Resolver
from dalip.encoder import Encoder
from dalip.errors import DataError, Skipped
from dalip.progress import no_report
from dalip.taxonomy import Taxon
from dalip_index.build.teach import flora_to_teach, learns_from_all, teach_taxon
from dalip_index.flora.load import load_flora
from dalip_index.journal.journal import Journal
from dalip_index.store.catalogue import read_evidence
from dalip_index.store.manifest import FloraManifest

__all__ = ["lessons", "teach_lesson"]


@dataclass(frozen=True)
class Lesson:
    """A plant and photos of it."""

    name: str
    """Scientific name."""
    photos: tuple[bytes, ...]
    again: bool
    """Whether the flora was taught the plant before."""


def lessons(
    journal: Journal,
    path: Path,
    start: Path | None,
    encoder: Encoder,
    on_skip: Callable[[Skipped], object] = no_report,
) -> list[Lesson]:
    """Find the plants in a journal that a flora can be taught.

    Args:
        journal: The journal.
        path: The flora.
        start: The flora to use instead if there is none at `path` yet.
        encoder: The encoder that built it.
        on_skip: Called for each observation that cannot be used, and once for each name that is not that of one plant.
    """
    flora = flora_to_teach(path, start, encoder)
    names = Resolver(flora.name_index.among(np.arange(len(flora.taxa))))
    from_all = learns_from_all(flora)
    known = {e.photo for e in read_evidence(flora.folder)} if from_all else set()
    photos: dict[str, list[bytes]] = {}
    plants = {"": ""}
    for seen in journal.observations(on_skip=on_skip):
        if seen.name not in plants:
            plants[seen.name] = _plant(seen.name, names, on_skip)
        name = plants[seen.name]
        if name and (from_all or name in flora.taught or name not in flora.tree.rows):
            # Plants taught before are taught again from all their photos.
            old = known if name not in flora.taught else set()
            mine = [p for p in journal.photos(seen.id) if hashlib.sha256(p).hexdigest() not in old]
            photos.setdefault(name, []).extend(mine)
    return [Lesson(name, tuple(mine), name in flora.taught) for name, mine in photos.items() if mine]


def _plant(name: str, names: Resolver, on_skip: Callable[[Skipped], object]) -> str:
    """Return the scientific name in an observation as the flora has it; observations may be imported or old."""
    try:
        taxon = resolve_typed(name, names, may_be_misspelt=False).taxon
    except DataError as error:
        on_skip(Skipped(name, error))
        return ""
    return taxon.scientific_name if taxon else ""


def teach_lesson(lesson: Lesson, path: Path, start: Path | None, encoder: Encoder) -> FloraManifest:
    """Teach a flora a plant, replacing what it was taught about the plant before.

    Args:
        lesson: What to teach.
        path: The flora, which gets a new version.
        start: The flora to copy if there is none at `path` yet.
        encoder: The encoder that built it.
    """
    taxon = Taxon.from_darwin_core({"scientificName": lesson.name})
    if lesson.again:
        flora = load_flora(path, encoder)
        taxon = flora.taxa[flora.tree.rows[lesson.name]]
    return teach_taxon(path, encoder, taxon, lesson.photos, start=start, again=lesson.again)
