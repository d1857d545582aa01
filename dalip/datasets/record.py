"""A photo with what is known of it, and the rule by which it belongs to a split."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dalip.datasets.photo_location import Location
from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["Record", "Split", "join_captions", "key_hash", "split_of"]

Split = Literal["train", "selection", "calibration", "test"]

_CAPTIONS = ("captions", "caption", "text")
"""Fields that may hold captions, the first that does counts."""


def key_hash(key: str) -> str:
    """Give the SHA-1 of a key in hexadecimal digits: what splits follow from, and what shuffles photos always alike."""
    return hashlib.sha1(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def split_of(key: str) -> Split:
    """Say which split a key belongs to: 70 % train, 10 % each `selection` (validation), calibration, test.

    The split follows from the key's SHA-1 alone, so it is the same on every machine and for every command.
    """
    bucket = int(key_hash(key), 16) % 100
    if bucket < 70:
        return "train"
    return "selection" if bucket < 80 else "calibration" if bucket < 90 else "test"


@dataclass(frozen=True)
class Record:
    """One photo with what is known of it; its bytes stay where they are until they are asked for."""

    key: str
    """Unique, and the same each time the same sources are read: the path below the source, or the identifier that the
    source gives. Decides the split of a photo that belongs to no observation."""
    location: Location
    """Where the photo is."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Darwin Core terms (`scientificName` as given, `license`, `rightsHolder`, `references`, `eventDate`), `source`,
    `captions`, and whatever else the source says."""
    row: str = ""
    """The table and line that names it, for messages; empty where no table does."""
    observation: str = ""
    """Photos with the same one show one plant at one time; they lie in one split. Empty for a photo alone."""

    @property
    def name(self) -> str:
        """How messages name the photo."""
        return self.location.named(self.key)

    @property
    def where(self) -> str:
        """How messages name what its source says of it: the row of a table, or else the photo."""
        return self.row or shown(self.name)

    @property
    def group(self) -> str:
        """What photos share that lie in one split: the field `splitGroup`, or else the observation, or the key."""
        told = self.fields.get("splitGroup")
        return told if isinstance(told, str) and told else self.observation or self.key

    @property
    def split(self) -> Split:
        """The split that it belongs to."""
        return split_of(self.group)

    @property
    def source(self) -> str:
        """Where the photo comes from, as its source says; the name of its folder where it does not."""
        return str(self.fields.get("source") or self.location.origin)

    @property
    def captions(self) -> tuple[str, ...]:
        """Free texts about the photo: its `captions`, a list or one; or else its `caption`, or the text beside it."""
        for name in _CAPTIONS:
            value = self.fields.get(name)
            found = value if isinstance(value, list) else [value]
            if texts := tuple(text for text in found if isinstance(text, str) and text.strip()):
                return texts
        return ()

    @cached_property
    def taxon(self) -> Taxon | None:
        """The taxon in the photo, or `None` where the record names none.

        Raises:
            DataError: The fields are not those of a taxon.
        """
        if not self.fields.get("scientificName"):
            return None
        # `references` of a record is the page of the observation, not of the taxon.
        fields = {k: v for k, v in self.fields.items() if isinstance(v, str) and k != "references"}
        try:
            return Taxon.from_darwin_core(fields)
        except DataError as error:
            raise error.about(self.where) from error

    def read_bytes(self) -> bytes:
        """Read the encoded photo.

        Raises:
            DataError: It cannot be read.
        """
        try:
            return self.location.read()
        except DataError as error:
            raise error.about(self.name) from error


def join_captions(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any] | None:
    """Join two lines of a table about one photo, which may differ in the caption alone."""
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    if len(differing) != 1 or differing[0] not in _CAPTIONS or not second.get(differing[0]):
        return None
    told = first.get(differing[0], [])
    return {**first, differing[0]: [*(told if isinstance(told, list) else [told]), second[differing[0]]]}
