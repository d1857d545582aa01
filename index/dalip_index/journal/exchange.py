"""Export and import the journal: Darwin Core Archive with photos, CSV or JSON.

Source: Darwin Core (https://dwc.tdwg.org/terms/) and its text guide (https://dwc.tdwg.org/text/).
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from dalip.errors import ImageError, JournalError
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
_LARGEST = 20_000_000  # bytes of a photo, and ten times that of a table, in an archive that is read


def export_journal(journal: Journal, path: Path) -> int:
    """Write all observations, the newest first.

    Args:
        journal: The journal.
        path: The ending says the form: `.zip` for a Darwin Core Archive with photos, `.csv`, or `.json`.

    Returns:
        How many there are.

    Raises:
        JournalError: Another ending, or the file cannot be written.
    """
    observations = journal.observations()
    rows = [_to_row(observation) for observation in observations]
    writers = {".zip": _write_archive, ".csv": _write_csv, ".json": _write_json}
    if path.suffix.lower() not in writers:
        raise JournalError(
            f"{path}: {path.suffix or 'no ending'} is no form; name a .zip, .csv or .json file"
        )
    part = path.with_name(f".{path.name}.part")
    try:
        writers[path.suffix.lower()](part, rows, journal)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise JournalError(f"{path}: cannot be written ({error}); name another file") from error
    return len(rows)


def _to_row(observation: Observation) -> dict[str, str]:
    same = observation.accepted == observation.answered
    status = "unverified" if not observation.name else "confirmed" if same else "corrected"
    remarks = {"verdict": observation.verdict, "probability": observation.probability}
    if not same:
        remarks |= {"answeredRank": observation.answered_rank, "answeredFamily": observation.family}
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
        JournalError: The file cannot be read, or a row is none; nothing is added then.
    """
    try:
        found = list(_read(path))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        csv.Error,
        zipfile.BadZipFile,
        RuntimeError,
        ImageError,
    ) as error:
        raise JournalError(
            f"{path}: is no journal ({error}); name a .zip, .csv or .json file of one", "no-journal-file"
        ) from error
    added = sum(journal.add(observation, photos) for observation, photos in found)
    return added, len(found) - added


def _read(path: Path) -> Iterator[tuple[Observation, list[bytes]]]:
    kind = path.suffix.lower()
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:
            rows = csv.DictReader(io.StringIO(_member(archive, _OCCURRENCES, 10).decode("utf-8")))
            media: dict[str, list[str]] = {}
            for row in csv.DictReader(io.StringIO(_member(archive, _MEDIA, 10).decode("utf-8"))):
                media.setdefault(row["occurrenceID"], []).append(row["identifier"])
            for number, row in enumerate(rows, 1):
                observation = _from_row(row, number)
                # Names of files are only ever looked up in the archive; none is written to the disk.
                yield observation, [_photo(archive, name) for name in media.get(observation.id, [])]
    elif kind == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 1):
                yield _from_row(row, number), []
    elif kind == ".json":
        for number, row in enumerate(json.loads(path.read_text(encoding="utf-8")), 1):
            yield _from_row(row, number), []
    else:
        raise ValueError(f"{kind or 'no ending'} is no form")


def _member(archive: zipfile.ZipFile, name: str, times: int = 1) -> bytes:
    if archive.getinfo(name).file_size > times * _LARGEST:
        raise ValueError(f"{name} is too large")
    with archive.open(name) as file:
        content = file.read(times * _LARGEST + 1)
    if len(content) > times * _LARGEST:
        raise ValueError(f"{name} is too large")
    return content


def _photo(archive: zipfile.ZipFile, name: str) -> bytes:
    content = _member(archive, name)
    if not content.startswith(_JPEG):
        raise ValueError(f"{name} is no JPEG")
    open_image(content)
    return content


def _from_row(row: dict[str, str], number: int) -> Observation:
    try:
        remarks = json.loads(row["identificationRemarks"])
        status, latitude = row["identificationVerificationStatus"], row["decimalLatitude"]
        return Observation(
            row["occurrenceID"],
            row["dateIdentified"],
            row["verbatimIdentification"],
            remarks.get("answeredRank") or row["taxonRank"],
            remarks.get("answeredFamily", row["family"]),
            None if remarks["probability"] is None else float(remarks["probability"]),
            str(remarks["verdict"]),
            "" if status == "unverified" else row["scientificName"],
            row["eventDate"],
            float(latitude) if latitude else None,
            float(row["decimalLongitude"]) if latitude else None,
            row["occurrenceRemarks"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, JournalError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"row {number}: {what}") from error
