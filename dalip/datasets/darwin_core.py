"""Read photos and names from Darwin Core Archives: from GBIF, collections or DALIP's own journal.

Source: the Darwin Core text guide (https://dwc.tdwg.org/text/), and the extensions Simple Multimedia
(http://rs.gbif.org/terms/1.0/Multimedia) and Audubon Core.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from dalip.datasets.archives import Container, Folder
from dalip.datasets.darwin_core_meta import Layout, read_meta, read_rows
from dalip.datasets.locate import Finder, make_record
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.errors import DataError

__all__ = ["read_darwin_core"]

_MEDIA = ("multimedia", "image")
_CORES = ("occurrence", "taxon")
_TAXON = ("scientificName", "taxonRank", "vernacularName", "genus", "family", "order", "eventDate")
_CREDITS = {  # our field: the terms to read, of which the first non-empty one counts
    "license": ("license", "WebStatement", "UsageTerms", "rights"),
    "rightsHolder": ("rightsHolder", "Owner", "creator"),
    "references": ("references", "furtherInformationURL"),
    "eventDate": ("created", "CreateDate"),
}
_OTHER_MEDIA = re.compile(r"sound|movingimage|video|audio|interactive|text", re.IGNORECASE)

_Row = Mapping[str, str]


def read_darwin_core(
    container: Container, base: str, below: Folder | None, report: Report
) -> Iterator[Record]:
    """Read the photos in an archive, from its multimedia rows or from `associatedMedia` in its core.

    Args:
        container: The archive, unpacked or not.
        base: The folder in it that contains `meta.xml`, with a trailing slash.
        below: Another folder to search for photos.
        report: Receives each skipped row.

    Yields:
        Records with the photo's own licence, because the core's licence applies to data. Photos of one occurrence have
        it as their common observation; photos of one taxon have no observation.

    Raises:
        DataError: The archive cannot be used.
    """
    layouts = read_meta(container, base)
    core = layouts[0]
    if core.kind not in _CORES:
        raise DataError("core-unknown", source=container.path, core=shown(core.kind))
    finder = Finder(container, base, below)
    media: dict[str, list[tuple[str, _Row]]] = {}
    for layout in layouts[1:]:
        if layout.kind in _MEDIA:
            for where, row in _photos_of(container, base, layout, report):
                media.setdefault(row[""], []).append((where, row))
    seen: set[str] = set()
    for where, row in read_rows(container, base, core, report):
        identifier = row.get("", "")
        if identifier in seen or not identifier:
            report.skip(
                where, "row-id-repeated" if identifier else "row-id-missing", id=shown(identifier[:80])
            )
            continue
        seen.add(identifier)
        photos = media.pop(identifier, [])
        if not photos:
            photos = [(where, {"identifier": part}) for part in _associated(row)]
        yield from _records(row, photos, core, finder, report)
    for identifier, photos in media.items():
        for where, _ in photos:
            report.skip(where, "row-without-core", id=shown(identifier[:80]))


def _photos_of(container: Container, base: str, layout: Layout, report: Report) -> Iterator[tuple[str, _Row]]:
    others: Counter[str] = Counter()
    for where, row in read_rows(container, base, layout, report):
        kind = row.get("format") or row.get("type", "")
        if _OTHER_MEDIA.search(kind) and "image/" not in kind:
            others[kind[:40]] += 1
        elif not row.get(""):
            report.skip(where, "row-core-unnamed")
        else:
            yield where, row
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        report.note(str(container.path), "media-not-photos", number=others.total(), kinds=shown(kinds))


def _associated(row: _Row) -> list[str]:
    return [part.strip() for part in re.split(r"[|;]", row.get("associatedMedia", "")) if part.strip()]


def _records(
    core_row: _Row, photos: list[tuple[str, _Row]], core: Layout, finder: Finder, report: Report
) -> Iterator[Record]:
    identifier = core_row[""]
    observation = ""
    if core.kind == "occurrence":
        observation = core_row.get("occurrenceID") or f"{finder.container.path.name}:{identifier}"
    for where, photo in photos:
        name = photo.get("accessURI") or photo.get("identifier", "")
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
        fields = _fields(core_row, photo, finder.container.path)
        if record := make_record(key, place, fields, report, row=where, observation=observation):
            yield record


def _fields(core_row: _Row, photo: _Row, archive: Path) -> dict[str, str]:
    fields = {term: core_row[term] for term in _TAXON if term in core_row}
    fields["source"] = (
        core_row.get("datasetName") or core_row.get("institutionCode") or archive.name.removesuffix(".zip")
    )
    for field, terms in _CREDITS.items():
        rows = [photo] if field == "license" else [photo, core_row]
        if told := [row[term] for row in rows for term in terms if term in row]:
            fields.setdefault(field, told[0])
    return fields
