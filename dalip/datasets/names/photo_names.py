"""Names of photos: the names that their sources give, and the fields of the taxa that these names stand for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dalip.datasets.names.resolution import Resolution
from dalip.datasets.names.resolve import as_given
from dalip.datasets.names.resolver import Resolver
from dalip.datasets.record import Record
from dalip.datasets.report import Report
from dalip.errors import DataError, Skipped
from dalip.ranks import read_rank

__all__ = ["given_name", "given_names", "name_photos", "named_fields"]

_SHOWN = 20  # notes about how names were read
_OF_TAXON = ("taxonRank", "genus", "family", "order", "scientificNameAuthorship")


def given_name(record: Record) -> str:
    """Return the scientific name of a photo as given by its source, with its qualifier; empty if there is none."""
    name = " ".join(str(record.fields.get("scientificName") or "").split())
    qualifier = str(record.fields.get("identificationQualifier") or "").strip()
    return f"{name} ({qualifier})" if name and qualifier and qualifier not in name else name


def given_names(records: Iterable[Record]) -> list[str]:
    """Return the distinct names of some photos, sorted."""
    return sorted({name for record in records if (name := given_name(record))})


def name_photos(
    records: Sequence[Record], names: Resolver | None, report: Report, *, doubtful: bool = False
) -> list[Record]:
    """Give photos the names and fields of their taxa; photos whose name is not that of one taxon are skipped.

    Args:
        records: Photos.
        names: The taxa to look the names up in first; a name that is not among them is taken as it is written.
        report: Receives each skipped photo, and a note on each name that was read as another one.
        doubtful: Whether a doubtful name, such as `Rosa cf. canina`, counts for its genus instead of being skipped.
    """
    resolved = {name: _resolved(name, names, doubtful) for name in given_names(records)}
    cultivars = {
        given_name(r) for r in records if read_rank(str(r.fields.get("taxonRank", ""))) == "cultivar"
    }
    for name in cultivars & resolved.keys():
        if resolved[name].how == "higher taxon":
            resolved[name] = as_given(name, with_cultivar=True)
    _note([found for found in resolved.values() if found.taxon and found.noted], report.on_note)
    named = []
    for record in records:
        try:
            _ = record.taxon  # its rank, too, must be one that floras have
            fields = named_fields(record, resolved.get(given_name(record)))
        except DataError as error:
            report.on_skip(Skipped(record.where, error if error.source else error.about(record.where)))
        else:
            named.append(replace(record, fields=fields))
    return named


def _resolved(name: str, names: Resolver | None, doubtful: bool) -> Resolution:
    found = names.resolve(name) if names else as_given(name)
    if names and found.how == "unknown" and not found.no_name:  # a similar name is no reason to leave it out
        found = as_given(name)
    return found.at_genus if doubtful else found


def _note(found: Sequence[Resolution], note: Callable[[DataError], None]) -> None:
    for resolution in found[:_SHOWN]:
        note(resolution.note)
    if len(found) > _SHOWN:
        note(DataError("names-read-as-more", number=len(found) - _SHOWN))


def named_fields(record: Record, answer: Resolution | None) -> Mapping[str, Any]:
    """Return the fields of a photo, with those of the taxon that its name stands for.

    Args:
        record: The photo.
        answer: The resolution of its name; `None` if it has none.

    Raises:
        DataError: The name does not stand for one taxon.
    """
    fields = dict(record.fields)
    if answer is None:
        return fields
    if answer.no_name == "absent" and record.captions:
        return {name: value for name, value in fields.items() if name not in ("scientificName", *_OF_TAXON)}
    if answer.taxon is None:
        raise answer.error
    if not read_rank(str(fields.get("taxonRank", ""))):  # ignore ranks that floras do not have
        fields.pop("taxonRank", None)
    fields.pop("identificationQualifier", None)
    # `references` of a photo is the page of the observation, not of the taxon.
    taxon = {k: v for k, v in answer.taxon.to_darwin_core().items() if v and k != "references"}
    if answer.how == "as given" and not answer.dropped:
        # The source knows more about the taxon than its name says.
        known = {
            name: taxon[name] for name in ("scientificName", "scientificNameAuthorship") if name in taxon
        }
        fields = fields | known
    elif taxon["scientificName"] != answer.given:
        # The source's other fields of the taxon may belong to the wrong name.
        fields = {k: v for k, v in fields.items() if k not in _OF_TAXON} | taxon
    else:
        fields = fields | taxon
    if taxon["scientificName"] != answer.given:
        fields["verbatimIdentification"] = answer.given
    return fields
