"""`dalip library` and `dalip search`: index your own photos, and search them by words or by a photo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.files import printable
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FloraOption,
    JsonOption,
    load_encoder,
    load_flora,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_json, print_result

if TYPE_CHECKING:
    from dalip_index import Found, Hit, LibraryReport

__all__ = ["SEARCH_EXAMPLES", "add", "app", "info", "remove", "search"]

app = typer.Typer(
    no_args_is_help=True, help="Keep an index of your own photos, so that they can be searched."
)

SEARCH_EXAMPLES = """\b
Examples:
  dalip search "yellow iris"
  dalip search --image leaf.jpg --top-k 20
  dalip search --taxon Rosaceae --since 2024 --verdict sure
  dalip search iris --page 2 --json"""

_ADD_EXAMPLES = """\b
Examples:
  dalip library add ~/Pictures/Garden
  dalip library add              (all folders that were added before)"""


@app.command(epilog=_ADD_EXAMPLES)
def add(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="A folder of photos; all below it counts. If left out, all that were added before.",
            show_default=False,
        ),
    ] = None,
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add a folder to your library, or bring it up to date: only what changed is read again.

    What the flora says of each photo is kept, too. When the flora has changed, the photos are named again, without
    being read.
    """
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
    print_result(printable(f"{folder or 'all folders'}: {_summary(report)}"))
    left_out.finish()


def _summary(report: "LibraryReport") -> str:
    """Put what an update of the library did in one line, zeros left out."""
    return ", ".join(f"{count:,} {what}" for what, count in report.counts.items()) or "nothing to do"


@app.command(epilog="Example: dalip library remove ~/Pictures/Garden")
def remove(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A folder that was added.", show_default=False),
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Forget a folder and its photos. The photos themselves stay where they are."""
    from dalip_index import Library
    from dalip_index.places import data_dir_or_default

    photos = Library(data_dir_or_default(data_dir)).remove(folder)
    print_result(printable(f"{folder}: forgotten, with {photos:,} photos"))


@app.command(epilog="Example: dalip library info")
def info(data_dir: DataDirOption = None) -> None:
    """Say where your library is, which folders it holds, and what a flora said of their photos."""
    from dalip_index import Library
    from dalip_index.places import data_dir_or_default

    place = data_dir_or_default(data_dir)
    library = Library(place)
    photos = len(library)
    hint = "" if photos else "; add a folder with `dalip library add FOLDER`"
    print_result(printable(f"{place}: {photos:,} photos{hint}"))
    for folder, number in library.folders().items():
        print_result(printable(f"  {number:7,}  {folder}"))
    for verdict, number in library.verdicts().items():
        print_result(f"  {number:7,}  {verdict or 'not named yet'}")


def search(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to look for, in words.")] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="PATH", help="Look for what resembles this photo.", show_default=False
        ),
    ] = None,
    taxon: Annotated[
        str,
        typer.Option(
            "--taxon",
            metavar="NAME",
            help="Only photos that show this species, genus or family, by its scientific name.",
            show_default=False,
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="DATE",
            help="Only photos from this day, month or year on: 2024-05-31, 2024-05 or 2024. A photo that does not say "
            "when it was taken counts by the time of its file.",
            show_default=False,
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="DATE", help="Only photos up to this day, month or year.", show_default=False
        ),
    ] = "",
    verdict: Annotated[
        str,
        typer.Option(
            "--verdict",
            metavar="VERDICT",
            help="Only photos of this verdict: sure, unsure, 'not in flora', 'not a plant' or uncalibrated.",
            show_default=False,
        ),
    ] = "",
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="K", min=1, help="How many photos to give, best first.")
    ] = 10,
    page: Annotated[
        int, typer.Option("--page", metavar="N", min=1, help="Which page of so many photos to give.")
    ] = 1,
    everything: Annotated[
        bool, typer.Option("--all", help="Give photos, too, that are too unlike what is looked for.")
    ] = False,
    as_json: JsonOption = False,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Find photos of your library by words or by another photo.

    Without either, but with a filter, those that pass it are listed, the newest first.
    """
    from dalip_index.places import data_dir_or_default

    if text is not None and image is not None:
        raise typer.BadParameter("give either words, or a photo with --image")
    from dalip_index import Library, PhotoFilter

    only = PhotoFilter(taxon, since, until, verdict)
    if text is None and image is None and only == PhotoFilter():
        raise typer.BadParameter("give words, a photo with --image, or a filter such as --taxon")
    library, offset = Library(data_dir_or_default(data_dir)), (page - 1) * top_k
    if text is None and image is None:
        found = library.newest(top_k, offset=offset, only=only)
    else:
        loaded = load_encoder(encoder)
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
        complain("after the flora has changed, `dalip library add` names the photos again")


def _tell(found: "Found", offset: int) -> None:
    """Say on stderr what was not given, and how to have it."""
    shown = offset + len(found.hits)
    if shown < found.total and found.hits:
        complain(f"{shown:,} of {found.total:,} shown; --page gives the next")
    elif not found.hits:
        complain(f"none on this page, of {found.total:,}" if found.total else "no photo fits")
    if found.hidden and shown >= found.total:
        complain(f"{found.hidden:,} that hardly fit are hidden; --all gives them")


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
            "eventDate": None if hit.date_from_file else hit.date,
        }
        print_json(content)
        return
    similarity = "" if hit.similarity is None else f"{hit.similarity:5.2f}  "
    print_result(printable(f"{similarity}{hit.path}  {_described(hit)}".rstrip()))


def _described(hit: "Hit") -> str:
    """Say what a photo shows and when it was taken, as far as that is known."""
    shows = ""
    if hit.name:
        refused = hit.name.verdict in ("not in flora", "not a plant")
        shows = hit.name.verdict if refused else f"{hit.name.scientific_name} ({hit.name.verdict})"
    return ", ".join(part for part in (shows, "" if hit.date_from_file else hit.date[:10]) if part)
