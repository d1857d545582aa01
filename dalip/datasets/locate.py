"""From a row that names a photo to the item that is packed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from dalip.datasets.archives import Container, Folder, shown
from dalip.datasets.photo_location import Item, Place, WebPhoto
from dalip.datasets.tables import Said
from dalip.datasets.terms import take_over
from dalip.errors import DataError

__all__ = ["Finder", "is_address", "make_item"]

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

    def find(self, name: str) -> Place:
        """Find a photo by the path below one of the folders, or by its address on the web.

        An address counts as the file of its last part where `below` has one.

        Raises:
            DataError: It is not there, leads out of the folders, or cannot be an address of a photo.
        """
        if is_address(name):
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


def is_address(name: str) -> bool:
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
        raise DataError(f"{shown(address)} is no address that a photo is fetched from; correct it")
    last = unquote(parts.path).rpartition("/")[2]
    return "" if last in (".", "..") else last


def make_item(
    key: str, place: Place, where: str, given: Mapping[str, Any], said: Said, *, observation: str = ""
) -> Item | None:
    """Make an item; what is wrong with it is said, and there is none then.

    Args:
        key: Of the photo.
        place: Where it lies.
        where: How messages name it.
        given: What the source says, by column.
        said: Hears what is wrong.
        observation: What the photo shows; photos of one show one plant.
    """
    try:
        if not key.isprintable() or len(key) > _LONGEST_KEY:
            raise DataError(f"the name {shown(key)} cannot be the key of a photo; give the file a plain name")
        return Item(key, place, where, take_over(given), observation)
    except DataError as error:
        said.fault(f"{where}: {error}")
        return None
