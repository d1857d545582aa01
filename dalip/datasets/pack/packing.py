"""`pack`: pack records into shards with a datasheet; an interrupted run resumes and writes identical bytes."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import numpy as np

from dalip import __version__
from dalip.cpus import available_cpus
from dalip.datasets.names.photo_names import given_name
from dalip.datasets.names.resolution import Resolution
from dalip.datasets.pack.choosing import Choice, NamedPhoto, NotPacked, Policy, choose
from dalip.datasets.pack.chunks import PreparedPart, error_of, identity, prepare_all, stamp_of
from dalip.datasets.pack.datasheet import Datasheet, NameUse, read_datasheet, write_datasheet
from dalip.datasets.pack.duplicates import Pair, near_pairs
from dalip.datasets.pack.name_records import name_records
from dalip.datasets.pack.output_folder import WORK, alone, begin, end, is_finished, require_ours
from dalip.datasets.pack.prepare_photo import PhotoSettings
from dalip.datasets.pack.shard_writer import PackedPhoto, Shard, safe_keys, text_of, write_shards
from dalip.datasets.record import Record
from dalip.disk import write_fault
from dalip.errors import DalipError, DataError, Skipped
from dalip.progress import Progress, no_progress

__all__ = ["PackSettings", "Packed", "pack"]


@dataclass(frozen=True)
class PackSettings:
    """The settings of `pack`."""

    photos: PhotoSettings = field(default_factory=PhotoSettings)
    shard_photos: int = 1000
    """Photos per shard."""
    duplicates: Policy = "drop"

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            DataError: A value is out of range.
        """
        if self.shard_photos < 1:
            raise DataError("pack-setting-least", name="shard_photos", value=self.shard_photos, least=1)
        if self.duplicates not in get_args(Policy):
            choices = get_args(Policy)
            raise DataError("pack-setting-choice", name="duplicates", value=self.duplicates, choices=choices)


@dataclass(frozen=True)
class Packed:
    """The result of a run."""

    sheet: Datasheet
    names: Sequence[NameUse]
    left_out: Sequence[NotPacked] = ()
    """Empty if the dataset was already complete; `left-out.csv` then has the list."""
    read: int = 0
    """Photos that this run read, without those read by an earlier run."""
    seconds: float = 0.0
    """Seconds that reading them took."""
    unchanged: bool = False
    """Whether the dataset was already complete."""


def pack(
    records: Sequence[Record],
    out: Path,
    settings: PackSettings | None = None,
    *,
    resolutions: Mapping[str, Resolution] | None = None,
    skipped: Sequence[Skipped] = (),
    describe: Callable[[DalipError], str] = str,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Packed:
    """Pack photos into WebDataset shards.

    Args:
        records: The photos, with distinct keys.
        out: Folder of the dataset: missing, empty, or written by this function.
        settings: How photos are packed.
        resolutions: Resolution of each given name; without it, names stay as given.
        skipped: Source files and rows that could not be read, for the datasheet.
        describe: Turns an error into a message, for `left-out.csv`.
        workers: Number of processes that read photos, by default the number of processors. The output does not depend
            on it.
        progress: See `Progress`.

    Returns:
        What was packed. Nothing is done if `out` already contains exactly this dataset.

    Raises:
        DataError: `out` contains other files, another run is writing to it, or no photo is left to pack.
    """
    settings = settings or PackSettings()
    named, left_out, names = name_records(records, resolutions)
    left_out += [NotPacked("", "unread", fault.error) for fault in skipped]
    faults = [str(fault.error) for fault in skipped]
    wanted = identity([__version__, asdict(settings), faults, [*map(asdict, names)], [*map(_told, records)]])
    require_ours(out)
    if not named:
        raise _nothing(left_out, out)
    if is_finished(out, wanted):
        with suppress(DataError):  # a damaged datasheet is written again
            sheet = read_datasheet(out)
            shutil.rmtree(out / WORK, ignore_errors=True)
            return Packed(sheet, names, unchanged=True)
    try:
        with alone(out):
            pace = _Pace(progress)
            read, unreadable = _read(named, out, settings, workers, pace)
            choice = choose(read, _pairs(read, progress), settings.duplicates)
            choice.left_out = [*left_out, *unreadable, *choice.left_out]
            if not choice.kept:
                raise _nothing(choice.left_out, out)
            sheet = _write(out, choice, names, settings, describe, progress)
            end(out, wanted, (shard.name for shard in sheet.shards))
        # Another run that finds the dataset complete may remove it at the same time.
        shutil.rmtree(out / WORK, ignore_errors=True)
    except OSError as error:
        where = error.filename or out
        raise DataError("pack-folder-not-written", source=where, cause=write_fault(out, error)) from error
    return Packed(sheet, names, choice.left_out, pace.read, pace.seconds)


class _Pace:
    """Reports how many photos have been read, and how fast."""

    def __init__(self, progress: Progress) -> None:
        """Start the clock."""
        self._progress, self._started = progress, time.monotonic()
        self._before: int | None = None
        self.read = 0
        """Photos that this run read."""
        self.seconds = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` photos have been read; the first call counts those of an earlier run."""
        self._before = done if self._before is None else self._before
        self.read, self.seconds = done - self._before, time.monotonic() - self._started
        rate = f", {self.read / self.seconds:.0f} per second" if self.read else ""
        self._progress(f"photos read{rate}", done, total)


def _told(record: Record) -> list[Any]:
    return [record.key, stamp_of(record), record.where, dict(record.fields), record.group]


def _read(
    named: Sequence[tuple[Record, Mapping[str, Any]]],
    out: Path,
    settings: PackSettings,
    workers: int | None,
    progress: Callable[[int, int], None],
) -> tuple[list[NamedPhoto], list[NotPacked]]:
    """Prepare all photos, and return the readable ones, in packing order, and the others."""
    records = [record for record, _ in named]
    fields = {record.key: told for record, told in named}
    keys = safe_keys(fields)
    photos: list[NamedPhoto] = []
    left: list[NotPacked] = []
    parts = prepare_all(
        records, out / WORK, settings.photos, workers=workers or available_cpus(), progress=progress
    )
    for part, members in parts:
        for number, record in enumerate(members):
            if error := error_of(part.facts[number]):
                left.append(NotPacked(record.where, "unreadable", error, record.key))
            else:
                photos.append(NamedPhoto(record, keys[record.key], fields[record.key], part, number))
    return photos, left


def _pairs(photos: Sequence[NamedPhoto], progress: Progress) -> list[Pair]:
    """Find pairs of near-duplicates."""
    if not photos:
        return []
    parts = list(_by_part(photos))
    codes = np.concatenate([part.codes()[:, numbers] for part, numbers in parts], axis=1)
    thumbs = np.concatenate([part.thumbs()[numbers] for part, numbers in parts])
    return near_pairs(codes, thumbs, lambda done, total: progress("photos compared", done, total))


def _by_part(photos: Sequence[NamedPhoto]) -> Iterator[tuple[PreparedPart, list[int]]]:
    """Yield each part with the indices of the given photos in it; photos of a part must be consecutive."""
    for _, members in groupby(photos, key=lambda photo: photo.part.path):
        some = list(members)
        yield some[0].part, [photo.number for photo in some]


def _write(
    out: Path,
    choice: Choice,
    names: Sequence[NameUse],
    settings: PackSettings,
    describe: Callable[[DalipError], str],
    progress: Progress,
) -> Datasheet:
    """Write the shards and the datasheet."""
    begin(out)
    shards: list[Shard] = []
    photos = (_packed(photo, choice) for photo in choice.kept)
    for shard in write_shards(out, photos, settings.shard_photos):
        shards.append(shard)
        progress("photos packed", sum(s.photos for s in shards), len(choice.kept))
    told = {
        **asdict(settings.photos),
        "shardPhotos": settings.shard_photos,
        "duplicates": settings.duplicates,
    }
    return write_datasheet(out, shards, choice, names, told, describe)


def _packed(photo: NamedPhoto, choice: Choice) -> PackedPhoto:
    fields = dict(photo.fields)
    fields.pop("splitGroup", None)
    if group := choice.groups.get(photo.key):
        fields["splitGroup"] = group
    return PackedPhoto(
        photo.key, photo.part.photo(photo.number), fields, text_of(fields, given_name(photo.record))
    )


def _nothing(left_out: Sequence[NotPacked], out: Path) -> DataError:
    """Return the error that says why nothing was packed."""
    for left in left_out:
        cause = left.error.about(left.where) if left.where else left.error
        return DataError("pack-nothing-left", source=out, cause=cause)
    return DataError("pack-no-photos", source=out)
