"""`dalip journal`: list, export and import your observations, and teach a flora from them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from dalip.files import printable
from dalip_app.cli.options import (
    ChangedFloraOption,
    DataDirOption,
    EncoderOption,
    JsonOption,
    find_flora_to_change,
    load_encoder,
)
from dalip_app.cli.terminal import LeftOut, ProgressLine, complain, counted, print_json, print_result

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Manage the observations that you saved on the web page.")

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A .zip (Darwin Core Archive with photos), .csv or .json file.",
        show_default=False,
    ),
]


@app.command("list", epilog="Example: dalip journal list --by doubt")
def list_(
    by: Annotated[
        Literal["date", "doubt"],
        typer.Option("--by", help="Order: `date` lists the newest first, `doubt` the least certain."),
    ] = "date",
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """List your observations."""
    from dalip_app.messages.words import percent
    from dalip_index import Journal
    from dalip_index.places import data_dir_or_default

    left_out = LeftOut()
    for seen in Journal(data_dir_or_default(data_dir)).observations(by, on_skip=left_out):
        if as_json:
            print_json(asdict(seen))
            continue
        said = {"": "", seen.answered: "confirmed"}.get(seen.name, f"DALIP's answer: {seen.answered}")
        share = "" if seen.probability is None else percent(seen.probability)
        date = (seen.event_date or seen.created)[:10]
        print_result(printable(f"{date}  {share:>6}  {seen.accepted}  {said}").rstrip())
    left_out.finish()


@app.command(epilog="Example: dalip journal export observations.zip")
def export(file: FileArgument, data_dir: DataDirOption = None) -> None:
    """Export your observations to a file that other biodiversity tools can read."""
    from dalip_index import Journal, export_journal
    from dalip_index.places import data_dir_or_default

    left_out = LeftOut()
    number = export_journal(Journal(data_dir_or_default(data_dir)), file, on_skip=left_out)
    print_result(printable(f"{file}: {number:,} observations"))
    left_out.finish()


@app.command("import", epilog="Example: dalip journal import observations.zip")
def import_(file: FileArgument, data_dir: DataDirOption = None) -> None:
    """Import observations from an exported file; those already in the journal are not changed.

    Everything in the file is imported, or nothing if a part of it is invalid. Photos are stored without metadata.
    """
    from dalip_index import Journal, import_journal
    from dalip_index.places import data_dir_or_default

    done = import_journal(Journal(data_dir_or_default(data_dir)), file)
    print_result(printable(f"{file}: {done.added:,} added, {done.there:,} already in the journal"))
    left_out = LeftOut()
    left_out(*done.skipped)
    left_out.finish()


@app.command(epilog="Example: dalip journal teach")
def teach(
    flora: ChangedFloraOption = None,
    encoder: EncoderOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Teach the flora the plants in your journal.

    These are the plants that you named yourself and that are not in the flora yet. A flora that keeps its photos also
    learns more about plants it already contains. A plant you taught before is taught again, with all its photos in
    your journal.
    """
    from dalip_index import Journal
    from dalip_index.journal.lessons import lessons, teach_lesson
    from dalip_index.places import data_dir_or_default
    from dalip_index.store.versions import flora_or_start

    journal = Journal(data_dir_or_default(data_dir))
    path, start = find_flora_to_change(flora, data_dir)
    left_out = LeftOut()
    loaded = load_encoder(encoder, data_dir, flora=flora_or_start(path, start))
    found = lessons(journal, path, start, loaded, left_out)
    with ProgressLine() as progress:
        for number, lesson in enumerate(found, 1):
            progress("plants", number, len(found))
            teach_lesson(lesson, path, start, loaded)
            print_result(
                printable(
                    f"{path}: learned {lesson.name} from {counted(len(lesson.photos), 'photo')} of yours"
                )
            )
    if not found and not left_out.faults:
        complain("nothing to teach: the flora already knows every plant that you named in your journal")
    left_out.finish()
