"""The colours of photos with an ICC profile are converted to sRGB; those of sRGB photos stay bit-identical."""

import io

import numpy as np
import pillow_heif
import pytest
from hostile_images import photo
from PIL import Image, ImageCms
from profiles import ADOBE_RGB, DISPLAY_P3, SRGB, cmyk_profile, grey_profile, rgb_profile, srgb_like_profile

from dalip.photos import open_image

KINDS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"]


def saved(image: Image.Image, kind: str, profile: bytes, **options: object) -> bytes:
    stream = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(stream, quality=-1, chroma=444, icc_profile=profile)
    else:
        lossless = {
            "WEBP": {"lossless": True},
            "JPEG": {"quality": 100, "subsampling": 0},
            "AVIF": {"quality": 100},
        }
        options = {**lossless.get(kind, {}), **options}
        image.save(stream, kind, icc_profile=profile, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def expected(
    colour: tuple[int, int, int], colorants: tuple[tuple[float, ...], ...], gamma: float
) -> np.ndarray:
    """Convert a colour to sRGB by the formulas."""
    xyz = np.array(colorants).T @ (np.array(colour) / 255) ** gamma
    linear = (np.linalg.inv(np.array(SRGB).T) @ xyz).clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * curved


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [None, 16])
def test_the_colours_of_a_wide_gamut_photo_are_converted(kind: str, target: int | None) -> None:
    colour = (190, 120, 70)
    for colorants in (DISPLAY_P3, ADOBE_RGB):
        content = saved(Image.new("RGB", (96, 64), colour), kind, rgb_profile(colorants))
        image = open_image(content, target=target)
        right = expected(colour, colorants, 2.2)
        assert np.abs(np.array(colour) - right).max() > 8
        assert np.abs(np.asarray(image).reshape(-1, 3) - right).max() < 4
        assert "icc_profile" not in image.info


@pytest.mark.parametrize(
    "profile", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), srgb_like_profile()]
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_colours_of_an_srgb_photo_stay_bit_identical(kind: str, profile: bytes) -> None:
    assert open_image(saved(photo(), kind, profile)) == open_image(saved(photo(), kind, b""))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_grey_is_converted_by_its_profile(kind: str) -> None:
    content = saved(Image.new("L", (96, 64), 100), kind, grey_profile(1.0))
    level = np.asarray(open_image(content))
    assert np.abs(level - expected((100, 100, 100), SRGB, 1.0)).max() < 3


def test_cmyk_is_converted_by_its_profile() -> None:
    one_ink = Image.new("CMYK", (96, 64), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        level = np.asarray(open_image(saved(one_ink, kind, cmyk_profile())))
        assert np.abs(level - 119).max() < 6  # the sRGB grey of Lab lightness 50
        plain = np.asarray(open_image(saved(one_ink, kind, b""), target=8))
        assert (plain[..., 0] < 20).all()  # cyan


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"no profile"),
        ("RGB", rgb_profile(DISPLAY_P3)[:200]),
        ("RGB", rgb_profile(DISPLAY_P3)[:128] + bytes(400)),
        ("RGB", grey_profile(1.0)),
        ("RGB", cmyk_profile()),
        ("CMYK", rgb_profile(DISPLAY_P3)[:300]),
        ("CMYK", grey_profile(1.8)[:140]),
    ],
)
def test_a_profile_that_is_broken_or_does_not_fit_counts_as_none(mode: str, profile: bytes) -> None:
    image = photo().convert(mode)
    assert open_image(saved(image, "JPEG", profile)) == open_image(saved(image, "JPEG", b""))


def test_transparent_parts_stay_white_and_palettes_are_converted() -> None:
    clear = Image.new("RGBA", (96, 64), (190, 120, 70, 255))
    clear.paste((0, 0, 0, 0), (48, 0, 96, 64))
    for image in (clear, clear.quantize(8)):
        for target in (None, 8):
            shown = open_image(saved(image, "PNG", rgb_profile(DISPLAY_P3)), target=target)
            assert shown.getpixel((shown.width - 1, 0)) == (255, 255, 255)
            solid = np.array(shown.getpixel((0, 0)))
            assert np.abs(solid - expected((190, 120, 70), DISPLAY_P3, 2.2)).max() < 4
