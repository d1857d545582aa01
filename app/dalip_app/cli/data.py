"""`dalip data pack`: pack labelled photos into shards for training and for building floras."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dalip.errors import DalipError, DataError, Skipped
from dalip.files import printable
from dalip.progress import Progress
from dalip_app.cli.options import DoubtfulOption, GivenPath, VerboseOption, given_path
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_result

if TYPE_CHECKING:
    from dalip.datasets import Record, Report
    from dalip.datasets.names.resolution import Resolution
    from dalip.datasets.pack import Packed
    from dalip.datasets.pack.download import DownloadSettings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Prepare photos for training and for building floras.")

_SHOWN = 20  # lines printed per kind of message; the output folder lists all

_PACK_EXAMPLES = """\b
Examples:
  dalip data pack photos/ packed
  dalip data pack observations.csv packed --checklist plants.tsv.gz --download
  dalip data pack herbarium.zip photos/ packed --size 384 --duplicates keep
  dalip index build --taxa packed/taxa.csv --photos packed my-flora"""


@app.callback()
def data() -> None:
    """Prepare photos for training and for building floras."""


@app.command(epilog=_PACK_EXAMPLES)
def pack(
    paths: Annotated[
        list[GivenPath],
        typer.Argument(
            metavar="SOURCE... OUT",
            help="Sources to pack, then the output folder. A source is a folder with one sub-folder per taxon, a CSV "
            "or TSV that lists photos, an iNaturalist export, a Darwin Core Archive, .tar shards, or a folder or .zip "
            "archive of any of these.",
            show_default=False,
            parser=given_path,
        ),
    ],
    checklist: Annotated[
        Path | None,
        typer.Option(
            "--checklist",
            metavar="FILE",
            help="List of taxa to match names against, such as WCVP, WFO or the GBIF backbone (default: names are used "
            "as given).",
            show_default=False,
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="Your own decisions about names, which override the checklist: CSV with the columns `given` "
            "(the name in the source) and `scientificName`.",
            show_default=False,
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos",
            metavar="FOLDER",
            help="Folder with the photos that a table or archive refers to.",
            show_default=False,
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download photos that the sources refer to by URL.")
    ] = False,
    allow_redirects: Annotated[
        bool,
        typer.Option(
            "--allow-redirects", help="With --download, follow redirects to other hosts (default: refused)."
        ),
    ] = False,
    allow_private_addresses: Annotated[
        bool,
        typer.Option(
            "--allow-private-addresses",
            help="With --download, also download from this computer and from local networks (default: refused).",
        ),
    ] = False,
    size: Annotated[
        int,
        typer.Option(
            "--size",
            metavar="PIXELS",
            min=64,
            max=800,
            help="Short side of the packed photos in pixels; smaller photos are not enlarged.",
        ),
    ] = 256,
    quality: Annotated[
        int, typer.Option("--quality", metavar="Q", min=1, max=100, help="WebP quality of the packed photos.")
    ] = 90,
    shard_photos: Annotated[
        int, typer.Option("--shard-photos", metavar="N", min=1, help="Photos per shard.")
    ] = 1000,
    duplicates: Annotated[
        Literal["drop", "keep"],
        typer.Option(
            "--duplicates",
            help="Keep only the largest copy of duplicate photos (`drop`) or all copies (`keep`). Copies are always "
            "in the same split.",
        ),
    ] = "drop",
    doubtful: DoubtfulOption = "skip",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Processes that read photos (default: one per CPU)."
        ),
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Pack labelled photos into WebDataset shards for training and for building floras.

    Matches names against a checklist, reads, checks and resizes the photos, finds duplicates, and keeps all photos of
    one individual plant in one split. OUT then contains the shards, README.md and datasheet.json with counts, licences
    and credits, and tables that list what was done with each name and each duplicate, and what was skipped and why.

    You can interrupt or kill it at any time; run the same command to resume.
    """
    from dalip.datasets import Report
    from dalip.datasets.pack import PackSettings, PhotoSettings
    from dalip.datasets.pack import pack as pack_records
    from dalip.datasets.pack.download import DownloadSettings
    from dalip_app.messages.errors import describe

    if len(paths) < 2:
        raise typer.BadParameter("specify at least one source, then the output folder")
    *sources, out = paths
    settings = PackSettings(PhotoSettings(size, quality), shard_photos, duplicates)
    web = DownloadSettings(other_hosts=allow_redirects, private_addresses=allow_private_addresses)
    left_out = LeftOut()
    report = Report(left_out, complain, verbose)
    with ProgressLine() as progress:
        records = _records(sources, out, photos, web if download else None, report, progress)
        packed = pack_records(
            records,
            out,
            settings,
            resolutions=_resolutions(records, checklist, names, doubtful == "genus", report, progress),
            skipped=[fault for fault in left_out.faults if isinstance(fault, Skipped)],
            describe=describe,
            workers=workers,
            progress=progress,
        )
    _report_names(packed)
    _report_left_out(packed)
    _summarise(packed, out)
    if not packed.sheet.complete:
        raise typer.Exit(1)


def _records(
    sources: Sequence[Path],
    out: Path,
    photos: Path | None,
    web: "DownloadSettings | None",
    report: "Report",
    progress: Progress,
) -> "list[Record]":
    """Read the sources, and download photos if there are settings for it."""
    from dalip.datasets import read_records
    from dalip.datasets.pack import DOWNLOADS
    from dalip.datasets.pack.download import fetch, without_web
    from dalip.datasets.pack.output_folder import require_ours

    for source in sources:
        if out.resolve().is_relative_to(source.resolve()):
            raise typer.BadParameter(f"{out} is inside {source}; choose an output folder outside it")
    require_ours(out)  # fail early, before minutes of work
    records = read_records(*sources, photos=photos, report=report)
    of_source = Counter(str(record.fields.get("source", "")) for record in records)
    unlicensed = Counter(str(r.fields.get("source", "")) for r in records if not r.fields.get("license"))
    for name, number in unlicensed.items():
        complain(DataError("photos-unlicensed", source=name, number=number, photos=of_source[name]))
    if web is None:
        return without_web(records, report)
    return fetch(records, out / DOWNLOADS, report, progress, web)


def _resolutions(
    records: "Sequence[Record]",
    checklist: Path | None,
    names: Path | None,
    doubtful: bool,
    report: "Report",
    progress: Progress,
) -> "dict[str, Resolution]":
    """Resolve the names of the photos to taxa."""
    from dalip.datasets import Report
    from dalip.datasets.names.checklist import read_checklist
    from dalip.datasets.names.photo_names import given_names
    from dalip.datasets.names.resolve import read_decisions, resolve_names

    # Unusable checklist rows are only notes: no photo is skipped because of them if its name is found.
    mild = Report(complain, complain)
    listed = read_checklist(checklist, mild, progress) if checklist else None
    decisions = read_decisions(names, report) if names else None
    found = resolve_names(given_names(records), listed, decisions)
    return {name: answer.at_genus if doubtful else answer for name, answer in found.items()}


def _report_names(packed: "Packed") -> None:
    """Report which names were changed or could not be resolved."""
    plain = ("as given", "exact")
    changed = [use for use in packed.names if use.scientific_name and (use.how not in plain or use.dropped)]
    told = [f"{use.given}: matched to {use.scientific_name} ({use.how})" for use in changed]
    dropped = [f", without {use.dropped}" if use.dropped else "" for use in changed]
    _report([f"{line}{rest}" for line, rest in zip(told, dropped, strict=True)], "names.csv")
    lost = [use for use in packed.names if not use.scientific_name and use.how != "decided"]
    lines = [
        f"{use.given}: {use.how}{f', could be {use.candidates}' if use.candidates else ''}; "
        f"{counted(use.photos, 'photo')} skipped, use --names to say which taxon it is"
        for use in lost
    ]
    _report(lines, "names.csv")


def _report_left_out(packed: "Packed") -> None:
    """Report photos that could not be read, have no name, or have two."""
    told = ("unreadable", "unnamed", "contradiction")  # the others were reported by name or by source
    left = [photo for photo in packed.left_out if photo.reason in told]
    _report([photo.error.about(photo.where) for photo in left], "left-out.csv")


def _report(lines: Sequence[str | DalipError], table: str) -> None:
    for line in lines[:_SHOWN]:
        complain(line)
    if len(lines) > _SHOWN:
        complain(f"{len(lines) - _SHOWN:,} more are listed in {table}")


def _summarise(packed: "Packed", out: Path) -> None:
    """Print a summary of what was packed on stdout."""
    sheet = packed.sheet
    if packed.read:
        pace = packed.read / max(packed.seconds, 1e-6)
        print_result(
            f"{counted(packed.read, 'photo')} read in {packed.seconds:.1f} s ({pace:.0f} per second)"
        )
    if packed.unchanged:
        print_result(printable(f"{out}: already packed, nothing has changed"))
    photos, taxa = counted(sheet.photos, "photo"), counted(sheet.taxa, "taxon")
    print_result(printable(f"{out}: {photos} of {taxa} in {counted(len(sheet.shards), 'shard')}"))
    duplicates = sheet.duplicates
    if found := duplicates["exact"] + duplicates["near"]:
        across = f"{duplicates['acrossSplits']:,} of them across splits (now in one split)"
        print_result(f"  {counted(found, 'duplicate')}, {across}")
    if sheet.left_out:
        total = sum(sheet.left_out.values())
        counts = ", ".join(f"{reason}: {count:,}" for reason, count in sheet.left_out.items())
        print_result(printable(f"  skipped {total:,} ({counts}); see {out / 'left-out.csv'}"))
