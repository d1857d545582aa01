"""Write the files in this folder with the DALIP version on the path; README.md explains when and how.

usage: make_files.py OUT FILE...
"""

import io
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tiny_bundle import COLOURS, write_tiny_bundle

import dalip_index
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon

PLANTS = ("red", "green", "blue")
PHOTOS = "/photos"
"""The photo folder recorded in the libraries; it does not exist."""


def paint(path: Path, colour: str, seed: int) -> None:
    pixels = np.array(COLOURS[colour]) + np.random.default_rng(seed).normal(0, 25, (20, 20, 3))
    exif = Image.Exif()
    exif[0x0132] = f"2024:05:{1 + seed % 28:02} 10:00:00"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, exif=exif)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def make_small(database: Path, photos: Path | None = None) -> None:
    """Remove the paths of this machine and shrink the file; tables and rows stay unchanged."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for table in ("folders", "photos") if photos else ():
            connection.execute(f"UPDATE {table} SET path = replace(path, ?, ?)", (str(photos), PHOTOS))
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA page_size = 512")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = WAL")


def make_flora(out: Path, encoder: Encoder, work: Path) -> None:
    from dalip.datasets import read_records  # missing in the earliest of these versions

    for row, colour in enumerate(PLANTS):
        for number in range(6):
            paint(work / f"Rosa {colour}" / f"{number}.png", colour, 100 * row + number)
    taxa = [Taxon(f"Rosa {colour}", genus="Rosa", family="Rosaceae") for colour in PLANTS]
    dalip_index.build_flora(out, encoder, taxa, read_records(work))
    (out / ".lock").unlink(missing_ok=True)


def make_library(out: Path, encoder: Encoder, work: Path, flora: Path | None) -> None:
    photos = work / "library photos"
    for number, colour in enumerate(PLANTS):
        paint(photos / f"{colour}.png", colour, 1000 + number)
    library, more = dalip_index.Library(work / "data"), dict[str, Any]()
    if flora:
        more["flora"] = dalip_index.load_flora(flora, encoder)
    library.add(photos, encoder, **more)
    database = work / "data" / "library" / "library.db"
    make_small(database, photos)
    database.rename(out)


def make_journal(out: Path, work: Path) -> None:
    journal = dalip_index.Journal(work)
    photos = []
    for colour in ("red", "pink"):
        buffer = io.BytesIO()
        Image.new("RGB", (24, 16), COLOURS[colour]).save(buffer, "JPEG")
        photos.append(buffer.getvalue())
    answer = ("2026-05-31T12:00:00.000+00:00", "Rosa red", "species", "Rosaceae", 0.91, "sure")
    said = ("Rosa red", "2026-05-30T10:11:12", 47.5, 8.25, "on the wall")
    journal.add(dalip_index.Observation("a1b2", *answer, *said), photos)
    unsure = ("2026-06-01T12:00:00.000+00:00", "Rosa green", "species", "Rosaceae", None, "uncalibrated")
    journal.add(dalip_index.Observation("c3d4", *unsure), [])
    make_small(work / "journal.db")
    (work / "journal.db").rename(out)


def main(out: Path, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work, flora = Path(folder), out / "flora-3"
        encoder = Encoder.load(write_tiny_bundle(work / "encoder"))
        for name in names:
            if name == flora.name:
                make_flora(flora, encoder, work / "roses")
            elif name.startswith("library-"):
                make_library(out / name, encoder, work / name, None if name == "library-1.db" else flora)
            elif name.startswith("journal-"):
                make_journal(out / name, work / name)
            else:
                sys.exit(f"{name}: cannot be made")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
