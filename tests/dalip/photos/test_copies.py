"""Copies of photos are no larger than requested, keep their proportions, and contain no metadata."""

import io
from typing import Any

import numpy as np
import pytest
from hostile_images import photo
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms
from wording import refuses

from dalip.errors import ImageError
from dalip.photos import encode, is_plain_webp, shrink, small_copy
from dalip.photos.copies import is_plain_jpeg

side = st.integers(1, 300)


def decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@given(side, side, st.none() | side, st.none() | side)
def test_sides_are_no_longer_than_requested(
    width: int, height: int, short: int | None, long: int | None
) -> None:
    image = Image.new("RGB", (width, height))
    small = shrink(image, short_side=short, long_side=long)
    scale = min(1, (short or 10**6) / min(image.size), (long or 10**6) / max(image.size))
    assert small.size == tuple(max(1, round(scale * length)) for length in image.size)
    assert (small is image) == (scale == 1)
    if long and long <= max(image.size) and not short:
        assert max(small.size) == long
        thumbnail = image.copy()
        thumbnail.thumbnail((long, long))  # may round the other side differently
        assert abs(sum(thumbnail.size) - sum(small.size)) <= 1


@pytest.mark.parametrize("resample", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("reducing_gap", [None, 2.0, 3.0])
def test_the_picture_stays_the_same(resample: Image.Resampling, reducing_gap: float | None) -> None:
    small = shrink(photo(960, 640), short_side=64, resample=resample, reducing_gap=reducing_gap)
    assert np.abs(np.asarray(small, float) - np.asarray(photo(96, 64), float)).mean() < 3


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_quality_and_effort_are_those_of_the_format(kind: str) -> None:
    noise = np.random.default_rng(0).normal(128, 30, (64, 96, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(noise)
    low, high = (encode(image, kind, quality) for quality in (20, 95))  # type: ignore[arg-type]
    assert len(low) < len(high)
    assert (decoded(high).format, decoded(high).size) == (kind, image.size)
    assert kind != "WEBP" or is_plain_webp(high, lossless=False)
    if kind == "WEBP":
        assert encode(image, "WEBP", 90, effort=0) != encode(image, "WEBP", 90)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_a_copy_has_no_metadata(kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "told by EXIF"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    said: dict[str, object] = {"exif": exif, "icc_profile": profile, "comment": "told in a comment"}
    if kind != "GIF":
        said["xmp"] = b"<x>told by XMP</x>"
    buffer = io.BytesIO()
    photo().save(buffer, kind, **said)  # type: ignore[arg-type]
    image = decoded(buffer.getvalue())
    image.load()
    for copy in (
        small_copy(buffer.getvalue()),
        encode(image.convert("RGB"), "JPEG", 90),
        encode(image.convert("RGB"), "WEBP", 90),
    ):
        assert b"told" not in copy
        found = decoded(copy)
        assert not found.getexif()
        assert not found.info.keys() & {"comment", "exif", "icc_profile", "xmp"}


def test_a_small_copy_is_an_upright_jpeg_of_at_most_1600_pixels() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    buffer = io.BytesIO()
    photo(2400, 1600).save(buffer, "JPEG", exif=exif)
    copy = decoded(small_copy(buffer.getvalue()))
    assert (copy.format, copy.mode, copy.size) == ("JPEG", "RGB", (1067, 1600))
    buffer = io.BytesIO()
    photo(96, 64).save(buffer, "PNG")
    assert decoded(small_copy(buffer.getvalue())).size == (96, 64)
    with refuses(ImageError, match="the file is empty"):
        small_copy(b"")


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
def test_a_copy_of_a_copy_is_the_same(mode: str, options: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    photo().convert(mode).save(buffer, "JPEG", quality=95, **options)
    plain = buffer.getvalue()
    assert is_plain_jpeg(plain)
    assert small_copy(plain) == plain
    copy = small_copy(encode(photo(2000, 1000), "JPEG", 90))
    assert small_copy(copy) == copy


def test_a_jpeg_with_anything_else_in_it_is_not_plain() -> None:
    plain = encode(photo(), "JPEG", 90)
    start, rest = plain[:2], plain[2:]
    scan = plain.index(b"\xff\xda")
    for spoilt in (
        plain + b"\0",
        plain[:-1],
        start + b"\xff\xfe\0\x06told" + rest,
        start + rest[:18] + b"\xff\xe1\0\x06told" + rest[18:],
        plain[:scan] + b"\xff\xfe\0\x06told" + plain[scan:],
        plain[:-2] + b"\xff\xfe\0\x06told\xff\xd9",
        plain.replace(b"JFIF\0\x01\x01", b"JFXX\0\x01\x01"),
        plain[:18] + b"\x01\x01" + plain[20:],  # announces a thumbnail
        b"",
        b"\xff\xd8",
        plain[:30],
    ):
        assert not is_plain_jpeg(spoilt)
    buffer = io.BytesIO()
    photo().convert("CMYK").save(buffer, "JPEG")
    assert not is_plain_jpeg(buffer.getvalue())
    padded = plain[:-2] + bytes(1_000_000) + b"\xff\xd9"
    assert len(small_copy(padded)) < 10_000
