"""`dalip index`: the group of commands for floras, including `info` and `verify`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dalip.files import printable
from dalip_app.cli.index_build import BUILD_EXAMPLES, build, merge, rebuild
from dalip_app.cli.index_change import ADD_EXAMPLES, REMOVE_EXAMPLES, add, remove, undo
from dalip_app.cli.options import DataDirOption, JsonOption, find_flora, load_encoder
from dalip_app.cli.terminal import ProgressLine, complain, counted, print_json, print_result

if TYPE_CHECKING:
    from dalip_index import FloraInfo, FloraManifest

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Build and manage your own floras.")

FloraArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FLORA",
        help="Folder of the flora (default: the built-in flora, including plants you taught it).",
        show_default=False,
    ),
]


app.command(epilog=BUILD_EXAMPLES)(build)
app.command(epilog=ADD_EXAMPLES)(add)
app.command(epilog=REMOVE_EXAMPLES)(remove)
app.command(epilog="Example: dalip index rebuild garden-flora --encoder runs/mine/encoder")(rebuild)
app.command(epilog="Example: dalip index merge garden-flora meadow-flora both-flora")(merge)
app.command(epilog="Example: dalip index undo --flora garden-flora")(undo)


@app.command(epilog="Example: dalip index info garden-flora")
def info(flora: FloraArgument = None, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """Show what a flora contains, how accurate it is and which encoder it needs."""
    from dalip_index import flora_info

    _print_info(flora_info(find_flora(flora, data_dir)), as_json)


@app.command(epilog="Example: dalip index verify garden-flora --encoder runs/mine/encoder")
def verify(
    flora: FloraArgument = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="Also check this encoder, and use it to embed a sample of the texts and photos again.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Check the files of a flora for damage and inconsistencies; without FLORA, also the built-in encoder."""
    from dalip_assets import ENCODER
    from dalip_index import find_problems

    root = find_flora(flora, data_dir)
    bundle = encoder or (ENCODER if flora is None else None)
    loaded = load_encoder(bundle, data_dir, verify=True) if bundle else None
    with ProgressLine() as progress:
        problems = find_problems(root, loaded, progress)
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(1)
    if bundle:
        print_result(printable(f"{bundle}: OK"))
    print_result(printable(f"{root}: OK"))


def _print_info(found: "FloraInfo", as_json: bool) -> None:

    manifest, calibration = found.manifest, found.calibration
    if as_json:
        content: dict[str, Any] = {
            "flora": str(found.path),
            "size": found.size,
            "manifest": asdict(manifest),
            "calibration": asdict(calibration),
            "taught": found.taught,
        }
        print_json(content)
        return
    counts = manifest.counts
    calibrated = (
        f"on {calibration.calibration_photos:,} photos, confident from {calibration.threshold:.0%}"
        if calibration.temperature is not None
        else "no; answers have similarities only"
    )
    learned = [("taught", ", ".join(found.taught))] if found.taught else []
    for name, value in (
        ("flora", found.path),
        ("version", f"{manifest.version}, built by dalip {manifest.created_by}"),
        ("encoder", f"{manifest.encoder.name} ({manifest.encoder.fingerprint[:12]})"),
        ("taxa", f"{counts.taxa:,}, with {counts.vernacular_names:,} common names"),
        *learned,
        ("evidence", f"{counted(counts.texts, 'text prompt')}, {counted(counts.photos, 'photo')}"),
        (
            "used twice",
            f"{counts.selection_photos:,} for validation, {counts.calibration_photos:,} for calibration",
        ),
        ("not used", f"{counted(counts.test_photos, 'photo')} in the test split"),
        ("calibrated", calibrated),
        *_accuracy(manifest),
        ("keeps", f"copies of {counted(counts.kept_photos, 'photo')}" if counts.kept_photos else "no photos"),
        ("size", f"{found.size / 1e6:.1f} MB"),
    ):
        print_result(printable(f"{name:<13} {value}"))


def _accuracy(manifest: "FloraManifest") -> "Iterator[tuple[str, str]]":
    """Yield the accuracy: leave-one-out accuracy on the evidence, and accuracy on the validation split."""
    for name, found in (("leave-one-out", manifest.leave_one_out), ("validation", manifest.selection)):
        if found:
            parts = [
                f"{rates.top1:.0%} (top-5 {rates.top5:.0%})"
                + ("" if kind == "both" else f" with {kind} only")
                for kind, rates in found.items()
            ]
            yield name, f"top-1 {', '.join(parts)}"
