"""`dalip index`: floras, the lists of taxa that photos are compared with."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dalip_app.cli.identify import JsonOption
from dalip_app.cli.index_change import (
    ADD_EXAMPLES,
    REMOVE_EXAMPLES,
    AllPhotosOption,
    Faults,
    NamedPhotosOption,
    add,
    merge,
    read_listed,
    read_named,
    rebuild,
    remove,
    undo,
)
from dalip_app.cli.options import DataDirOption
from dalip_app.cli.terminal import ProgressLine, complain, print_result
from dalip_app.messages.one_line import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dalip_index import FloraInfo, FloraManifest

__all__ = ["app", "build", "info", "verify"]

app = typer.Typer(no_args_is_help=True, help="Build a flora of your own, and look after it.")

_BUILD_EXAMPLES = """\b
Examples:
  dalip index build --photos photos/ garden-flora
  dalip index build --taxa garden.csv --photos photos/ garden-flora
  dalip identify photo.jpg --flora garden-flora"""

FloraArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FLORA",
        help="Folder of the flora; if left out, the built-in one, with what you taught it.",
        show_default=False,
    ),
]


@app.command(epilog=_BUILD_EXAMPLES)
def build(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="Folder of the flora; if one is there, it gets a new version.",
            show_default=False,
        ),
    ],
    taxa: Annotated[
        Path | None,
        typer.Option(
            "--taxa",
            metavar="FILE",
            help="CSV or TSV of the taxa: a column scientificName, and as many of taxonRank, vernacularName, "
            "genus, family, order, references as are known. If left out, the taxa are those that the photos name.",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="The encoder that the flora is for; the built-in one if left out.",
        ),
    ] = None,
    photos: NamedPhotosOption = None,
    all_photos: AllPhotosOption = False,
    keep: Annotated[
        int,
        typer.Option(
            "--keep",
            metavar="PIXELS",
            min=0,
            help="Short side of the copies of the photos that the flora keeps, so that it can be changed later and "
            "moved to another encoder; 0 keeps none. Copies that it has stay as they are.",
        ),
    ] = 320,
) -> None:
    """Build a flora from a list of taxa, from named photos, or from both.

    What was embedded before, in this flora, is not embedded again: a build that was stopped goes on, and one with some
    more photos takes no longer than these need. Of the photos, three tenths are kept aside, by the hash of their
    names: to weigh texts against photos, to calibrate, and to test.
    """
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import build_flora, taxa_of

    if taxa is None and not photos:
        raise typer.BadParameter("name a list of taxa with --taxa, or photos with --photos, or both")
    faults = Faults()
    records = read_named(photos or [], faults)
    listed = read_listed(taxa, taxa_of(records), faults)
    loaded = Encoder.load(encoder or ENCODER)
    with ProgressLine() as progress:
        manifest = build_flora(
            out,
            loaded,
            listed,
            records,
            keep=keep,
            test_too=all_photos,
            progress=progress,
            skipped=faults.photo,
        )
    counts = manifest.counts
    if counts.repeated_photos:
        complain(f"{counts.repeated_photos:,} photos were given twice and count once")
    if counts.other_photos:
        complain(f"{counts.other_photos:,} photos name no taxon of {taxa or 'this flora'} and were left out")
    print_result(one_line(f"{out}: {_told(manifest)}"))
    faults.finish()


app.command(epilog=ADD_EXAMPLES)(add)
app.command(epilog=REMOVE_EXAMPLES)(remove)
app.command(epilog="Example: dalip index rebuild garden-flora --encoder runs/mine/encoder")(rebuild)
app.command(epilog="Example: dalip index merge garden-flora meadow-flora both-flora")(merge)
app.command(epilog="Example: dalip index undo --flora garden-flora")(undo)


@app.command(epilog="Example: dalip index info garden-flora")
def info(flora: FloraArgument = None, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """Show what a flora holds and which encoder it belongs to."""
    from dalip_index import flora_info
    from dalip_index.places import chosen_flora

    _print_info(flora_info(chosen_flora(flora, data_dir, complain)), as_json)


@app.command(epilog="Example: dalip index verify garden-flora --encoder runs/mine/encoder")
def verify(
    flora: FloraArgument = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="Check this encoder, too, and let it look at the texts and some of the photos again.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Check every byte of a flora, and of its encoder, and everything in it against everything else."""
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import find_problems
    from dalip_index.places import chosen_flora

    root = chosen_flora(flora, data_dir, complain)
    bundle = encoder or (ENCODER if flora is None else None)
    loaded = Encoder.load(bundle, verify=True) if bundle else None
    problems = find_problems(root, loaded)
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(1)
    if bundle:
        print_result(one_line(f"{bundle}: sound"))
    print_result(one_line(f"{root}: sound"))


def _told(manifest: "FloraManifest") -> str:
    counts = manifest.counts
    known = counts.kept_photos - counts.new_photos
    text = f"{counts.taxa:,} taxa, {counts.texts:,} texts and {counts.photos:,} photos as evidence"
    return f"{text}, {known:,} photos known already" if known > 0 else text


def _print_info(found: "FloraInfo", as_json: bool) -> None:
    import json

    manifest, calibration = found.manifest, found.calibration
    if as_json:
        content: dict[str, Any] = {
            "flora": str(found.path),
            "size": found.size,
            "manifest": asdict(manifest),
            "calibration": asdict(calibration),
            "taught": found.taught,
        }
        print_result(json.dumps(content, ensure_ascii=False))
        return
    counts = manifest.counts
    calibrated = (
        f"on {calibration.calibration_photos:,} photos, sure from {calibration.threshold:.0%}"
        if calibration.temperature is not None
        else "no; answers carry similarities only"
    )
    learned = [("taught", ", ".join(found.taught))] if found.taught else []
    aside = (counts.selection_photos, counts.calibration_photos, counts.test_photos)
    for name, value in (
        ("flora", found.path),
        ("version", f"{manifest.version}, built by dalip {manifest.created_by}"),
        ("encoder", f"{manifest.encoder.name} ({manifest.encoder.fingerprint[:12]})"),
        ("taxa", f"{counts.taxa:,}, with {counts.vernacular_names:,} common names"),
        *learned,
        ("evidence", f"{counts.texts:,} texts, {counts.photos:,} photos"),
        ("kept aside", "{:,} photos to choose on, {:,} to calibrate, {:,} to test".format(*aside)),
        ("calibrated", calibrated),
        *_accuracy(manifest),
        ("keeps", f"copies of {counts.kept_photos:,} photos" if counts.kept_photos else "no photos"),
        ("size", f"{found.size / 1e6:.1f} MB"),
    ):
        print_result(one_line(f"{name:<11} {value}"))


def _accuracy(manifest: "FloraManifest") -> "Iterator[tuple[str, str]]":
    """Say how often answers are right: for evidence, each photo left out of it, and for photos to choose on."""
    for name, found in (("left out", manifest.leave_one_out), ("chosen on", manifest.selection)):
        if found:
            parts = [
                f"{rates.top1:.0%} ({rates.top5:.0%} among five)"
                + ("" if kind == "both" else f" by {kind} alone")
                for kind, rates in found.items()
            ]
            yield name, f"right for {', '.join(parts)}"
