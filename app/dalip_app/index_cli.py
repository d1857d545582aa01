"""`dalip index`: floras, the lists of taxa that photos are compared with."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dalip_app.identify_cli import JsonOption, find_photos
from dalip_app.places import ChangedFloraOption, DataDirOption, EncoderOption, chosen_flora, flora_to_change
from dalip_app.terminal import Progress, complain, one_line, print_result

if TYPE_CHECKING:
    from dalip_index import FloraInfo

__all__ = ["add", "app", "build", "info", "remove", "verify"]

app = typer.Typer(no_args_is_help=True, help="Build a flora of your own, and look after it.")

_BUILD_EXAMPLES = """\b
Examples:
  dalip index build --taxa garden.csv garden-flora
  dalip index build --taxa garden.csv --photos photos/ garden-flora
  dalip identify photo.jpg --flora garden-flora"""

_ADD_EXAMPLES = """\b
Examples:
  dalip index add --taxon "Monstera deliciosa" --family Araceae photos/
  dalip index add --taxon "Rosa rugosa" --flora garden-flora 1.jpg 2.jpg 3.jpg"""

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


TaxonOption = Annotated[
    str,
    typer.Option(
        "--taxon", metavar="NAME", help="Its scientific name, without the author.", show_default=False
    ),
]


@app.command(epilog=_ADD_EXAMPLES)
def add(
    photos: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Photos of the plant, or folders of them.", show_default=False
        ),
    ],
    taxon: TaxonOption,
    common_name: Annotated[
        list[str] | None,
        typer.Option(
            "--common-name",
            metavar="NAME",
            help="An English common name. May be given several times, the best first.",
            show_default=False,
        ),
    ] = None,
    rank: Annotated[
        str,
        typer.Option(
            "--rank",
            metavar="RANK",
            help="species, genus, variety and so on; if left out, what the name says.",
        ),
    ] = "",
    family: Annotated[
        str, typer.Option("--family", metavar="NAME", help="Needed only for a genus that the flora lacks.")
    ] = "",
    flora: ChangedFloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Teach a flora one more plant by a few photos, without training.

    One photo will do, four are much better. The names of the other plants are given as before but for photos that
    resemble the new one. The built-in flora stays as it is: your copy of it, in your data folder, learns, and is used
    from then on wherever no other flora is named, by a page that is being served, too.
    """
    from dalip.encoder import Encoder
    from dalip.taxonomy import Taxon
    from dalip_app.words import counted
    from dalip_assets import ENCODER
    from dalip_index import Unreadable, teach_taxon

    for text in (taxon, family, *(common_name or ())):
        if not text.isprintable():
            raise typer.BadParameter(f"{one_line(text)}: a name has letters only")
    named = Taxon.from_darwin_core(
        {
            "scientificName": taxon,
            "taxonRank": rank,
            "vernacularName": "|".join(common_name or ()),
            "family": family,
        }
    )
    found = [photo for path in photos for photo in find_photos(path)]
    bad = [photo for photo in found if isinstance(photo, Unreadable)]
    for folder in bad:
        complain(folder.error)

    def unreadable(photo: Unreadable) -> None:
        bad.append(photo)
        complain(photo.error)

    if flora is None:
        chosen_flora(None, data_dir)  # says so if your copy cannot be used
    path, start = flora_to_change(flora, data_dir)
    with Progress() as progress:
        manifest = teach_taxon(
            path,
            Encoder.load(encoder or ENCODER),
            named,
            [photo for photo in found if not isinstance(photo, Unreadable)],
            start=start,
            progress=progress,
            unreadable=unreadable,
        )
    learned = len(found) - len(bad)
    print_result(
        one_line(
            f"{path}: knows {named.scientific_name} by {counted(learned, 'photo')}, and "
            f"{manifest.counts.taxa:,} taxa in all"
        )
    )
    if bad:
        raise typer.Exit(1)


@app.command(epilog='Example: dalip index remove --taxon "Monstera deliciosa"')
def remove(
    taxon: TaxonOption,
    flora: ChangedFloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take back a plant that a flora was taught; its answers are then exactly as before."""
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import forget_taxon

    path = chosen_flora(flora, data_dir)
    name = " ".join(taxon.split())
    manifest = forget_taxon(path, Encoder.load(encoder or ENCODER), name)
    print_result(one_line(f"{path}: {name} is gone, {manifest.counts.taxa:,} taxa are left"))


@app.command(epilog="Example: dalip index info garden-flora")
def info(flora: FloraArgument = None, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """Show what a flora holds and which encoder it belongs to."""
    from dalip_index import flora_info

    _print_info(flora_info(chosen_flora(flora, data_dir)), as_json)


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
    data_dir: DataDirOption = None,
) -> None:
    """Check every byte of a flora, and of its encoder, against what was written."""
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import load_flora, verify_flora

    root = chosen_flora(flora, data_dir)
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
    for name, value in (
        ("flora", found.path),
        ("version", f"{manifest.version}, built by dalip {manifest.created_by}"),
        ("encoder", f"{manifest.encoder.name} ({manifest.encoder.fingerprint[:12]})"),
        ("taxa", f"{counts.taxa:,}, with {counts.vernacular_names:,} common names"),
        *learned,
        ("evidence", f"{counts.texts:,} texts, {counts.photos:,} photos"),
        ("calibrated", calibrated),
        ("size", f"{found.size / 1e6:.1f} MB"),
    ):
        print_result(one_line(f"{name:<11} {value}"))
