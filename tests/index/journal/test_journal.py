"""The journal: observations survive kills, export and import."""

import dataclasses
import io
import os
import random
import signal
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import ExifTags, Image
from warm import fork
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import JournalError
from dalip.photos import PhotoDetails, open_image, read_details, small_copy
from dalip_index import Identification, Journal, Observation, load_flora
from tests.index.conftest import paint


def photo(colour: str = "red", size: tuple[int, int] = (64, 48), **more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", **more)
    return buffer.getvalue()


def seen(number: int = 0, **more: Any) -> Observation:
    plain = Observation(
        f"{number:032x}", f"2026-05-{1 + number % 28:02}", "Rosa red", "species", "Rosaceae", 0.5, "unsure"
    )
    return dataclasses.replace(plain, **more)


def test_photos_that_another_program_left_do_not_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(seen(), [photo("red"), photo("green")])
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.execute("DELETE FROM observations")
    journal.add(seen(), [photo("blue")])
    assert journal.photos(seen().id) == [photo("blue")]


def test_an_answer_is_saved_changed_and_removed(flora_path: Path, encoder: Encoder, tmp_path: Path) -> None:
    (answer,) = load_flora(flora_path, encoder).identify([paint(tmp_path / "red.png", "red", 99)])
    assert isinstance(answer, Identification)
    journal = Journal(tmp_path / "data")
    assert (len(journal), journal.observations()) == (0, [])
    assert not (tmp_path / "data").exists()
    observation = Observation.of(answer, notes="by the path")
    assert (observation.answered, observation.accepted, observation.family) == (
        "Rosa red",
        "Rosa red",
        "Rosaceae",
    )
    assert journal.add(observation, [photo(), photo("blue")])
    assert not journal.add(observation, [])  # already saved
    assert Journal(tmp_path / "data").observations() == [observation]
    assert [open_image(jpeg).size for jpeg in journal.photos(observation.id)] == [(64, 48)] * 2
    changed = journal.change(observation.id, name="Rosa pink", latitude=36.9, longitude=-122.0)
    assert changed == journal.get(observation.id)
    assert (changed.accepted, changed.notes) == ("Rosa pink", "by the path")
    journal.remove(observation.id)
    assert len(journal) == 0
    assert journal.photos(observation.id) == []
    for change in (journal.remove, journal.get, journal.change):
        with refuses(JournalError, match="this observation no longer exists"):
            change(observation.id)


def test_invalid_observations_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with refuses(JournalError, match="no journal yet"):
        journal.get("x")
    journal.add(seen(), [])
    for changes, message in (
        ({"latitude": 91.0, "longitude": 0.0}, "expected a number from -90 to 90, not 91.0"),
        ({"latitude": float("nan"), "longitude": 0.0}, "expected a number from -90 to 90, not nan"),
        ({"latitude": True, "longitude": 0.0}, "expected a number"),
        ({"notes": 7}, "expected text, not 7"),
        ({"notes": "\ud800"}, "half a Unicode character"),
        ({"notes": "a\0b"}, "a null character"),
        ({"notes": "a" * 50_001}, "the text has 50,001 characters; use at most 50,000"),
        ({"name": "a" * 1_001}, "the text has 1,001 characters; use at most 1,000"),
        ({"latitude": 1.0}, "both a latitude and a longitude"),
        ({"event_date": "last May"}, "is not a date"),
    ):
        with refuses(JournalError, match=message):
            journal.change(seen().id, **changes)
    with pytest.raises(ValueError, match="can be changed"):
        journal.change(seen().id, answered="Rosa blue")
    assert journal.observations() == [seen()]
    with refuses(JournalError, match="expected a number from 0 to 1, not 2.0"):
        seen(probability=2.0)
    for wrong, message in (
        ({"verdict": "perhaps"}, "expected one of sure, unsure, .*, not perhaps"),
        ({"answered_rank": "clan"}, "expected one of order, .*, not clan"),
        ({"created": ""}, "expected text, but the field is empty"),
    ):
        with refuses(JournalError, match=message):
            journal.add(seen(1, **wrong), [])
    assert len(journal) == 1


def test_sorting_by_doubt_or_by_date(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for observation in (
        seen(1, probability=0.9),
        seen(2, probability=0.2, name="Rosa red"),
        seen(3, probability=None),
        seen(4, probability=0.4, event_date="2020-01-01"),
    ):
        journal.add(observation, [b"a photo"])
    journal.add(seen(5, probability=0.99, name="Rosa red", event_date="2019-01-01"), [])
    assert [int(o.id, 16) for o in journal.observations("doubt")] == [3, 4, 1, 2, 5]
    assert [int(o.id, 16) for o in journal.observations("date")] == [3, 2, 1, 4, 5]
    assert [int(o.id, 16) for o in journal.observations("date", limit=2, offset=1)] == [2, 1]
    journal.change(seen(1).id, name="Rosa blue")
    by_name = {name: [int(i, 16) for i in ids] for name, ids in journal.photographed(2).items()}
    assert by_name == {"Rosa red": [3, 2], "Rosa blue": [1]}


_SAVE = """
import sys
from pathlib import Path
from dalip_index import Journal, Observation
journal = Journal(Path(sys.argv[1]))
for number in range(100):
    observation = Observation(f"{sys.argv[2]}-{number}", "2026-05-01", "Rosa red", "species", "Rosaceae", 0.5, "sure")
    journal.add(observation, [bytes(20_000)])
    print(observation.id, flush=True)
"""


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_every_acknowledged_save_survives_a_kill(tmp_path: Path, kills: int) -> None:
    chance = random.Random(0)
    told: list[str] = []
    for round_ in range(kills):
        with tempfile.TemporaryFile("w+") as errors:
            arguments = [str(tmp_path), str(round_)]
            process = fork(_SAVE, arguments, os.environ, modules=("dalip_index",), stderr=errors)
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(chance.randint(3, 6))]
        time.sleep(chance.uniform(0, 0.02))  # kill it at a random moment during one of the next saves
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
    assert len(told) > 2 * kills
    journal = Journal(tmp_path)
    kept = {observation.id for observation in journal.observations()}
    assert set(told) <= kept
    assert len(kept) <= len(told) + kills  # one more may have been saved before it was reported
    assert {len(journal.photos(identifier)) for identifier in kept} == {1}
    with sqlite3.connect(journal.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def exif(**parts: Any) -> Image.Exif:
    found = Image.Exif()
    found[ExifTags.Base.Orientation] = 6
    found.get_ifd(ExifTags.IFD.Exif).update(parts.get("details", {}))
    found.get_ifd(ExifTags.IFD.GPSInfo).update(parts.get("place", {}))
    return found


def test_date_and_place_are_read_from_a_photo_and_removed_from_its_copy() -> None:
    details = {
        ExifTags.Base.DateTimeOriginal: "2026:05:31 14:30:00",
        ExifTags.Base.OffsetTimeOriginal: "+02:00",
    }
    place = {1: "S", 2: (36.0, 58.0, 12.0), 3: "W", 4: (122.0, 1.0, 30.5)}
    taken = photo(size=(2000, 1000), exif=exif(details=details, place=place))
    when = ("2026-05-31T14:30:00+02:00", "DateTimeOriginal")
    assert read_details(taken) == PhotoDetails(when[0], -36.97, -122.025139, when[1])
    copy = small_copy(taken)
    assert read_details(copy) == PhotoDetails()
    with Image.open(io.BytesIO(copy)) as image:
        assert image.size == (800, 1600)  # upright
        assert not image.getexif()
    for odd in (
        {"place": {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}},
        {"place": {1: "N", 2: (5.0, 0.0, 0.0)}},
        {"details": {ExifTags.Base.DateTimeOriginal: "0000:00:00 00:00:00"}},
    ):
        assert read_details(photo(exif=exif(**odd))) == PhotoDetails()
    assert read_details(b"no photo") == PhotoDetails()


@pytest.mark.parametrize("suffix", ["heic", "avif", "jpg", "png", "webp"])
def test_the_date_is_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    found = Image.Exif()
    found[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2026:05:31 14:30:00"}
    path = tmp_path / f"photo.{suffix}"
    Image.new("RGB", (64, 64), "green").save(path, exif=found)
    assert read_details(path).event_date == "2026-05-31T14:30:00"


def test_journals_from_later_versions_and_other_databases_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(seen(), [])
    with sqlite3.connect(journal.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    with refuses(
        JournalError,
        match=r"journal\.db: the database has version 9, but .* supports only up to 1; upgrade DALIP",
    ):
        journal.observations()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "journal.db").write_bytes(b"no database" * 100)
    with refuses(
        JournalError, match="the database is damaged .*; move the file elsewhere and import your last export"
    ):
        Journal(tmp_path / "other").observations()
