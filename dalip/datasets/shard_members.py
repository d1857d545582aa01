"""Group the members of a WebDataset shard into samples: the photo and the texts that share a key.

The key is the name up to the last dot where that makes a photo and its .json or .txt a pair, as in `rosa.2024.1.jpg`
and `rosa.2024.1.json`. Elsewhere it is the name up to the first dot, as WebDataset defines it: `a.input.jpg` belongs
to `a.json`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dalip.datasets.report import Report, shown
from dalip.photos.walk import IMAGE_SUFFIXES, counted_endings

__all__ = ["TEXT_SUFFIXES", "Sample", "first_key", "group_members", "last_key"]

TEXT_SUFFIXES = (".json", ".txt")
"""Endings of the texts of a photo."""


class Sample(NamedTuple):
    """The members that share a key, by index."""

    key: str
    photos: list[int]
    texts: dict[str, int]
    """By suffix."""


def last_key(name: str) -> tuple[str, str]:
    """Return a name up to its last dot, and the rest in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, dot, ending = last.rpartition(".")
    return (folder + slash + stem, dot + ending.lower()) if dot else (name, "")


def first_key(name: str) -> str:
    """Return a name up to the first dot of its last part."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def group_members(names: Sequence[str], shard: str, report: Report) -> list[Sample]:
    """Group the members of a shard into samples with one photo, in the order of the photos; report the others."""
    photos: dict[str, list[int]] = {}
    texts: dict[str, dict[str, int]] = {}
    others: list[int] = []
    for n, name in enumerate(names):
        stem, suffix = last_key(name)
        if suffix in IMAGE_SUFFIXES:
            photos.setdefault(stem, []).append(n)
        elif suffix in TEXT_SUFFIXES and suffix not in texts.get(stem, {}):
            texts.setdefault(stem, {})[suffix] = n
        else:
            others.append(n)
    found: dict[str, Sample] = {}
    every = set(names)
    for stem, members in photos.items():
        first = first_key(stem)
        if stem in texts or stem == first or not (first in photos or first in texts):
            found[stem] = Sample(stem, members, texts.pop(stem, {}))
        elif first in photos:  # `a.mask.png` next to `a.jpg`
            others += members
        else:  # `a.input.jpg` next to `a.json`
            found.setdefault(first, Sample(first, [], texts[first])).photos.extend(members)
    for stem, told in texts.items():
        photo = last_key(stem)[0]
        if stem in every and photo in found and not found[photo].texts:  # `a.jpg.json`
            found[photo].texts.update(told)
        elif stem not in found:
            if first_key(stem) in found:
                others += told.values()
            else:
                report.skip(f"{shard}:{shown(stem)}", "record-photos", number=0)
    _report_others([names[n] for n in sorted(others)], {first_key(key) for key in found}, shard, report)
    whole = sorted(found.values(), key=lambda sample: sample.photos[0])
    for sample in whole:
        if len(sample.photos) > 1:
            report.skip(f"{shard}:{shown(sample.key)}", "record-photos", number=len(sample.photos))
    return [sample for sample in whole if len(sample.photos) == 1]


def _report_others(names: Sequence[str], keys: set[str], shard: str, report: Report) -> None:
    """Report members that are not used; those of a sample that is used are only counted."""
    kinds: Counter[str] = Counter()
    for name in names:
        if (first := first_key(name)) in keys:
            kinds[name[len(first) :].lower()] += 1
        else:
            report.skip(f"{shard}:{shown(name)}", "member-unknown")
    if kinds:
        report.note(shard, "shard-members-unused", number=kinds.total(), kinds=shown(counted_endings(kinds)))
