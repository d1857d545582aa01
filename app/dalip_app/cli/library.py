"""`dalip library` and `dalip search`: index your own photos, and search them by text, photo, taxon or date."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.files import printable
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FloraOption,
    GivenPath,
    JsonOption,
    VerboseOption,
    given_path,
    load_encoder,
    load_flora,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_json, print_result

if TYPE_CHECKING:
    from dalip_index import Found, Hit, LibraryReport

__all__ = ["SEARCH_EXAMPLES", "add", "app", "info", "remove", "search"]

app = typer.Typer(no_args_is_help=True, help="Index your own photos to make them searchable.")

SEARCH_EXAMPLES = """\b
Examples:
  dalip search "yellow iris"
  dalip search --image leaf.jpg --top-k 20
  dalip search --taxon Rosaceae --since 2024 --verdict sure
  dalip search iris --page 2 --json"""

_ADD_EXAMPLES = """\b
Examples:
  dalip library add ~/Pictures/Garden
  dalip library add              (updates all folders added before)"""


@app.command(epilog=_ADD_EXAMPLES)
def add(
    folder: Annotated[
        GivenPath | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of photos, searched recursively (default: update all folders added before).",
            show_default=False,
            parser=given_path,
        ),
    ] = None,
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    verbose: VerboseOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Add a folder of photos to your library, or update it.

    Photos are recognised by their content, and links to folders are followed once. Only new and changed photos are
    read. The identification of each photo is stored as well; when the flora has changed, the photos are identified
    again without reading the files.
    """
    from dalip.photos.walk import unused_files
    from dalip_index import Library
    from dalip_index.places import data_dir_or_default

    library = Library(data_dir_or_default(data_dir))
    loaded, left_out = load_flora(flora, encoder, data_dir), LeftOut()
    with ProgressLine() as progress:
        if folder is None:
            report = library.update(loaded.encoder, progress, flora=loaded)
        else:
            report = library.add(folder, loaded.encoder, progress, flora=loaded)
    left_out(*report.skipped)
    if verbose:
        for note in unused_files(Path(), report.others, report.left_out, verbose=True):
            complain(note)
    print_result(printable(f"{folder or 'all folders'}: {_summary(report)}"))
    left_out.finish()


def _summary(report: "LibraryReport") -> str:
    """Summarise an update of the library on one line, without zeros."""
    return ", ".join(f"{count:,} {what}" for what, count in report.counts.items()) or "nothing to do"


@app.command(epilog="Example: dalip library remove ~/Pictures/Garden")
def remove(
    folder: Annotated[
        GivenPath,
        typer.Argument(
            metavar="FOLDER", help="A folder in your library.", show_default=False, parser=given_path
        ),
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Remove a folder from your library. The photos themselves are not touched."""
    from dalip_index import Library
    from dalip_index.places import data_dir_or_default

    photos = Library(data_dir_or_default(data_dir)).remove(folder)
    print_result(printable(f"{folder}: removed, with {counted(photos, 'photo')}"))


@app.command(epilog="Example: dalip library info")
def info(data_dir: DataDirOption = None) -> None:
    """Show where your library is, its folders, and how many of its photos got each verdict."""
    from dalip_index import Library
    from dalip_index.places import data_dir_or_default

    place = data_dir_or_default(data_dir)
    library = Library(place)
    photos = len(library)
    hint = "" if photos else "; add a folder with `dalip library add FOLDER`"
    print_result(printable(f"{place}: {counted(photos, 'photo')}{hint}"))
    for folder, number in library.folders().items():
        print_result(printable(f"  {number:7,}  {folder}"))
    for verdict, number in library.verdicts().items():
        print_result(f"  {number:7,}  {verdict or 'not identified yet'}")


def search(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="Description of the photos, in English.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="PATH", help="Search for photos that look like this one.", show_default=False
        ),
    ] = None,
    taxon: Annotated[
        str,
        typer.Option(
            "--taxon",
            metavar="NAME",
            help="Only photos identified as this species, genus or family (scientific name).",
            show_default=False,
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="DATE",
            help="Only photos taken in or after this year, month or day: 2024, 2024-05 or 2024-05-31. The output "
            "says where a date comes from; the time of the file is used last.",
            show_default=False,
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="DATE",
            help="Only photos taken in or before this year, month or day.",
            show_default=False,
        ),
    ] = "",
    verdict: Annotated[
        str,
        typer.Option(
            "--verdict",
            metavar="VERDICT",
            help="Only photos with this verdict: sure, unsure, 'not in flora', 'not a plant' or uncalibrated.",
            show_default=False,
        ),
    ] = "",
    top_k: Annotated[
        int,
        typer.Option("--top-k", metavar="K", min=1, help="Number of photos per page, best matches first."),
    ] = 10,
    page: Annotated[int, typer.Option("--page", metavar="N", min=1, help="Page of results to print.")] = 1,
    everything: Annotated[
        bool, typer.Option("--all", help="Also print weak matches, which are hidden otherwise.")
    ] = False,
    as_json: JsonOption = False,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Search your library by text or by example photo.

    With a filter alone, the matching photos are listed, newest first.
    """
    from dalip_index.places import data_dir_or_default, find_encoder

    if text is not None and image is not None:
        raise typer.BadParameter("use either TEXT or --image, not both")
    from dalip_index import Library, PhotoFilter

    only = PhotoFilter(taxon, since, until, verdict)
    if text is None and image is None and only == PhotoFilter():
        raise typer.BadParameter("specify TEXT, a photo with --image, or a filter such as --taxon")
    library, offset = Library(data_dir_or_default(data_dir)), (page - 1) * top_k
    if text is None and image is None:
        found = library.newest(top_k, offset=offset, only=only)
    else:
        loaded = load_encoder(encoder or find_encoder(library.encoder, data_dir), data_dir)
        if image is not None:
            found = library.search_image(
                image, loaded, top_k, offset=offset, only=only, everything=everything
            )
        else:
            found = library.search_text(
                text or "", loaded, top_k, offset=offset, only=only, everything=everything
            )
    for hit in found.hits:
        _print_hit(hit, as_json)
    _tell(found, offset)
    if taxon and not found.total:
        complain("if the flora has changed, run `dalip library add` to identify the photos again")


def _tell(found: "Found", offset: int) -> None:
    """Report on stderr which results were not printed, and how to get them."""
    shown = offset + len(found.hits)
    if shown < found.total and found.hits:
        complain(f"{shown:,} of {found.total:,} shown; use --page for the next ones")
    elif not found.hits:
        complain(
            f"no results on this page, {found.total:,} in total" if found.total else "no matching photos"
        )
    if found.hidden and shown >= found.total:
        matches = "1 weak match is" if found.hidden == 1 else f"{found.hidden:,} weak matches are"
        complain(f"{matches} hidden; use --all to print them")


def _print_hit(hit: "Hit", as_json: bool) -> None:
    name = hit.name
    if as_json:
        content = {
            "image": str(hit.path),
            "similarity": None if hit.similarity is None else round(hit.similarity, 6),
            "scientificName": name.scientific_name if name else None,
            "taxonRank": name.taxon_rank if name else None,
            "probability": None if name is None or name.probability is None else round(name.probability, 6),
            "verdict": name.verdict if name else None,
            "eventDate": hit.date or None,
            "eventDateSource": hit.date_source or None,
        }
        print_json(content)
        return
    similarity = "" if hit.similarity is None else f"{hit.similarity:5.2f}  "
    print_result(printable(f"{similarity}{hit.path}  {_described(hit)}".rstrip()))


def _described(hit: "Hit") -> str:
    """Return what a photo shows and when it was taken, where known."""
    shows = ""
    if hit.name:
        refused = hit.name.verdict in ("not in flora", "not a plant")
        shows = hit.name.verdict if refused else f"{hit.name.scientific_name} ({hit.name.verdict})"
    source = "" if hit.date_source == "DateTimeOriginal" else f" ({hit.date_source})"
    return ", ".join(part for part in (shows, hit.date and hit.date[:10] + source) if part)
