"""Name the photos to pack: collect the names that their source gives, and add the fields of their taxa."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dalip.datasets.names.resolve import Resolution
from dalip.datasets.pack.choosing import NotPacked, Reason
from dalip.datasets.pack.datasheet import NameUse
from dalip.datasets.record import Record
from dalip.errors import DataError
from dalip.ranks import read_rank
from dalip.taxonomy import Taxon

__all__ = ["given_name", "given_names", "name_records"]

_REASONS: dict[str, Reason] = {
    "name-left-out": "decided",
    "name-unresolved": "unresolved",
    "name-unresolved-candidates": "unresolved",
}


def given_name(record: Record) -> str:
    """Return the scientific name of a photo as given by its source; empty if there is none."""
    return " ".join(str(record.fields.get("scientificName") or "").split())


def given_names(records: Iterable[Record]) -> list[str]:
    """Return the distinct names of some photos, sorted."""
    return sorted({name for record in records if (name := given_name(record))})


def name_records(
    records: Sequence[Record], resolutions: Mapping[str, Resolution] | None
) -> tuple[list[tuple[Record, dict[str, Any]]], list[NotPacked], list[NameUse]]:
    """Add the fields of their taxa to photos.

    Args:
        records: Photos.
        resolutions: Resolution of each given name; without it, names stay as given.

    Returns:
        The photos with their fields, the photos that are not packed because of their names, and how each name was
        resolved.
    """
    named: list[tuple[Record, dict[str, Any]]] = []
    left: list[NotPacked] = []
    for record in records:
        try:
            named.append((record, _fields(record, resolutions)))
        except DataError as error:
            left.append(NotPacked(record.where, _REASONS.get(error.kind, "unnamed"), error, record.key))
    photos = Counter(given_name(record) for record in records)
    return named, left, [_use(name, resolutions, photos[name]) for name in given_names(records)]


def _fields(record: Record, resolutions: Mapping[str, Resolution] | None) -> dict[str, Any]:
    given, fields = given_name(record), dict(record.fields)
    if not given:
        if not any(fields.get(name) for name in ("captions", "caption", "text")):
            raise DataError("photo-nameless")
        return fields
    fields["scientificName"] = given
    if not read_rank(str(fields.get("taxonRank", ""))):  # ignore ranks that floras do not have
        fields.pop("taxonRank", None)
    answer = resolutions[given] if resolutions else None
    if answer is None or (answer.taxon and answer.how == "as given"):
        Taxon.from_darwin_core({k: v for k, v in fields.items() if isinstance(v, str)})
        return fields
    if answer.taxon is None:
        raise _unresolved(answer)
    # `references` of a photo is the page of the observation, not of the taxon.
    taxon = {k: v for k, v in answer.taxon.to_darwin_core().items() if v and k != "references"}
    if taxon["scientificName"] != given:
        # The source's other fields of the taxon may belong to the wrong name.
        fields = {k: v for k, v in fields.items() if k not in ("taxonRank", "genus", "family", "order")}
        fields["verbatimIdentification"] = given
    return fields | taxon


def _unresolved(answer: Resolution) -> DataError:
    if answer.how == "decided":
        return DataError("name-left-out", name=answer.given)
    if answer.listed:
        facts = {"name": answer.given, "how": answer.how, "candidates": answer.listed}
        return DataError("name-unresolved-candidates", **facts)
    return DataError("name-unresolved", name=answer.given, how=answer.how)


def _use(name: str, resolutions: Mapping[str, Resolution] | None, photos: int) -> NameUse:
    if not resolutions:
        return NameUse(name, "as given", name, "", photos)
    answer = resolutions[name]
    scientific_name = answer.taxon.scientific_name if answer.taxon else ""
    return NameUse(name, answer.how, scientific_name, answer.listed, photos)
