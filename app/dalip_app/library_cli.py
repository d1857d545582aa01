"""`dalip library` and `dalip search`: the user's own photos, found by words or by another photo."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip_app.identify_cli import JsonOption
from dalip_app.places import DataDirOption, EncoderOption, data_dir_or_default
from dalip_app.terminal import Progress, complain, one_line, print_result

if TYPE_CHECKING:
    from dalip_index import Hit, LibraryReport

__all__ = ["SEARCH_EXAMPLES", "add", "app", "info", "search"]

app = typer.Typer(
    no_args_is_help=True, help="Keep an index of your own photos, so that they can be searched."
)

SEARCH_EXAMPLES = """\b
Examples:
  dalip search "yellow flower by a river"
  dalip search --image leaf.jpg --top-k 20"""


@app.command(epilog="Example: dalip library add ~/Pictures/Garden")
def add(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A folder of photos; all below it counts.", show_default=False),
    ],
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add a folder to your library, or bring it up to date: only what changed is read again."""
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import Library

    library = Library(data_dir_or_default(data_dir))
    loaded = Encoder.load(encoder or ENCODER)
    with Progress() as progress:
        report = library.add(folder, loaded, progress)
    for photo in report.unreadable:
        complain(photo.error)
    print_result(one_line(f"{folder}: {summary(report)}"))
    if report.unreadable:
        raise typer.Exit(1)


def summary(report: "LibraryReport") -> str:
    """Put what an update of the library did in one line, zeros left out."""
    counts = {
        "added": report.added,
        "changed": report.updated,
        "moved": report.moved,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "unreadable": len(report.unreadable),
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing to do"


@app.command(epilog="Example: dalip library info")
def info(data_dir: DataDirOption = None) -> None:
    """Say where your library is and how many photos it holds."""
    from dalip_index import Library

    place = data_dir_or_default(data_dir)
    photos = len(Library(place))
    hint = "" if photos else "; add a folder with `dalip library add FOLDER`"
    print_result(one_line(f"{place}: {photos:,} photos{hint}"))


def search(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to look for, in words.")] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="PATH", help="Look for what resembles this photo.", show_default=False
        ),
    ] = None,
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="K", min=1, help="How many photos to give, best first.")
    ] = 10,
    as_json: JsonOption = False,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Find photos of your library by words or by another photo."""
    if (text is None) == (image is None):
        raise typer.BadParameter("give either words, or a photo with --image")
    from dalip.encoder import Encoder
    from dalip_assets import ENCODER
    from dalip_index import Library

    library = Library(data_dir_or_default(data_dir))
    loaded = Encoder.load(encoder or ENCODER)
    if image is not None:
        hits = library.search_image(image, loaded, top_k)
    else:
        hits = library.search_text(text or "", loaded, top_k)
    for hit in hits:
        _print_hit(hit, as_json)


def _print_hit(hit: "Hit", as_json: bool) -> None:
    if as_json:
        print_result(
            json.dumps({"image": str(hit.path), "similarity": round(hit.similarity, 6)}, ensure_ascii=False)
        )
    else:
        print_result(one_line(f"{hit.similarity:5.2f}  {hit.path}"))
