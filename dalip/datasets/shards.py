"""Read WebDataset .tar shards: files whose names agree up to the first dot are one sample."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

__all__ = ["IMAGE_SUFFIXES", "ShardFile", "StrictHeader", "read_content", "read_fields", "shard_files"]

IMAGE_SUFFIXES = frozenset(
    {".webp", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
)
"""File name endings that are taken for photos, in lower case."""


class ShardFile(NamedTuple):
    """A photo, or one of the texts beside it."""

    key: str
    """Path and name up to the first dot of the name."""
    suffix: str
    """The rest of the name, in lower case: one of `IMAGE_SUFFIXES`, `.json` or `.txt`."""
    header: tarfile.TarInfo


class StrictHeader(tarfile.TarInfo):
    """A header that must be whole: Python's own reader takes a shard that is cut short between files for complete."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header.

        Raises:
            ReadError: It is not one, nor the mark of the shard's end.
        """
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the mark of the end
            raise tarfile.ReadError(f"damaged or cut short: {error}") from error


def shard_files(archive: tarfile.TarFile) -> Iterator[ShardFile]:
    """List the photos and texts of a shard, in its order, without reading them.

    Args:
        archive: Open for reading, as a stream or at random; with headers of `StrictHeader`, so that none is missed.
    """
    for header in archive:
        folder, slash, name = header.name.removeprefix("./").rpartition("/")
        stem, dot, extension = name.partition(".")
        suffix = dot + extension.lower()
        # A sparse file is a few bytes that claim to be terabytes.
        if (
            stem
            and header.isreg()
            and not header.issparse()
            and (suffix in IMAGE_SUFFIXES or suffix in (".json", ".txt"))
        ):
            yield ShardFile(folder + slash + stem, suffix, header)


def read_content(archive: tarfile.TarFile, file: ShardFile) -> bytes:
    """Read a file of a shard; where the shard is a stream, before the next is asked for."""
    content = archive.extractfile(file.header)
    return content.read() if content else b""


def read_fields(texts: Mapping[str, bytes]) -> dict[str, Any]:
    """Read what stands beside a photo: the fields of its .json, and its .txt as the field `text`.

    Args:
        texts: Content by suffix; either may be missing.

    Raises:
        ValueError: The .json is no JSON object, or the .txt is not UTF-8.
    """
    try:
        fields = json.loads(texts[".json"]) if ".json" in texts else {}
    except RecursionError:
        raise ValueError("its .json is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("its .json is not a JSON object")
    if ".txt" in texts:
        fields.setdefault("text", texts[".txt"].decode())
    return fields
