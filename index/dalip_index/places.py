"""The user's data folder, the flora to use (chosen, taught or built-in), and the encoder that made it."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from dalip.encoder import Encoder
from dalip.encoder.bundle import is_bundle, read_manifest
from dalip.encoder.published import HUB, PUBLISHED, close_aliases
from dalip.errors import BundleError, DalipError, FloraError
from dalip.files import atomic_write
from dalip_assets import ENCODER, FLORA
from dalip_index.flora.verify import flora_info
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import CURRENT, current_version

__all__ = [
    "BUILT_IN",
    "chosen_flora",
    "data_dir_or_default",
    "encoder_of",
    "find_encoder",
    "flora_to_change",
    "named_encoder",
    "own_encoder",
    "own_encoders",
    "own_flora",
    "remember_encoder",
]

BUILT_IN = Path("builtin")
"""Stands for the built-in flora, including the plants taught to it, in a list of floras."""


_ENCODERS = "encoders"
"""Folder in the user's data folder: the encoders that `dalip encoder get` made, each in a folder, and for each encoder
that was used, a file that says where it is, by its fingerprint."""

_NAME = 16  # characters of a fingerprint


def data_dir_or_default(chosen: Path | None) -> Path:
    """Return the user's data folder: the chosen one, that of `DALIP_DATA_DIR`, or the platform's default."""
    if chosen is not None:
        return chosen
    if given := os.environ.get("DALIP_DATA_DIR"):
        return Path(given)
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


def own_encoder(name: str, data_dir: Path | None = None) -> Path:
    """Return the folder of the encoder with a name that `dalip encoder get` made, whether or not it exists.

    Args:
        name: An alias, or another name such as `hf-hub:ORG/REPO`.
        data_dir: As `data_dir_or_default`.

    Raises:
        BundleError: The name cannot be that of an encoder; it is empty, for example, or begins with a dot.
    """
    folder = re.sub(r"[^\w.@-]+", "--", name)
    if not folder.strip("-") or folder.startswith("."):
        raise BundleError("encoder-name-malformed", source=name)
    return data_dir_or_default(data_dir) / _ENCODERS / folder


def own_encoders(data_dir: Path | None = None) -> list[Path]:
    """Return the folders of all encoders that `dalip encoder get` made, in alphabetical order."""
    folder = data_dir_or_default(data_dir) / _ENCODERS
    try:
        found = sorted(folder.iterdir())
    except OSError:  # there is none yet
        return []
    return [path for path in found if is_bundle(path) and not path.name.startswith(".")]


def named_encoder(given: Path, data_dir: Path | None = None) -> Path:
    """Return the folder of an encoder given as a folder, or as a name for `dalip encoder get`.

    Args:
        given: The folder or name; a folder takes precedence.
        data_dir: As `data_dir_or_default`.

    Raises:
        BundleError: This encoder was not fetched to this computer; or there is neither such a folder nor such a name,
            and there are similar names.
    """
    name = str(given)
    if given == BUILT_IN and not given.exists():
        return ENCODER
    if given.is_dir() or (given.name != name and not name.startswith(HUB)) or name.startswith("."):
        return given  # a path
    if is_bundle(own := own_encoder(name, data_dir)):
        return own
    if name in PUBLISHED or name.startswith(HUB):
        raise BundleError("encoder-not-fetched", source=name, name=name)
    held = [folder.name for folder in own_encoders(data_dir)]
    close = [*close_aliases(name), *get_close_matches(name, held)]
    if close:
        raise BundleError("encoder-name-unknown", source=name, close=list(dict.fromkeys(close)))
    return given  # which says that there is no such folder


def remember_encoder(encoder: Encoder, data_dir: Path | None = None) -> None:
    """Remember where an encoder is, so that floras made with it can be used without naming it again.

    Args:
        encoder: The encoder; the place of the built-in one is known.
        data_dir: As `data_dir_or_default`.
    """
    place, folder = _place(encoder.fingerprint, data_dir), str(encoder.folder.resolve())
    if folder in (str(ENCODER.resolve()), _remembered(place)):
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(place) as draft:
            draft.write_text(json.dumps({"folder": folder}), encoding="utf-8")
    except OSError:  # a full or read-only disk: the encoder has to be named each time
        with suppress(OSError):
            place.parent.rmdir()


def find_encoder(fingerprint: str, data_dir: Path | None = None) -> Path | None:
    """Return the folder of the encoder with a fingerprint: the built-in one, or one that was used before.

    Args:
        fingerprint: The fingerprint.
        data_dir: As `data_dir_or_default`.
    """
    for folder in _known_places(fingerprint, data_dir):
        with suppress(BundleError):  # it was moved, or another encoder is there now
            if folder and read_manifest(Path(folder)).fingerprint == fingerprint:
                return Path(folder)
    return None


def _known_places(fingerprint: str, data_dir: Path | None) -> Iterator[str]:
    """Yield where an encoder may be, the usual places first, so that most commands look no further."""
    yield str(ENCODER)
    yield _remembered(_place(fingerprint, data_dir))
    yield from map(str, own_encoders(data_dir))


def encoder_of(flora: Path, data_dir: Path | None = None) -> Path:
    """Return the folder of the encoder that built a flora.

    Args:
        flora: The flora.
        data_dir: As `data_dir_or_default`.

    Raises:
        FloraError: The flora is missing or damaged, or its encoder was not used on this computer before.
    """
    stamp = FloraManifest.load(current_version(flora)).encoder
    if (found := find_encoder(stamp.fingerprint, data_dir)) is None:
        raise FloraError(
            "encoder-of-flora-unknown",
            source=flora,
            built_with=stamp.name,
            fingerprint=stamp.fingerprint[:12],
            published=int(stamp.name in PUBLISHED or stamp.name.startswith(HUB)),
        )
    return found


def _place(fingerprint: str, data_dir: Path | None) -> Path:
    return data_dir_or_default(data_dir) / _ENCODERS / f"{fingerprint[:_NAME]}.json"


def _remembered(place: Path) -> str:
    """Return the folder in a file; empty if there is no valid file."""
    try:
        folder = json.loads(place.read_bytes())["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return folder if isinstance(folder, str) else ""
