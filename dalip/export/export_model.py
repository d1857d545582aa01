"""Export a model that was not trained by `dalip train`: an open_clip model, or the authors' checkpoint."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
from PIL import Image

from dalip.encoder import EncoderManifest
from dalip.errors import ExportError
from dalip.export.parity import check_parity
from dalip.export.weights import Weights
from dalip.export.write_bundle import export_bundle, refuse_used
from dalip.progress import no_report
from dalip.training.log import ReportLine
from dalip.training.towers.create import Towers
from dalip.training.towers.find_model import CONFIG_FILE
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
    trained_on: Sequence[str] = (),
    terms: str = "",
    citation: str = "",
    prompts: Sequence[str] = (),
    squash: bool = False,
    details: dict[str, Any] | None = None,
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
        trained_on: Names of the sources that the model was trained on.
        terms: Terms of use of the weights.
        citation: How to cite the model.
        prompts: Templates of the texts about a taxon; empty for DALIP's own.
        squash: Whether photos are resized to a square with a bilinear filter, whatever the model specifies, as
            pybioclip does.
        details: Further facts for the manifest, as JSON values.
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
    towers = _squashing(loaded.towers) if squash else loaded.towers
    title = source.rstrip("/").rsplit("/", 1)[-1].removeprefix("local-dir:").removeprefix("hf-hub:")
    manifest = export_bundle(
        loaded.model,
        towers,
        out,
        name=name or " ".join(filter(None, (title, pretrained))),
        first_order=0.5 if first_order is None else first_order,
        weights=weights,
        trained_on=trained_on,
        terms=terms,
        citation=citation,
        prompts=prompts,
        details={"model": title} | ({"pretrained": pretrained} if pretrained else {}) | (details or {}),
        report=report,
    )
    report("comparing the export with the model")
    images = _pictures()
    least = check_parity(loaded.model, towers, out, images, _TEXTS, weights=weights)
    report(
        f"exported {out}; lowest cosine similarity to the model, over {len(images)} pictures and {len(_TEXTS)} texts: "
        f"{least:.6f}"
    )
    return manifest


def _require_weights(source: str, loaded: Loaded) -> None:
    if loaded.towers.fresh:
        parts = [prefix.rstrip(".") for prefix in loaded.towers.fresh]
        if parts == [""]:
            tags = open_clip.list_pretrained_tags_by_model(source)
            raise ExportError("export-untrained", source=source, number=len(tags), tags=tags)
        raise ExportError("export-untrained-parts", source=source, parts=parts)


def _squashing(towers: Towers) -> Towers:
    """Return towers whose photos are resized to a square."""
    image = replace(towers.image, resize_mode="squash", interpolation="bilinear-float")
    config = towers.description[CONFIG_FILE] | {"preprocess_cfg": asdict(image)}
    return replace(towers, image=image, description={**towers.description, CONFIG_FILE: config})


def _pictures() -> list[Image.Image]:
    """Make pictures of several shapes, with coarse and fine patterns, because all noise looks the same to a tower."""
    random = np.random.default_rng(0)
    pictures = []
    for width, height, cells in ((320, 240, 4), (200, 300, 16), (64, 64, 64), (500, 90, 2)):
        pattern = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        pictures.append(pattern.resize((width, height), Image.Resampling.BICUBIC))
    return pictures
