"""A TIFF or DNG is read at full size where possible; where only a preview can be read, that is said."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hostile_images import photo
from PIL import Image
from wording import said

from dalip.photos import caution_about, open_image

RAW, LINEAR_RAW = 32803, 34892


def image_tags(
    image: Image.Image | None, size: tuple[int, int], *, reduced: bool, photometric: int = 2
) -> list[tuple[int, int, object]]:
    """The tags of an uncompressed image; sensor values if there is no image."""
    width, height = size
    content = image.tobytes() if image else bytes(2 * width * height)
    samples, bits = (3, 8) if image else (1, 16)
    return [
        (254, 4, int(reduced)), (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1),
        (262, 3, photometric if image else RAW), (273, 4, content), (277, 3, samples), (278, 4, height),
        (279, 4, len(content)),
    ]  # fmt: skip


def tiff(directories: list[list[tuple[int, int, object]]], below: int = 0, *, order: str = "<") -> bytes:
    """Write a TIFF; the last `below` directories are sub-directories of the first, the others follow it."""
    body = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    places: list[int] = []
    pointers: list[int] = []
    for number, tags in enumerate(directories):
        if number == 0 and below:
            tags = [*tags, (330, 4, [0] * below)]
        entries = []
        for tag, kind, value in sorted(tags, key=lambda entry: entry[0]):
            if isinstance(value, bytes):
                entries.append((tag, kind, 1, len(body)))
                body += value
            elif isinstance(value, list) and len(value) > 1:
                entries.append((tag, kind, len(value), len(body)))
                pointers = [len(body) + 4 * i for i in range(len(value))]
                body += bytes(4 * len(value))
            else:
                entries.append((tag, kind, 1, 0 if isinstance(value, list) else value))  # type: ignore[arg-type]
        body += bytes(len(body) % 2)
        places.append(len(body))
        body += struct.pack(f"{order}H", len(entries))
        for tag, kind, count, value in entries:
            if tag == 330 and below == 1:
                pointers = [len(body) + 8]
            wide = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
            body += struct.pack(f"{order}HHI", tag, kind, count) + wide
        body += bytes(4)
    main = places[: len(places) - below]
    struct.pack_into(f"{order}I", body, 4, main[0])
    for number, following in zip(range(len(main) - 1), main[1:], strict=True):
        (count,) = struct.unpack_from(f"{order}H", body, main[number])
        struct.pack_into(f"{order}I", body, main[number] + 2 + 12 * count, following)
    for pointer, place in zip(pointers, places[len(main) :], strict=True):
        struct.pack_into(f"{order}I", body, pointer, place)
    return bytes(body)


THUMBNAIL = image_tags(photo(160, 120), (160, 120), reduced=True)
FULL = image_tags(photo(1200, 900), (1200, 900), reduced=False)
SENSOR = image_tags(None, (1200, 900), reduced=False)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("directories", "below"),
    [
        ([THUMBNAIL, FULL], 1),
        ([THUMBNAIL, FULL], 0),
        ([THUMBNAIL, SENSOR, FULL], 2),
        ([THUMBNAIL, SENSOR, image_tags(photo(1200, 900), (1200, 900), reduced=True)], 2),
        ([[entry for entry in THUMBNAIL if entry[0] != 254], FULL], 0),
    ],
)
def test_the_full_size_image_is_read(
    directories: list[list[tuple[int, int, object]]], below: int, order: str
) -> None:
    content = tiff(directories, below, order=order)
    image = open_image(content)
    assert (image.size, image.info["size"]) == ((1200, 900), (1200, 900))
    assert np.abs(np.asarray(image, int) - np.asarray(photo(1200, 900), int)).max() == 0
    assert caution_about(content) is None


@pytest.mark.parametrize("below", [0, 1])
def test_a_photo_that_is_read_from_its_preview_says_so(below: int, tmp_path: Path) -> None:
    content = tiff([THUMBNAIL, SENSOR], below)
    path = tmp_path / "raw.dng"
    path.write_bytes(content)
    assert open_image(path).size == (160, 120)
    for source in (path, content):
        caution = caution_about(source)
        assert caution is not None
        assert "only a preview of 160 x 120 pixels" in said(caution)
        assert "1,200 x 900" in said(caution)
    assert said(caution_about(path)).startswith(f"{path}: ")  # type: ignore[arg-type]


def test_the_orientation_of_the_file_holds_for_the_image_in_it() -> None:
    turned = [*THUMBNAIL, (274, 3, 6)]
    assert open_image(tiff([turned, FULL], 1)).size == (900, 1200)
    assert open_image(tiff([turned, [*FULL, (274, 3, 1)]], 1)).size == (1200, 900)
    assert open_image(tiff([[*FULL, (274, 3, 6)]])).size == (900, 1200)


def test_pages_and_small_copies_do_not_replace_the_first_image() -> None:
    page = image_tags(photo(300, 2000), (300, 2000), reduced=False)
    for content in (tiff([FULL, page]), tiff([FULL, THUMBNAIL], 1), tiff([FULL, [*page, (254, 4, 4)]], 1)):
        assert open_image(content).size == (1200, 900)
        assert caution_about(content) is None


def test_other_files_need_no_caution(tmp_path: Path) -> None:
    stream = io.BytesIO()
    photo().save(stream, "JPEG")
    for content in (stream.getvalue(), b"", b"II*\0", b"II*\0" + b"\xff" * 100, b"MM\0+" + bytes(90)):
        assert caution_about(content) is None
    assert caution_about(tmp_path / "missing.tif") is None
