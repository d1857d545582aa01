"""Read WebDataset .tar shards: files with the same name up to the first dot form one sample."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from dalip.datasets.photo_location import FilePart
from dalip.datasets.report import Report
from dalip.errors import DataError, first_line
from dalip.photos.walk import IMAGE_SUFFIXES

__all__ = ["ShardPhoto", "StrictHeader", "read_content", "read_fields", "read_shard", "shard_files"]


class ShardFile(NamedTuple):
    """A photo, or one of its text files."""

    key: str
    """Path and name up to the first dot of the name."""
    suffix: str
    """The rest of the name, in lower case: one of `IMAGE_SUFFIXES`, `.json` or `.txt`."""
    header: tarfile.TarInfo


class ShardPhoto(NamedTuple):
    """A photo in a shard, with its metadata."""

    key: str
    location: FilePart
    fields: dict[str, Any]


class StrictHeader(tarfile.TarInfo):
    """A header that must be complete: Python's own reader accepts a shard that is truncated between files."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header.

        Raises:
            ReadError: It is neither a header nor the end-of-archive mark.
        """
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end-of-archive mark
            raise tarfile.ReadError(str(error)) from error


def shard_files(archive: tarfile.TarFile) -> Iterator[ShardFile]:
    """List the photos and text files in a shard, in order, without reading them.

    Args:
        archive: Open for reading, as a stream or with random access, with `StrictHeader`, so that no file is missed.
    """
    for header in archive:
        folder, slash, name = header.name.removeprefix("./").rpartition("/")
        stem, dot, extension = name.partition(".")
        suffix = dot + extension.lower()
        # A sparse file of a few bytes can claim to have terabytes.
        if (
            stem
            and header.isreg()
            and not header.issparse()
            and (suffix in IMAGE_SUFFIXES or suffix in (".json", ".txt"))
        ):
            yield ShardFile(folder + slash + stem, suffix, header)


def read_content(archive: tarfile.TarFile, file: ShardFile) -> bytes:
    """Read a file in a shard; in a stream, call this before requesting the next file."""
    content = archive.extractfile(file.header)
    return content.read() if content else b""


def read_fields(texts: Mapping[str, bytes]) -> dict[str, Any]:
    """Read the metadata of a photo: the fields in its .json, and its .txt as the field `text`.

    Args:
        texts: Content by suffix; either may be missing.

    Raises:
        DataError: The .json is not a JSON object, or the .txt is not UTF-8; the error does not name the photo.
    """
    try:
        fields = json.loads(texts[".json"]) if ".json" in texts else {}
        text = texts[".txt"].decode() if ".txt" in texts else None
    except RecursionError:
        raise DataError("record-json-deep") from None
    except ValueError as error:
        raise DataError("record-text", cause=first_line(error)) from error
    if not isinstance(fields, dict):
        raise DataError("record-json-kind")
    if text is not None:
        fields.setdefault("text", text)
    return fields


def read_shard(path: Path, report: Report) -> list[ShardPhoto]:
    """Read the metadata of the photos in a shard, but not the photos.

    Args:
        path: The shard, not compressed.
        report: Receives each photo whose metadata cannot be read, and each sample without a photo or with several.

    Returns:
        The photos in the order of the shard.

    Raises:
        DataError: It is not a shard, is damaged, or is truncated.
    """
    images: dict[str, list[FilePart]] = {}
    texts: dict[str, dict[str, bytes]] = {}
    try:
        with tarfile.open(path, "r:", tarinfo=StrictHeader) as archive:
            for file in shard_files(archive):
                if file.suffix in IMAGE_SUFFIXES:
                    place = FilePart(path, file.header.offset_data, file.header.size)
                    images.setdefault(file.key, []).append(place)
                else:
                    texts.setdefault(file.key, {})[file.suffix] = read_content(archive, file)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise DataError("shard-damaged", source=path, cause=first_line(error)) from error
    photos: list[ShardPhoto] = []
    for key, found in images.items():
        if len(found) > 1:
            report.skip(f"{path}:{key}", "record-photos", number=len(found))
            continue
        try:
            photos.append(ShardPhoto(key, found[0], read_fields(texts.get(key, {}))))
        except DataError as error:
            report.skip_for(f"{path}:{key}", error)
    for key in texts:
        if key not in images:
            report.skip(f"{path}:{key}", "record-photos", number=0)
    return photos
