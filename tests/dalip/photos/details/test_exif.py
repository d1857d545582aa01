"""Date and place of a photo are read from every format, and damaged metadata causes no error."""

import io
import subprocess
import sys
from pathlib import Path

import pillow_heif
import pytest
from hostile_images import photo, write_hostile_images
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from dalip.photos import PhotoDetails, read_details
from dalip.photos.formats import cost
from dalip.photos.formats.cost import Limits

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of odd photos

WHEN, WHERE = "2026-05-31T14:30:00+02:00", (36.97, -122.025139)


def taken(kind: str) -> bytes:
    """Make a photo with a date and a place."""
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "2026:05:31 14:30:00",
        ExifTags.Base.OffsetTimeOriginal: "+02:00",
    }
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (36.0, 58.0, 12.0), 3: "W", 4: (122.0, 1.0, 30.5)}
    buffer = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(photo()).save(buffer, exif=exif.tobytes())
    else:
        photo().save(buffer, kind, exif=exif)
    return buffer.getvalue()


KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"]


@pytest.mark.parametrize("kind", KINDS)
def test_date_and_place_are_read_from_every_format(kind: str, tmp_path: Path) -> None:
    content = taken(kind)
    path = tmp_path / "a photo"
    path.write_bytes(content)
    assert read_details(content) == read_details(path) == PhotoDetails(WHEN, *WHERE, "DateTimeOriginal")


def test_files_without_a_photo_have_no_details(tmp_path: Path) -> None:
    for path in write_hostile_images(tmp_path / "made").values():
        if not path.is_fifo():
            assert read_details(path) == PhotoDetails()


@given(st.sampled_from(KINDS).map(taken), st.data())
def test_damaged_metadata_causes_no_error(content: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(content)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(spoilt) - 1), st.integers(0, 255)))):
        spoilt[place] = value
    found = read_details(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]))
    assert isinstance(found, PhotoDetails)
    assert (found.latitude is None) == (found.longitude is None)


def test_a_photo_that_is_too_large_is_not_decoded_for_its_details(monkeypatch: pytest.MonkeyPatch) -> None:
    content = taken("PNG")
    monkeypatch.setattr(cost, "current_limits", lambda: Limits(10**9, 96 * 64 - 1))
    assert read_details(content) == PhotoDetails()


def test_pillow_settings_are_unchanged() -> None:
    script = (
        "import sys; from PIL import Image; from pathlib import Path; from dalip.photos import read_details\n"
        "print(read_details(sys.stdin.buffer.read()).event_date)\n"
        "assert 'HEIF' not in Image.OPEN\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=taken("HEIF"), capture_output=True, timeout=600, check=True
    )
    assert (done.stdout.decode().strip(), done.stderr) == (WHEN, b"")
