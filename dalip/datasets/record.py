"""Labelled photographs on disk, read without unpacking anything.

Three layouts are understood: WebDataset shards (`key.webp|jpg|png`, `key.json`, `key.txt` in a .tar), a
folder with one CSV or TSV that names its images, and a folder with one sub-folder for each class.
"""

import csv
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dalip.datasets.shards import IMAGE_SUFFIXES, StrictHeader, read_content, read_fields, shard_files
from dalip.errors import DataError
from dalip.taxonomy import Taxon

__all__ = [
    "IMAGE_SUFFIXES",
    "Record",
    "Split",
    "join_captions",
    "key_hash",
    "read_records",
    "require_unique_keys",
    "split_of",
]

Split = Literal["train", "selection", "calibration", "test"]

_TABLES = {".csv": ",", ".tsv": "\t"}
"""What separates the columns of a table, by the ending of its name."""

_LONGEST = 1000  # characters of a path

_CAPTIONS = ("captions", "caption", "text")
"""Fields that may hold captions, the first that does counts."""


def key_hash(key: str) -> str:
    """Give the SHA-1 of a key in hexadecimal digits: what splits follow from, and what shuffles photos always alike."""
    return hashlib.sha1(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def split_of(key: str) -> Split:
    """Say which split a key belongs to: 70 % train, then 10 % each of selection, calibration and test.

    The split follows from the key's SHA-1 alone, so it is the same on every machine and for every command.
    """
    bucket = int(key_hash(key), 16) % 100
    if bucket < 70:
        return "train"
    return "selection" if bucket < 80 else "calibration" if bucket < 90 else "test"


@dataclass(frozen=True)
class Record:
    """One photograph with what is known of it; the bytes stay on disk until they are asked for."""

    key: str
    """Unique within its source; decides the split, unless the field `splitGroup` does."""
    path: Path
    """The image file, or the shard that holds it."""
    offset: int | None = None
    """Where in the shard the image starts, in bytes; `None` for a file of its own."""
    size: int | None = None
    """Length of the image in the shard, in bytes."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Darwin Core terms and whatever else the source says."""

    @property
    def name(self) -> str:
        """How messages name the photo."""
        return str(self.path) if self.offset is None else f"{self.path}:{self.key}"

    @property
    def split(self) -> Split:
        """The split of the record's key; of its `splitGroup` where it has one, which photos of one plant share."""
        group = self.fields.get("splitGroup")
        return split_of(group if isinstance(group, str) and group else self.key)

    @property
    def source(self) -> str:
        """Where the photo comes from, as its source says; the name of its folder where it does not."""
        return str(self.fields.get("source") or self.path.parent.name)

    @property
    def captions(self) -> tuple[str, ...]:
        """Free texts about the photo: its `captions`, a list or one; or else its `caption`, or the text beside it."""
        for name in _CAPTIONS:
            value = self.fields.get(name)
            found = value if isinstance(value, list) else [value]
            if texts := tuple(text for text in found if isinstance(text, str) and text.strip()):
                return texts
        return ()

    @cached_property
    def taxon(self) -> Taxon | None:
        """The taxon in the photo, or `None` where the record names none.

        Raises:
            DataError: The fields are not those of a taxon.
        """
        if not self.fields.get("scientificName"):
            return None
        # `references` of a record is the page of the observation, not of the taxon.
        fields = {k: v for k, v in self.fields.items() if isinstance(v, str) and k != "references"}
        try:
            return Taxon.from_darwin_core(fields)
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from error

    def read_bytes(self) -> bytes:
        """Read the encoded image.

        Raises:
            DataError: The file or shard cannot be read.
        """
        try:
            if self.offset is None:
                return self.path.read_bytes()
            with self.path.open("rb") as shard:
                shard.seek(self.offset)
                return shard.read(self.size or 0)
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read ({error.strerror})") from error


def read_records(*sources: Path, faults: list[str] | None = None) -> list[Record]:
    """Read the records of shards and folders, without reading the images.

    Args:
        sources: Each a .tar shard, a folder of .tar shards, a CSV or TSV (columns `file` or `image`, and Darwin
            Core terms) or a folder with one of them, or a folder with one sub-folder a class (its name, underscores
            read as spaces, is the scientific name). In a table a photo with several captions has a line for each.
        faults: Takes a message for each record that is left out because its text is malformed or its photo is
            missing; without it, the first such record is an error.

    Returns:
        The records in the order of the sources, within one in the order of the shard or table, or by path.

    Raises:
        DataError: A source is missing, malformed or holds no photo, or two records share a key.
    """
    records = [record for source in sources for record in _read_source(source, faults)]
    require_unique_keys(records)
    return records


def require_unique_keys(records: Iterable[Record]) -> None:
    """Make sure that a key names one record.

    Raises:
        DataError: Two records share a key.
    """
    seen: dict[str, Record] = {}
    for record in records:
        if record.key in seen:
            raise DataError(
                f"{record.name}: its key {record.key!r} is also that of {seen[record.key].name}; rename one"
            )
        seen[record.key] = record


def _read_source(source: Path, faults: list[str] | None) -> list[Record]:
    before = len(faults or ())
    if source.is_file() and source.suffix == ".tar":
        found = list(_read_shard(source, faults))
    elif source.is_file() and source.suffix.lower() in _TABLES:
        found = list(_read_table(source, faults))
    elif source.is_dir():
        shards = sorted(source.glob("*.tar"))
        tables = sorted(path for path in source.iterdir() if path.suffix.lower() in _TABLES)
        if shards:
            found = [record for shard in shards for record in _read_shard(shard, faults)]
        elif len(tables) == 1:
            found = list(_read_table(tables[0], faults))
        elif tables:
            raise DataError(f"{source}: holds {len(tables)} tables; give the one that names the photos")
        else:
            found = list(_read_class_folders(source))
    else:
        wrong = (
            "neither a .tar shard, nor a .csv or .tsv, nor a folder"
            if source.exists()
            else "no such file or folder"
        )
        raise DataError(f"{source}: {wrong}")
    if not found:
        raise DataError(
            faults[before]
            if faults and len(faults) > before
            else f"{source}: holds no photo; looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return found


def _complain(faults: list[str] | None, message: str) -> None:
    if faults is None:
        raise DataError(message)
    faults.append(message)


def _read_shard(path: Path, faults: list[str] | None) -> Iterator[Record]:
    images: dict[str, list[tuple[int, int]]] = {}
    texts: dict[str, dict[str, bytes]] = {}
    try:
        with tarfile.open(path, "r:", tarinfo=StrictHeader) as archive:
            for file in shard_files(archive):
                if file.suffix in IMAGE_SUFFIXES:
                    place = file.header.offset_data, file.header.size
                    images.setdefault(file.key, []).append(place)
                else:
                    texts.setdefault(file.key, {})[file.suffix] = read_content(archive, file)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable WebDataset shard ({error})") from error
    for key, found in images.items():
        if len(found) > 1:
            _complain(faults, f"{path}:{key}: has {len(found)} photos; keep one")
            continue
        try:
            fields = read_fields(texts.get(key, {}))
        except ValueError as error:
            _complain(faults, f"{path}:{key}: its text cannot be read ({error}); correct it")
            continue
        yield Record(key, path, *found[0], fields)
    if faults is not None:
        faults += [f"{path}:{key}: has no photo" for key in texts if key not in images]


def _read_table(path: Path, faults: list[str] | None) -> Iterator[Record]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_TABLES[path.suffix.lower()])
    try:
        column = next((c for c in ("file", "image") if c in (rows.fieldnames or ())), None)
        if column is None:
            found = ", ".join(rows.fieldnames or ()) or "none"
            raise DataError(
                f"{path}: the column file is missing (columns found: {found}); it names each photo"
            )
        records: dict[str, Record] = {}
        for row in rows:
            where, name = f"{path}, line {rows.line_num}", row[column] or ""
            fields: dict[str, Any] = {k: v for k, v in row.items() if isinstance(k, str) and v}
            if len(name) > _LONGEST or not (path.parent / name).is_file():
                short = name if len(name) <= _LONGEST else f"{name[:40]}..."
                _complain(faults, f"{where}: {short!r} is not a file in {path.parent}; correct the table")
            elif name not in records:
                records[name] = Record(name, path.parent / name, fields=fields)
            elif joined := join_captions(records[name].fields, fields):
                records[name] = replace(records[name], fields=joined)
            else:
                _complain(faults, f"{where}: {name!r} stands in a line before; correct the table")
        yield from records.values()
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}") from error


def join_captions(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any] | None:
    """Join two lines of a table about one photo, which may differ in the caption alone."""
    differing = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    if len(differing) != 1 or differing[0] not in _CAPTIONS or not second.get(differing[0]):
        return None
    told = first.get(differing[0], [])
    return {**first, differing[0]: [*(told if isinstance(told, list) else [told]), second[differing[0]]]}


def _read_class_folders(root: Path) -> Iterator[Record]:
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for image in _images_below(folder):
            yield Record(
                # Slashes on every system, for the key decides the split.
                image.relative_to(root).as_posix(),
                image,
                fields={"scientificName": folder.name.replace("_", " "), "source": root.resolve().name},
            )


def _images_below(folder: Path) -> Iterable[Path]:
    found = (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))
