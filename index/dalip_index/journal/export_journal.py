"""Export the journal: Darwin Core Archive with photos, CSV or JSON.

The same journal gives the same bytes. Rows and photos are written one after the other, so memory stays small.

Source: the Darwin Core text guide (https://dwc.tdwg.org/text/).
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from xml.sax.saxutils import quoteattr

from dalip.csv_rows import csv_row
from dalip.disk import write_fault
from dalip.errors import JournalError, Skipped
from dalip.files import atomic_write
from dalip.progress import no_report
from dalip_index.journal.journal import Journal, Snapshot
from dalip_index.journal.observation import Observation
from dalip_index.journal.occurrence import FIELDS, to_occurrence

__all__ = ["MEDIA", "OCCURRENCES", "PHOTO_FIELDS", "export_journal"]

OCCURRENCES, MEDIA = "occurrence.csv", "multimedia.csv"
"""The tables of an archive."""

PHOTO_FIELDS = ("occurrenceID", "type", "format", "identifier")
"""The columns of the table of photos."""

_META = "meta.xml"
_TERMS = "http://rs.tdwg.org/dwc/terms/"
_PHOTO_TERMS = ["", *(f"http://purl.org/dc/terms/{field}" for field in PHOTO_FIELDS[1:])]


def export_journal(journal: Journal, path: Path, *, on_skip: Callable[[Skipped], object] = no_report) -> int:
    """Write all observations to a file, newest first.

    Args:
        journal: The journal, as it is when the export starts.
        path: The suffix selects the format: `.zip` for a Darwin Core Archive with photos, `.csv`, or `.json`.
        on_skip: Called for each observation that cannot be used, which is left out.

    Returns:
        The number of observations.

    Raises:
        JournalError: The suffix is unknown, or the file cannot be written.
    """
    writers = {".zip": _write_archive, ".csv": _write_csv, ".json": _write_json}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise JournalError("journal-form", source=path)
    try:
        with atomic_write(path, rivals=True) as draft, journal.snapshot() as now:
            number = 0
            for seen in now.observations():
                if isinstance(seen, Skipped):
                    on_skip(seen)
                else:
                    number += 1
            write(draft, now)
    except OSError as error:
        raise JournalError("journal-not-written", source=path, cause=write_fault(path, error)) from error
    return number


def _usable(now: Snapshot) -> Iterator[Observation]:
    return (seen for seen in now.observations() if isinstance(seen, Observation))


def _rows(now: Snapshot) -> Iterator[list[str]]:
    for seen in _usable(now):
        row = to_occurrence(seen)
        yield [row[field] for field in FIELDS]


def _write_csv(path: Path, now: Snapshot) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_table(FIELDS, _rows(now), guard=True))


def _write_json(path: Path, now: Snapshot) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        start = "[\n"
        for row in _rows(now):
            file.write(start + json.dumps(dict(zip(FIELDS, row, strict=True)), ensure_ascii=False))
            start = ",\n"
        file.write("\n]\n" if start[0] == "," else "[]\n")


def _write_archive(path: Path, now: Snapshot) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        places = count(1)
        for seen in _usable(now):
            for jpeg in now.photos(seen.id):
                archive.writestr(_member(_photo_name(next(places)), zipfile.ZIP_STORED), jpeg)
        with archive.open(_member(OCCURRENCES), "w", force_zip64=True) as file:
            file.writelines(map(str.encode, _table(FIELDS, _rows(now))))
        with archive.open(_member(MEDIA), "w", force_zip64=True) as file:
            file.writelines(map(str.encode, _table(PHOTO_FIELDS, _media_rows(now))))
        archive.writestr(_member(_META), _meta())


def _media_rows(now: Snapshot) -> Iterator[tuple[str, ...]]:
    places = count(1)
    for seen in _usable(now):
        for _ in range(now.number_of_photos(seen.id)):
            yield seen.id, "StillImage", "image/jpeg", _photo_name(next(places))


def _photo_name(place: int) -> str:
    return f"media/{place:06}.jpg"  # identifiers may contain anything, so file names are numbers


def _member(name: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """Describe a member so that it does not depend on the time or the system."""
    member = zipfile.ZipInfo(name)
    member.compress_type = compression
    member.create_system = 3
    member.external_attr = 0o644 << 16
    return member


def _table(columns: Iterable[str], rows: Iterable[Sequence[str]], *, guard: bool = False) -> Iterator[str]:
    """Return the lines of a table. The tables of an archive are for programs, so their text stays as it is."""
    yield csv_row(columns) + "\n"
    for row in rows:
        yield csv_row(row, guard=guard, one_line=False) + "\n"


def _meta() -> str:
    def table(kind: str, row_type: str, file: str, key: str, terms: list[str]) -> str:
        listed = "".join(f'    <field index="{i}" term={quoteattr(t)}/>\n' for i, t in enumerate(terms) if t)
        return (
            f'  <{kind} encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" '
            f'ignoreHeaderLines="1" rowType={quoteattr(row_type)}>\n'
            f"    <files><location>{file}</location></files>\n"
            f'    <{key} index="0"/>\n{listed}  </{kind}>\n'
        )

    core = [_TERMS + field for field in FIELDS]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<archive xmlns="http://rs.tdwg.org/dwc/text/">\n'
        + table("core", _TERMS + "Occurrence", OCCURRENCES, "id", core)
        + table("extension", "http://rs.gbif.org/terms/1.0/Multimedia", MEDIA, "coreid", _PHOTO_TERMS)
        + "</archive>\n"
    )
