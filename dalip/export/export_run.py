"""Finish a training run: choose scoring weights, export, check the export on real photos, write the report."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dalip.encoder import EncoderManifest, Vectors, read_manifest
from dalip.encoder.bundle import is_bundle
from dalip.encoder.embed_ahead import embed_ahead
from dalip.errors import DalipError, ExportError, ImageError
from dalip.evaluation import ZeroShotTask, accuracy_by_source, choose_first_order
from dalip.export.onnx_modules import ImageEncoder
from dalip.export.parity import check_parity
from dalip.export.weights import Weights
from dalip.export.whitening import Whitening, fit_whitening, read_whitening
from dalip.export.write_bundle import export_bundle, refuse_used
from dalip.model import DALIP
from dalip.photos import open_image
from dalip.progress import no_report
from dalip.training.config import TrainConfig, source_of
from dalip.training.data.corpus import Corpus, load_corpus
from dalip.training.inherit import START
from dalip.training.log import ReportLine
from dalip.training.malloc import keep_freed_memory
from dalip.training.optimizer import freeze
from dalip.training.run_report import write_report
from dalip.training.torch_embedder import TorchEmbedder
from dalip.training.towers.create import Towers
from dalip.training.towers.from_bundle import ORIGIN, origin_of
from dalip.training.towers.load_model import load_run
from dalip.training.validation import selection_naming

__all__ = ["export_and_describe", "export_run"]

_PARITY_ITEMS = 32
_WHITENING_PHOTOS = 20_000  # a random sample, if there are more
_AT_ONCE = 32


def export_and_describe(
    run: Path,
    *,
    compare: Callable[[], Sequence[str]] | None = None,
    describe: Callable[[DalipError], str] = str,
    report: ReportLine = no_report,
) -> EncoderManifest:
    """Export a finished run to `RUN/encoder`, according to its configuration, and describe it in `RUN/README.md`.

    Args:
        run: Folder of the finished run; its data must still be at the paths in its configuration.
        compare: Returns Markdown lines for the page that compare the encoder with the one that the run started from.
            Called only if the run has a copy of that one, after the new one is in `RUN/encoder`.
        describe: Returns the message for the error of a photo skipped in training.
        report: Called with one line of progress at a time.

    Returns:
        The encoder's manifest.

    Raises:
        DalipError: See `export_run`.
    """
    manifest = export_run(run, run / "encoder", report=report)
    compared = compare() if compare and is_bundle(run / START) else ()
    try:
        write_report(run, manifest, compared, describe)
    except OSError as error:
        raise ExportError(
            "export-not-written", source=error.filename or run, cause=error.strerror or error
        ) from error
    return manifest


def export_run(
    run: Path,
    out: Path,
    *,
    first_order: float | None = None,
    weights: Weights | None = None,
    name: str | None = None,
    terms: str | None = None,
    report: ReportLine = no_report,
) -> EncoderManifest:
    """Export a finished run, with scoring weights chosen on its validation photos.

    Args:
        run: Folder of the finished run; its data must still be at the paths in its configuration.
        out: The bundle's folder.
        first_order: Scoring weight l1, in [0, 1], instead of the one chosen on the validation photos.
        weights: Format in which the bundle stores its weights; by default that of the configuration.
        name: Name of the encoder; by default the name of the run's folder.
        terms: Terms of use of the weights; by default those of the configuration.
        report: Called with one line of progress at a time.

    Returns:
        The manifest as written; its `details` contain the accuracy on the validation split from text alone.

    Raises:
        TrainingError: The run is not finished.
        ExportError: The model cannot be exported, or the export differs from the model.
        DataError: The run's data is missing.
    """
    refuse_used(out)
    keep_freed_memory()
    model, towers, config = load_run(run)
    if model.config is None and first_order not in (None, 1):
        raise ExportError("export-without-second-order", source=run)
    weights = weights or config.weights
    corpus = load_corpus(config)
    embedder = TorchEmbedder(model, towers, mirror=config.mirror)
    report("choosing the scoring weights and exporting")
    naming, skipped = selection_naming(embedder, corpus)
    for error in skipped:
        report(error)
    if first_order is None:
        first_order = choose_first_order(naming, embedder.blocks) if naming else embedder.first_order
        if model.config:
            chosen = (
                f"chosen on {len(naming.truth):,} validation photos"
                if naming
                else "default, without validation photos"
            )
            report(f"scoring weight of the first order ({chosen}): {first_order:g}")
    accuracy = {}
    if naming and corpus.plants("selection"):
        accuracy = _accuracy(naming.reweighted(embedder.blocks, first_order))
    whitening = _inherited_whitening(run, model, towers, config)
    if whitening is None:
        whitening = _whitening(model, towers, corpus, mirror=config.mirror, report=report)
    manifest = export_bundle(
        model,
        towers,
        out,
        name=name or run.resolve().name,
        first_order=first_order,
        mirror=config.mirror,
        whitening=whitening,
        weights=weights,
        trained_on=_trained_on(run, config, corpus),
        terms=config.terms if terms is None else terms,
        details={
            "model": config.model,
            **({"steps": config.steps} if config.steps else {"epochs": config.epochs}),
            "seed": config.seed,
            "photos": sum(record.split == "train" for record in corpus.records)
            if not config.stream
            else None,
            "selection": accuracy,
            "selection_unreadable": len(skipped),
            "selection_photos": len(naming.truth) if naming else 0,
        },
    )
    photos, texts = _parity_items(corpus)
    least = check_parity(
        model, towers, out, photos, texts, mirror=config.mirror, whitening=whitening, weights=weights
    )
    report(
        f"exported {out}; lowest cosine similarity to the trained model, over {len(photos)} photos and "
        f"{len(texts)} texts: {least:.6f}"
    )
    return manifest


def _whitening(
    model: DALIP, towers: Towers, corpus: Corpus, *, mirror: bool, report: ReportLine
) -> Whitening | None:
    """Fit the whitening of appearance vectors on photos of the training split."""
    plants = corpus.plants("train")
    chosen = [plants[i] for i in np.random.default_rng(0).permutation(len(plants))[:_WHITENING_PHOTOS]]
    encoder = ImageEncoder(model, 1.0, mirror)

    @torch.inference_mode()
    def appearances(pixels: Vectors) -> Vectors:
        rows: Vectors = encoder.appearance(torch.from_numpy(pixels)).numpy()
        return rows

    found: list[Vectors] = []
    taxa: list[str] = []
    sources = (record.read_bytes for record in chosen)
    embedded = embed_ahead(sources, towers.image, _AT_ONCE, appearances)
    for number, (record, (_, row)) in enumerate(zip(chosen, embedded, strict=True), 1):
        if record.taxon and not isinstance(row, ImageError):
            found.append(row)
            taxa.append(record.taxon.scientific_name)
        if number % 1000 == 0:
            report(f"appearance of photos: {number:,} of {len(chosen):,}")
    return fit_whitening(np.stack(found), taxa) if found else None


def _accuracy(naming: ZeroShotTask) -> dict[str, dict[str, Any]]:
    found = accuracy_by_source(naming).items()
    return {source: asdict(accuracy) for source, accuracy in found if source in naming.sources}


def _inherited_whitening(run: Path, model: DALIP, towers: Towers, config: TrainConfig) -> Whitening | None:
    """Return the whitening of the encoder that a run started from, if the image tower is unchanged.

    It was usually fitted on more photos, and plants known from photos do not have to be learned again.
    """
    start = run / START
    freeze(model, config.freeze)
    learned = any(parameter.requires_grad for parameter in model.image_tower.body)
    if learned or not is_bundle(start) or ORIGIN not in read_manifest(start).details:
        return None
    manifest, origin = origin_of(start)
    if (manifest.image, origin.mirror) != (towers.image, config.mirror):
        return None
    return read_whitening(start)


def _trained_on(run: Path, config: TrainConfig, corpus: Corpus) -> list[str]:
    before = read_manifest(run / START).trained_on if is_bundle(run / START) else ()
    if config.stream:  # then the corpus is only the data that it was evaluated on
        sources = {Path(source_of(text)[0]).name for text in config.data}
    else:
        sources = {record.source for record in corpus.records}
    learned = [*before, *sorted(sources), *(["descriptions of the taxa"] if config.descriptions else [])]
    return list(dict.fromkeys(learned))


def _parity_items(corpus: Corpus) -> tuple[list[Image.Image], list[str]]:
    """Return photos and texts to check an export on: validation photos first, or Pillow's gradients if none exist."""
    photos: list[Image.Image] = []
    learned = [
        record for split in ("selection", "train") for record in corpus.records if record.split == split
    ]
    for record in learned:
        if len(photos) == _PARITY_ITEMS:
            break
        with contextlib.suppress(DalipError):
            photos.append(open_image(record.read_bytes()))
    if learned and not photos:
        raise ExportError("export-without-photo")
    captions = [text for record in corpus.records[:_PARITY_ITEMS] for text in record.captions]
    texts = [*corpus.every_text, *captions, "a photo of a plant"]
    return photos or [Image.linear_gradient("L"), Image.radial_gradient("L")], texts[:_PARITY_ITEMS]
