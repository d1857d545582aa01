"""`dalip identify`: identify the plants in photos; prints text, JSON or CSV."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dalip.csv_rows import csv_row
from dalip.errors import DalipError, ImageError, Skipped, first_line
from dalip.files import printable
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FloraOption,
    GivenPath,
    JsonOption,
    OnlyOption,
    VerboseOption,
    given_path,
)
from dalip_app.cli.regional.region_options import (
    DEFAULT_RADIUS,
    NearOption,
    RadiusOption,
    RegionOption,
    load_regional_flora,
    read_region,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, print_json, print_result

if TYPE_CHECKING:
    from dalip_index import Flora, Identification

__all__ = ["EXAMPLES", "find_photos", "identify"]

EXAMPLES = """\b
Examples:
  dalip identify photo.jpg
  dalip identify holiday/ --csv > plants.csv
  dalip identify *.jpg --json --top-k 3
  dalip identify leaf.jpg flower.jpg --together --rank genus
  dalip identify meadow/ --only Asteraceae --only meadow-plants.txt
  dalip identify holiday/ --region Spain
  dalip identify holiday/ --near 40.4,-3.7 --radius 50"""

Rank = Literal["species", "genus", "family", "order"]

_EXPLAINED = 512  # pixels; photos may be reduced to this size for a heat map
_STEM = 60  # characters of the photo's file name that its heat map keeps
_WARNING = (
    "Never eat a plant based on an identification. No caution never means edible: DALIP does not know every harmful "
    "plant."
)

_CSV_FIELDS = ("image", "position", "scientificName", "taxonRank", "vernacularName", "genus", "family")
_CSV_SCORES = ("similarity", "probability", "verdict")


def identify(
    paths: Annotated[
        list[GivenPath],
        typer.Argument(
            metavar="PATH...", help="Photos, or folders of photos.", show_default=False, parser=given_path
        ),
    ],
    flora: FloraOption = None,
    encoder: EncoderOption = None,
    only: OnlyOption = None,
    region: RegionOption = None,
    near: NearOption = "",
    radius: RadiusOption = DEFAULT_RADIUS,
    top_k: Annotated[
        int, typer.Option("--top-k", metavar="K", min=1, help="Number of names per photo, best first.")
    ] = 5,
    rank: Annotated[
        Rank | None,
        typer.Option(
            "--rank",
            help="Answer with taxa of this rank (default: the flora's taxa, or a higher rank where these are "
            "uncertain).",
        ),
    ] = None,
    coverage: Annotated[
        float,
        typer.Option(
            "--coverage",
            metavar="SHARE",
            min=0.01,
            max=0.999,
            help="Coverage of the conformal prediction set: how often it contains the right name, for photos like "
            "those the flora was calibrated on.",
        ),
    ] = 0.9,
    together: Annotated[
        bool, typer.Option("--together", help="Treat all photos as photos of one plant and print one answer.")
    ] = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            "--explain",
            metavar="FOLDER",
            help="Write a heat map (PNG) of each photo to this folder: orange parts support the first name, blue "
            "parts the second.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, one row per name, with Darwin Core column names.")
    ] = False,
    verbose: VerboseOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Identify the plants in photos.

    Folders are searched recursively for photos, which are recognised by their content. A photo that cannot be read is
    reported on one line; the other photos are still identified. Never eat a plant based on an identification.
    """
    from dalip.photos import caution_about

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv cannot be combined; choose one")
    if explain and (together or rank):
        raise typer.BadParameter("--explain cannot be combined with --together or --rank")
    left_out, unwritten = LeftOut(), 0
    photos = [photo for path in paths for photo in find_photos(path, verbose=verbose)]
    place = read_region(region, near, radius, only, data_dir)
    loaded = load_regional_flora(flora, encoder, data_dir, only, place)
    how = _together if together else _in_order
    if explain:  # skip heat maps of an earlier run
        photos = [
            p for p in photos if not (isinstance(p, Path) and p.resolve().is_relative_to(explain.resolve()))
        ]
    wanted = max(top_k, 2) if explain else top_k  # a heat map compares two names
    answers = how(loaded, photos, {"top_k": wanted, "rank": rank, "coverage": coverage})
    write = _write_json if as_json else _csv_writer() if as_csv else _write_for_people
    # Answers on a terminal already show the progress.
    with ProgressLine(hidden=sys.stdout.isatty()) as progress:
        for done, answer in enumerate(answers, start=1):
            progress("photos read", done, len(photos))
            if isinstance(answer, Skipped):
                left_out(answer, quiet=as_json)
                if as_json:
                    _write_json(answer)
                continue
            picture = None
            if explain:
                try:
                    picture = _explained(loaded, answer, explain, done)
                except DalipError as error:
                    unwritten += 1
                    complain(error)
                answer = replace(answer, predictions=answer.predictions[:top_k])
            write(answer, picture)
            for photo in photos if together else [Path(answer.image)]:
                if isinstance(photo, Path) and (caution := caution_about(photo)):
                    complain(caution)
    if write is _write_for_people and len(left_out.faults) < len(photos):
        print_result(_WARNING)
    left_out.finish(len(photos))
    if unwritten:
        raise typer.Exit(1)


def find_photos(path: Path, *, verbose: bool = False) -> "Iterator[Path | Skipped]":
    """Find the photos that a path on the command line refers to, and note on stderr what is not a photo.

    Args:
        path: A file, which is used whatever its name, or a folder.
        verbose: List the files that are not photos, or hidden, instead of their number.

    Yields:
        The file itself; or the photos in the folder and below it, sorted and without hidden files, followed by
        everything that could not be read; or one error for a folder without photos.
    """
    from dalip.photos import READABLE
    from dalip.photos.walk import list_files, unused_files

    try:
        folder = path.is_dir()
    except OSError:  # the name is too long
        folder = False
    if not folder:
        yield path
        return
    found = list_files(path, photos_only=True, follow_links=True)
    for note in unused_files(path, found.others, found.left_out, verbose=verbose):
        complain(note)
    yield from found.files
    yield from found.skipped
    if not found.files and not found.skipped:
        yield Skipped.of(str(path), ImageError("folder-without-photos", readable=READABLE))


def _in_order(
    flora: "Flora", photos: "Iterable[Path | Skipped]", options: dict[str, Any]
) -> "Iterator[Identification | Skipped]":
    """Identify the photos in batches, with skipped files at their place in the input."""
    photos = list(photos)
    answers = flora.identify([photo for photo in photos if isinstance(photo, Path)], **options)
    for photo in photos:
        yield next(answers) if isinstance(photo, Path) else photo


def _together(
    flora: "Flora", photos: "Iterable[Path | Skipped]", options: dict[str, Any]
) -> "Iterator[Identification | Skipped]":
    """Report the files that cannot be read, then give one answer for all readable photos."""
    photos = list(photos)
    readable = [photo for photo in photos if isinstance(photo, Path)]
    answer, skipped = flora.identify_together(readable, **options)
    yield from (photo for photo in photos if not isinstance(photo, Path))
    yield from skipped
    if answer:
        yield answer


def _explained(flora: "Flora", answer: "Identification", folder: Path, number: int) -> Path | None:
    """Write the heat map and return its path; without one, report why and return `None`."""
    from dalip.photos import open_image
    from dalip_index.flora.heat_map import heat_picture

    photo = Path(answer.image)
    picture = heat_picture(flora, open_image(photo, target=_EXPLAINED), answer)
    if picture is None:
        complain(
            f"{photo}: no heat map: the photo shows no plant, or no text distinguishes its first two names"
        )
        return None
    path = folder / f"{number:04}-{photo.stem[:_STEM]}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except OSError as error:
        raise DalipError("picture-not-written", source=path, cause=first_line(error)) from error
    return path


def _write_json(answer: "Identification | Skipped", picture: Path | None = None) -> None:
    from dalip_app.messages.answer_json import answer_fields

    content = answer_fields(answer)
    if picture:
        content["heatMap"] = str(picture)
    print_json(content)


def _csv_writer() -> "Callable[[Identification, Path | None], None]":
    columns = (*_CSV_FIELDS, *_CSV_SCORES)

    def write(answer: "Identification", picture: Path | None) -> None:
        for position, prediction in enumerate(answer.predictions, start=1):
            found = {"image": answer.image, "position": position, "verdict": answer.verdict}
            row = found | prediction.to_dict()
            print_result(csv_row(row.get(column) for column in columns))

    print_result(csv_row(columns))
    return write


def _write_for_people(answer: "Identification", picture: Path | None) -> None:
    from dalip_app.messages.cautions import cautions
    from dalip_app.messages.words import outside, promise, regional, score, sentence

    print_result(printable(f"{answer.image}: {sentence(answer)}"))
    why = f"Heat map: {picture}" if picture else ""
    for words in (promise(answer), regional(answer), *cautions(answer), why):
        if words:
            print_result(printable(f"  {words}"))
    taxa = [prediction.taxon for prediction in answer.predictions]
    rows = [[printable(text) for text in (t.scientific_name, t.vernacular_name, t.family)] for t in taxa]
    widths = [max(len(row[column]) for row in rows) for column in range(2)] if rows else []
    for prediction, (name, common, family) in zip(answer.predictions, rows, strict=True):
        line = f"  {score(prediction):>6}  {name:<{widths[0]}}  {common:<{widths[1]}}  {family}"
        print_result(printable(f"{line}  {outside(answer, prediction)}").rstrip())
    print_result("")
