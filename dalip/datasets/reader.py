"""`read_records`: read labelled photos from folders, tables, shards, exports and archives.

Files and rows that cannot be used are reported, and the rest is read. A source without anything usable is an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dalip.datasets.archives import Archive, is_archive
from dalip.datasets.columns import photo_column
from dalip.datasets.darwin_core import read_darwin_core
from dalip.datasets.darwin_core_meta import guess_layouts, read_meta
from dalip.datasets.folders import Container, Folder
from dalip.datasets.inaturalist import COLUMNS, read_inaturalist
from dalip.datasets.locate import Finder, make_record, photo_key
from dalip.datasets.names.photo_names import name_photos
from dalip.datasets.names.resolver import Resolver
from dalip.datasets.record import Record, join_captions
from dalip.datasets.report import Report, shown
from dalip.datasets.shards import COMPRESSED_SHARDS, read_shards
from dalip.datasets.tables import Table, read_table
from dalip.errors import DataError, Skipped
from dalip.photos.walk import IMAGE_SUFFIXES, counted_endings

__all__ = ["read_named", "read_records", "require_unique_keys"]

_TABLES = (".csv", ".tsv", ".tab", ".csv.gz", ".tsv.gz")
_NO_PLANTS = frozenset(
    {
        *("img", "imgs", "image", "images", "photo", "photos", "picture", "pictures", "pics", "media"),
        *("multimedia", "jpg", "jpeg", "png", "data", "dataset", "thumbnails", "thumbs"),
        *("train", "training", "val", "valid", "validation", "test"),
    }
)
"""Names of folders that are not the names of plants."""
_SAME_PLANT = ("splitGroup", "observation", "occurrenceID")
"""Columns that may group photos of the same plant taken at the same time."""


def read_records(
    *sources: Path, photos: Path | None = None, anywhere: bool = False, report: Report | None = None
) -> list[Record]:
    """Read the records of photos from sources, without reading the photos themselves.

    Args:
        sources: Each is a folder with a subfolder for each plant, named by scientific name (underscores are read as
            spaces); a folder or .zip archive with tables that list photos (a column such as `file`, and Darwin Core
            terms; a photo with several captions has a row for each); such a table itself; .tar shards or a folder of
            them; an iNaturalist export; or a Darwin Core Archive. The type is detected from the content.
        photos: Another folder to search for photos that a table names and that are not next to it.
        anywhere: Whether links in a folder, and a table that is itself a source, may lead to photos outside the
            folder; not for data that is packed and shared.
        report: Receives everything that is skipped, and notes; without it, the first skipped item is an error.

    Returns:
        The records in the order of the sources, and within a source in the order of the shard or table, or by path.
        Keys are unique: a key that an earlier source also has is prefixed with the name of its source.

    Raises:
        DataError: A source contains nothing usable.
    """
    report = report or Report()
    if photos is not None and not photos.is_dir():
        raise DataError("photos-folder-missing", source=photos)
    below = Folder(photos, report) if photos else None
    found: dict[str, Record] = {}
    for source in sources:
        here: dict[str, Record] = {}
        for record in _read_source(source, below, anywhere, report):
            # Photos in two folders may have the same name.
            own = record.renamed(source.resolve().name) if record.key in found else record
            if other := here.get(own.key) or found.get(own.key):
                report.skip(record.where, "key-repeated", key=shown(own.key), other=other.where)
            else:
                here[own.key] = own
        found |= here
    return list(found.values())


def read_named(
    *sources: Path, names: Resolver | None = None, doubtful: bool = False, report: Report | None = None
) -> list[Record]:
    """Read records like `read_records`, for floras, training or evaluation, and resolve their names.

    Links in a folder, and a table that is itself a source, may lead to photos anywhere. Records whose name is not that
    of one taxon are skipped, see `name_photos`.
    """
    report = report or Report()
    records = read_records(*sources, anywhere=True, report=report)
    return name_photos(records, names, report, doubtful=doubtful)


def require_unique_keys(records: Iterable[Record]) -> None:
    """Make sure that no two records share a key.

    Raises:
        DataError: Two records share a key.
    """
    seen: dict[str, Record] = {}
    for record in records:
        if other := seen.get(record.key):
            raise DataError("key-repeated", source=record.where, key=shown(record.key), other=other.where)
        seen[record.key] = record


def _read_source(source: Path, below: Folder | None, anywhere: bool, report: Report) -> Iterator[Record]:
    """Read a source, which must contain something usable.

    Raises:
        DataError: It contains nothing usable.
    """
    left_out: list[Skipped] = []

    def note_and_skip(skipped: Skipped) -> None:
        left_out.append(skipped)
        report.on_skip(skipped)

    empty = True
    for record in _read_any(source, below, anywhere, replace(report, on_skip=note_and_skip)):
        empty = False
        yield record
    if empty and left_out:
        raise DataError("source-unusable", source=source, cause=left_out[0].error)
    if empty:
        raise DataError("source-without-photos", source=source, endings=sorted(IMAGE_SUFFIXES))


def _read_any(source: Path, below: Folder | None, anywhere: bool, report: Report) -> Iterable[Record]:
    if source.is_dir():
        return _read_container(Folder(source, report, links=anywhere), below, report)
    if not source.is_file():
        raise DataError("source-missing", source=source)
    if source.suffix.lower() == ".tar":
        return read_shards({source.name: source}, report)
    if source.name.lower().endswith(COMPRESSED_SHARDS):
        raise DataError("shard-compressed", source=source)
    if is_archive(source):
        return _read_container(Archive(source, report), below, report)
    if source.name.lower().endswith((*_TABLES, ".txt")):  # Excel's text format
        # The table was given explicitly, so a link to a table elsewhere is intended; its photos are next to the link.
        real = source.resolve()
        tables = Folder(real.parent, report)
        finder = Finder(Folder(source.parent, report, links=anywhere, paths=anywhere), "", below, report)
        if layouts := guess_layouts(tables, [real.name]):
            return read_darwin_core(tables, layouts, "", finder, report)
        return _read_photo_table(_open_photo_table(tables, real.name, str(source), report), finder, report)
    raise DataError("source-unknown", source=source)


def _read_container(container: Container, below: Folder | None, report: Report) -> Iterable[Record]:
    base = _top_folder(container) if isinstance(container, Archive) else ""
    if base + "meta.xml" not in container.names:
        base = _table_folder(container) or base
    finder = Finder(container, base, below, report)
    if base + "meta.xml" in container.names:
        layouts = read_meta(container, base)
        return _all_of(read_darwin_core(container, layouts, base, finder, report), finder)
    top = [n for n in container.names if n.startswith(base) and "/" not in n[len(base) :]]
    if isinstance(container, Folder) and (shards := _shards_in(container, top, report)):
        return read_shards(shards, report)
    tables = [name for name in top if name.lower().endswith((*_TABLES, ".txt"))]
    if layouts := guess_layouts(container, tables):
        return _all_of(read_darwin_core(container, layouts, "", finder, report), finder)
    return _read_tables_or_classes(finder, top, report)


def _all_of(records: Iterable[Record], finder: Finder) -> Iterator[Record]:
    """Yield the photos that tables list, and then note how many they do not list."""
    yield from records
    finder.note_unused()


def _top_folder(container: Container) -> str:
    """Return the folder that contains the whole content of an archive; empty if there is none or it is a plant's."""
    names = container.names
    first = names[0].partition("/")[0] + "/" if names else ""
    if not all(name.startswith(first) for name in names):
        return ""
    in_it = [name[len(first) :] for name in names]
    photos = [name for name in in_it if container.is_photo(first + name)]
    described = any(name == "meta.xml" or name.lower().endswith(_TABLES) for name in in_it if "/" not in name)
    return first if described or all("/" in name for name in photos) else ""


def _table_folder(container: Container) -> str:
    """Return the only folder with tables, if it has no photos, as in `data/photos.csv` and `images/1.jpg`."""
    folders = {n.rpartition("/")[0] for n in container.names if n.lower().endswith(_TABLES)}
    folder = next(iter(folders)) + "/" if len(folders) == 1 and "" not in folders else ""
    within = any(container.is_photo(n) for n in container.names if n.startswith(folder))
    return "" if within else folder


def _read_tables_or_classes(finder: Finder, top: list[str], report: Report) -> Iterator[Record]:
    container, base = finder.container, finder.base
    refused: list[DataError] = []
    tables = [name for name in top if name.lower().endswith(_TABLES)]
    for name in tables:
        try:
            table = _open_photo_table(container, name, shown(container.path / name), report)
        except DataError as error:
            refused.append(error)
        else:
            yield from _read_photo_table(table, finder, report)
    if tables and not refused:
        finder.note_unused()
        return
    photos = [name for name in container.names if container.is_photo(name)]
    if refused and len(refused) == len(tables) and not any("/" in name[len(base) :] for name in photos):
        raise refused[0]
    for reason in refused:
        report.on_note(reason)
    if len(refused) == len(tables):
        for name in container.names if report.verbose else ():
            if not container.is_photo(name):
                report.note(shown(container.path / name), "file-not-photo")
        yield from _read_classes(container, base, photos, report)
    else:
        finder.note_unused()


class _PhotoTable(NamedTuple):
    """An open table that lists photos."""

    stream: BinaryIO
    table: Table
    column: str
    """The column that names the photos; empty for an iNaturalist export."""


def _open_photo_table(container: Container, name: str, called: str, report: Report) -> _PhotoTable:
    """Open a table and read its header.

    Raises:
        DataError: It cannot be opened, or has no column that names photos.
    """
    try:
        stream = container.open(name)
    except DataError as error:
        raise error.about(called) from error
    table = read_table(stream, called, report)
    if set(table.columns) >= COLUMNS:
        return _PhotoTable(stream, table, "")
    column = photo_column(table.columns)
    if not column:
        stream.close()
        if "gbifID" in table.columns:
            raise DataError("gbif-simple", source=called)
        found = shown(", ".join(table.columns) or "none")
        raise DataError("table-without-photos", source=called, found=found)
    return _PhotoTable(stream, table, column)


def _read_photo_table(opened: _PhotoTable, finder: Finder, report: Report) -> Iterator[Record]:
    with opened.stream:
        if opened.column:
            yield from _read_rows(opened.table, opened.column, finder, report)
        else:
            yield from read_inaturalist(opened.table, finder, report)


def _read_rows(table: Table, column: str, finder: Finder, report: Report) -> Iterator[Record]:
    records: dict[str, Record] = {}
    for line, row in table.rows:
        where, name = table.where(line), row.pop(column, "")
        if not name:
            report.skip(where, "row-without-photo", column=column)
            continue
        try:
            place = finder.find(name)
        except DataError as error:
            report.skip_for(where, error)
            continue
        name = photo_key(name)
        observation = next((row[c] for c in _SAME_PLANT if c in row), "")
        record = make_record(name, place, row, report, row=where, observation=observation)
        if record is None:
            continue
        if name not in records:
            records[name] = record
        elif joined := join_captions(records[name].fields, record.fields):
            records[name] = replace(records[name], fields=joined)
        else:
            report.skip(where, "row-repeated", name=shown(name))
    yield from records.values()


def _read_classes(container: Container, base: str, photos: list[str], report: Report) -> Iterator[Record]:
    source = (base.strip("/") or container.path.resolve().name).removesuffix(".zip")
    for name in photos:
        key = name[len(base) :]
        # Folders such as `images` contain those of the plants.
        plant = next((part for part in key.split("/")[:-1] if part.lower() not in _NO_PLANTS), "")
        if not plant:
            report.skip(shown(container.path / name), "photo-without-folder")
            continue
        given = {"scientificName": plant.replace("_", " "), "source": source}
        if record := make_record(key, container.place(name), given, report):
            yield record
    _note_others(container, set(photos), "files-not-photos", report)


def _note_others(container: Container, used: set[str], kind: str, report: Report) -> None:
    others = Counter(Path(name).suffix.lower() for name in set(container.names) - used)
    if others:
        report.note(str(container.path), kind, number=others.total(), kinds=shown(counted_endings(others)))


def _shards_in(folder: Folder, top: list[str], report: Report) -> dict[str, Path]:
    """Return the shards in a folder of shards, by name, and report its other files; empty for other folders."""
    shards = [name for name in folder.names if name.lower().endswith((".tar", *COMPRESSED_SHARDS))]
    photos = any(folder.is_photo(name) or name.lower().endswith(_TABLES) for name in folder.names)
    if not shards or not (set(shards) & set(top) or not photos):
        return {}
    used = set(shards)
    if "datasheet.json" in top:  # a packed dataset
        used |= {name for name in top if name.endswith((".csv", ".json", ".md"))}
    _note_others(folder, used, "files-not-shards", report)
    return {name: folder.path / name for name in shards}
