"""Export and import the journal: Darwin Core Archive with photos, CSV or JSON.

Source: Darwin Core (https://dwc.tdwg.org/terms/) and its text guide (https://dwc.tdwg.org/text/).
"""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict
from xml.sax.saxutils import quoteattr

from dalip.errors import DalipError, ImageError, JournalError
from dalip.files import atomic_write, from_json
from dalip.photos import open_image
from dalip_index.journal.journal import Journal, Observation

__all__ = ["export_journal", "import_journal"]

_TERMS = "http://rs.tdwg.org/dwc/terms/"
_FIELDS = (
    "occurrenceID",
    "basisOfRecord",
    "scientificName",
    "taxonRank",
    "family",
    "verbatimIdentification",
    "identificationVerificationStatus",
    "identificationRemarks",
    "dateIdentified",
    "eventDate",
    "decimalLatitude",
    "decimalLongitude",
    "geodeticDatum",
    "occurrenceRemarks",
)
_PHOTO_FIELDS = ("occurrenceID", "type", "format", "identifier")
_PHOTO_TERMS = {
    "type": "http://purl.org/dc/terms/type",
    "format": "http://purl.org/dc/terms/format",
    "identifier": "http://purl.org/dc/terms/identifier",
}
_OCCURRENCES, _MEDIA, _META = "occurrence.csv", "multimedia.csv", "meta.xml"
_JPEG = b"\xff\xd8\xff"
_LARGEST = 20_000_000  # bytes: limit for a photo in an imported archive; for a table, ten times as much

_Row = Mapping[str, str | None]


class _Remarks(TypedDict):
    """Values without a Darwin Core term, stored as JSON in `identificationRemarks`."""

    verdict: str
    probability: float | None
    answeredRank: NotRequired[str]
    answeredFamily: NotRequired[str]


def export_journal(journal: Journal, path: Path) -> int:
    """Write all observations to a file, newest first.

    Args:
        journal: The journal.
        path: The suffix selects the format: `.zip` for a Darwin Core Archive with photos, `.csv`, or `.json`.

    Returns:
        The number of observations.

    Raises:
        JournalError: The suffix is unknown, or the file cannot be written.
    """
    writers = {".zip": _write_archive, ".csv": _write_csv, ".json": _write_json}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise JournalError("journal-form", source=path)
    rows = [_to_row(observation) for observation in journal.observations()]
    try:
        with atomic_write(path) as draft:
            write(draft, rows, journal)
    except OSError as error:
        raise JournalError("journal-not-written", source=path, cause=error.strerror) from error
    return len(rows)


def _to_row(observation: Observation) -> dict[str, str]:
    same = observation.accepted == observation.answered
    status = "unverified" if not observation.name else "confirmed" if same else "corrected"
    remarks: _Remarks = {"verdict": observation.verdict, "probability": observation.probability}
    if not same:
        remarks["answeredRank"], remarks["answeredFamily"] = observation.answered_rank, observation.family
    return {
        "occurrenceID": observation.id,
        "basisOfRecord": "HumanObservation",
        "scientificName": observation.accepted,
        "taxonRank": observation.answered_rank if same else "",
        "family": observation.family if same else "",
        "verbatimIdentification": observation.answered,
        "identificationVerificationStatus": status,
        "identificationRemarks": json.dumps(remarks),
        "dateIdentified": observation.created,
        "eventDate": observation.event_date,
        "decimalLatitude": "" if observation.latitude is None else repr(observation.latitude),
        "decimalLongitude": "" if observation.longitude is None else repr(observation.longitude),
        "geodeticDatum": "" if observation.latitude is None else "WGS84",
        "occurrenceRemarks": observation.notes,
    }


def _table(fields: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _write_csv(path: Path, rows: list[dict[str, str]], journal: Journal) -> None:
    path.write_text(_table(_FIELDS, rows), encoding="utf-8")


def _write_json(path: Path, rows: list[dict[str, str]], journal: Journal) -> None:
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_archive(path: Path, rows: list[dict[str, str]], journal: Journal) -> None:
    media: list[dict[str, str]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            for position, jpeg in enumerate(journal.photos(row["occurrenceID"])):
                name = f"media/{row['occurrenceID']}-{position}.jpg"
                archive.writestr(name, jpeg, zipfile.ZIP_STORED)
                values = (row["occurrenceID"], "StillImage", "image/jpeg", name)
                media.append(dict(zip(_PHOTO_FIELDS, values, strict=True)))
        archive.writestr(_OCCURRENCES, _table(_FIELDS, rows))
        archive.writestr(_MEDIA, _table(_PHOTO_FIELDS, media))
        archive.writestr(_META, _meta())


def _meta() -> str:
    def table(kind: str, row_type: str, file: str, key: str, terms: list[str]) -> str:
        listed = "".join(f'    <field index="{i}" term={quoteattr(t)}/>\n' for i, t in enumerate(terms) if t)
        return (
            f'  <{kind} encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" '
            f'ignoreHeaderLines="1" rowType={quoteattr(row_type)}>\n'
            f"    <files><location>{file}</location></files>\n"
            f'    <{key} index="0"/>\n{listed}  </{kind}>\n'
        )

    core = [_TERMS + field for field in _FIELDS]
    media = ["", *(_PHOTO_TERMS[field] for field in _PHOTO_FIELDS[1:])]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<archive xmlns="http://rs.tdwg.org/dwc/text/">\n'
        + table("core", _TERMS + "Occurrence", _OCCURRENCES, "id", core)
        + table("extension", "http://rs.gbif.org/terms/1.0/Multimedia", _MEDIA, "coreid", media)
        + "</archive>\n"
    )


def import_journal(journal: Journal, path: Path) -> tuple[int, int]:
    """Add the observations of an export; those that are there already stay as they are.

    Args:
        journal: The journal.
        path: What `export_journal` wrote; a `.csv` or `.json` file brings no photos.

    Returns:
        How many were added, and how many were there already.

    Raises:
        JournalError: The file cannot be read, or a row is invalid; nothing is added then.
    """
    try:
        found = list(_read(path))
    except OSError as error:
        raise JournalError("no-journal-file", source=path, cause=error.strerror or error) from error
    except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, NotImplementedError, DalipError) as error:
        raise JournalError("no-journal-file", source=path, cause=error) from error
    added = sum(journal.add(observation, photos) for observation, photos in found)
    return added, len(found) - added


def _read(path: Path) -> Iterator[tuple[Observation, list[bytes]]]:
    kind = path.suffix.lower()
    if kind == ".zip":
        yield from _read_archive(path)
    elif kind == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 1):
                yield _from_row(row, number), []
    elif kind == ".json":
        try:
            rows = from_json(path.read_bytes(), list[dict[str, Any]])
        except ValueError as error:
            raise JournalError("journal-not-json", cause=error) from None
        for number, row in enumerate(rows, 1):
            yield _from_row(row, number), []
    else:
        raise JournalError("journal-form")


def _read_archive(path: Path) -> Iterator[tuple[Observation, list[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        media: dict[str, list[str]] = {}
        for number, row in enumerate(_rows(archive, _MEDIA), 1):
            about = f"{_MEDIA}, row {number}"
            media.setdefault(_field(row, "occurrenceID", about), []).append(_field(row, "identifier", about))
        for number, row in enumerate(_rows(archive, _OCCURRENCES), 1):
            observation = _from_row(row, number)
            # File names are only looked up in the archive; none is ever written to disk.
            yield observation, [_photo(archive, name) for name in media.get(observation.id, [])]


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[_Row]:
    return csv.DictReader(io.StringIO(_member(archive, name, 10).decode("utf-8")))


def _member(archive: zipfile.ZipFile, name: str, times: int = 1) -> bytes:
    most = times * _LARGEST
    try:
        with archive.open(name) as file:
            content = file.read(most + 1)
    except KeyError:
        raise JournalError("journal-member-missing", name=name) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # damaged or encrypted
        raise JournalError("journal-member-damaged", source=name, cause=error) from error
    if len(content) > most:
        raise JournalError("journal-member-too-large", source=name, most=most)
    return content


def _photo(archive: zipfile.ZipFile, name: str) -> bytes:
    content = _member(archive, name)
    if not content.startswith(_JPEG):
        raise JournalError("journal-photo-no-jpeg", source=name)
    try:
        open_image(content)
    except ImageError as error:
        raise error.about(name) from None
    return content


def _from_row(row: _Row, number: int) -> Observation:
    """Read an observation.

    Raises:
        JournalError: The row is invalid. The error contains the row and the field.
    """
    about = f"row {number}"
    try:
        remarks = from_json(_field(row, "identificationRemarks", about), _Remarks)
    except ValueError as error:
        raise JournalError("journal-remarks", source=about, cause=error) from None
    latitude, longitude = (_number(row, field, about) for field in ("decimalLatitude", "decimalLongitude"))
    unverified = _field(row, "identificationVerificationStatus", about) == "unverified"
    try:
        return Observation(
            _field(row, "occurrenceID", about),
            _field(row, "dateIdentified", about),
            _field(row, "verbatimIdentification", about),
            remarks.get("answeredRank") or _field(row, "taxonRank", about),
            remarks["answeredFamily"] if "answeredFamily" in remarks else _field(row, "family", about),
            remarks["probability"],
            remarks["verdict"],
            "" if unverified else _field(row, "scientificName", about),
            _field(row, "eventDate", about),
            latitude,
            longitude,
            _field(row, "occurrenceRemarks", about),
        )
    except JournalError as error:
        raise (error if error.source else error.about(about)) from None


def _field(row: _Row, field: str, about: str) -> str:
    value = row.get(field)
    if value is None:
        raise JournalError("journal-field-missing", source=about, field=field)
    if not isinstance(value, str):
        raise JournalError("journal-field-no-text", source=about, field=field, value=str(value))
    return value


def _number(row: _Row, field: str, about: str) -> float | None:
    value = row[field] if field in row else _field(row, field, about)
    if value is None or value == "":  # JSON may contain null
        return None
    try:
        return float(value)
    except (ValueError, TypeError):
        raise JournalError("journal-field-no-number", source=about, field=field, value=value) from None
