"""Name the photos to pack: collect the names that their source gives, and add the fields of their taxa."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dalip.datasets.names.photo_names import given_name, given_names, named_fields
from dalip.datasets.names.resolution import Resolution
from dalip.datasets.pack.choosing import NotPacked, Reason
from dalip.datasets.pack.datasheet import NameUse
from dalip.datasets.record import Record
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = ["name_records"]

_REASONS: dict[str, Reason] = {
    "name-left-out": "decided",
    **dict.fromkeys(
        (
            "name-doubtful",
            "name-ambiguous",
            "name-unknown",
            "name-absent",
            "name-formula",
            "name-not-scientific",
        ),
        "unresolved",
    ),
}


def name_records(
    records: Sequence[Record], resolutions: Mapping[str, Resolution] | None
) -> tuple[list[tuple[Record, Mapping[str, Any]]], list[NotPacked], list[NameUse]]:
    """Add the fields of their taxa to photos.

    Args:
        records: Photos.
        resolutions: Resolution of each given name; without it, names stay as given.

    Returns:
        The photos with their fields, the photos that are not packed because of their names, and how each name was
        resolved.
    """
    named: list[tuple[Record, Mapping[str, Any]]] = []
    left: list[NotPacked] = []
    for record in records:
        try:
            named.append((record, _fields(record, resolutions)))
        except DataError as error:
            left.append(NotPacked(record.where, _REASONS.get(error.kind, "unnamed"), error, record.key))
    photos = Counter(given_name(record) for record in records)
    return named, left, [_use(name, resolutions, photos[name]) for name in given_names(records)]


def _fields(record: Record, resolutions: Mapping[str, Resolution] | None) -> Mapping[str, Any]:
    given = given_name(record)
    if not given and not any(record.fields.get(name) for name in ("captions", "caption", "text")):
        raise DataError("photo-nameless")
    answer = resolutions[given] if resolutions and given else None
    fields = named_fields(record, answer)
    if answer is None and given:
        Taxon.from_darwin_core({k: v for k, v in fields.items() if isinstance(v, str)})
    return fields


def _use(name: str, resolutions: Mapping[str, Resolution] | None, photos: int) -> NameUse:
    if not resolutions:
        return NameUse(name, "as given", name, "", "", photos)
    answer = resolutions[name]
    scientific_name = answer.taxon.scientific_name if answer.taxon else ""
    return NameUse(name, answer.how, scientific_name, answer.listed, ", ".join(answer.dropped), photos)
