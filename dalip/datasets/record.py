"""`Record`: a photo with its metadata, and `split_of`, the rule that assigns photos to splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from dalip.datasets.photo_location import Location
from dalip.datasets.report import shown
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["Record", "Split", "join_captions", "key_hash", "split_of"]

Split = Literal["train", "selection", "calibration", "test"]

_CAPTIONS = ("captions", "caption", "text")
"""Fields that may contain captions; the first non-empty one counts."""


def key_hash(key: str) -> str:
    """Return the SHA-1 of a key in hexadecimal digits, which determines splits and reproducible shuffles."""
    return hashlib.sha1(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def split_of(key: str) -> Split:
    """Return the split of a key: 70 % train, 10 % each `selection` (validation), calibration and test.

    The split depends on the key's SHA-1 alone, so it is the same on every machine and for every command.
    """
    bucket = int(key_hash(key), 16) % 100
    if bucket < 70:
        return "train"
    return "selection" if bucket < 80 else "calibration" if bucket < 90 else "test"


@dataclass(frozen=True)
class Record:
    """One photo with its metadata; its bytes are only read on request."""

    key: str
    """Unique, and the same each time the same sources are read: the path below the source, or the identifier in the
    source. Determines the split of a photo that belongs to no observation."""
    location: Location
    """Where the photo is."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Darwin Core terms (`scientificName` as given, `license`, `rightsHolder`, `references`, `eventDate`), `source`,
    `captions`, and any other field of the source."""
    row: str = ""
    """The table and line that name it, for messages; empty if no table does."""
    observation: str = ""
    """Photos with the same value show the same plant at the same time and are in one split. Empty for a lone photo."""
    own_key: str = ""
    """The key before it was made unique among other sources or shards. It determines the split, so that a photo is in
    the same split whatever else is read. Empty if it is `key`."""

    @property
    def name(self) -> str:
        """The photo's name in messages."""
        return self.location.named(self.key)

    @property
    def where(self) -> str:
        """Where the metadata is from, in messages: the row of a table, or else the photo."""
        return self.row or shown(self.name)

    @property
    def group(self) -> str:
        """What determines the split: the field `splitGroup`, or else the observation, or else the photo's own key."""
        told = self.fields.get("splitGroup")
        return told if isinstance(told, str) and told else self.observation or self.own_key or self.key

    @property
    def split(self) -> Split:
        """The split of the photo."""
        return split_of(self.group)

    @property
    def source(self) -> str:
        """Where the photo comes from: the field `source`, or else the name of its folder, archive or site."""
        return str(self.fields.get("source") or self.location.origin)

    @property
    def captions(self) -> tuple[str, ...]:
        """Captions of the photo: its `captions`, a list or a string; or else its `caption`, or its text file."""
        for name in _CAPTIONS:
            value = self.fields.get(name)
            found = value if isinstance(value, list) else [value]
            if texts := tuple(text for text in found if isinstance(text, str) and text.strip()):
                return texts
        return ()

    @cached_property
    def taxon(self) -> Taxon | None:
        """The taxon in the photo, or `None` if the record has no scientific name.

        Raises:
            DataError: The fields do not form a valid taxon.
        """
        if not self.fields.get("scientificName"):
            return None
        # `references` of a record is the page of the observation, not of the taxon.
        fields = {k: v for k, v in self.fields.items() if isinstance(v, str) and k != "references"}
        try:
            return Taxon.from_darwin_core(fields)
        except DataError as error:
            raise error.about(self.where) from error

    def renamed(self, place: str) -> "Record":
        """Return the record with the name of its source or shard in the key, which another record has too."""
        return replace(self, key=f"{place}/{self.key}", own_key=self.own_key or self.key)

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
    """Merge two table rows about the same photo that differ only in the caption; `None` if they differ otherwise."""
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    if len(differing) != 1 or differing[0] not in _CAPTIONS or not second.get(differing[0]):
        return None
    told = first.get(differing[0], [])
    return {**first, differing[0]: [*(told if isinstance(told, list) else [told]), second[differing[0]]]}
