"""Read photos and names from Darwin Core Archives: from GBIF, collections or DALIP's own journal.

Source: the Darwin Core text guide (https://dwc.tdwg.org/text/), and the extensions Simple Multimedia
(http://rs.gbif.org/terms/1.0/Multimedia) and Audubon Core.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from dalip.datasets.darwin_core_meta import Layout, read_rows
from dalip.datasets.folders import Container
from dalip.datasets.identification import taxon_of_occurrence
from dalip.datasets.locate import Finder, make_record, split_media
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.errors import DataError
from dalip.photos.walk import is_photo_name

__all__ = ["read_darwin_core"]

_MEDIA = ("multimedia", "image")
_CORES = ("occurrence", "taxon")
_KEPT = ("vernacularName", "genus", "family", "order", "eventDate", "basisOfRecord")
_IDS = ("occurrenceID", "gbifID", "taxonID", "materialEntityID", "catalogNumber")
"""Terms that identify a row of a core that has no column of identifiers, which is allowed without extensions."""
_CREDITS = {  # our field: the terms to read, of which the first non-empty one counts
    "license": ("license", "WebStatement", "UsageTerms", "rights"),
    "rightsHolder": ("rightsHolder", "Owner", "creator"),
    "references": ("references", "furtherInformationURL"),
    "eventDate": ("created", "CreateDate"),
}
_OTHER_MEDIA = re.compile(r"sound|movingimage|video|audio|interactive|text", re.IGNORECASE)

_Row = Mapping[str, str]


def read_darwin_core(
    container: Container, layouts: Sequence[Layout], base: str, finder: Finder, report: Report
) -> Iterator[Record]:
    """Read the photos in an archive, from its multimedia rows or from `associatedMedia` in its core.

    Args:
        container: The archive, unpacked or not.
        layouts: The core and the extensions.
        base: The folder of the tables in it, with a trailing slash.
        finder: Finds the photos.
        report: Receives each skipped row: also organisms that are not plants, were not there or are doubtful.

    Yields:
        Records with the photo's own licence, because the core's licence applies to data. Photos of one occurrence have
        it as their common observation; photos of one taxon have no observation.

    Raises:
        DataError: The archive cannot be used.
    """
    core = layouts[0]
    if core.kind not in _CORES:
        raise DataError("core-unknown", source=container.path, core=shown(core.kind))
    media: dict[str, list[tuple[str, _Row]]] = {}
    for layout in layouts[1:]:
        if layout.kind in _MEDIA:
            for where, row in _photos_of(container, base, layout, report):
                media.setdefault(row[""], []).append((where, row))
    # GBIF adds the occurrences as they were published as another extension.
    others = sorted(layout.kind for layout in layouts[1:] if layout.kind not in (*_MEDIA, *_CORES))
    if others:
        kinds = shown(", ".join(others))
        report.note(str(container.path), "archive-tables-unused", number=len(others), kinds=kinds)
    seen: set[str] = set()
    for where, row in read_rows(container, base, core, report):
        identifier = row.get("", "") or _own_id(row, core, where)
        if identifier in seen or not identifier:
            report.skip(
                where, "row-id-repeated" if identifier else "row-id-missing", id=shown(identifier[:80])
            )
            continue
        seen.add(identifier)
        photos = media.pop(identifier, [])
        if not photos:
            told = split_media(row.get("associatedMedia", ""))
            photos = [(where, {"identifier": part}) for part in told]
        if photos:
            yield from _records(identifier, where, row, photos, core, finder, report)
    for identifier, photos in media.items():
        for where, _ in photos:
            report.skip(where, "row-without-core", id=shown(identifier[:80]))


def _own_id(row: _Row, core: Layout, where: str) -> str:
    """Return what identifies a row of a core without a column of identifiers: another term, or else its line."""
    if any(term == "" for _, term in core.columns):
        return ""
    return next((row[term] for term in _IDS if term in row), where.rpartition(", ")[2])


def _photos_of(container: Container, base: str, layout: Layout, report: Report) -> Iterator[tuple[str, _Row]]:
    others: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for where, row in read_rows(container, base, layout, report):
        kind, name = row.get("format") or row.get("type", ""), _photo_name(row)
        if _OTHER_MEDIA.search(kind) and "image/" not in kind:
            others[kind[:40]] += 1
        elif not row.get(""):
            report.skip(where, "row-core-unnamed")
        elif name and (row[""], name) in seen:
            report.skip(where, "row-repeated", name=shown(name))
        else:
            seen.add((row[""], name))
            yield where, row
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        report.note(str(container.path), "media-not-photos", number=others.total(), kinds=shown(kinds))


def _photo_name(row: _Row) -> str:
    """Return the file or address of a photo, which some publishers write into the field for its page."""
    name, page = row.get("accessURI") or row.get("identifier", ""), row.get("references", "")
    looks = [is_photo_name(urlsplit(text).path if "://" in text else text) for text in _parsable(name, page)]
    return page if looks == [False, True] else name


def _parsable(*addresses: str) -> Iterator[str]:
    for address in addresses:
        try:
            urlsplit(address)
            yield address
        except ValueError:
            yield ""


def _records(
    identifier: str,
    core_where: str,
    core_row: _Row,
    photos: list[tuple[str, _Row]],
    core: Layout,
    finder: Finder,
    report: Report,
) -> Iterator[Record]:
    observation = ""
    if core.kind == "occurrence":
        observation = core_row.get("occurrenceID") or f"{finder.container.path.name}:{identifier}"
    try:
        taxon = taxon_of_occurrence(core_row)
    except DataError as error:
        report.skip_for(core_where, error)
        return
    for where, photo in photos:
        name = _photo_name(photo)
        if not name:
            report.skip(where, "media-unnamed")
            continue
        try:
            place = finder.find(name)
        except DataError as error:
            report.skip_for(where, error)
            continue
        # The key uses the photo's name, not its position, so that an inserted row changes no other key.
        key = f"{identifier}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
        fields = _fields(core_row, photo, taxon, finder.container.path)
        if record := make_record(key, place, fields, report, row=where, observation=observation):
            yield record


def _fields(core_row: _Row, photo: _Row, taxon: _Row, archive: Path) -> dict[str, str]:
    fields = {**{term: core_row[term] for term in _KEPT if term in core_row}, **taxon}
    if "verbatimIdentification" in taxon and not taxon["scientificName"].startswith(fields.get("genus", "")):
        del fields["genus"]  # that of the other name
    fields["source"] = (
        core_row.get("datasetName") or core_row.get("institutionCode") or archive.name.removesuffix(".zip")
    )
    for field, terms in _CREDITS.items():
        rows = [photo] if field == "license" else [photo, core_row]
        told = [row[term] for row in rows for term in terms if term in row]
        if told := [text for text in told if field != "references" or text != _photo_name(photo)]:
            fields.setdefault(field, told[0])
    if "references" not in fields and _photo_name(photo) == photo.get("references"):
        fields["references"] = photo.get("accessURI") or photo.get("identifier", "")
    return fields
