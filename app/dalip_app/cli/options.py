"""Where the commands find things: the flora, the encoder, and the folder of the user's own things."""

from pathlib import Path
from typing import Annotated

import typer

from dalip.errors import DalipError
from dalip_app.cli.terminal import complain

__all__ = [
    "BUILT_IN",
    "ChangedFloraOption",
    "DataDirOption",
    "EncoderOption",
    "FloraOption",
    "FlorasOption",
    "chosen_flora",
    "data_dir_or_default",
    "flora_to_change",
    "own_flora",
]

FloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="The flora to answer from; if left out, the built-in one, with what you taught it.",
        show_default=False,
    ),
]
BUILT_IN = Path("builtin")
"""Stands for the built-in flora, with what it was taught, where several floras are named."""

FlorasOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="A flora to answer from. May be given several times, then visitors choose; `builtin` is the built-in one, "
        "which is used if none is given.",
        show_default=False,
    ),
]
ChangedFloraOption = Annotated[
    Path | None,
    typer.Option(
        "--flora",
        metavar="FOLDER",
        help="The flora to change; if left out, your copy of the built-in one.",
        show_default=False,
    ),
]
EncoderOption = Annotated[
    Path | None,
    typer.Option("--encoder", metavar="FOLDER", help="The encoder to use; the built-in one if left out."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        envvar="DALIP_DATA_DIR",
        help="Where DALIP keeps your own things, such as your library; your user data folder if left out.",
    ),
]


def data_dir_or_default(chosen: Path | None) -> Path:
    """Give the folder of the user's own things: the one chosen, or the platform's place for them."""
    if chosen is not None:
        return chosen
    from platformdirs import user_data_path

    return user_data_path("dalip", appauthor=False)


def own_flora(data_dir: Path | None) -> Path:
    """Give the place of the built-in flora with what the user taught it, whether or not there is one."""
    return data_dir_or_default(data_dir) / "flora"


def chosen_flora(chosen: Path | None, data_dir: Path | None) -> Path:
    """Give the flora to use: the one chosen, else the user's own if it was taught something, else the built-in one.

    Where the user's own cannot be used, as after an update of DALIP that brings another encoder, that is said.
    """
    if chosen is not None:
        return chosen
    from dalip_assets import FLORA
    from dalip_index import flora_info
    from dalip_index.store.versions import CURRENT

    own = own_flora(data_dir)
    try:
        if not (own / CURRENT).is_file():
            return FLORA
        manifest = flora_info(own).manifest
        usable = manifest.encoder.fingerprint == flora_info(FLORA).manifest.encoder.fingerprint
    except (DalipError, OSError):
        usable = False
    if not usable:
        complain(f"{own}: cannot be used with this DALIP; {_STALE}")
    return own if usable and manifest.counts.taught else FLORA


def flora_to_change(chosen: Path | None, data_dir: Path | None) -> tuple[Path, Path | None]:
    """Give where lessons go, and the flora to start from where there is none yet: a copy of the built-in one learns."""
    from dalip_assets import FLORA

    if chosen and chosen.resolve() == FLORA.resolve():
        raise DalipError(
            f"{chosen}: the built-in flora stays as it is; leave --flora out, and your copy learns"
        )
    return (chosen, None) if chosen else (own_flora(data_dir), FLORA)


_STALE = "`dalip index rebuild` moves what you taught it; or else delete or rename that folder"
