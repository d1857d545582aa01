"""`dalip region`: add distributions and occurrence records, list areas, and remove files."""

from pathlib import Path
from typing import Annotated

import typer

from dalip.files import printable
from dalip_app.cli.options import DataDirOption, GivenPath, given_path
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_result

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Say which plants occur where, for --region and --near.")

_ADD_EXAMPLES = """\b
Examples:
  dalip region add wcvp_distribution.csv
  dalip region add wcvp.zip
  dalip region add 0012345-240506114902167.zip"""
_LIST_EXAMPLES = """\b
Examples:
  dalip region list
  dalip region list south"""
_REASONS = {
    "extinct": "extinct there",
    "doubtful": "doubtful there",
    "higher-taxon": "above the rank of species",
    "absent": "records of absence",
    "not-wild": "fossils, and living specimens of collections",
    "kingdom": "not plants",
    "without-coordinates": "without coordinates",
    "uncertain": "with unknown coordinates, or uncertain by more than 20 km",
}


@app.command(epilog=_ADD_EXAMPLES)
def add(
    file: Annotated[
        GivenPath,
        typer.Argument(
            metavar="FILE",
            help="wcvp_distribution.csv from Kew, or occurrence records from GBIF (simple download or Darwin Core "
            "Archive), packed or not.",
            show_default=False,
            parser=given_path,
        ),
    ],
    names: Annotated[
        Path | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="Names for the distribution (default: wcvp_names.csv beside it or in the archive).",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add the plants of regions from a file, or replace the file with the same name.

    Use `--region` with a distribution and `--near` with occurrence records. Extinct and doubtful plants are left out,
    and so are records that say little about where a plant grows. If the command is interrupted, nothing is changed.
    """
    from dalip.datasets import Report
    from dalip_index import Regions
    from dalip_index.places import data_dir_or_default

    left_out = LeftOut()
    with ProgressLine() as progress:
        found = Regions(data_dir_or_default(data_dir)).add(
            file, Report(left_out, complain), progress, names=names
        )
    print_result(printable(f"{file}: {counted(found.taxa, 'taxon')}, {counted(found.records, 'record')}"))
    for reason, rows in found.left_out.items():
        print_result(f"  {counted(rows, 'row')} left out: {_REASONS[reason]}")
    left_out.finish()


@app.command("list", epilog=_LIST_EXAMPLES)
def list_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Part of a name or code.")] = "",
    data_dir: DataDirOption = None,
) -> None:
    """List the areas that `--region` knows, with the number of their taxa; and the files that were added."""
    from dalip_index import Regions
    from dalip_index.places import data_dir_or_default

    regions = Regions(data_dir_or_default(data_dir))
    for area in regions.areas(text):
        print_result(printable(f"{area.code:>4}  {area.taxa:7,}  {area.name}"))
    sources = regions.sources()
    for source in sources:
        print_result(printable(f"{source.name}: {source.kind}, {counted(source.taxa, 'taxon')}"))
    if not sources:
        complain(f"{regions.path}: no regions yet; add a file with `dalip region add FILE`")


@app.command(epilog="Example: dalip region remove wcvp_distribution.csv")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a file that was added.")],
    data_dir: DataDirOption = None,
) -> None:
    """Remove what was added from a file. The file itself is not touched."""
    from dalip_index import Regions
    from dalip_index.places import data_dir_or_default

    Regions(data_dir_or_default(data_dir)).remove(name)
    print_result(printable(f"{name}: removed"))
