"""`build_flora`: build a flora from taxa, texts and photos."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip import __version__
from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.files import as_utf8
from dalip.progress import Progress, no_progress, no_report
from dalip.taxon_tree import place_taxa
from dalip.taxonomy import Taxon
from dalip_index.build.contents import NewContents, require_evidence, taxon_name_of
from dalip_index.build.embed_photos import embed_and_keep, embed_only
from dalip_index.build.learn import Learned, PhotoVectors, learn
from dalip_index.build.texts import embed_texts
from dalip_index.flora.calibration import CALIBRATION
from dalip_index.store.catalogue import CATALOGUE, ROLE_OF_SPLIT, Evidence, Role, write_catalogue
from dalip_index.store.kept_photos import KEPT_SIDE, digest_of, packs_of
from dalip_index.store.manifest import EncoderStamp, FileStamp, FloraCounts, FloraManifest
from dalip_index.store.photo_store import PhotoStore
from dalip_index.store.versions import check_target, current_version, new_version

__all__ = [
    "build_flora",
    "build_version",
    "count_evidence",
    "photo_evidence",
    "write_version",
]


def build_flora(
    out: Path,
    encoder: Encoder,
    taxa: Sequence[Taxon],
    records: Sequence[Record] = (),
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
    keep: int = KEPT_SIDE,
    test_too: bool = False,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Build a flora, or a new version of an existing one.

    Photos in the training, validation (`selection`) and calibration splits become evidence. Those in the validation
    split also choose the weights, and those in the calibration split fit the calibration; both are left out of the
    prototypes for as long as that takes. Photos in the test split are not even read, except for taxa without others.

    Texts and photos already embedded in this flora are reused. Photos are recognised by the content of their files.

    Args:
        out: The flora's folder; missing, empty, or a flora.
        encoder: Makes all vectors; the flora works only with this encoder.
        taxa: The taxa, each once.
        records: Photos; photos of taxa that are not in the flora are counted and skipped.
        texts: Texts by scientific name; other taxa get those from `dalip.prompts.name_texts`.
        keep: Short side in pixels of the copies that the flora keeps of its photos, so that it can be changed and moved
            to another encoder; 0 to keep none.
        test_too: Whether all photos in the test split also become evidence.
        progress: Called with "texts", "photos" and "files", the number done, and the total.
        skipped: Called with each photo that is skipped because it cannot be read or has two different names.

    Returns:
        The manifest of the new version.

    Raises:
        FloraError: There is no taxon, a taxon appears twice or has no evidence, two taxa contradict each other about
            their higher taxa, there are texts for an unknown taxon, an embedding is not finite, or the folder cannot
            be used for this flora.
        DataError: A photo's fields do not describe a valid taxon.
    """
    check_target(out)
    contents = NewContents(taxa, records, texts or {}, keep, test_too, templates=encoder.manifest.prompts)
    contents.check()
    with new_version(out) as draft:
        return build_version(out, draft, encoder, contents, progress, skipped)


def build_version(
    out: Path,
    draft: tuple[Path, str],
    encoder: Encoder,
    contents: NewContents,
    progress: Progress = no_progress,
    skipped: Callable[[Skipped], None] = no_report,
) -> FloraManifest:
    """Write a version with given contents, as `build_flora` does.

    Args:
        out: The flora.
        draft: The value that `new_version` yields for it.
        encoder: Makes all vectors.
        contents: The contents, already checked, for this encoder.
        progress: As `build_flora`.
        skipped: As `build_flora`.
    """
    taxa, wanted = contents.taxa, contents.wanted
    text, text_counts = embed_texts(encoder, contents.text_evidence, len(taxa), out, progress)
    others = {pack.parent for pack in packs_of(wanted)}
    store = PhotoStore(out, encoder.fingerprint, others)
    if contents.keep:
        photos = embed_and_keep(store, encoder, wanted, contents.keep, progress, skipped)
    else:
        photos = embed_only(encoder, wanted, progress, skipped)
    progress("files", 0, 1)
    labels = np.array([contents.rows[taxon_name_of(r)] for r in photos.records], np.intp)
    roles = [ROLE_OF_SPLIT[record.split] for record in photos.records]
    require_evidence(taxa, {*np.flatnonzero(text_counts).tolist(), *labels.tolist()})
    for kind, vectors, rows in (("texts", text, np.arange(len(taxa))), ("photos", photos.vectors, labels)):
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise FloraError(
                "embedding-not-finite", source=taxa[rows[broken[0]]].scientific_name, evidence=kind
            )
    learned = learn(text, text_counts, PhotoVectors(photos.vectors, labels, roles, encoder.width), taxa)
    evidence = [*contents.text_evidence, *photo_evidence(photos.records, labels, roles)]
    counts = replace(
        count_evidence(taxa, evidence),
        test_photos=contents.tests_before + len(contents.known) - len(wanted),
        unreadable_photos=photos.refused,
        other_photos=len(contents.records) - len(contents.known),
        repeated_photos=photos.repeated,
        new_photos=photos.new,
    )
    manifest = write_version(
        draft, encoder, taxa, evidence, learned, counts, contents.keep, store, photos.kept
    )
    progress("files", 1, 1)
    return manifest


def write_version(
    draft: tuple[Path, str],
    encoder: Encoder,
    taxa: Sequence[Taxon],
    evidence: Sequence[Evidence],
    learned: Learned,
    counts: FloraCounts,
    kept_side: int,
    store: PhotoStore,
    kept: Sequence[Record],
) -> FloraManifest:
    """Write the files of a version, and repack its kept photos.

    Args:
        draft: The value that `new_version` yields: an empty folder, and the name of the new version.
        encoder: The encoder that made the vectors.
        taxa: The taxa, each once.
        evidence: All texts and photos.
        learned: Prototypes, calibration and hit rates.
        counts: Counts for the manifest.
        kept_side: Short side in pixels of the kept copies; 0 if the flora does not keep all its photos.
        store: Where copies are kept.
        kept: The kept photos that the version needs.

    Returns:
        The manifest of the version.
    """
    folder, version = draft
    prototypes = learned.prototypes
    packs = store.arrange(kept, encoder.width + encoder.appearance_width)
    pack_of = {digest_of(photo): pack.name for pack in packs for photo in pack.photos}
    packed = [replace(e, pack=pack_of.get(e.photo, "")) for e in evidence]
    higher, above = place_taxa(taxa)
    write_catalogue(folder / CATALOGUE, taxa, higher, packed, prototypes.rows())
    prototypes.save(folder)
    prototypes.arrays(above).save(folder)
    learned.calibration.save(folder / CALIBRATION)
    manifest = FloraManifest(
        version,
        EncoderStamp(
            encoder.manifest.name,
            encoder.fingerprint,
            encoder.width,
            encoder.appearance_width,
            encoder.manifest.prompts,
        ),
        counts,
        learned.selection,
        {path.name: FileStamp.of(path) for path in sorted(folder.iterdir())},
        __version__,
        learned.leave_one_out,
        kept_side,
        store.stamps(packs, _stamps_before(folder.parent)),
        prototypes.shrinkage,
    )
    manifest.save(folder)
    return manifest


def photo_evidence(
    records: Sequence[Record], labels: NDArray[np.intp], roles: Sequence[Role]
) -> Iterator[Evidence]:
    """Yield photos as catalogue entries, without the packs of their copies.

    Args:
        records: The photos.
        labels: Row of the taxon in each photo, shape (photos,).
        roles: Role of each photo.
    """
    for record, label, role in zip(records, labels.tolist(), roles, strict=True):
        yield Evidence(label, "photo", as_utf8(record.key), _rights(record), role, digest_of(record))


def _rights(record: Record) -> str:
    """Return the rights holder, licence and source of a photo, as far as its fields contain them."""
    parts = (record.fields.get(term) for term in ("rightsHolder", "license", "source"))
    return "; ".join(str(part) for part in parts if part)


def count_evidence(taxa: Sequence[Taxon], evidence: Sequence[Evidence]) -> FloraCounts:
    """Count the contents of a flora."""
    kinds = Counter(e.kind for e in evidence)
    roles = Counter(e.role for e in evidence)
    return FloraCounts(
        taxa=len(taxa),
        vernacular_names=sum(len(taxon.vernacular_names) for taxon in taxa),
        texts=kinds["text"],
        photos=kinds["photo"],
        selection_photos=roles["selection"],
        calibration_photos=roles["calibration"],
        kept_photos=sum(bool(e.photo) for e in evidence),
        test_photos=0,
        unreadable_photos=0,
        other_photos=0,
    )


def _stamps_before(out: Path) -> Mapping[str, FileStamp]:
    try:
        return FloraManifest.load(current_version(out)).photos
    except FloraError:  # there is no version yet, or it has another format
        return {}
