"""Journal files: exports in JSON, CSV and .zip with values of wrong types, at the edge, and mutated."""

import csv
import io
import json
import random
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dalip.errors import DalipError
from dalip_index import Journal, export_journal, import_journal
from tests.fuzz.archives import zip_of
from tests.fuzz.cases import PHOTO_MEMORY, Case, Kind, mutated, one_in
from tests.fuzz.images import IMAGES
from tests.fuzz.tables import photo
from tests.index.journal.exported import ROW

__all__ = ["JOURNALS"]

_FIELDS = ROW | {
    "occurrenceID": "a1b2",
    "eventDate": "2025-12-31",
    "decimalLatitude": "47.5",
    "decimalLongitude": "7.6",
    "geodeticDatum": "WGS84",
    "occurrenceRemarks": "on the wall",
}
_ODD: tuple[Any, ...] = (
    *(
        0,
        -1,
        2**63,
        2**70,
        1e308,
        True,
        None,
        [],
        {},
        ["x"],
        {"a": 1},
        "",
        " ",
        "0",
        "nan",
        "inf",
        "1e999",
        "\0",
        "\r",
    ),
    *(
        "a\nb",
        "a\rb",
        '"',
        "=1+1",
        "@SUM(1)",
        "../../x",
        "/etc/passwd",
        "x" * 10_000,
        "\ud800",
        "\u202e",
        "🌼",
        "2026-13-45",
    ),
    *(
        "0000-00-00",
        "2026",
        "9999-12-31T23:59:59.999999999Z",
        "unverified",
        "corrected",
        '{"verdict": 1}',
        "{",
        "[" * 2000,
    ),
    *(
        '{"verdict": "sure", "probability": 1e999}',
        '{"verdict": "sure", "probability": NaN}',
        "-90.0000001",
        "180",
    ),
)
_MEDIA = ("occurrenceID", "type", "format", "identifier")


def _rows(rng: random.Random) -> list[dict[str, Any]]:
    rows, odd = [], rng.choice((0, 0, 1, 1, 40))  # rows with odd values
    for number in range(rng.choice((0, 1, 2, 5, 40))):
        row: dict[str, Any] = {
            **_FIELDS,
            "occurrenceID": f"a{number}" if not one_in(rng, 10) else rng.choice(_ODD),
        }
        for _ in range(rng.choice((1, 1, 3)) if number < odd else 0):
            field = rng.choice(tuple(_FIELDS))
            if one_in(rng, 5):
                row.pop(field, None)
            else:
                row[field] = rng.choice(_ODD)
        rows.append(row)
    return rows


def _csv(rng: random.Random, fields: tuple[str, ...], rows: list[dict[str, Any]]) -> bytes:
    buffer = io.StringIO()
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    writer = csv.DictWriter(buffer, fields, lineterminator=end, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")


def _make(rng: random.Random) -> Case:
    rows, kind = _rows(rng), rng.choice(("json", "csv", "zip"))
    if kind == "json":
        content = json.dumps(rows if not one_in(rng, 15) else rng.choice(_ODD), default=str).encode()
    elif kind == "csv":
        content = _csv(rng, tuple(_FIELDS), rows)
    else:
        members, media = {}, []
        for row in rows[:6]:
            for number in range(rng.choice((0, 1, 1, 3))):
                name = (
                    f"media/{number}.jpg"
                    if not one_in(rng, 6)
                    else rng.choice(("../x.jpg", "/etc/passwd", "none", ""))
                )
                jpeg = photo() if not one_in(rng, 3) else next(iter(IMAGES.make(rng).files.values()))
                members[name or "x"] = jpeg + bytes(
                    rng.choice((0, 0, 0, 21_000_000)) if one_in(rng, 10) else 0
                )
                media += [
                    dict(
                        zip(_MEDIA, (row.get("occurrenceID"), "StillImage", "image/jpeg", name), strict=True)
                    )
                ] * rng.choice((1, 1, 30))
        members["occurrence.csv"] = _csv(rng, tuple(_FIELDS), rows)
        members["multimedia.csv"] = _csv(rng, _MEDIA, media)
        members["meta.xml"] = b"<archive/>"
        for name in ("occurrence.csv", "multimedia.csv", "meta.xml"):
            if one_in(rng, 15):
                del members[name]
        return Case.of("journal.zip", zip_of(rng, members))
    return Case.of(f"journal.{kind}", mutated(rng, content) if one_in(rng, 4) else content)


def _import(path: Path) -> None:
    """Import a file into a journal with one observation, which must stay readable and whole."""
    with TemporaryDirectory(dir=path.parent) as folder:
        journal = Journal(Path(folder, "data"))
        first = Path(folder, "first.json")
        first.write_text(json.dumps([_FIELDS | {"occurrenceID": "mine"}]))
        import_journal(journal, first)
        try:
            added = import_journal(journal, path).added
        except DalipError:
            assert len(journal.observations()) == 1, "a refused file was added in part"
            raise
        assert len(journal.observations()) == 1 + added, "the number of added observations is wrong"
        if zlib.crc32(path.read_bytes()) % 4:
            return
        for ending in ("zip", "csv", "json"):
            export_journal(journal, Path(folder, f"export.{ending}"))
        again = Journal(Path(folder, "again"))
        import_journal(again, Path(folder, "export.zip"))
        assert again.observations() == journal.observations(), "an export does not import as it was"


JOURNALS = Kind("journals", _make, _import, PHOTO_MEMORY)
