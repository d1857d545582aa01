"""Find the photo that a table row names, and make its record."""

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
    """Finds the photos that a table names."""

    container: Container
    """The folder or archive of the table."""
    base: str = ""
    """The table's folder in it, with a trailing slash."""
    below: Folder | None = None
    """Another folder (`--photos`), searched for photos that are not next to the table."""

    def find(self, name: str) -> Location:
        """Find a photo by its path below one of the folders, or by its web address.

        If `below` contains a file named like the last part of the address, that file is used.

        Raises:
            DataError: The photo is missing, is outside the folders, or has a malformed address.
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
    """Return whether a string is meant as a web address, not as a path."""
    return "://" in name[:20] or name.lower().startswith("data:")


def _last_part(address: str) -> str:
    """Check an address, and return the last part of its path.

    Raises:
        DataError: It is not a valid http or https address.
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
    """Make a record, or report why this is not possible and return `None`.

    Args:
        key: Key of the photo.
        location: Location of the photo.
        given: Values from the source, by column.
        report: Receives a photo that is skipped.
        row: The table and line that name the photo; empty if no table does.
        observation: The observation that the photo belongs to; photos of one observation show one plant.
    """
    try:
        if len(key) > _LONGEST_KEY:
            raise DataError("key-unusable", key=shown(key))
        return Record(printable(key), location, take_over(given), row, observation)
    except DataError as error:
        report.skip_for(row or shown(location.named(key)), error)
        return None
