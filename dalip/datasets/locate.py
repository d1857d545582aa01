"""From a row that names a photo to its record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from dalip.datasets.archives import Container, Folder
from dalip.datasets.photo_location import Location, WebPhoto
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.datasets.terms import take_over
from dalip.errors import DataError
from dalip.files import printable

__all__ = ["Finder", "make_record"]

_LONGEST_ADDRESS = 2000
_LONGEST_KEY = 500


@dataclass(frozen=True)
class Finder:
    """Where the photos of a table may lie."""

    container: Container
    """The folder or archive of the table."""
    base: str = ""
    """The folder in it where the table lies, with a slash at its end."""
    below: Folder | None = None
    """Another folder (`--photos`), where photos are looked for that do not lie beside the table."""

    def find(self, name: str) -> Location:
        """Find a photo by the path below one of the folders, or by its address on the web.

        An address counts as the file of its last part where `below` has one.

        Raises:
            DataError: It is not there, leads out of the folders, or cannot be an address of a photo.
        """
        if _is_address(name):
            last = _last_part(name)
            try:
                return self.below.place(last) if self.below and last else WebPhoto(name)
            except DataError:
                return WebPhoto(name)
        try:
            return self.container.place(self.base + name)
        except DataError:
            if self.below is None:
                raise
        return self.below.place(name)


def _is_address(name: str) -> bool:
    """Say whether a text is meant as an address on the web, not as a path."""
    return "://" in name[:20] or name.lower().startswith("data:")


def _last_part(address: str) -> str:
    """Check an address, and give the last part of its path.

    Raises:
        DataError: It is not one of http or https.
    """
    try:
        parts = urlsplit(address)
        fit = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fit = False
    if not fit or len(address) > _LONGEST_ADDRESS or not address.isprintable() or " " in address:
        raise DataError("address-malformed", address=shown(address))
    last = unquote(parts.path).rpartition("/")[2]
    return "" if last in (".", "..") else last


def make_record(
    key: str,
    location: Location,
    given: Mapping[str, Any],
    report: Report,
    *,
    row: str = "",
    observation: str = "",
) -> Record | None:
    """Make a record; what is wrong with it is reported, and there is none then.

    Args:
        key: Of the photo.
        location: Where it is.
        given: What the source says, by column.
        report: Hears what is wrong.
        row: The table and line that names it; empty where none does.
        observation: What the photo shows; photos of one show one plant.
    """
    try:
        if len(key) > _LONGEST_KEY:
            raise DataError("key-unusable", key=shown(key))
        return Record(printable(key), location, take_over(given), row, observation)
    except DataError as error:
        report.skip_for(row or shown(location.named(key)), error)
        return None
