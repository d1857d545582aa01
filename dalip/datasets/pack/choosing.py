"""Choose one photo among near-duplicates, and keep near-duplicates in one split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dalip.datasets.pack.chunks import PreparedPart
from dalip.datasets.pack.duplicates import Groups, Pair
from dalip.datasets.record import Record, Split
from dalip.errors import DalipError, DataError

__all__ = ["Choice", "Duplicate", "NamedPhoto", "NotPacked", "Policy", "Reason", "choose"]

Reason = Literal["unread", "unreadable", "unnamed", "unresolved", "decided", "duplicate", "contradiction"]
"""Why a photo is not packed: its entry in the source cannot be used; the photo cannot be read; it has no name; its name
cannot be resolved; a person decided to leave it out; it duplicates another photo; or the same photo has two names."""

Policy = Literal["drop", "keep"]
"""What happens to duplicates; either way they are in one split."""


@dataclass(frozen=True)
class NamedPhoto:
    """A readable photo, with its resolved name."""

    record: Record
    key: str
    """Key in the shards."""
    fields: Mapping[str, Any]
    """Darwin Core fields of the photo and its taxon."""
    part: PreparedPart
    number: int
    """Index of the photo in the part."""

    @property
    def name(self) -> str:
        """Its scientific name; empty if it has only captions."""
        return str(self.fields.get("scientificName", ""))

    @property
    def fact(self) -> Mapping[str, Any]:
        """The facts about its file."""
        return self.part.facts[self.number]

    @property
    def own_split(self) -> Split:
        """The split it would be in without its duplicates."""
        return self.record.split


@dataclass(frozen=True)
class NotPacked:
    """A photo that is not packed, or a source row without a usable photo."""

    where: str
    """The file, or the table and line."""
    reason: Reason
    error: DalipError
    """The problem; does not name the photo, except if the reason is `unread`."""
    key: str = ""


@dataclass(frozen=True)
class Duplicate:
    """A photo that is an exact duplicate or near-duplicate of another."""

    photo: NamedPhoto
    other: NamedPhoto
    """The representative of the duplicates: the largest one that is packed."""
    kind: Literal["exact", "near"]
    across: bool
    """Whether the two would have been in different splits."""
    packed: bool


@dataclass
class Choice:
    """Which photos are packed, and why the others are not."""

    kept: list[NamedPhoto] = field(default_factory=list)
    """In the order of the given photos."""
    groups: dict[str, str] = field(default_factory=dict)
    """Key to `splitGroup`, for photos whose split does not follow from their key."""
    left_out: list[NotPacked] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)


def choose(photos: Sequence[NamedPhoto], pairs: Sequence[Pair], policy: Policy) -> Choice:
    """Decide which photos are packed.

    Among near-duplicates with the same name, the largest photo is kept. All copies of a photo with two names are left
    out, because one of the names is wrong; near-duplicates with two names are kept.

    Args:
        photos: All readable photos, with distinct keys.
        pairs: Near-duplicates, by index.
        policy: `keep` leaves out no photo.
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
    """Group exact duplicates, and group near-duplicates."""
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
    """Choose among near-duplicates, and record which photo duplicates which."""
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
    """Merge the groups of near-duplicates with the groups of photos of the same plant, and name each group."""
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
