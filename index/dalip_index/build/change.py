"""Change floras that keep their photos: add and remove photos, rebuild, merge."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.progress import Progress, no_progress, no_report
from dalip.taxon_tree import placed_among
from dalip.taxonomy import Taxon, VernacularName
from dalip_index.build.build import build_version
from dalip_index.build.contents import FloraContents, NewContents, read_contents, taxon_name_of
from dalip_index.flora.load import check_encoder
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
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Add photos and their taxa to a flora that keeps its photos.

    Args:
        path: The flora, which gets a new version.
        encoder: The encoder that built it.
        records: The photos; photos without a taxon are skipped.
        taxa: New taxa to add, even if they have no photos. Other new taxa are taken from the fields of the photos.
        test_too: Whether photos in the test split are also added.
        progress: As `build_flora`.
        skipped: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos, was built with another encoder, or cannot be read or written; or its taxa
            contradict the new ones.
    """
    with _changing(path, encoder) as (draft, contents):
        held = list(contents.taxa)
        names = {taxon.scientific_name.casefold(): taxon.scientific_name for taxon in held}
        for taxon in (*taxa, *taxa_of(records)):
            folded = taxon.scientific_name.casefold()
            if folded not in names:
                names[folded] = taxon.scientific_name
                held.append(placed_among(taxon, held))
            elif names[folded] != taxon.scientific_name:
                raise FloraError("taxon-held-as", source=taxon.scientific_name, held=names[folded])
        new = _new_contents(
            contents, encoder, taxa=held, records=[*contents.kept, *records], test_too=test_too
        )
        return build_version(path, draft, encoder, new, progress, skipped)


def taxa_of(records: Iterable[Record]) -> list[Taxon]:
    """Return the taxa of photos in alphabetical order, as their first photos describe them; any may give the author."""
    found: dict[str, Taxon] = {}
    for record in records:
        if taxon := record.taxon:
            known = found.setdefault(taxon.scientific_name, taxon)
            if taxon.scientific_name_authorship and not known.scientific_name_authorship:
                author = taxon.scientific_name_authorship
                found[taxon.scientific_name] = replace(known, scientific_name_authorship=author)
    return [found[name] for name in sorted(found)]


def remove_from(
    path: Path,
    encoder: Encoder,
    *,
    names: Sequence[str] = (),
    photos: Sequence[str] = (),
    progress: Progress = no_progress,
) -> FloraManifest:
    """Remove taxa with all their evidence, or single photos, from a flora that keeps its photos.

    Args:
        path: The flora, which gets a new version.
        encoder: The encoder that built it.
        names: Scientific names of the taxa.
        photos: Keys of the photos as listed in the catalogue; or SHA-256 of their files, at least the first 8 digits.
        progress: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos or was built with another encoder; a taxon or photo is not in the flora; a
            key matches several photos; nothing would be left; or the flora cannot be read or written.
    """
    with _changing(path, encoder) as (draft, contents):
        contents.require_taxa(names)
        taxa = [taxon for taxon in contents.taxa if taxon.scientific_name not in names]
        gone = {_found(contents, photo) for photo in photos}
        kept = [
            photo
            for photo in contents.kept
            if digest_of(photo) not in gone and taxon_name_of(photo) not in names
        ]
        texts = {name: texts for name, texts in contents.texts.items() if name not in names}
        new = _new_contents(contents, encoder, taxa=taxa, records=kept, texts=texts)
        return build_version(path, draft, encoder, new, progress)


def rebuild_flora(
    path: Path,
    encoder: Encoder,
    *,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Rebuild a flora from its texts and kept photos, with the same or another encoder.

    Texts in the wording of the encoder that the flora was built with are replaced by those of the new one.

    Args:
        path: The flora, which gets a new version.
        encoder: Makes all vectors of the new version.
        progress: As `build_flora`.
        skipped: As `build_flora`.

    Raises:
        FloraError: The flora keeps no photos, or cannot be read or written.
    """
    with _changing(path) as (draft, contents):
        new = _new_contents(contents, encoder, texts=contents.given_texts)
        return build_version(path, draft, encoder, new, progress, skipped)


def merge_floras(
    out: Path,
    encoder: Encoder,
    floras: Sequence[Path],
    *,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Merge several floras that keep their photos into one.

    A taxon in several floras gets the photos of all of them, and the texts that were given for it. Its other data comes
    from the first one.

    Args:
        out: The new flora's folder; missing, empty, or a flora.
        encoder: Makes all vectors; vectors that the floras have from this encoder are reused.
        floras: The floras, at least one.
        progress: As `build_flora`.
        skipped: As `build_flora`; also called with each photo that has different taxa in two floras.

    Raises:
        FloraError: A flora keeps no photos or cannot be read, taxa contradict each other, or `out` cannot be written.
    """
    check_target(out)
    for flora in floras:  # report errors before anything is written
        read_contents(flora).require_photos()
    with new_version(out) as draft:
        merged = replace(_merged(floras), templates=encoder.manifest.prompts)
        return build_version(out, draft, encoder, merged, progress, skipped)


def _merged(floras: Sequence[Path]) -> NewContents:
    held = [read_contents(flora) for flora in floras]
    taxa: dict[str, Taxon] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for contents in held:
        contents.require_photos()
        for taxon in contents.taxa:
            name = taxon.scientific_name
            taxa[name] = _joined(taxa[name], taxon) if name in taxa else taxon
            if given := contents.given_texts.get(name):
                texts[name] = tuple(dict.fromkeys((*texts.get(name, ()), *given)))
    keep = max(contents.kept_side for contents in held)
    new = NewContents(
        list(taxa.values()), [photo for contents in held for photo in contents.kept], texts, keep
    )
    new.check()
    return new


@contextmanager
def _changing(path: Path, encoder: Encoder | None = None) -> Iterator[tuple[tuple[Path, str], FloraContents]]:
    """Write a new version of a flora that keeps its photos; check that `encoder`, if not `None`, built it.

    Yields:
        The value of `new_version`, and the contents of the flora, which no other process can change in the meantime.
    """
    _check(read_contents(path), encoder)  # before anything is written
    with new_version(path) as draft:
        contents = read_contents(path)
        _check(contents, encoder)
        yield draft, contents


def _check(contents: FloraContents, encoder: Encoder | None) -> None:
    contents.require_photos()
    if encoder:
        check_encoder(contents.root, contents.manifest.encoder, encoder)


def _new_contents(contents: FloraContents, encoder: Encoder, **changes: Any) -> NewContents:
    """Return the contents of a version with some fields changed."""
    tests = contents.manifest.counts.test_photos
    held = NewContents(
        contents.taxa,
        contents.kept,
        contents.texts,
        contents.kept_side,
        tests_before=tests,
        templates=encoder.manifest.prompts,
    )
    new = replace(held, **changes)
    new.check()
    return new


def _found(contents: FloraContents, photo: str) -> str:
    found = [digest_of(k) for k in contents.kept if k.key == photo]
    if not found and len(photo) >= 8:
        found = [digest for digest in map(digest_of, contents.kept) if digest.startswith(photo.lower())]
    if len(found) > 1:
        digests = [digest[:12] for digest in found]
        raise FloraError("kept-photos-of-one-name", source=photo, number=len(found), digests=digests)
    if not found:
        kept = contents.kept
        example = kept[0].key if kept else ""
        raise FloraError("photo-not-kept", source=photo, kept=len(kept), example=example)
    return found[0]


def _joined(first: Taxon, second: Taxon) -> Taxon:
    """Fill in missing data of a taxon in one flora from another."""
    names: tuple[VernacularName, ...] = tuple(
        dict.fromkeys((*first.vernacular_names, *second.vernacular_names))
    )
    return replace(
        first,
        vernacular_names=names,
        family=first.family or second.family,
        order=first.order or second.order,
        references=tuple(dict.fromkeys((*first.references, *second.references))),
        scientific_name_authorship=first.scientific_name_authorship or second.scientific_name_authorship,
    )
