"""Write the report of a finished run: curves, a table, and a README about the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from dalip import __version__
from dalip.encoder import EncoderManifest
from dalip.errors import DalipError
from dalip.files import atomic_write
from dalip.training.checkpoint import load_checkpoint
from dalip.training.config import CARRIED_OUT, TrainConfig
from dalip.training.error_json import read_error
from dalip.training.log import read_log

__all__ = ["write_report"]


def write_report(
    run: Path,
    manifest: EncoderManifest,
    compared: Sequence[str] = (),
    describe: Callable[[DalipError], str] = str,
) -> None:
    """Write `curves.png` and `README.md` of a finished and exported run.

    Args:
        run: Folder of the run, with `config.json`, `log.csv` and `model.pt`.
        manifest: Manifest of the exported encoder, with the details that `export_run` writes.
        compared: Markdown lines that compare it with the encoder it started from.
        describe: Returns the message for the error of a skipped photo.
    """
    config, measured = TrainConfig.load(run / "config.json"), read_log(run)
    _draw(measured, run / "curves.png")
    last = [
        f"- {name}: {values[-1][1]:g} at step {values[-1][0]:,}" for name, values in sorted(measured.items())
    ]
    weights = ", ".join(f"{block.name} {block.weight:g}" for block in manifest.blocks)
    page = [
        f"# {manifest.name}",
        "",
        f"An image-text encoder trained with DALIP on {', '.join(manifest.trained_on) or 'photos'}.",
        *([f"Terms of use of the weights: {manifest.terms}."] if manifest.terms else []),
        "",
        f"Use the model in `encoder/`. Its input is {manifest.image.size} x {manifest.image.size} pixels, its "
        f"embeddings have {manifest.width} dimensions, and its scoring weights are {weights}.",
        "`dalip train`, `dalip export` and `dalip evaluate` read `model.pt` and `config.json`.",
        "",
        *_training(run, config, manifest, len(measured.get("loss", ())), describe),
        "",
        *_selection(manifest),
        "",
        *(["## Comparison with the encoder it started from", "", *compared, ""] if compared else []),
        "The encoder was measured on photos from the sources it was trained on. Expect lower accuracy on photos from",
        "other sources. For names that were not in its training data, it can only guess.",
        "",
        "## Measurements during training",
        "",
        "![Curves](curves.png)",
        "",
        *last,
        "",
        "## Configuration",
        "",
        *(f"- {name}: {value}" for name, value in asdict(config).items() if name not in CARRIED_OUT),
        "",
    ]
    with atomic_write(run / "README.md") as part:
        part.write_text("\n".join(page), encoding="utf-8")


def _training(
    run: Path,
    config: TrainConfig,
    manifest: EncoderManifest,
    steps: int,
    describe: Callable[[DalipError], str],
) -> list[str]:
    done = load_checkpoint(run / "model.pt")
    photos = manifest.details["photos"]
    source = f"{photos:,} photos" if photos else "streamed shards"
    lines = [
        f"It was trained on {source} for {steps:,} steps of {config.batch_size:,} pairs, which took "
        f"{done['seconds'] / 60:,.1f} minutes on {done['machine']} (dalip {__version__}, torch {torch.__version__})."
    ]
    if done["skipped"]:
        skipped = [describe(read_error(text)) for text in done["skipped"]]
        lines += ["", "Skipped because they could not be read:", "", *(f"- {line}" for line in skipped)]
    return lines


def _selection(manifest: EncoderManifest) -> list[str]:
    """Describe the photos on which the scoring weights were chosen, and the accuracy on them."""
    details = manifest.details
    rows = [
        f"| {source} | {found['photos']:,} | {100 * found['top_1']:.1f} % | {100 * found['top_5']:.1f} % |"
        for source, found in details["selection"].items()
    ]
    if rows:
        lines = ["## Accuracy from text alone, on the validation photos", ""]
        lines += ["| source | photos | top-1 | top-5 |", "|---|---:|---:|---:|", *rows, ""]
    else:
        lines = ["## Validation", ""]
    if not details["selection_photos"]:
        lines.append(
            "There were no validation photos, so no scoring weights were chosen and nothing was measured."
        )
    elif len(manifest.blocks) > 1:
        lines.append(
            f"The scoring weights were chosen on {details['selection_photos']:,} validation photos. To measure on other"
        )
        lines.append("photos, use `dalip evaluate zero-shot` and `dalip evaluate retrieval`.")
    if details["selection_unreadable"]:
        lines.append(f"{details['selection_unreadable']:,} more validation photos could not be read.")
    return lines


def _draw(measured: Mapping[str, list[tuple[int, float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    losses = measured.get("loss", [])
    others = {n: v for n, v in measured.items() if n not in ("loss", "learning rate", "logit scale")}
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*zip(*losses, strict=True), color="0.8", linewidth=0.8)
    window = max(1, len(losses) // 50)
    means = [
        (losses[i - 1][0], sum(v for _, v in losses[i - window : i]) / window)
        for i in range(window, len(losses) + 1, window)
    ]
    left.plot(*zip(*means, strict=True), color="tab:green")
    left.set(xlabel="step", ylabel="loss (nats)", title="Loss and running mean")
    for name, values in sorted(others.items()):
        right.plot(*zip(*values, strict=True), marker="o", markersize=3, label=name)
    right.set(xlabel="step", ylim=(0, 1.02), title="Validation photos, from text alone")
    if others:
        right.legend(fontsize="small")
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=120)
