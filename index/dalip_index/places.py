"""Where things are: the user's data folder, and the flora to use (named, taught or built-in)."""

from collections.abc import Callable
from pathlib import Path

from dalip.errors import DalipError, FloraError
from dalip_assets import FLORA
from dalip_index.flora.verify import flora_info
from dalip_index.store.versions import CURRENT

__all__ = ["BUILT_IN", "chosen_flora", "data_dir_or_default", "flora_to_change", "own_flora"]

BUILT_IN = Path("builtin")
"""Stands for the built-in flora, with what it was taught, where several floras are named."""


def data_dir_or_default(chosen: Path | None) -> Path:
    """Give the folder of the user's own things: the one chosen, or the platform's place for them."""
    if chosen is not None:
        return chosen
    from platformdirs import user_data_path

    return user_data_path("dalip", appauthor=False)


def own_flora(data_dir: Path | None) -> Path:
    """Give the place of the built-in flora with what the user taught it, whether or not there is one."""
    return data_dir_or_default(data_dir) / "flora"


def chosen_flora(chosen: Path | None, data_dir: Path | None, warn: Callable[[FloraError], None]) -> Path:
    """Give the flora to use: the one chosen, else the user's own if it was taught something, else the built-in one.

    Args:
        chosen: The flora; `None` where none was named.
        data_dir: As `data_dir_or_default`.
        warn: Called when the user's own flora cannot be used, as after an upgrade of DALIP with another encoder.
    """
    if chosen is not None:
        return chosen
    own = own_flora(data_dir)
    try:
        if not (own / CURRENT).is_file():
            return FLORA
        manifest = flora_info(own).manifest
        usable = manifest.encoder.fingerprint == flora_info(FLORA).manifest.encoder.fingerprint
    except (DalipError, OSError):
        usable = False
    if not usable:
        warn(FloraError("own-flora-stale", source=own))
    return own if usable and manifest.counts.taught else FLORA


def flora_to_change(chosen: Path | None, data_dir: Path | None) -> tuple[Path, Path | None]:
    """Give where lessons go, and the flora to start from where there is none yet: a copy of the built-in one learns."""
    if chosen and chosen.resolve() == FLORA.resolve():
        raise FloraError("builtin-flora-fixed", source=chosen)
    return (chosen, None) if chosen else (own_flora(data_dir), FLORA)
