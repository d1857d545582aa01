"""The user's data folder, and the flora to use: chosen, taught or built-in."""

from collections.abc import Callable
from pathlib import Path

from dalip.errors import DalipError, FloraError
from dalip_assets import FLORA
from dalip_index.flora.verify import flora_info
from dalip_index.store.versions import CURRENT

__all__ = ["BUILT_IN", "chosen_flora", "data_dir_or_default", "flora_to_change", "own_flora"]

BUILT_IN = Path("builtin")
"""Stands for the built-in flora, including the plants taught to it, in a list of floras."""


def data_dir_or_default(chosen: Path | None) -> Path:
    """Return the user's data folder: the chosen one, or the platform's default."""
    if chosen is not None:
        return chosen
    from platformdirs import user_data_path

    return user_data_path("dalip", appauthor=False)


def own_flora(data_dir: Path | None) -> Path:
    """Return the path of the user's taught copy of the built-in flora, whether or not it exists."""
    return data_dir_or_default(data_dir) / "flora"


def chosen_flora(chosen: Path | None, data_dir: Path | None, warn: Callable[[FloraError], None]) -> Path:
    """Return the flora to use: the chosen one, else the user's own if it was taught any plants, else the built-in one.

    Args:
        chosen: The flora; `None` or `BUILT_IN` if none was specified.
        data_dir: As `data_dir_or_default`.
        warn: Called when the user's own flora cannot be used, for example after a DALIP upgrade with another encoder.
    """
    if chosen not in (None, BUILT_IN):
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
    """Return the flora to teach, and the flora to copy if it does not exist yet (the built-in one is never changed)."""
    if chosen and chosen.resolve() == FLORA.resolve():
        raise FloraError("builtin-flora-fixed", source=chosen)
    return (chosen, None) if chosen else (own_flora(data_dir), FLORA)
