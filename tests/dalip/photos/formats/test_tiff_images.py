"""A TIFF or DNG is read at full size where possible; where only a preview can be read, that is said."""

import io
from pathlib import Path

import numpy as np
import pytest
from hostile_images import photo
from raw_photos import FULL, SENSOR, THUMBNAIL, image_tags, tiff
from wording import said

from dalip.photos import caution_about, open_image


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
