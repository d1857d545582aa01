"""Read WebDataset .tar shards, in place or as a stream, with limits on what a header can make us read."""

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Self

from dalip.datasets.locate import make_record
from dalip.datasets.photo_location import MAX_PHOTO_BYTES, FilePart
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.datasets.shard_members import TEXT_SUFFIXES, Sample, first_key, group_members, last_key
from dalip.errors import DataError, Skipped, first_line
from dalip.photos.walk import IMAGE_SUFFIXES

__all__ = ["COMPRESSED_SHARDS", "ShardPhoto", "StrictHeader", "read_shard", "read_shards", "stream_shard"]

COMPRESSED_SHARDS = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.lz4")
"""Endings of compressed shards, in which photos cannot be found without unpacking everything before them."""

_MOST_TEXT = 10_000_000  # bytes
_MOST_HEADER = 1_000_000  # bytes of a header's extension, such as a long name
_MOST_MEMBERS = 1_000_000
_MOST_WAITING, _MOST_WAITING_BYTES = 1000, 2 * MAX_PHOTO_BYTES
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"\x04\x22\x4d\x18")
_EXTENSIONS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


class ShardPhoto(NamedTuple):
    """A photo in a shard, with its metadata."""

    key: str
    location: FilePart
    fields: dict[str, Any]


class StreamedPhoto(NamedTuple):
    """A photo from a shard that is read as a stream, with its metadata."""

    key: str
    content: bytes
    fields: dict[str, Any]


class StrictHeader(tarfile.TarInfo):
    """A header that must be complete: Python's own reader accepts a shard that is truncated between files."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header.

        Raises:
            ReadError: It is neither a header nor the end-of-archive mark, or claims an impossible size.
        """
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the end-of-archive mark
            raise tarfile.ReadError(str(error)) from error
        # The reader follows negative sizes in a circle, and reads extensions of headers into memory.
        if header.size < 0 or (header.type in _EXTENSIONS and header.size > _MOST_HEADER):
            raise tarfile.ReadError(f"size {header.size} in a header")
        return header


class _Place(NamedTuple):
    """A member of a shard."""

    name: str
    offset: int
    size: int


class _Waiting(NamedTuple):
    """A member of a stream whose sample may not be complete."""

    name: str
    content: bytes | DataError

    def read(self) -> bytes:
        """Return the content, or raise the error that prevents it."""
        if isinstance(self.content, DataError):
            raise self.content
        return self.content


def read_shard(path: Path, report: Report) -> list[ShardPhoto]:
    """Read the metadata of the photos in a shard, but not the photos.

    Args:
        path: The shard, not compressed.
        report: Receives each photo whose metadata cannot be read, each sample without a photo or with several, and each
            other member that is not used. Members that belong to a sample but are not used are a note.

    Returns:
        The photos in the order of the shard.

    Raises:
        DataError: It is not a shard, is compressed, is damaged, or is truncated.
    """
    places: list[_Place] = []
    try:
        with path.open("rb") as file:
            if file.read(6).startswith(_COMPRESSED):
                raise DataError("shard-compressed", source=path)
        with tarfile.open(path, "r:", tarinfo=StrictHeader) as archive:
            for name, header in _members(archive, str(path), report):
                places.append(_Place(name, header.offset_data, header.size))
                if len(places) > _MOST_MEMBERS:
                    raise DataError("shard-members", source=path, most=_MOST_MEMBERS)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise DataError("shard-damaged", source=path, cause=first_line(error)) from error
    samples = group_members([place.name for place in places], str(path), report)
    with path.open("rb") as file:
        return [*_with_fields(samples, places, file, path, report)]


def _with_fields(
    samples: Sequence[Sample], places: Sequence[_Place], file: BinaryIO, path: Path, report: Report
) -> Iterator[ShardPhoto]:
    for sample in samples:
        texts: dict[str, bytes] = {}
        photo = places[sample.photos[0]]
        try:
            for suffix, n in sample.texts.items():
                _require_fit(places[n].name, places[n].size)
                file.seek(places[n].offset)
                texts[suffix] = file.read(places[n].size)
            yield ShardPhoto(sample.key, FilePart(path, photo.offset, photo.size), _read_fields(texts))
        except DataError as error:
            report.skip_for(f"{path}:{sample.key}", error)


def stream_shard(archive: tarfile.TarFile, name: str, report: Report) -> Iterator[StreamedPhoto]:
    """Read the photos in a shard one after the other, where the members of a sample follow each other.

    Args:
        archive: Open for reading, as a stream, with `StrictHeader`.
        name: The shard's name in messages.
        report: Receives what `read_shard` reports.

    Raises:
        tarfile.TarError: The shard is damaged or truncated.
    """
    waiting: list[_Waiting] = []
    for member, header in _members(archive, name, report):
        if waiting and _ends_before(member, waiting):
            yield from _finished(waiting, name, report)
            waiting = []
        try:
            _require_fit(member, header.size)
        except DataError as error:
            waiting.append(_Waiting(member, error))
        else:
            file = archive.extractfile(header)
            waiting.append(_Waiting(member, file.read() if file else b""))
    yield from _finished(waiting, name, report)


def _ends_before(member: str, waiting: Sequence[_Waiting]) -> bool:
    """Return whether a member of a stream does not belong to those that were read before it."""
    stem, first = last_key(waiting[-1].name)[0], first_key(waiting[-1].name)
    if first_key(member) != first:
        return True
    if last_key(member)[0] == stem:
        return False
    parts = [last_key(before.name) for before in waiting]
    is_pair = {before for before, _ in parts} == {stem} and {suffix for _, suffix in parts} & IMAGE_SUFFIXES
    held = sum(len(before.content) for before in waiting if isinstance(before.content, bytes))
    full = len(waiting) >= _MOST_WAITING or held > _MOST_WAITING_BYTES
    return full or (bool(is_pair) and len(waiting) > 1 and stem != first)


def _finished(waiting: Sequence[_Waiting], name: str, report: Report) -> Iterator[StreamedPhoto]:
    for sample in group_members([member.name for member in waiting], name, report):
        try:
            texts = {suffix: waiting[n].read() for suffix, n in sample.texts.items()}
            yield StreamedPhoto(sample.key, waiting[sample.photos[0]].read(), _read_fields(texts))
        except DataError as error:
            report.skip_for(f"{name}:{sample.key}", error)


def _members(archive: tarfile.TarFile, shard: str, report: Report) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """List the files in a shard; hidden ones are ignored, and what is not a plain file is reported."""
    while (header := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep all headers in memory
        name = header.name.removeprefix("./")
        if header.size < 0:
            raise tarfile.ReadError(f"size {header.size} in a header")
        if header.isdir() or PurePosixPath(name).name.startswith("."):
            continue
        wrong = ""
        if header.issym() or header.islnk():
            wrong = "member-link"
        elif header.issparse():  # a sparse file of a few bytes can claim to have terabytes
            wrong = "member-sparse"
        elif not header.isreg():
            wrong = "member-not-file"
        if wrong:
            report.skip(f"{shard}:{shown(name)}", wrong)
        else:
            yield name, header


def _require_fit(name: str, size: int) -> None:
    """Make sure that a member is small enough to be read into memory.

    Raises:
        DataError: It is not.
    """
    if last_key(name)[1] in TEXT_SUFFIXES and size > _MOST_TEXT:
        raise DataError("member-text-too-large", million=_MOST_TEXT // 10**6)
    if size > MAX_PHOTO_BYTES:
        raise DataError("photo-file-too-large", million=MAX_PHOTO_BYTES // 10**6)


def _read_fields(texts: Mapping[str, bytes]) -> dict[str, Any]:
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


def read_shards(shards: Mapping[str, Path], report: Report) -> Iterator[Record]:
    """Read several shards.

    Args:
        shards: By name, which becomes a part of the key of a photo whose key an earlier shard has too.
        report: Receives what `read_shard` reports, and each shard that cannot be used.
    """
    seen: set[str] = set()
    for name, shard in shards.items():
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
                # In many datasets, keys are numbers that start again in each shard.
                yield record.renamed(name) if record.key in seen else record
                seen.add(record.key)
