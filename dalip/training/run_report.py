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
        run: Its folder, with `config.json`, `log.csv` and `model.pt`.
        manifest: Of the exported encoder, with the details that `export_run` writes.
        compared: What it brought over the encoder that it started from, lines in Markdown.
        describe: Gives the words for why a photo was skipped.
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
        f"An image-text encoder trained by DALIP on {', '.join(manifest.trained_on) or 'photos'}.",
        *([f"Terms of the weights: {manifest.terms}."] if manifest.terms else []),
        "",
        f"`encoder/` is the model to use: input {manifest.image.size} x {manifest.image.size} pixels, embeddings of "
        f"{manifest.width} numbers, weighed in a similarity as {weights}. `model.pt` and `config.json` are what",
        "`dalip train`, `dalip export` and `dalip evaluate` go on from.",
        "",
        *_training(run, config, manifest, len(measured.get("loss", ())), describe),
        "",
        *_selection(manifest),
        "",
        *(["## Against the encoder that it started from", "", *compared, ""] if compared else []),
        "It was measured on photos from where it learned. On photos from elsewhere, expect less; to names that it has",
        "never read it can only guess.",
        "",
        "## Measured in training",
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
        f"It learned from {source} in {steps:,} steps of {config.batch_size:,} pairs, which took "
        f"{done['seconds'] / 60:,.1f} minutes on {done['machine']} (dalip {__version__}, torch {torch.__version__})."
    ]
    if done["skipped"]:
        skipped = [describe(read_error(text)) for text in done["skipped"]]
        lines += ["", "Skipped, because they could not be read:", "", *(f"- {line}" for line in skipped)]
    return lines


def _selection(manifest: EncoderManifest) -> list[str]:
    """Say what the scoring weights were chosen on, and how well that went."""
    details = manifest.details
    rows = [
        f"| {source} | {found['photos']:,} | {100 * found['top_1']:.1f} % | {100 * found['top_5']:.1f} % |"
        for source, found in details["selection"].items()
    ]
    if rows:
        lines = ["## Names of plants from texts alone, on the validation photos", ""]
        lines += ["| source | photos | top-1 | top-5 |", "|---|---:|---:|---:|", *rows, ""]
    else:
        lines = ["## Validation", ""]
    if not details["selection_photos"]:
        lines.append("There were no validation photos, so nothing was chosen or measured on any.")
    elif len(manifest.blocks) > 1:
        lines.append(
            f"The scoring weights were chosen on {details['selection_photos']:,} validation photos, so measure on"
        )
        lines.append("others: `dalip evaluate zero-shot` and `dalip evaluate retrieval`.")
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
    left.set(xlabel="step", ylabel="loss (nats)", title="Loss and its running mean")
    for name, values in sorted(others.items()):
        right.plot(*zip(*values, strict=True), marker="o", markersize=3, label=name)
    right.set(xlabel="step", ylim=(0, 1.02), title="Validation photos, from texts alone")
    if others:
        right.legend(fontsize="small")
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=120)
