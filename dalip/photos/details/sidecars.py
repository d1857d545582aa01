"""Find and read the files beside a photo that say when and where it was taken: Google Takeout JSON, and XMP.

Source for the names of Takeout files: the exports themselves, as described by users of export tools. The JSON of
`photo.jpg` is `photo.jpg.json`, or since 2024 `photo.jpg.supplemental-metadata.json`, where the part before `.json` is
cut to 46 characters. A number that tells photos of one name apart moves to the end: `photo(1).jpg` and
`photo.jpg(1).json`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dalip.errors import ImageError
from dalip.photos.details.dates import date_in_name, date_of_timestamp
from dalip.photos.details.photo_details import PhotoDetails, read_place
from dalip.photos.details.xmp import read_xmp
from dalip.photos.open_file import open_file

__all__ = ["SIDECAR_SUFFIXES", "find_sidecars", "read_beside"]

SIDECAR_SUFFIXES = frozenset({".json", ".xmp"})
"""File name extensions of sidecars, in lower case."""

_LONGEST = 4_000_000  # bytes
_CUT = (46, 51)  # characters before `.json` that Takeout keeps
_ADDED = ".supplemental-metadata"
_NUMBERED = re.compile(r"(.+)(\(\d{1,4}\))", re.DOTALL)
_EDITED = re.compile(
    r"(.+)-(?:edited|effects|bearbeitet|modifié|modificato|editado|bewerkt|edytowane)", re.DOTALL
)


def find_sidecars(photo: str, names: Mapping[str, str]) -> list[str]:
    """Find the sidecars of a photo, the most specific first.

    Args:
        photo: The file name of the photo.
        names: The names of the sidecars in its folder, by their lower-case form.
    """
    if not names:
        return []
    found = (names.get(name.lower()) for name in _sidecar_names(photo))
    return [*dict.fromkeys(filter(None, found))]


def _sidecar_names(photo: str) -> Iterator[str]:
    path = Path(photo)
    numbered = _NUMBERED.fullmatch(path.stem)
    stem, number = (numbered[1], numbered[2]) if numbered else (path.stem, "")
    edited = _EDITED.fullmatch(stem)
    for plain in (stem, edited[1]) if edited else (stem,):
        yield from _takeout_names(plain + path.suffix, number)
    if numbered:  # the number may be part of the name
        yield from _takeout_names(photo, "")
    yield path.stem + ".json"
    yield from (photo + ".xmp", path.stem + ".xmp")


def _takeout_names(photo: str, number: str) -> Iterator[str]:
    whole = photo + _ADDED
    for length in (*range(len(whole), len(photo) - 1, -1), *_CUT):
        yield f"{whole[:length]}{number}.json"


def read_beside(photo: Path, sidecars: Iterable[Path]) -> PhotoDetails:
    """Read when and where a photo was taken from its sidecars, and else the date from its file name.

    Args:
        photo: The photo, which is not read.
        sidecars: Its sidecars. One that cannot be read or used counts as missing.
    """
    date = date_in_name(photo.stem)
    details = PhotoDetails(date, event_date_source="file name" if date else "")
    for sidecar in sidecars:
        try:
            with open_file(sidecar) as file:
                content = file.read(_LONGEST + 1)
        except (ImageError, OSError):
            continue
        is_json = sidecar.suffix.lower() == ".json"
        details = details.or_from(_read_takeout(content) if is_json else read_xmp(content, "XMP sidecar"))
    return details


def _read_takeout(content: bytes) -> PhotoDetails:
    try:
        fields = json.loads(content) if len(content) <= _LONGEST else None
    except (ValueError, RecursionError):
        return PhotoDetails()
    taken = _part(fields, "photoTakenTime").get("timestamp")
    date = ""
    if isinstance(taken, str | int) and re.fullmatch(r"-?\d{1,12}", str(taken), re.ASCII):
        date = date_of_timestamp(int(taken))
    latitude = longitude = None
    for name in ("geoData", "geoDataExif"):
        if latitude is None:
            latitude, longitude = _place(_part(fields, name))
    return PhotoDetails(date, latitude, longitude, "Google Takeout" if date else "")


def _place(fields: Mapping[str, Any]) -> tuple[float | None, float | None]:
    north, east = fields.get("latitude"), fields.get("longitude")
    if not isinstance(north, int | float) or not isinstance(east, int | float):
        return None, None
    return read_place(north, "S" if north < 0 else "N", east, "W" if east < 0 else "E")


def _part(fields: object, name: str) -> Mapping[str, Any]:
    part = fields.get(name) if isinstance(fields, dict) else None
    return part if isinstance(part, dict) else {}
