"""`dalip index`: floras, the lists of taxa that photos are compared with."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dalip_app.identify_cli import JsonOption
from dalip_app.terminal import Progress, complain, one_line, print_result

if TYPE_CHECKING:
    from dalip_index import FloraInfo

__all__ = ["app", "build", "info", "verify"]

app = typer.Typer(no_args_is_help=True, help="Build a flora of your own, and look after it.")

_BUILD_EXAMPLES = """\b
Examples:
  dalip index build --taxa garden.csv garden-flora
  dalip index build --taxa garden.csv --photos photos/ garden-flora
  dalip identify photo.jpg --flora garden-flora"""

FloraArgument = Annotated[
    Path | None, typer.Argument(metavar="FLORA", help="Folder of the flora; the built-in one if left out.")
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
        Path,
        typer.Option(
            "--taxa",
            metavar="FILE",
            help="CSV or TSV of the taxa: a column scientificName, and as many of taxonRank, vernacularName, "
            "genus, family, order, references as are known.",
            show_default=False,
        ),
    ],
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="The encoder that the flora is for; the built-in one if left out.",
        ),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            "--photos",
            metavar="PATH",
            help="Named photos: a folder with one sub-folder a taxon, a folder with a table, or a .tar "
            "shard. May be given several times.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Build a flora from a list of taxa and, if there are any, photos of them."""
    from dalip.data import read_records
    from dalip.encoder import Encoder
    from dalip.taxonomy import read_taxa
    from dalip_assets import ENCODER
    from dalip_index import Unreadable, build_flora

    listed = read_taxa(taxa)
    records = read_records(*photos) if photos else []
    loaded = Encoder.load(encoder or ENCODER)
    unreadable: list[Unreadable] = []
    with Progress() as progress:
        manifest = build_flora(out, loaded, listed, records, progress=progress, unreadable=unreadable.append)
    counts = manifest.counts
    for photo in unreadable:
        complain(photo.error)
    if unreadable:
        complain(f"{len(unreadable)} photos could not be read and were left out")
    if counts.other_photos:
        complain(f"{counts.other_photos} photos name no taxon of {taxa} and were left out")
    print_result(
        one_line(
            f"{out}: {counts.taxa:,} taxa, {counts.texts:,} texts and {counts.photos:,} photos as evidence"
        )
    )
    if unreadable:
        raise typer.Exit(1)


@app.command(epilog="Example: dalip index info garden-flora")
def info(flora: FloraArgument = None, as_json: JsonOption = False) -> None:
    """Show what a flora holds and which encoder it belongs to."""
    from dalip_assets import FLORA
    from dalip_index import flora_info

    _print_info(flora_info(flora or FLORA), as_json)


@app.command(epilog="Example: dalip index verify garden-flora --encoder runs/mine/encoder")
def verify(
    flora: FloraArgument = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="Check this encoder, too, and that the flora belongs to it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check every byte of a flora, and of its encoder, against what was written."""
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER, FLORA
    from dalip_index import load_flora, verify_flora

    root = flora or FLORA
    verify_flora(root)
    bundle = encoder or (ENCODER if flora is None else None)
    if bundle is not None:
        load_flora(root, Encoder.load(bundle, verify=True))
        print_result(one_line(f"{bundle}: sound"))
    print_result(one_line(f"{root}: sound"))


def _print_info(found: "FloraInfo", as_json: bool) -> None:
    import json

    manifest, calibration = found.manifest, found.calibration
    if as_json:
        content: dict[str, Any] = {
            "flora": str(found.path),
            "size": found.size,
            "manifest": asdict(manifest),
            "calibration": asdict(calibration),
        }
        print_result(json.dumps(content, ensure_ascii=False))
        return
    counts = manifest.counts
    calibrated = (
        f"on {calibration.calibration_photos:,} photos, sure from {calibration.threshold:.0%}"
        if calibration.temperature is not None
        else "no; answers carry similarities only"
    )
    for name, value in (
        ("flora", found.path),
        ("version", f"{manifest.version}, built by dalip {manifest.created_by}"),
        ("encoder", f"{manifest.encoder.name} ({manifest.encoder.fingerprint[:12]})"),
        ("taxa", f"{counts.taxa:,}, with {counts.vernacular_names:,} common names"),
        ("evidence", f"{counts.texts:,} texts, {counts.photos:,} photos"),
        ("calibrated", calibrated),
        ("size", f"{found.size / 1e6:.1f} MB"),
    ):
        print_result(one_line(f"{name:<11} {value}"))
