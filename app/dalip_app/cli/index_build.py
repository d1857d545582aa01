"""`dalip index build`, `rebuild` and `merge`: make a flora from photos, for another encoder, or of several floras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import FloraError
from dalip.files import printable
from dalip_app.cli.index_change import read_listed, read_named
from dalip_app.cli.options import NAMED_PHOTOS, AllPhotosOption, DataDirOption, EncoderOption, load_encoder
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_result

if TYPE_CHECKING:
    from dalip_index import FloraManifest

__all__ = ["BUILD_EXAMPLES", "build", "merge", "rebuild"]

BUILD_EXAMPLES = """\b
Examples:
  dalip index build --photos photos/ garden-flora
  dalip index build --taxa garden.csv --photos photos/ garden-flora
  dalip identify photo.jpg --flora garden-flora"""


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
    photos: Annotated[list[Path] | None, NAMED_PHOTOS] = None,
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

    What was embedded before, in this flora, is not embedded again: a build that was stopped resumes, and one with some
    more photos takes no longer than these need. Of the photos, three tenths are held out, by the hash of their names:
    to weigh texts against photos, to calibrate, and to test.
    """
    from dalip_index import build_flora, taxa_of

    if taxa is None and not photos:
        raise typer.BadParameter("name a list of taxa with --taxa, or photos with --photos, or both")
    left_out = LeftOut()
    records = read_named(photos or [], left_out)
    listed = read_listed(taxa, taxa_of(records), left_out)
    loaded = load_encoder(encoder)
    with ProgressLine() as progress:
        manifest = build_flora(
            out,
            loaded,
            listed,
            records,
            keep=keep,
            test_too=all_photos,
            progress=progress,
            skipped=left_out,
        )
    counts = manifest.counts
    if counts.repeated_photos:
        complain(f"{counts.repeated_photos:,} photos were given twice and count once")
    if counts.other_photos:
        complain(f"{counts.other_photos:,} photos name no taxon of {taxa or 'this flora'} and were left out")
    print_result(printable(f"{out}: {_told(manifest)}"))
    left_out.finish()


def _told(manifest: "FloraManifest") -> str:
    counts = manifest.counts
    known = counts.kept_photos - counts.new_photos
    text = f"{counts.taxa:,} taxa, {counts.texts:,} texts and {counts.photos:,} photos as evidence"
    return f"{text}, {known:,} photos known already" if known > 0 else text


def rebuild(
    flora: Annotated[
        Path | None,
        typer.Argument(
            metavar="FLORA",
            help="Folder of the flora; if left out, your copy of the built-in one, which moves to the built-in flora "
            "that comes with this DALIP.",
            show_default=False,
        ),
    ] = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Move a flora to another encoder, from nothing but the texts and photos that it keeps."""
    from dalip_assets import FLORA
    from dalip_index import rebuild_flora, teach_from
    from dalip_index.places import own_flora
    from dalip_index.store.versions import CURRENT

    left_out, loaded = LeftOut(), load_encoder(encoder)
    path = flora or own_flora(data_dir)
    if flora is None and not (path / CURRENT).exists():
        raise typer.BadParameter(
            "you taught the built-in flora nothing, so there is no copy; name a flora of yours"
        )
    with ProgressLine() as progress:
        if flora is None:
            manifest = teach_from(path, loaded, FLORA, [path], progress=progress, skipped=left_out)
        else:
            manifest = rebuild_flora(path, loaded, progress=progress, skipped=left_out)
    print_result(printable(f"{path}: {manifest.counts.taxa:,} taxa, for the encoder {manifest.encoder.name}"))
    left_out.finish()


def merge(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FLORA... OUT",
            help="Floras, and the folder of the new one. `builtin` is the built-in flora; it can only come first.",
            show_default=False,
        ),
    ],
    encoder: EncoderOption = None,
) -> None:
    """Make one flora of several that keep their photos.

    If the first one does not keep its photos, as the built-in one, its copy is taught the plants of the others that it
    lacks, and answers for its own as before.
    """
    from dalip_assets import FLORA
    from dalip_index import flora_info, merge_floras, teach_from
    from dalip_index.places import BUILT_IN
    from dalip_index.store.versions import CURRENT

    *floras, out = paths
    if not floras:
        raise typer.BadParameter("name at least one flora, and then the folder of the new one")
    if (out / CURRENT).exists() and out.resolve() not in {flora.resolve() for flora in floras}:
        raise FloraError("flora-in-the-way", source=out)
    first, *others = (FLORA if flora == BUILT_IN else flora for flora in floras)
    left_out, loaded = LeftOut(), load_encoder(encoder)
    with ProgressLine() as progress:
        if flora_info(first).manifest.keeps_all:
            manifest = merge_floras(out, loaded, [first, *others], progress=progress, skipped=left_out)
        else:
            manifest = teach_from(out, loaded, first, others, progress=progress, skipped=left_out)
    counts = manifest.counts
    print_result(printable(f"{out}: {counts.taxa:,} taxa, {counts.photos:,} photos as evidence"))
    left_out.finish()
