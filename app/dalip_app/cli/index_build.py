"""`dalip index build`, `rebuild` and `merge`: build a flora from photos, for another encoder, or from other floras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import FloraError
from dalip.files import printable
from dalip_app.cli.index_change import read_listed, read_named
from dalip_app.cli.options import (
    NAMED_PHOTOS,
    AllPhotosOption,
    DataDirOption,
    DoubtfulOption,
    EncoderOption,
    VerboseOption,
    load_encoder,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_result

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
            help="Output folder; an existing flora there gets a new version.",
            show_default=False,
        ),
    ],
    taxa: Annotated[
        Path | None,
        typer.Option(
            "--taxa",
            metavar="FILE",
            help="List of taxa: a table with a column scientificName and, optionally, taxonRank, vernacularName, "
            "family and others, or a file with one name per line (default: all taxa that the photos show).",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="ENCODER",
            help="Encoder that the flora is for: a folder, or a name for `dalip encoder get`, such as `bioclip-2` "
            "(default: the built-in encoder).",
        ),
    ] = None,
    photos: Annotated[list[Path] | None, NAMED_PHOTOS] = None,
    all_photos: AllPhotosOption = False,
    doubtful: DoubtfulOption = "skip",
    keep: Annotated[
        int,
        typer.Option(
            "--keep",
            metavar="PIXELS",
            min=0,
            help="Short side, in pixels, of the photo copies that the flora keeps; they are needed to change it later "
            "and to move it to another encoder. 0 keeps none. Copies kept earlier are not changed.",
        ),
    ] = 320,
    verbose: VerboseOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Build a flora from a list of taxa, labelled photos, or both.

    Photos already embedded in this flora are reused, so an interrupted build resumes where it stopped, and adding a
    few photos is quick. The hash of a photo's name decides its split. Photos in the test split (10 %) are
    held out, so that `dalip evaluate flora` can measure the flora, unless their taxon has no other photos.
    """
    from dalip_index import build_flora, taxa_of

    if taxa is None and not photos:
        raise typer.BadParameter("specify a list of taxa with --taxa, photos with --photos, or both")
    left_out = LeftOut()
    listed = read_listed(taxa, [], left_out) if taxa else []
    records = read_named(photos or [], left_out, listed, doubtful, verbose=verbose)
    listed = listed if taxa else read_listed(None, taxa_of(records), left_out)
    loaded = load_encoder(encoder, data_dir, flora=out, or_built_in=True, remember=True)
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
        complain(f"used only once: {counted(counts.repeated_photos, 'duplicate photo')}")
    if counts.other_photos:
        complain(f"skipped {counted(counts.other_photos, 'photo')} without a taxon of {taxa or 'this flora'}")
    print_result(printable(f"{out}: {_told(manifest)}"))
    left_out.finish()


def _told(manifest: "FloraManifest") -> str:
    counts = manifest.counts
    known = counts.kept_photos - counts.new_photos
    evidence = f"{counted(counts.texts, 'text prompt')} and {counted(counts.photos, 'photo')} as evidence"
    text = f"{counted(counts.taxa, 'taxon')}, {evidence}"
    return f"{text}; {counted(known, 'photo')} reused" if known > 0 else text


def rebuild(
    flora: Annotated[
        Path | None,
        typer.Argument(
            metavar="FLORA",
            help="Folder of the flora (default: your copy of the built-in flora, which is updated to the built-in "
            "flora of this version of DALIP).",
            show_default=False,
        ),
    ] = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Rebuild a flora for another encoder, from the text prompts and photos that it keeps."""
    from dalip_assets import FLORA
    from dalip_index import rebuild_flora, teach_from
    from dalip_index.places import own_flora
    from dalip_index.store.versions import CURRENT

    left_out = LeftOut()
    loaded = load_encoder(encoder, data_dir, flora=flora, or_built_in=True, remember=True)
    path = flora or own_flora(data_dir)
    if flora is None and not (path / CURRENT).exists():
        raise typer.BadParameter(
            "you have no copy of the built-in flora because you taught it nothing; specify the folder of a flora"
        )
    with ProgressLine() as progress:
        if flora is None:
            manifest = teach_from(path, loaded, FLORA, [path], progress=progress, skipped=left_out)
        else:
            manifest = rebuild_flora(path, loaded, progress=progress, skipped=left_out)
    print_result(
        printable(f"{path}: {counted(manifest.counts.taxa, 'taxon')}, for encoder {manifest.encoder.name}")
    )
    left_out.finish()


def merge(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FLORA... OUT",
            help="Floras to merge, then the output folder. `builtin` is the built-in flora; it must come first.",
            show_default=False,
        ),
    ],
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Merge several floras that keep their photos into one.

    If the first flora does not keep its photos, like the built-in one, a copy of it is taught the plants that only the
    others contain; its answers for its own plants do not change.
    """
    from dalip_assets import FLORA
    from dalip_index import flora_info, merge_floras, teach_from
    from dalip_index.places import BUILT_IN
    from dalip_index.store.versions import CURRENT

    *floras, out = paths
    if not floras:
        raise typer.BadParameter("specify at least one flora, then the output folder")
    if (out / CURRENT).exists() and out.resolve() not in {flora.resolve() for flora in floras}:
        raise FloraError("flora-in-the-way", source=out)
    first, *others = (FLORA if flora == BUILT_IN else flora for flora in floras)
    left_out, loaded = (
        LeftOut(),
        load_encoder(encoder, data_dir, flora=first, or_built_in=True, remember=True),
    )
    with ProgressLine() as progress:
        if flora_info(first).manifest.keeps_all:
            manifest = merge_floras(out, loaded, [first, *others], progress=progress, skipped=left_out)
        else:
            manifest = teach_from(out, loaded, first, others, progress=progress, skipped=left_out)
    counts = manifest.counts
    print_result(
        printable(f"{out}: {counted(counts.taxa, 'taxon')}, {counted(counts.photos, 'photo')} as evidence")
    )
    left_out.finish()
