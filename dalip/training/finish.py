"""What follows training: choose scoring weights, export, and check the export on real photos."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tokenizers import Tokenizer

from dalip.data import Record
from dalip.encoder import EncoderManifest
from dalip.encoder.images import open_image
from dalip.errors import DalipError, ExportError
from dalip.export import Weights, check_parity, export_bundle
from dalip.model import DALIP
from dalip.training.data import Corpus, load_corpus
from dalip.training.evaluation import ZeroShot, embed_naming, zero_shot
from dalip.training.loop import load_run
from dalip.training.towers import Towers

__all__ = ["choose_first_order", "export_run"]

_PARITY_PHOTOS = 32


def export_run(
    run: Path,
    out: Path,
    *,
    weights: Weights = "fp32",
    name: str | None = None,
    terms: str = "",
    report: Callable[[str], None] = lambda line: None,
) -> EncoderManifest:
    """Export a finished run, with the scoring weights that its selection photos favour.

    Args:
        run: The folder that `train` left; its data must still be where the run's configuration says.
        out: The bundle's folder.
        weights: How the bundle stores its weights.
        name: The encoder's name; the run's folder name if not given.
        terms: Under which the weights may be used.
        report: Called with one line of progress at a time.

    Returns:
        The manifest as written; its `details` hold the accuracy on the selection split from text alone.

    Raises:
        TrainingError: The run is not finished.
        ExportError: The model cannot be exported, or its export differs from it.
        DataError: The run's data is gone.
    """
    model, towers, config = load_run(run)
    corpus = load_corpus(config)
    selection = corpus.split("selection")
    first_order, accuracy = choose_first_order(model, towers, corpus, selection, mirror=config.mirror)
    report(f"scoring weight of the first order, chosen on {len(selection)} selection photos: {first_order:g}")
    sources = sorted({record.source for record in (*corpus.plants, *corpus.replay)})
    try:
        manifest = export_bundle(
            model,
            towers,
            out,
            name=name or run.resolve().name,
            first_order=first_order,
            mirror=config.mirror,
            weights=weights,
            trained_on=[*sources, *(["descriptions of the taxa"] if corpus.descriptions else [])],
            terms=terms,
            details={
                "model": config.model,
                "epochs": config.epochs,
                "seed": config.seed,
                "selection": {source: asdict(result) for source, result in accuracy.items()},
            },
        )
    except OSError as error:
        raise ExportError(
            f"{out}: cannot be written ({error.strerror or error}); put that right and export again"
        ) from error
    photos = _readable(selection or corpus.split("train"), _PARITY_PHOTOS)
    texts = corpus.every_text[:_PARITY_PHOTOS]
    least = check_parity(model, towers, out, photos, texts, mirror=config.mirror, weights=weights)
    report(
        f"exported {out}; least cosine to the trained model, over {len(photos)} photos and "
        f"{len(texts)} texts: {least:.6f}"
    )
    return manifest


def _readable(records: Sequence[Record], count: int) -> list[Record]:
    found: list[Record] = []
    for record in records:
        if len(found) == count:
            break
        with contextlib.suppress(DalipError):
            open_image(record.read_bytes())
            found.append(record)
    if not found:
        raise ExportError(
            "none of the photos to check the export on can be read; put them back and export again"
        )
    return found


def choose_first_order(
    model: DALIP, towers: Towers, corpus: Corpus, records: list[Record], *, mirror: bool = False
) -> tuple[float, dict[str, ZeroShot]]:
    """Choose how first and second order are weighed in an answer: such that the right taxa are likeliest.

    The likelihood, a mean over the sources, changes smoothly where top-1 on a few hundred photos jumps about.

    Args:
        model: In evaluation mode.
        towers: What it was built from.
        corpus: Gives the texts of the taxa.
        records: Photos to choose on, from the selection split; without any, both orders weigh the same.
        mirror: Whether the encoder will average each photo with its mirror image.

    Returns:
        The scoring weight l1 of the first order, and the accuracy from text alone with it, by source.

    Raises:
        ExportError: None of the photos can be read.
    """
    if not records:
        return 0.5, {}
    tokenizer = Tokenizer.from_file(str(towers.tokenizer))
    naming = embed_naming(model, corpus, records, tokenizer, towers.text, towers.image, mirror=mirror)
    if not naming.records:
        raise ExportError("none of the selection photos can be read; the scoring weights cannot be chosen")

    def loss(first_order: float) -> float:
        results = zero_shot(naming, first_order=first_order).values()
        return sum(r.nll for r in results) / len(results)

    best = min((step / 10 for step in range(11)), key=loss)
    return best, zero_shot(naming, first_order=best)
