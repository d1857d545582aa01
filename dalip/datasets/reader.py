"""From what people have to the photos that are packed: folders, tables, shards, exports and archives.

Whatever is malformed is said in one line, by file or row, and the rest is read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dalip.datasets.archives import Archive, Container, Folder, is_archive, shown
from dalip.datasets.darwin_core import read_darwin_core
from dalip.datasets.inaturalist import COLUMNS, read_inaturalist
from dalip.datasets.locate import Finder, make_item
from dalip.datasets.photo_location import FilePart, Item
from dalip.datasets.record import IMAGE_SUFFIXES, join_captions, read_records
from dalip.datasets.tables import Said, Table, read_table
from dalip.errors import DataError

__all__ = ["read_items"]

_TABLES = (".csv", ".tsv")
_SAME_PLANT = ("observation", "occurrenceID", "splitGroup")
"""Columns that may say which photos show one plant at one time."""


def read_items(
    sources: Sequence[Path],
    *,
    photos: Path | None = None,
    fault: Callable[[str], None],
    note: Callable[[str], None] | None = None,
) -> list[Item]:
    """Read what is to be packed, without reading the photos.

    Args:
        sources: Each a folder with a sub-folder for each plant, a folder or .zip archive with a table that names
            photos, such a table, .tar shards or a folder of them, an export of iNaturalist, or a Darwin Core Archive.
            Which of them it is, its content says.
        photos: Where photos may lie that a table names and that do not lie beside it.
        fault: Takes a line about each photo that is left out, with the file or the row and what to do.
        note: Takes a line about what should be known though no photo is left out for it; without it, `fault` does.

    Returns:
        The items in the order of the sources, with unique keys.

    Raises:
        DataError: A source cannot be used at all.
    """
    said = Said(fault, note or fault)
    if photos is not None and not photos.is_dir():
        raise DataError(f"{photos}: no such folder of photos")
    below = Folder(photos, said) if photos else None
    items: dict[str, Item] = {}
    for source in sources:
        read = unlicensed = 0
        for item in _read_source(source, below, said):
            read += 1
            if item.key in items:
                said.fault(
                    f"{item.where}: its key {item.key!r} is also that of {items[item.key].where}; rename one"
                )
                continue
            items[item.key] = item
            unlicensed += not item.fields.get("license")
        if not read:
            raise DataError(
                f"{source}: holds no photo that can be packed; looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        if unlicensed:
            said.note(
                f"{source}: {unlicensed} of {read} photos have no license; a column of this name can say it"
            )
    return list(items.values())


def _read_source(source: Path, below: Folder | None, said: Said) -> Iterable[Item]:
    if source.is_dir():
        return _read_container(Folder(source, said), below, said)
    if not source.is_file():
        raise DataError(f"{source}: no such file or folder")
    if source.suffix.lower() == ".tar":
        return _read_shards([source], said)
    if is_archive(source):
        return _read_container(Archive(source, said), below, said)
    if source.suffix.lower() in _TABLES:
        # Given by name, so a link to a table elsewhere is meant; its photos lie beside the link.
        return _read_photo_table(
            Folder(source.resolve().parent, said),
            source.resolve().name,
            Finder(Folder(source.parent, said), "", below),
            said,
        )
    raise DataError(f"{source}: neither a folder, nor a .csv, .tsv, .zip or .tar file")


def _read_container(container: Container, below: Folder | None, said: Said) -> Iterable[Item]:
    base = _top_folder(container.names) if isinstance(container, Archive) else ""
    if base + "meta.xml" in container.names:
        return read_darwin_core(container, base, below, said)
    top = [n for n in container.names if n.startswith(base) and "/" not in n[len(base) :]]
    if isinstance(container, Folder) and (shards := [n for n in top if n.lower().endswith(".tar")]):
        return _read_shards([container.path / name for name in shards], said)
    return _read_tables_or_classes(container, base, top, below, said)


def _top_folder(names: list[str]) -> str:
    """Give the folder that a whole archive lies in, as archives of a folder do; empty if it is that of a plant."""
    first = names[0].partition("/")[0] + "/" if names else ""
    if not all(name.startswith(first) for name in names):
        return ""
    in_it = [name[len(first) :] for name in names]
    photos = [name for name in in_it if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES]
    described = any(name == "meta.xml" or name.lower().endswith(_TABLES) for name in in_it if "/" not in name)
    return first if described or all("/" in name for name in photos) else ""


def _read_tables_or_classes(
    container: Container, base: str, top: list[str], below: Folder | None, said: Said
) -> Iterator[Item]:
    refused: list[DataError] = []
    for name in (n for n in top if n.lower().endswith(_TABLES)):
        try:
            yield from _read_photo_table(container, name, Finder(container, base, below), said)
        except DataError as error:
            refused.append(error)
    photos = [n for n in container.names if PurePosixPath(n).suffix.lower() in IMAGE_SUFFIXES]
    understood = len(refused) < sum(n.lower().endswith(_TABLES) for n in top)
    if refused and not understood and not any("/" in name[len(base) :] for name in photos):
        raise refused[0]
    for reason in refused:
        said.note(str(reason))
    if not understood:
        yield from _read_classes(container, base, photos, said)


def _read_photo_table(container: Container, name: str, finder: Finder, said: Said) -> Iterator[Item]:
    """Read a table that names photos.

    Raises:
        DataError: It cannot be opened, or has no column that names them.
    """
    called = shown(container.path / name)
    try:
        stream = container.open(name)
    except DataError as error:
        raise DataError(f"{container.path}: {error}") from error
    with stream:
        table = read_table(stream, called, said)
        if set(table.columns) >= COLUMNS:
            yield from read_inaturalist(table, called, finder, said)
            return
        column = next((c for wanted in ("file", "image") for c in table.columns if c.lower() == wanted), "")
        if not column:
            found = shown(", ".join(table.columns) or "none")
            raise DataError(
                f"{called}: the column file is missing (columns found: {found}); it names each photo"
            )
        yield from _read_rows(table, column, called, finder, said)


def _read_rows(table: Table, column: str, called: str, finder: Finder, said: Said) -> Iterator[Item]:
    items: dict[str, Item] = {}
    for line, row in table.rows:
        where, name = f"{called}, line {line}", row.pop(column, "")
        if not name:
            said.fault(f"{where}: names no photo; fill in the column {column}")
            continue
        try:
            place = finder.find(name)
        except DataError as error:
            said.fault(f"{where}: {error}; correct the table")
            continue
        observation = next((row[c] for c in _SAME_PLANT if c in row), "")
        item = make_item(name, place, where, row, said, observation=observation)
        if item is None:
            continue
        if name not in items:
            items[name] = item
        elif joined := join_captions(items[name].fields, item.fields):
            items[name] = replace(items[name], fields=joined)
        else:
            said.fault(f"{where}: {name!r} stands in a line before; correct the table")
    yield from items.values()


def _read_classes(container: Container, base: str, photos: list[str], said: Said) -> Iterator[Item]:
    source = (base.strip("/") or container.path.resolve().name).removesuffix(".zip")
    for name in photos:
        key, where = name[len(base) :], shown(container.path / name)
        plant, slash, _ = key.partition("/")
        if not slash:
            said.fault(f"{where}: lies in no folder of a plant; move it into one with the plant's name")
            continue
        given = {"scientificName": plant.replace("_", " "), "source": source}
        if item := make_item(key, container.place(name), where, given, said):
            yield item
    others = Counter(PurePosixPath(name).suffix.lower() for name in set(container.names) - set(photos))
    if others:
        kinds = ", ".join(f"{count} {suffix or 'without ending'}" for suffix, count in sorted(others.items()))
        said.note(f"{container.path}: {others.total()} files are no photos ({shown(kinds)})")


def _read_shards(shards: list[Path], said: Said) -> Iterator[Item]:
    for shard in shards:
        faults: list[str] = []
        try:
            records = read_records(shard, faults=faults)
        except DataError as error:
            # Of a whole folder one shard may be damaged.
            said.fault(str(error))
            continue
        for message in faults:
            said.fault(message)
        for record in records:
            group = record.fields.get("splitGroup")
            item = make_item(
                record.key,
                FilePart(record.path, record.offset or 0, record.size),
                record.name,
                {**record.fields, "source": record.source},
                said,
                observation=group if isinstance(group, str) else "",
            )
            if item:
                yield item
