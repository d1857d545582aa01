"""Choose one of several photos that show the same picture, and keep such photos in one split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dalip.datasets.pack.chunks import PreparedPart
from dalip.datasets.pack.duplicates import Groups, Pair
from dalip.datasets.record import Record, Split
from dalip.errors import DalipError, DataError

__all__ = ["Choice", "Duplicate", "NamedPhoto", "NotPacked", "Policy", "Reason", "choose"]

Reason = Literal["unread", "unreadable", "unnamed", "unresolved", "decided", "duplicate", "contradiction"]
"""Why a photo is not packed: its source did not say enough of it; it cannot be read; it has no name; its name is not
known; a person decided so; another photo shows the same; or it has two names."""

Policy = Literal["drop", "keep"]
"""What happens to duplicates; either way they lie in one split."""


@dataclass(frozen=True)
class NamedPhoto:
    """A photo that could be read, with the name it goes by."""

    record: Record
    key: str
    """In the shards."""
    fields: Mapping[str, Any]
    """Of the photo and its taxon, Darwin Core."""
    part: PreparedPart
    number: int
    """Where it lies in the part."""

    @property
    def name(self) -> str:
        """Its scientific name; empty where it has only captions."""
        return str(self.fields.get("scientificName", ""))

    @property
    def fact(self) -> Mapping[str, Any]:
        """What is known of its file."""
        return self.part.facts[self.number]

    @property
    def own_split(self) -> Split:
        """The split it would have if nothing were known of duplicates."""
        return self.record.split


@dataclass(frozen=True)
class NotPacked:
    """A photo that is not packed, or a row of a source that names none."""

    where: str
    """The file, or the table and its line."""
    reason: Reason
    error: DalipError
    """What is wrong; does not name the photo, except for one of the reason `unread`."""
    key: str = ""


@dataclass(frozen=True)
class Duplicate:
    """A photo that shows the same picture as another."""

    photo: NamedPhoto
    other: NamedPhoto
    """The one that stands for the picture: the largest, if it is packed."""
    kind: Literal["exact", "near"]
    across: bool
    """Whether both would have lain in different splits."""
    packed: bool


@dataclass
class Choice:
    """What is packed, and why the rest is not."""

    kept: list[NamedPhoto] = field(default_factory=list)
    """In the order of the photos given."""
    groups: dict[str, str] = field(default_factory=dict)
    """Key to `splitGroup`, for photos whose split follows from something else than their key."""
    left_out: list[NotPacked] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)


def choose(photos: Sequence[NamedPhoto], pairs: Sequence[Pair], policy: Policy) -> Choice:
    """Decide which photos are packed.

    Of those that show the same picture under one name the largest is kept. The same photo under two names is left out
    altogether, for one of them is wrong; similar photos under two names are kept.

    Args:
        photos: All that could be read, with different keys.
        pairs: Those that show the same picture, by their numbers.
        policy: `keep` leaves nothing out.
    """
    choice = Choice()
    same, alike = _groups(photos, pairs)
    outside: set[int] = set()
    numbers = range(len(photos))
    if policy == "drop":
        for cluster in same.listed(numbers).values():
            names = sorted({photos[n].name for n in cluster} - {""})
            if len(names) > 1:
                outside.update(cluster)
                choice.left_out += [_contradiction(photos, n, cluster, names) for n in cluster]
    for cluster in alike.listed(numbers).values():
        if len(cluster) > 1:
            _choose_among(cluster, photos, same, outside, policy, choice)
    choice.kept = [photo for n, photo in enumerate(photos) if n not in outside]
    choice.groups = _split_groups(photos, alike)
    return choice


def _groups(photos: Sequence[NamedPhoto], pairs: Sequence[Pair]) -> tuple[Groups, Groups]:
    """Group the photos that are the same, and those that show the same picture."""
    same, alike = Groups(), Groups()
    first: dict[str, int] = {}
    for n, photo in enumerate(photos):
        for digest in (photo.fact["sha256"], photo.fact["pixels"]):
            for groups in (same, alike):
                groups.join(n, first.setdefault(digest, n))
    for pair in pairs:
        alike.join(pair.first, pair.second)
    return same, alike


def _choose_among(
    cluster: list[int],
    photos: Sequence[NamedPhoto],
    same: Groups,
    outside: set[int],
    policy: Policy,
    choice: Choice,
) -> None:
    """Choose among photos of one picture, and note what they are to each other."""
    best = sorted(cluster, key=lambda n: (n in outside, -photos[n].fact["area"], photos[n].record.key))
    kept: dict[str, int] = {}
    for n in best:
        if n in outside:
            continue
        chosen = kept.setdefault(photos[n].name, n)
        if chosen != n and policy == "drop":
            outside.add(n)
            other = photos[chosen]
            error = DataError("photo-duplicate", other=other.record.where)
            choice.left_out.append(
                NotPacked(photos[n].record.where, "duplicate", error, photos[n].record.key)
            )
    first = photos[best[0]]
    for n in best[1:]:
        photo = photos[n]
        kind: Literal["exact", "near"] = "exact" if same.of(n) == same.of(best[0]) else "near"
        across = photo.own_split != first.own_split
        choice.duplicates.append(Duplicate(photo, first, kind, across, n not in outside))


def _contradiction(photos: Sequence[NamedPhoto], n: int, cluster: list[int], names: list[str]) -> NotPacked:
    record = photos[n].record
    others = [photos[m].record.where for m in cluster if m != n]
    error = DataError("photo-with-two-names", others=others, names=names)
    return NotPacked(record.where, "contradiction", error, record.key)


def _split_groups(photos: Sequence[NamedPhoto], alike: Groups) -> dict[str, str]:
    """Join what shows the same picture with what shows the same plant, and name each group."""
    together = Groups()
    for n, photo in enumerate(photos):
        together.join(n, alike.of(n))
        together.join(n, photo.record.group)
    found = {}
    for cluster in together.listed(range(len(photos))).values():
        records = [photos[n].record for n in cluster]
        groups = {record.group for record in records if record.group != record.key}
        group = min(groups or {record.key for record in records})
        found.update({photos[n].key: group for n in cluster if group != photos[n].key})
    return found
