"""Changing a flora that keeps its photos: what it holds afterwards is what a build from all of them would give."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.progress import Progress, no_progress
from dalip.taxon_tree import placed_among
from dalip.taxonomy import Taxon, VernacularName
from dalip_index.build.build import build_version
from dalip_index.build.embed_photos import say_nothing
from dalip_index.build.plan import Plan, shown
from dalip_index.build.state import State, read_state
from dalip_index.store.kept_photos import digest_of
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import check_target, new_version

__all__ = ["add_photos", "merge_floras", "rebuild_flora", "remove_from", "taxa_of"]


def add_photos(
    path: Path,
    encoder: Encoder,
    records: Sequence[Record],
    taxa: Sequence[Taxon] = (),
    *,
    test_too: bool = False,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = say_nothing,
) -> FloraManifest:
    """Add photos, and the taxa that they show, to a flora that keeps its photos.

    Args:
        path: The flora, which gets a new version.
        encoder: The one that built it.
        records: The photos; those that name no taxon are left out.
        taxa: More about taxa that the flora lacks; it takes them up even without photos. The others are made from what
            the photos say of them.
        test_too: Whether photos of the test split are added, too.
        progress: As `build_flora`.
        skipped: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos, was built with another encoder, its taxa contradict the new ones, or it
            cannot be read or written.
    """
    with _changing(path, encoder) as (draft, state):
        held = list(state.taxa)
        names = {taxon.scientific_name.casefold(): taxon.scientific_name for taxon in held}
        for taxon in (*taxa, *taxa_of(records)):
            folded = taxon.scientific_name.casefold()
            if folded not in names:
                names[folded] = taxon.scientific_name
                held.append(placed_among(taxon, held))
            elif names[folded] != taxon.scientific_name:
                raise FloraError(
                    f"{taxon.scientific_name}: the flora holds it as {names[folded]}; write it so"
                )
        plan = _plan(state, taxa=held, records=[*state.kept, *records], test_too=test_too)
        return build_version(path, draft, encoder, plan, progress, skipped)


def taxa_of(records: Iterable[Record]) -> list[Taxon]:
    """Give the taxa that photos name, each once and as the first of them describes it, in alphabetical order."""
    found: dict[str, Taxon] = {}
    for record in records:
        if record.taxon:
            found.setdefault(record.taxon.scientific_name, record.taxon)
    return [found[name] for name in sorted(found)]


def remove_from(
    path: Path,
    encoder: Encoder,
    *,
    names: Sequence[str] = (),
    photos: Sequence[str] = (),
    progress: Progress = no_progress,
) -> FloraManifest:
    """Take taxa, with all that is known of them, or single photos out of a flora that keeps its photos.

    Args:
        path: The flora, which gets a new version.
        encoder: The one that built it.
        names: Scientific names of the taxa.
        photos: Keys of the photos, as the catalogue lists them; or SHA-256 of their files, at least 8 digits.
        progress: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos, was built with another encoder, or does not hold one of these; a key is
            that of several photos; nothing would be left; or it cannot be read or written.
    """
    with _changing(path, encoder) as (draft, state):
        state.require_taxa(names)
        taxa = [taxon for taxon in state.taxa if taxon.scientific_name not in names]
        gone = {_found(state, photo) for photo in photos}
        kept = [photo for photo in state.kept if digest_of(photo) not in gone and shown(photo) not in names]
        texts = {name: texts for name, texts in state.texts.items() if name not in names}
        plan = _plan(state, taxa=taxa, records=kept, texts=texts)
        return build_version(path, draft, encoder, plan, progress)


def rebuild_flora(
    path: Path,
    encoder: Encoder,
    *,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = say_nothing,
) -> FloraManifest:
    """Let an encoder, another one or the same, learn a flora from the texts and photos that it keeps.

    Args:
        path: The flora, which gets a new version.
        encoder: Makes all vectors from now on.
        progress: As `build_flora`.
        skipped: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos, or cannot be read or written.
    """
    with _changing(path) as (draft, state):
        return build_version(path, draft, encoder, _plan(state), progress, skipped)


def merge_floras(
    out: Path,
    encoder: Encoder,
    floras: Sequence[Path],
    *,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = say_nothing,
) -> FloraManifest:
    """Make one flora of several that keep their photos.

    A taxon that several hold has the photos and texts of all, and otherwise is as the first describes it.

    Args:
        out: The new flora's folder; absent, empty, or a flora.
        encoder: Makes all vectors; what the floras know by it is not made again.
        floras: The floras, at least one.
        progress: As `build_flora`.
        skipped: As `build_flora`; also called with each photo that shows one taxon in one flora, another in another.

    Raises:
        FloraError: A flora keeps no photos or cannot be read, taxa contradict each other, or `out` cannot be written.
    """
    check_target(out)
    for flora in floras:  # so that what cannot be is said before anything is written
        read_state(flora).require_photos()
    with new_version(out) as draft:
        return build_version(out, draft, encoder, _merged(floras), progress, skipped)


def _merged(floras: Sequence[Path]) -> Plan:
    states = [read_state(flora) for flora in floras]
    taxa: dict[str, Taxon] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for state in states:
        state.require_photos()
        for taxon in state.taxa:
            name = taxon.scientific_name
            taxa[name] = _joined(taxa[name], taxon) if name in taxa else taxon
            texts[name] = tuple(dict.fromkeys((*texts.get(name, ()), *state.texts[name])))
    keep = max(state.kept_side for state in states)
    plan = Plan(list(taxa.values()), [photo for state in states for photo in state.kept], texts, keep)
    plan.check()
    return plan


@contextmanager
def _changing(path: Path, encoder: Encoder | None = None) -> Iterator[tuple[tuple[Path, str], State]]:
    """Write a new version of a flora that keeps its photos, and was built with an encoder if one is given.

    Yields:
        What `new_version` does, and what the flora holds, which nobody else changes meanwhile.
    """
    _check(read_state(path), encoder)  # before anything is written
    with new_version(path) as draft:
        state = read_state(path)
        _check(state, encoder)
        yield draft, state


def _check(state: State, encoder: Encoder | None) -> None:
    state.require_photos()
    built_with = state.manifest.encoder
    if encoder and built_with.fingerprint != encoder.fingerprint:
        raise FloraError(
            f"{state.root}: was built with the encoder {built_with.name} ({built_with.fingerprint[:12]}), not with "
            f"{encoder.manifest.name} ({encoder.fingerprint[:12]}); name its own with --encoder, or move it to this "
            "one with `dalip index rebuild`"
        )


def _plan(state: State, **changes: Any) -> Plan:
    """Plan a version that holds what another one does, but for some fields."""
    tests = state.manifest.counts.test_photos
    held = Plan(state.taxa, state.kept, state.texts, state.kept_side, tests_before=tests)
    plan = replace(held, **changes)
    plan.check()
    return plan


def _found(state: State, photo: str) -> str:
    found = [digest_of(k) for k in state.kept if k.key == photo]
    if not found and len(photo) >= 8:
        found = [d for d in map(digest_of, state.kept) if d.startswith(photo.lower())]
    if len(found) > 1:
        names = ", ".join(digest[:12] for digest in found)
        raise FloraError(f"{photo}: the flora keeps {len(found)} photos of this name; say which: {names}")
    if not found:
        example = f", such as {state.kept[0].key}" if state.kept else ""
        raise FloraError(f"{photo}: the flora keeps no such photo; name it as when it was added{example}")
    return found[0]


def _joined(first: Taxon, second: Taxon) -> Taxon:
    """Complete what one flora says of a taxon by what another does."""
    names: tuple[VernacularName, ...] = tuple(
        dict.fromkeys((*first.vernacular_names, *second.vernacular_names))
    )
    return replace(
        first,
        vernacular_names=names,
        family=first.family or second.family,
        order=first.order or second.order,
        references=tuple(dict.fromkeys((*first.references, *second.references))),
    )
