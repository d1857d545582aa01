"""Find the photo that a table row names, and make its record."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from dalip.datasets.folders import Container, Folder, folded_path
from dalip.datasets.photo_location import Location, WebPhoto
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.datasets.terms import take_over
from dalip.errors import DataError
from dalip.files import printable
from dalip.photos.walk import is_photo_name

__all__ = ["Finder", "make_record", "photo_key", "split_media"]

_LONGEST_ADDRESS = 2000
_LONGEST_KEY = 500
_LONGEST_PATH = 2000
_SURE_ENDS = re.compile(r"\||[,;](?=\s)|[,;\s](?=https?://)", re.IGNORECASE)
"""What separates photos in a list; a comma or semicolon without a space may be part of an address."""


class Finder:
    """Finds the photos that a table names."""

    def __init__(self, container: Container, base: str, below: Folder | None, report: Report) -> None:
        """Look for photos in these places.

        Args:
            container: The folder or archive of the table.
            base: The table's folder in it, with a trailing slash.
            below: Another folder (`--photos`), searched for photos that are not next to the table.
            report: Receives one note if photos are found by their names only, and not where the table says.
        """
        self.container, self.base, self.below = container, base, below
        self._report, self._noted = report, False
        self._found: set[Location] = set()

    def note_unused(self) -> None:
        """Report how many photos in the folder or archive were not looked for."""
        photos = {_placed(self.container, name) for name in self.container.names if is_photo_name(name)}
        if number := len(photos - self._found - {None}):
            self._report.note(str(self.container.path), "photos-not-listed", number=number)

    def find(self, name: str) -> Location:
        """Find a photo by its path below one of the folders, or by its web address.

        A path may be written as on another system: with backslashes, as a `file://` address, with percent signs, in
        other capitals, or with accents as separate characters. A photo that is not at its path is found by its name,
        if only one photo has it. If `below` contains a file named like the last part of an address, that file is used.

        Raises:
            DataError: The photo is missing, is outside the folders, or has a malformed address.
        """
        found = self._find(name)
        self._found.add(found)
        return found

    def _find(self, name: str) -> Location:
        if _is_address(name):
            last = _last_part(name)
            below = self.below if last else None
            return (below and (_placed(below, last) or _alike(below, last))) or WebPhoto(name)
        path = _from_file_address(name)
        try:
            return self.container.place(self.base + path)
        except DataError as error:
            wrong = error
        if len(path) > _LONGEST_PATH:
            raise wrong
        for container, base in self._places:
            for other in _spellings(path):
                if found := _placed(container, base + other) or _alike(container, base + other):
                    return found
        if found := self._elsewhere(path):
            return found
        raise wrong

    def find_numbered(self, photo: str, observation: str) -> Location | None:
        """Find a photo that was downloaded before and named by its number, or in `below` by its observation's."""
        near, below = self._stems
        if photo in near:
            found = self.container.place(near[photo])
            self._found.add(found)
            return found
        stem = next((stem for stem in (photo, observation) if stem and stem in below), None)
        return self.below.place(below[stem]) if self.below and stem else None

    @cached_property
    def _places(self) -> list[tuple[Container, str]]:
        above = [str(folder) for folder in PurePosixPath(self.base).parents if self.base]
        bases = [self.base, *("" if folder == "." else f"{folder}/" for folder in above)]
        return [*((self.container, base) for base in bases), *([(self.below, "")] if self.below else [])]

    @cached_property
    def _stems(self) -> tuple[dict[str, str], dict[str, str]]:
        near, below = self.container.near(self.base), self.below.names if self.below else []
        return _by_stem(near), _by_stem(below)

    @cached_property
    def _names(self) -> dict[str, set[tuple[Container, str]]]:
        """Photos near the table and in `below`, by the last part of their names."""
        found: dict[str, set[tuple[Container, str]]] = {}
        for container, names in (
            (self.container, self.container.near(self.base)),
            *([(self.below, self.below.names)] if self.below else []),
        ):
            for name in filter(is_photo_name, names):
                found.setdefault(folded_path(name.rpartition("/")[2]), set()).add((container, name))
        return found

    def _elsewhere(self, path: str) -> Location | None:
        """Find a photo whose path is that of another computer, or that is in another folder than its table.

        A path like `Rosa/1.jpg` is not looked for elsewhere, because `Viola/1.jpg` is another photo.
        """
        parts = PureWindowsPath(path).parts  # both slashes separate
        foreign = bool(PureWindowsPath(path).anchor) or ".." in parts
        if not foreign and len(parts) != 1:
            return None
        for start in range(1, len(parts) - 1):
            rest = "/".join(parts[start:])
            for container, base in self._places:
                if ".." not in parts[start:] and (found := _alike(container, base + rest)):
                    return self._said(path, rest, found)
        same = {place for other in _spellings(parts[-1]) for place in self._names.get(folded_path(other), ())}
        if len(same) != 1:
            return None
        container, name = same.pop()
        return self._said(path, name, container.place(name))

    def _said(self, path: str, name: str, found: Location) -> Location:
        if not self._noted:
            self._noted = True
            self._report.note(
                str(self.container.path), "photos-found-by-name", name=shown(path), found=shown(name)
            )
        return found


def split_media(told: str) -> list[str]:
    """Return the photos in a list, separated by `|`, or by `;` or `,` and a space; addresses may contain both."""
    found: list[str] = []
    for part in filter(None, (part.strip().rstrip(";,") for part in _SURE_ENDS.split(told))):
        files = [file.strip() for file in re.split("[;,]", part)]
        several = not _is_address(part) and len(files) > 1 and all(map(is_photo_name, files))
        found += files if several else [part]
    return found


def photo_key(name: str) -> str:
    """Return the key of a photo that a table names, which does not depend on the system that wrote the path."""
    if _is_address(name):
        return name
    path = PurePosixPath(name.replace("\\", "/"))
    return unicodedata.normalize("NFC", str(path))


def _spellings(path: str) -> Iterator[str]:
    """Yield what a path may mean on this system."""
    slashes = path.replace("\\", "/")
    yield from dict.fromkeys((path, slashes, unquote(slashes)))


def _by_stem(names: Sequence[str]) -> dict[str, str]:
    return {PurePosixPath(name).stem: name for name in reversed(names) if is_photo_name(name)}


def _placed(container: Container, name: str) -> Location | None:
    try:
        return container.place(name)
    except DataError:
        return None


def _alike(container: Container, name: str) -> Location | None:
    """Find the only file whose path differs at most in capitals and in how accents are encoded."""
    found = container.alike(name)
    return _placed(container, found) if found else None


def _is_address(name: str) -> bool:
    """Return whether a string is meant as a web address, not as a path."""
    return ("://" in name[:20] or name.lower().startswith("data:")) and not name.lower().startswith("file:")


def _from_file_address(name: str) -> str:
    """Return the path in a `file://` address; anything else unchanged."""
    if not name.lower().startswith("file:"):
        return name
    path = re.sub(r"^file:(//(localhost)?)?", "", name, flags=re.IGNORECASE)
    path = unquote(path)
    return path.removeprefix("/") if re.match(r"/[A-Za-z]:", path) else path


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
