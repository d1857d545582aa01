"""`dalip index add`, `remove` and `undo`: change the contents of a flora."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import Skipped
from dalip.files import printable
from dalip_app.cli.identify import find_photos
from dalip_app.cli.options import (
    AllPhotosOption,
    ChangedFloraOption,
    DataDirOption,
    DoubtfulOption,
    EncoderOption,
    GivenPath,
    find_flora,
    find_flora_to_change,
    given_path,
    load_encoder,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_result

if TYPE_CHECKING:
    from dalip.datasets import Record
    from dalip.taxonomy import Taxon
    from dalip_index import FloraManifest

__all__ = [
    "ADD_EXAMPLES",
    "REMOVE_EXAMPLES",
    "add",
    "read_listed",
    "read_named",
    "remove",
    "undo",
]

ADD_EXAMPLES = """\b
Examples:
  dalip index add --flora garden-flora photos/
  dalip index add --taxon "Monstera deliciosa" --family Araceae monstera/
  dalip index add --taxon "Rosa rugosa" --flora garden-flora 1.jpg 2.jpg 3.jpg"""

REMOVE_EXAMPLES = """\b
Examples:
  dalip index remove --taxon "Monstera deliciosa"
  dalip index remove --flora garden-flora --photo "Rosa rugosa/7.jpg" """


def read_named(
    paths: Sequence[Path],
    left_out: LeftOut,
    taxa: "Sequence[Taxon]" = (),
    doubtful: str = "skip",
    *,
    verbose: bool = False,
) -> "list[Record]":
    """Read labelled photos, resolve their names to taxa where possible, and report those that cannot be used."""
    from dalip.datasets import Report
    from dalip.datasets import read_named as read
    from dalip.datasets.names.resolver import Resolver

    names, report = Resolver.of(taxa) if taxa else None, Report(left_out, complain, verbose)
    return read(*paths, names=names, doubtful=doubtful == "genus", report=report)


def read_listed(path: Path | None, others: "Sequence[Taxon]", left_out: LeftOut) -> "list[Taxon]":
    """Read a list of taxa, or use `others` if there is no list, and report taxa that cannot be used."""
    from dalip.datasets import Report, read_taxa
    from dalip.taxon_tree import agreeing

    with ProgressLine() as progress:
        listed = read_taxa(path, Report(left_out, complain), progress) if path else others
    taxa, contradicting = agreeing(listed)
    left_out(*contradicting)
    return taxa


def add(
    photos: Annotated[
        list[GivenPath],
        typer.Argument(
            metavar="PATH...",
            help="With --taxon: photos of the plant, or folders of photos. Without: labelled photos, as for "
            "`dalip index build --photos`.",
            show_default=False,
            parser=given_path,
        ),
    ],
    taxon: Annotated[
        str | None,
        typer.Option(
            "--taxon",
            metavar="NAME",
            help="Name of the plant in all the photos: its scientific name, or the common name of a plant in the "
            "flora.",
            show_default=False,
        ),
    ] = None,
    common_name: Annotated[
        list[str] | None,
        typer.Option(
            "--common-name",
            metavar="NAME",
            help="English common name. Repeatable, preferred name first.",
            show_default=False,
        ),
    ] = None,
    rank: Annotated[
        str,
        typer.Option(
            "--rank",
            metavar="RANK",
            help="Rank of the plant: species, genus, variety and so on (default: inferred from the name).",
        ),
    ] = "",
    family: Annotated[
        str,
        typer.Option(
            "--family",
            metavar="NAME",
            help="Family of the plant, if its genus is new to the flora.",
        ),
    ] = "",
    taxa: Annotated[
        Path | None,
        typer.Option(
            "--taxa",
            metavar="FILE",
            help="Without --taxon: list of taxa with more about the new ones (see `dalip index build --taxa`).",
            show_default=False,
        ),
    ] = None,
    all_photos: AllPhotosOption = False,
    doubtful: DoubtfulOption = "skip",
    flora: ChangedFloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add photos of new or known plants to a flora.

    A flora that keeps its photos is updated from old and new photos together; photos already embedded are reused.

    A flora that does not keep its photos, like the built-in one, can only learn new plants, specified with --taxon. One
    photo is enough, four are much better. Other plants are identified as before, except in photos that resemble the new
    plant. The built-in flora itself does not change: DALIP teaches a copy in your data folder, and then uses that copy
    wherever you do not specify another flora. A running page uses newly taught plants immediately.
    """
    if taxon is None and flora is None:
        raise typer.BadParameter("specify the plant with --taxon, or your own flora with --flora")
    if taxon is None and (common_name or rank or family):
        raise typer.BadParameter("--common-name, --rank and --family need --taxon")
    if taxon is not None and taxa:
        raise typer.BadParameter("--taxa is for labelled photos and cannot be combined with --taxon")
    left_out = LeftOut()
    path, start = find_flora_to_change(flora, data_dir)
    if taxon is None:
        manifest = _add_named(path, encoder, photos, taxa, all_photos, doubtful, left_out, data_dir)
        if manifest.counts.other_photos:
            complain(f"skipped {counted(manifest.counts.other_photos, 'photo')} without a taxon")
        counts = manifest.counts
        taxa_now, photos_now = counted(counts.taxa, "taxon"), counted(counts.photos, "photo")
        print_result(
            printable(
                f"{path}: added {counted(counts.new_photos, 'photo')}; now {taxa_now} from {photos_now}"
            )
        )
    else:
        plant = _plant(path, start, taxon, rank, common_name or [], family)
        manifest = _add_plant(path, start, encoder, photos, plant, left_out, data_dir)
        known, taxa_in_all = _photos_of(path, plant), f"{counted(manifest.counts.taxa, 'taxon')} in total"
        print_result(printable(f"{path}: knows {plant.scientific_name} from {known}; {taxa_in_all}"))
    left_out.finish()


def _plant(
    path: Path, start: Path | None, taxon: str, rank: str, common_names: Sequence[str], family: str
) -> "Taxon":
    from dalip_index.build.plants import plant_to_teach

    for text in (taxon, family, *common_names):
        if not text.isprintable():
            raise typer.BadParameter(f"{printable(text)}: a name must not contain control characters")
    fields = {
        "scientificName": taxon,
        "taxonRank": rank,
        "vernacularName": "|".join(common_names),
        "family": family,
    }
    return plant_to_teach(path, start, fields, complain)


def _add_named(
    path: Path,
    encoder: Path | None,
    photos: Sequence[Path],
    taxa: Path | None,
    all_photos: bool,
    doubtful: str,
    left_out: LeftOut,
    data_dir: Path | None,
) -> "FloraManifest":
    from dalip_index import add_photos
    from dalip_index.build.contents import read_contents

    listed = read_listed(taxa, [], left_out) if taxa else []
    records = read_named(photos, left_out, (*read_contents(path).taxa, *listed), doubtful)
    with ProgressLine() as progress:
        return add_photos(
            path,
            load_encoder(encoder, data_dir, flora=path, remember=True),
            records,
            listed,
            test_too=all_photos,
            progress=progress,
            skipped=left_out,
        )


def _add_plant(
    path: Path,
    start: Path | None,
    encoder: Path | None,
    paths: Sequence[Path],
    plant: "Taxon",
    left_out: LeftOut,
    data_dir: Path | None,
) -> "FloraManifest":
    from dalip_index import teach_taxon
    from dalip_index.store.versions import flora_or_start

    found = [photo for path in paths for photo in find_photos(path)]
    good = [photo for photo in found if not isinstance(photo, Skipped)]
    left_out(*(photo for photo in found if isinstance(photo, Skipped)))
    with ProgressLine() as progress:
        return teach_taxon(
            path,
            load_encoder(encoder, data_dir, flora=flora_or_start(path, start), remember=True),
            plant,
            good,
            start=start,
            progress=progress,
            skipped=left_out,
        )


def _photos_of(path: Path, plant: "Taxon") -> str:
    """Return how many photos of a plant a flora contains, in words."""
    from dalip_index.build.contents import read_contents

    state = read_contents(path)
    rows = {row for row, taxon in enumerate(state.taxa) if taxon.scientific_name == plant.scientific_name}
    return counted(sum(e.kind == "photo" and e.taxon in rows for e in state.evidence), "photo")


def remove(
    taxon: Annotated[
        list[str] | None,
        typer.Option(
            "--taxon",
            metavar="NAME",
            help="Scientific name of the plant to remove. Repeatable.",
            show_default=False,
        ),
    ] = None,
    photo: Annotated[
        list[str] | None,
        typer.Option(
            "--photo",
            metavar="KEY",
            help="Photo to remove, by its name at the time it was added. Repeatable.",
            show_default=False,
        ),
    ] = None,
    flora: ChangedFloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Remove plants or photos from a flora.

    A flora that keeps its photos ends up as if it had been built without them. From other floras, only plants that you
    taught can be removed; the answers are then exactly as they were before.
    """
    from dalip_index import flora_info, forget_taxon, remove_from
    from dalip_index.build.plants import names_in_flora

    if not taxon and not photo:
        raise typer.BadParameter("specify a plant with --taxon or a photo with --photo")
    path = find_flora(flora, data_dir)
    loaded = load_encoder(encoder, data_dir, flora=path)
    info = flora_info(path)
    names = names_in_flora(path, taxon or ())
    with ProgressLine() as progress:
        if photo or (info.manifest.keeps_all and not set(names) <= set(info.taught)):
            manifest = remove_from(path, loaded, names=names, photos=photo or (), progress=progress)
        else:
            manifest = forget_taxon(path, loaded, *names)
    gone = ", ".join([*names, *(photo or ())])
    print_result(printable(f"{path}: removed {gone}; {counted(manifest.counts.taxa, 'taxon')} left"))


def undo(flora: ChangedFloraOption = None, data_dir: DataDirOption = None) -> None:
    """Undo the last change to a flora."""
    from dalip_index import flora_info, undo_change
    from dalip_index.places import own_flora

    path = flora or own_flora(data_dir)
    version = undo_change(path)
    counts = flora_info(path).manifest.counts
    print_result(printable(f"{path}: back to version {version}, with {counted(counts.taxa, 'taxon')}"))
