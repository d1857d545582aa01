"""Read photos and names from Darwin Core Archives: of GBIF, of collections, of DALIP's own journal.

Source: the Darwin Core text guide (https://dwc.tdwg.org/text/), and the extensions Simple Multimedia
(http://rs.gbif.org/terms/1.0/Multimedia) and Audubon Core.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from dalip.datasets.archives import Container, Folder, shown
from dalip.datasets.darwin_core_meta import Layout, read_meta, read_rows
from dalip.datasets.locate import Finder, make_item
from dalip.datasets.photo_location import Item
from dalip.datasets.tables import Said
from dalip.errors import DataError

__all__ = ["read_darwin_core"]

_MEDIA = ("multimedia", "image")
_CORES = ("occurrence", "taxon")
_TAXON = ("scientificName", "taxonRank", "vernacularName", "genus", "family", "order", "eventDate")
_CREDITS = {  # our field: the terms, the first that says anything
    "license": ("license", "WebStatement", "UsageTerms", "rights"),
    "rightsHolder": ("rightsHolder", "Owner", "creator"),
    "references": ("references", "furtherInformationURL"),
    "eventDate": ("created", "CreateDate"),
}
_OTHER_MEDIA = re.compile(r"sound|movingimage|video|audio|interactive|text", re.IGNORECASE)

_Row = Mapping[str, str]


def read_darwin_core(container: Container, base: str, below: Folder | None, said: Said) -> Iterator[Item]:
    """Read the photos of an archive: rows of its multimedia, or the `associatedMedia` of its core.

    Args:
        container: The archive, unpacked or not.
        base: The folder in it where `meta.xml` lies, with a slash at its end.
        below: Where photos may lie that are neither in the archive nor on the web.
        said: Hears of each row that is left out.

    Yields:
        Items with the photo's own licence, for that of the core is one for data. Photos of one occurrence share it as
        their observation; those of one taxon share nothing.

    Raises:
        DataError: The archive cannot be used at all.
    """
    layouts = read_meta(container, base)
    core = layouts[0]
    if core.kind not in _CORES:
        kind = shown(core.kind) if core.kind else "of no kind"
        raise DataError(f"{container.path}: its core is {kind}; Occurrence and Taxon are read")
    finder = Finder(container, base, below)
    media: dict[str, list[tuple[str, _Row]]] = {}
    for layout in layouts[1:]:
        if layout.kind in _MEDIA:
            for where, row in _photos_of(container, base, layout, said):
                media.setdefault(row[""], []).append((where, row))
    seen: set[str] = set()
    for where, row in read_rows(container, base, core, said):
        identifier = row.get("", "")
        if identifier in seen or not identifier:
            wrong = "stands in a line before" if identifier else "is missing"
            said.fault(f"{where}: its id {identifier[:80]!r} {wrong}; correct the archive")
            continue
        seen.add(identifier)
        photos = media.pop(identifier, [])
        if not photos:
            photos = [(where, {"identifier": part}) for part in _associated(row)]
        yield from _items(row, photos, core, finder, said)
    for identifier, photos in media.items():
        for where, _ in photos:
            said.fault(f"{where}: belongs to {identifier[:80]!r}, which the core lacks; correct the archive")


def _photos_of(container: Container, base: str, layout: Layout, said: Said) -> Iterator[tuple[str, _Row]]:
    others: Counter[str] = Counter()
    for where, row in read_rows(container, base, layout, said):
        kind = row.get("format") or row.get("type", "")
        if _OTHER_MEDIA.search(kind) and "image/" not in kind:
            others[kind[:40]] += 1
        elif not row.get(""):
            said.fault(f"{where}: does not say what it belongs to; correct the archive")
        else:
            yield where, row
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        said.note(f"{container.path}: {others.total()} media are no photos ({shown(kinds)})")


def _associated(row: _Row) -> list[str]:
    return [part.strip() for part in re.split(r"[|;]", row.get("associatedMedia", "")) if part.strip()]


def _items(
    core_row: _Row, photos: list[tuple[str, _Row]], core: Layout, finder: Finder, said: Said
) -> Iterator[Item]:
    identifier = core_row[""]
    observation = ""
    if core.kind == "occurrence":
        observation = core_row.get("occurrenceID") or f"{finder.container.path.name}:{identifier}"
    for where, photo in photos:
        name = photo.get("accessURI") or photo.get("identifier", "")
        if not name:
            said.fault(f"{where}: names no photo; fill in identifier or accessURI")
            continue
        try:
            place = finder.find(name)
        except DataError as error:
            said.fault(f"{where}: {error}; correct the archive, or name the folder of its photos")
            continue
        # By name and not by number, so that a row more in front of it changes no key.
        key = f"{identifier}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
        if item := make_item(
            key, place, where, _fields(core_row, photo, finder.container.path), said, observation=observation
        ):
            yield item


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
