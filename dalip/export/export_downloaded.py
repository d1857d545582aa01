"""Export a model that was downloaded from a hub, with the prompts and the preprocessing that its makers use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_clip import OPENAI_IMAGENET_TEMPLATES

from dalip.encoder import EncoderManifest
from dalip.encoder.published import LOCAL, PUBLISHED
from dalip.export.export_model import export_model
from dalip.export.open_clip_format import read_besides
from dalip.export.weights import Weights
from dalip.progress import no_report
from dalip.prompt_templates import BIOCLIP
from dalip.training.log import ReportLine

__all__ = ["bioclip_prompts", "export_downloaded"]


def export_downloaded(
    name: str,
    folder: Path,
    out: Path,
    *,
    weights: Weights = "fp32",
    prompts: Sequence[str] | None = None,
    terms: str = "",
    details: dict[str, Any] | None = None,
    report: ReportLine = no_report,
) -> EncoderManifest:
    """Export the files of a repository, and check the export.

    Args:
        name: Name of the encoder: an alias, or another name.
        folder: The files: open_clip's format, or the checkpoint that the alias names.
        out: The bundle's folder.
        weights: Format in which the bundle stores its weights.
        prompts: Templates of the texts about a taxon; by default those of the alias, or DALIP's own.
        terms: Terms of use of the weights.
        details: Further facts for the manifest, as JSON values.
        report: Called with one line of progress at a time.

    Returns:
        The manifest as written.

    Raises:
        DalipError: As `export_model`.
    """
    known, besides = PUBLISHED.get(name), read_besides(folder)
    own = bioclip_prompts() if known and known.biological else besides.prompts
    checkpoint = str(folder / known.file) if known and known.file else None
    return export_model(
        known.architecture if known and checkpoint else f"{LOCAL}{folder}",
        out,
        pretrained=checkpoint,
        weights=weights,
        name=name,
        trained_on=[known.trained_on] if known else besides.trained_on,
        terms=terms,
        citation=known.citation if known else besides.citation,
        prompts=own if prompts is None else prompts,
        squash=known is not None and known.squash,
        details=details,
        report=report,
    )


def bioclip_prompts() -> tuple[str, ...]:
    """Return BioCLIP's name of a taxon in OpenAI's 80 templates for photos, those that say "photo" first.

    pybioclip describes its classes with the same templates. The first one is the only one that a flora of many taxa
    uses, and is closest to BioCLIP's training texts.
    """
    texts = [template(BIOCLIP) for template in OPENAI_IMAGENET_TEMPLATES]
    return tuple(sorted(texts, key=lambda text: (text != f"a photo of a {BIOCLIP}.", "photo" not in text)))
