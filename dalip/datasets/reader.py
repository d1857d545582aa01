"""`read_records`: read labelled photos from folders, tables, shards, exports and archives.

Files and rows that cannot be used are reported, and the rest is read. A source without anything usable is an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dalip.datasets.archives import Archive, Container, Folder, is_archive
from dalip.datasets.darwin_core import read_darwin_core
from dalip.datasets.inaturalist import COLUMNS, read_inaturalist
from dalip.datasets.locate import Finder, make_record
from dalip.datasets.names.photo_names import name_photos
from dalip.datasets.names.resolver import Resolver
from dalip.datasets.record import Record, join_captions
from dalip.datasets.report import Report, shown
from dalip.datasets.shards import read_shard
from dalip.datasets.tables import Table, read_table
from dalip.errors import DataError, Skipped
from dalip.photos.walk import IMAGE_SUFFIXES, is_photo_name

__all__ = ["read_named", "read_records", "require_unique_keys"]

_TABLES = (".csv", ".tsv")
_PHOTO_COLUMNS = ("file", "image")
_SAME_PLANT = ("splitGroup", "observation", "occurrenceID")
"""Columns that may group photos of the same plant taken at the same time."""


def read_records(
    *sources: Path, photos: Path | None = None, anywhere: bool = False, report: Report | None = None
) -> list[Record]:
    """Read the records of photos from sources, without reading the photos themselves.

    Args:
        sources: Each is a folder with a subfolder for each plant, named by scientific name (underscores are read as
            spaces); a folder or .zip archive with tables that list photos (columns `file` or `image`, and Darwin Core
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
            key = record.key
            if key in found:  # photos in two folders may have the same name
                key = f"{source.resolve().name}/{key}"
            if other := here.get(key) or found.get(key):
                report.skip(record.where, "key-repeated", key=shown(key), other=other.where)
            else:
                here[key] = replace(record, key=key) if key != record.key else record
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
    for record in _read_any(source, below, anywhere, Report(note_and_skip, report.on_note)):
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
        return _read_shards([source], report)
    if is_archive(source):
        return _read_container(Archive(source, report), below, report)
    if source.suffix.lower() in _TABLES:
        # The table was given explicitly, so a link to a table elsewhere is intended; its photos are next to the link.
        real = source.resolve()
        table = _open_photo_table(Folder(real.parent, report), real.name, str(source), report)
        beside = Folder(source.parent, report, links=anywhere, paths=anywhere)
        return _read_photo_table(table, Finder(beside, "", below), report)
    raise DataError("source-unknown", source=source)


def _read_container(container: Container, below: Folder | None, report: Report) -> Iterable[Record]:
    base = _top_folder(container.names) if isinstance(container, Archive) else ""
    if base + "meta.xml" in container.names:
        return read_darwin_core(container, base, below, report)
    top = [n for n in container.names if n.startswith(base) and "/" not in n[len(base) :]]
    if isinstance(container, Folder) and (shards := [n for n in top if n.lower().endswith(".tar")]):
        return _read_shards([container.path / name for name in shards], report)
    return _read_tables_or_classes(container, base, top, below, report)


def _top_folder(names: list[str]) -> str:
    """Return the folder that contains the whole content of an archive; empty if there is none or it is a plant's."""
    first = names[0].partition("/")[0] + "/" if names else ""
    if not all(name.startswith(first) for name in names):
        return ""
    in_it = [name[len(first) :] for name in names]
    photos = [name for name in in_it if is_photo_name(name)]
    described = any(name == "meta.xml" or name.lower().endswith(_TABLES) for name in in_it if "/" not in name)
    return first if described or all("/" in name for name in photos) else ""


def _read_tables_or_classes(
    container: Container, base: str, top: list[str], below: Folder | None, report: Report
) -> Iterator[Record]:
    refused: list[DataError] = []
    tables = [name for name in top if name.lower().endswith(_TABLES)]
    for name in tables:
        try:
            table = _open_photo_table(container, name, shown(container.path / name), report)
        except DataError as error:
            refused.append(error)
        else:
            yield from _read_photo_table(table, Finder(container, base, below), report)
    photos = [name for name in container.names if is_photo_name(name)]
    if refused and len(refused) == len(tables) and not any("/" in name[len(base) :] for name in photos):
        raise refused[0]
    for reason in refused:
        report.on_note(reason)
    if len(refused) == len(tables):
        yield from _read_classes(container, base, photos, report)


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
    column = next((c for wanted in _PHOTO_COLUMNS for c in table.columns if c.lower() == wanted), "")
    if not column:
        stream.close()
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
        plant, slash, _ = key.partition("/")
        if not slash:
            report.skip(shown(container.path / name), "photo-without-folder")
            continue
        given = {"scientificName": plant.replace("_", " "), "source": source}
        if record := make_record(key, container.place(name), given, report):
            yield record
    others = Counter(Path(name).suffix.lower() for name in set(container.names) - set(photos))
    if others:
        kinds = ", ".join(f"{count} {suffix or '?'}" for suffix, count in sorted(others.items()))
        report.note(str(container.path), "files-not-photos", number=others.total(), kinds=shown(kinds))


def _read_shards(shards: list[Path], report: Report) -> Iterator[Record]:
    for shard in shards:
        try:
            photos = read_shard(shard, report)
        except DataError as error:
            # One damaged shard must not stop the rest of a folder.
            report.on_skip(Skipped(str(shard), error))
            continue
        for key, location, fields in photos:
            group = fields.get("splitGroup")
            given = {**fields, "source": str(fields.get("source") or location.origin)}
            observation = group if isinstance(group, str) else ""
            if record := make_record(key, location, given, report, observation=observation):
                yield record
