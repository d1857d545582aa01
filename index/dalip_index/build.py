"""Building a flora: taxa, texts and photos become one version on disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip import __version__
from dalip.data import Record, Split
from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.evaluation import OnnxEmbedder, Photos
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip_index.answers import Progress, Unreadable, Vectors
from dalip_index.calibration import CALIBRATION, Calibration, fit_calibration
from dalip_index.catalogue import CATALOGUE, Evidence, write_catalogue
from dalip_index.evidence import choose_text_weight, evidence_hit_rates
from dalip_index.manifest import EncoderStamp, FileStamp, FloraCounts, FloraManifest, HitRates
from dalip_index.prototypes import Prototypes, chance_similarity, mean_prototypes, with_unit_appearance
from dalip_index.ranks import check_taxonomy
from dalip_index.vectors import INDEX, write_index
from dalip_index.versions import check_target, new_version

__all__ = ["build_flora", "write_version"]


def build_flora(
    out: Path,
    encoder: Encoder,
    taxa: Sequence[Taxon],
    records: Sequence[Record] = (),
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
    unreadable: Callable[[Unreadable], None] | None = None,
) -> FloraManifest:
    """Build a flora, or a new version of the one that is there.

    Photos of the train split become evidence; those of the selection split choose the weight of text against
    photos; those of the calibration split fit the temperature; those of the test split are not even read.

    Args:
        out: The flora's folder; absent, empty, or a flora.
        encoder: Makes all vectors; the flora works with this one only.
        taxa: The taxa, each once.
        records: Photos; those that name no taxon of the flora are counted and left out.
        texts: Texts that stand for a taxon, by scientific name; `dalip.prompts.taxon_texts` for all others.
        progress: Called with "texts", "photos" and "files", the number done, and the number to do.
        unreadable: Called with each photo that cannot be read and is left out.

    Returns:
        What was built.

    Raises:
        FloraError: No taxon, one taxon twice or without any evidence, two taxa that contradict each other about what
            holds them, texts for a taxon that is not there, embeddings that are not finite, or a folder that cannot
            become this flora.
        DataError: A photo's fields name no possible taxon.
    """
    check_target(out)
    rows = _rows_by_name(taxa)
    check_taxonomy(taxa)
    known = [r for r in records if _name(r) in rows]
    embedder = OnnxEmbedder(encoder, appearance=True)
    text_evidence = _text_evidence(taxa, _checked_texts(texts or {}, rows))
    text_vectors = embedder.embed_texts([e.content for e in text_evidence], progress)
    photos = embedder.embed_photos([r for r in known if r.split != "test"], progress)
    if unreadable:
        for name, error in photos.unreadable.items():
            unreadable(Unreadable(name, error))
    text_labels = np.array([e.taxon for e in text_evidence], np.intp)
    unit_vectors, lengths = with_unit_appearance(photos.vectors, encoder.width)
    photos = photos._replace(vectors=unit_vectors)
    vectors, labels = _of_split(photos, "train", rows)
    prototypes = Prototypes(
        *mean_prototypes(text_vectors, text_labels, len(taxa)),
        *mean_prototypes(vectors[:, encoder.width :], labels, len(taxa)),
        np.full(len(taxa), np.nan, np.float32),
    )
    _check_prototypes(taxa, prototypes)
    selecting, calibrating = _of_split(photos, "selection", rows), _of_split(photos, "calibration", rows)
    text_weight = choose_text_weight(prototypes, *selecting)
    calibration = fit_calibration(
        text_weight,
        len(selecting[0]),
        prototypes.similarities(calibrating[0], "both", text_weight),
        calibrating[1],
        lengths[[record.split == "calibration" for record in photos.records]],
        chance_similarity(prototypes, *calibrating),
    )
    rates = evidence_hit_rates(prototypes, text_weight, *selecting)
    photo_evidence = [
        Evidence(rows[_name(r)], "photo", r.key, _rights(r)) for r in photos.records if r.split == "train"
    ]
    counts = FloraCounts(
        taxa=len(taxa),
        vernacular_names=sum(len(t.vernacular_names) for t in taxa),
        texts=len(text_evidence),
        photos=len(photo_evidence),
        selection_photos=len(selecting[0]),
        calibration_photos=len(calibrating[0]),
        test_photos=sum(r.split == "test" for r in known),
        unreadable_photos=len(photos.unreadable),
        other_photos=len(records) - len(known),
    )
    if progress:
        progress("files", 0, 1)
    evidence = [*text_evidence, *photo_evidence]
    with new_version(out) as draft:
        manifest = write_version(*draft, encoder, taxa, evidence, prototypes, calibration, counts, rates)
    if progress:
        progress("files", 1, 1)
    return manifest


def write_version(
    folder: Path,
    version: str,
    encoder: Encoder,
    taxa: Sequence[Taxon],
    evidence: Sequence[Evidence],
    prototypes: Prototypes,
    calibration: Calibration,
    counts: FloraCounts,
    rates: Mapping[str, HitRates],
) -> FloraManifest:
    """Write the files of a version.

    Args:
        folder: An empty folder.
        version: The name that it will have.
        encoder: The one that made the vectors.
        taxa: The taxa, each once.
        evidence: Every text and photo behind the prototypes.
        prototypes: One row a taxon.
        calibration: How the flora weighs evidence and turns similarities into probabilities.
        counts: How much of everything there is.
        rates: By kind of evidence, on selection photos.

    Returns:
        What the version says about itself.
    """
    write_catalogue(folder / CATALOGUE, taxa, evidence, prototypes)
    write_index(folder / INDEX, prototypes.vectors(calibration.text_weight))
    calibration.save(folder / CALIBRATION)
    stamp = EncoderStamp(encoder.manifest.name, encoder.fingerprint, encoder.width, encoder.appearance_width)
    files = {name: FileStamp.of(folder / name) for name in (CATALOGUE, INDEX, CALIBRATION)}
    manifest = FloraManifest(version, stamp, counts, rates, files, __version__)
    manifest.save(folder)
    return manifest


def _name(record: Record) -> str:
    return record.taxon.scientific_name if record.taxon else ""


def _rights(record: Record) -> str:
    parts = (record.fields.get(term) for term in ("rightsHolder", "license", "source"))
    return "; ".join(str(part) for part in parts if part)


def _rows_by_name(taxa: Sequence[Taxon]) -> dict[str, int]:
    if not taxa:
        raise FloraError("a flora needs at least one taxon; the list is empty")
    rows: dict[str, int] = {}
    for row, taxon in enumerate(taxa):
        if taxon.scientific_name in rows:
            raise FloraError(f"{taxon.scientific_name} is in the list of taxa twice; keep one of them")
        rows[taxon.scientific_name] = row
    return rows


def _checked_texts(
    texts: Mapping[str, Sequence[str]], rows: Mapping[str, int]
) -> Mapping[str, Sequence[str]]:
    unknown = next((name for name in texts if name not in rows), None)
    if unknown is not None:
        raise FloraError(
            f"there are texts for {unknown}, which is not in the list of taxa; correct one of them"
        )
    return texts


def _text_evidence(taxa: Sequence[Taxon], texts: Mapping[str, Sequence[str]]) -> list[Evidence]:
    return [
        Evidence(row, "text", text)
        for row, taxon in enumerate(taxa)
        for text in (texts[taxon.scientific_name] if taxon.scientific_name in texts else taxon_texts(taxon))
    ]


def _of_split(photos: Photos, split: Split, rows: Mapping[str, int]) -> tuple[Vectors, NDArray[np.intp]]:
    """Give embeddings and taxon rows of the photos of one split."""
    chosen = [i for i, record in enumerate(photos.records) if record.split == split]
    labels = [rows[_name(photos.records[i])] for i in chosen]
    return photos.vectors[chosen], np.array(labels, np.intp)


def _check_prototypes(taxa: Sequence[Taxon], prototypes: Prototypes) -> None:
    bare = np.flatnonzero(prototypes.text_counts + prototypes.photo_counts == 0)
    if len(bare):
        raise FloraError(
            f"{taxa[bare[0]].scientific_name}: has no text and no photo; give it one or leave it out"
        )
    for kind, vectors in (("texts", prototypes.text), ("photos", prototypes.photos)):
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise FloraError(
                f"{taxa[broken[0]].scientific_name}: the encoder gives no finite vector for its {kind}; "
                "check the encoder with its verify option"
            )
