"""The names that photos go by in a packed set: as given, or as a checklist has them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dalip.datasets.pack.choosing import LeftOut, Reason
from dalip.datasets.pack.datasheet import NameUse
from dalip.datasets.pack.resolve import Resolution
from dalip.datasets.photo_location import Item
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["given_name", "given_names", "name_items"]


_REASONS: tuple[Reason, ...] = ("unresolved", "decided")


def given_name(item: Item) -> str:
    """Give the scientific name of a photo as its source has it; empty where it has none."""
    return " ".join(str(item.fields.get("scientificName") or "").split())


def given_names(items: Iterable[Item]) -> list[str]:
    """Give all names of some photos, each once."""
    return sorted({name for item in items if (name := given_name(item))})


def name_items(
    items: Sequence[Item], resolutions: Mapping[str, Resolution] | None
) -> tuple[list[tuple[Item, dict[str, Any]]], list[LeftOut], list[NameUse]]:
    """Give photos the fields of their taxa.

    Args:
        items: Photos.
        resolutions: Given name to what a checklist makes of it; without it, names stay as given.

    Returns:
        The photos with their fields, those that have neither a name nor a caption, and what became of each name.
    """
    named: list[tuple[Item, dict[str, Any]]] = []
    left: list[LeftOut] = []
    for item in items:
        try:
            named.append((item, _fields(item, resolutions)))
        except DataError as error:
            reason: Reason = next((r for r in _REASONS if r == error.kind), "unnamed")
            left.append(LeftOut(item.where, reason, str(error), item.key))
    photos = Counter(given_name(item) for item in items)
    return named, left, [_use(name, resolutions, photos[name]) for name in given_names(items)]


def _fields(item: Item, resolutions: Mapping[str, Resolution] | None) -> dict[str, Any]:
    given = given_name(item)
    if not given:
        if not any(item.fields.get(name) for name in ("captions", "caption", "text")):
            raise DataError("has neither a scientific name nor a caption; add one")
        return dict(item.fields)
    fields = {**item.fields, "scientificName": given}
    answer = resolutions[given] if resolutions else None
    if answer is None or (answer.taxon and answer.how == "as given"):
        Taxon.from_darwin_core({k: v for k, v in fields.items() if isinstance(v, str)})
        return fields
    if answer.taxon is None and answer.how == "decided":
        raise DataError(f"the name {given!r} was decided to be left out", "decided")
    if answer.taxon is None:
        meant = f", it may mean {answer.listed}" if answer.listed else ""
        raise DataError(
            f"the name {given!r} is {answer.how}{meant}; say what it is with --names", "unresolved"
        )
    # `references` of a photo is the page of the observation, not of the taxon.
    taxon = {k: v for k, v in answer.taxon.to_darwin_core().items() if v and k != "references"}
    if taxon["scientificName"] != given:
        # What else the source says of the taxon may be of a name that was wrong.
        fields = {k: v for k, v in fields.items() if k not in ("taxonRank", "genus", "family", "order")}
        fields["verbatimIdentification"] = given
    return fields | taxon


def _use(name: str, resolutions: Mapping[str, Resolution] | None, photos: int) -> NameUse:
    if not resolutions:
        return NameUse(name, "as given", name, "", photos)
    answer = resolutions[name]
    scientific_name = answer.taxon.scientific_name if answer.taxon else ""
    return NameUse(name, answer.how, scientific_name, answer.listed, photos)
