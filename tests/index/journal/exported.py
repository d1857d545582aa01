"""Observations and exported journals for the tests: whole ones, changed ones, and archives made member by member."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image

from dalip.photos import encode
from dalip_index import Observation

COLUMNS = (
    "occurrenceID,basisOfRecord,scientificName,taxonRank,family,verbatimIdentification,"
    "identificationVerificationStatus,identificationRemarks,dateIdentified,eventDate,decimalLatitude,"
    "decimalLongitude,geodeticDatum,occurrenceRemarks"
)
"""The header of an export since the first version."""

ROW: dict[str, Any] = {
    "occurrenceID": "a1",
    "basisOfRecord": "HumanObservation",
    "scientificName": "Bellis perennis",
    "taxonRank": "species",
    "family": "Asteraceae",
    "verbatimIdentification": "Bellis perennis",
    "identificationVerificationStatus": "confirmed",
    "identificationRemarks": '{"verdict": "sure", "probability": 0.9}',
    "dateIdentified": "2026-01-01T00:00:00+00:00",
    "eventDate": "",
    "decimalLatitude": "",
    "decimalLongitude": "",
    "geodeticDatum": "",
    "occurrenceRemarks": "",
}
"""A row of an export."""


def observed(identifier: str = "a1", **more: Any) -> Observation:
    """The observation in `ROW`, with changes."""
    known = {"verdict": "sure", "probability": 0.9, "name": "Bellis perennis"}
    return Observation(
        identifier,
        ROW["dateIdentified"],
        "Bellis perennis",
        "species",
        "Asteraceae",
        **(known | more),  # type: ignore[arg-type]
    )


def jpeg(colour: str = "red", size: tuple[int, int] = (64, 48), **more: Any) -> bytes:
    """A JPEG; without options, one as the page saves it."""
    image = Image.new("RGB", size, colour)
    if not more:
        return encode(image, "JPEG", 88)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **more)
    return buffer.getvalue()


def write_json(path: Path, *rows: Any) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def write_zip(
    path: Path,
    rows: str | bytes,
    media: str | bytes = "",
    members: dict[str, bytes] | None = None,
    compression: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """Write an archive of plain rows, below the headers of an export."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (members or {}).items():
            archive.writestr(name, content)
        for name, header, table in (
            ("occurrence.csv", COLUMNS, rows),
            ("multimedia.csv", "occurrenceID,type,format,identifier", media),
        ):
            text = table if isinstance(table, bytes) else table.encode()
            archive.writestr(name, header.encode() + b"\n" + text)
    return path


def csv_line(**changes: str) -> str:
    """`ROW` as a line of CSV, quoted throughout."""
    return ",".join('"' + str(v).replace('"', '""') + '"' for v in (ROW | changes).values()) + "\n"
