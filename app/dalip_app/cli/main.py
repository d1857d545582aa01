"""`dalip`: assembles all commands. Commands import what they need when they run, so that `--help` is fast."""

from typing import Annotated

import typer

from dalip import __version__
from dalip_app.cli import data as data_cli
from dalip_app.cli import evaluate as evaluate_cli
from dalip_app.cli import identify as identify_cli
from dalip_app.cli import index as index_cli
from dalip_app.cli import journal as journal_cli
from dalip_app.cli import library as library_cli
from dalip_app.cli import serve as serve_cli
from dalip_app.cli import space as space_cli
from dalip_app.cli.models import encoder as encoder_cli
from dalip_app.cli.models import export as export_cli
from dalip_app.cli.models import train as training_cli
from dalip_app.cli.regional import region as region_cli
from dalip_app.cli.terminal import CommandGroup, print_result

__all__ = ["app", "main"]

app = typer.Typer(
    name="dalip",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text looks the same on every terminal and starts faster
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print_result(f"dalip {__version__}")
        raise typer.Exit


@app.callback(epilog="Example: dalip identify photo.jpg")
def dalip(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Print the Python traceback of an error. Works anywhere on the command line."
        ),
    ] = False,
) -> None:
    """Identify plants in photos, search your photos, build floras and train models, all on this computer."""


app.command("identify", epilog=identify_cli.EXAMPLES)(identify_cli.identify)
app.command("search", epilog=library_cli.SEARCH_EXAMPLES)(library_cli.search)
app.add_typer(library_cli.app, name="library")
app.add_typer(journal_cli.app, name="journal")
app.add_typer(region_cli.app, name="region")
app.command("serve", epilog=serve_cli.EXAMPLES)(serve_cli.serve)
app.command("space", epilog=space_cli.EXAMPLES)(space_cli.space)
app.add_typer(index_cli.app, name="index")
app.add_typer(encoder_cli.app, name="encoder")
app.add_typer(data_cli.app, name="data")
app.add_typer(evaluate_cli.app, name="evaluate")
app.command("train", epilog=training_cli.EXAMPLES)(training_cli.train)
app.command("export", epilog=export_cli.EXAMPLES)(export_cli.export)


def main() -> None:
    """Run `dalip`."""
    app(prog_name="dalip")
