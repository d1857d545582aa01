"""Export a model that was not trained by `dalip train`: an open_clip model, or the authors' checkpoint."""

from pathlib import Path

import numpy as np
from PIL import Image

from dalip.encoder import EncoderManifest
from dalip.errors import ExportError
from dalip.export.parity import check_parity
from dalip.export.weights import Weights
from dalip.export.write_bundle import export_bundle, refuse_used
from dalip.progress import no_report
from dalip.training.log import ReportLine
from dalip.training.towers.load_model import Loaded, load_model

__all__ = ["export_model"]

_TEXTS = (
    "",
    "a rose",
    "Bellis perennis, the common daisy",
    "木蓮",
    "a photo of a yellow flower by a river " * 30,
)


def export_model(
    source: str,
    out: Path,
    *,
    pretrained: str | None = None,
    first_order: float | None = None,
    weights: Weights = "fp32",
    name: str | None = None,
    terms: str = "",
    report: ReportLine = no_report,
) -> EncoderManifest:
    """Export a model that is not a run, and check the export on generated pictures and a few texts.

    Args:
        source: The authors' checkpoint or an open_clip model, as for `load_model`.
        out: The bundle's folder.
        pretrained: Which weights of a named open_clip model: a tag or a file.
        first_order: Scoring weight l1, in [0, 1]; by default 0.5, and always 1 for a plain CLIP.
        weights: Format in which the bundle stores its weights.
        name: Name of the encoder; by default made from `source`.
        terms: Terms of use of the weights.
        report: Called with one line of progress at a time.

    Returns:
        The manifest as written.

    Raises:
        TrainingError: The model cannot be loaded.
        ExportError: The model cannot be exported or has untrained parts, or the export differs from the model.
    """
    refuse_used(out)
    report(f"loading {source}")
    loaded = load_model(source, pretrained=pretrained, report=report)
    _require_weights(source, loaded)
    if first_order is not None and loaded.model.config is None and first_order != 1:
        raise ExportError("export-without-second-order", source=source)
    title = source.rstrip("/").rsplit("/", 1)[-1].removeprefix("local-dir:").removeprefix("hf-hub:")
    manifest = export_bundle(
        loaded.model,
        loaded.towers,
        out,
        name=name or " ".join(filter(None, (title, pretrained))),
        first_order=0.5 if first_order is None else first_order,
        weights=weights,
        terms=terms,
        details={"model": title} | ({"pretrained": pretrained} if pretrained else {}),
        report=report,
    )
    report("comparing the export with the model")
    images = _pictures()
    least = check_parity(loaded.model, loaded.towers, out, images, _TEXTS, weights=weights)
    report(
        f"exported {out}; lowest cosine similarity to the model, over {len(images)} pictures and {len(_TEXTS)} texts: "
        f"{least:.6f}"
    )
    return manifest


def _require_weights(source: str, loaded: Loaded) -> None:
    if loaded.towers.fresh:
        parts = [prefix.rstrip(".") for prefix in loaded.towers.fresh]
        if parts == [""]:
            raise ExportError("export-untrained", source=source)
        raise ExportError("export-untrained-parts", source=source, parts=parts)


def _pictures() -> list[Image.Image]:
    """Make pictures of several shapes, with coarse and fine patterns, because all noise looks the same to a tower."""
    random = np.random.default_rng(0)
    pictures = []
    for width, height, cells in ((320, 240, 4), (200, 300, 16), (64, 64, 64), (500, 90, 2)):
        pattern = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        pictures.append(pattern.resize((width, height), Image.Resampling.BICUBIC))
    return pictures
