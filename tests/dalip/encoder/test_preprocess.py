"""Preprocessing: resize, crop and scale match those in training, also on the fast paths."""

import io

import numpy as np
from hostile_images import photo
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from wording import refuses

from dalip.encoder import ImageSettings, preprocess
from dalip.errors import ImageError
from dalip.photos import open_image, to_rgb

PLAIN = ImageSettings(32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "I;16",
    "F",
]

any_settings = st.builds(
    ImageSettings,
    size=st.integers(1, 48),
    mean=st.just((0.5, 0.4, 0.3)),
    std=st.just((0.2, 0.3, 0.4)),
    resize_mode=st.sampled_from(["shortest", "squash"]),
    interpolation=st.sampled_from(["bicubic", "bilinear"]),
)


def scene(width: int, height: int) -> Image.Image:
    """Smooth waves of colour with one edge."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    waves = [np.sin(9 * x + 3 * y), np.cos(7 * y - 2 * x), np.sin(5 * x * y) + (x > 0.6)]
    return Image.fromarray((np.stack(waves, axis=-1) * 60 + 128).clip(0, 255).astype(np.uint8))


@given(any_settings, st.integers(1, 200), st.integers(1, 200))
def test_it_is_resize_then_crop_then_scale(settings: ImageSettings, width: int, height: int) -> None:
    image = scene(width, height)
    size, short = settings.size, min(width, height)
    filter_ = FILTERS[settings.interpolation]
    if settings.resize_mode == "squash":
        expected = image.resize((size, size), filter_)
    else:  # as torchvision's Resize and CenterCrop do it
        long = int(size * max(width, height) / short)
        whole = image.resize((long, size) if width >= height else (size, long), filter_)
        left, top = round((whole.width - size) / 2), round((whole.height - size) / 2)
        expected = whole.crop((left, top, left + size, top + size))
    scaled = (np.asarray(expected, float) / 255 - settings.mean) / settings.std
    array = preprocess(image, settings)
    assert array.shape == (3, size, size)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    # Photos at least six times as large are reduced in two steps, which may differ by a few grey levels at an edge.
    kept = max(width, height) if settings.resize_mode == "squash" else short
    allowed = 2.1 if kept < 6 * size else 16
    assert np.abs(array.transpose(1, 2, 0) - scaled).max() <= allowed / 255 / min(settings.std)


@given(
    st.sampled_from(MODES), st.integers(1, 40), st.integers(1, 40), st.sampled_from(["shortest", "squash"])
)
def test_any_mode_and_shape_gives_finite_pixels(mode: str, width: int, height: int, resize_mode: str) -> None:
    settings = ImageSettings(16, (0.5,) * 3, (0.5,) * 3, resize_mode)  # type: ignore[arg-type]
    array = preprocess(Image.new(mode, (width, height)), settings)
    assert array.shape == (3, 16, 16)
    assert np.isfinite(array).all()
    assert np.abs(array).max() <= 1 + 1e-6


def test_a_long_panorama_is_cut_before_it_is_enlarged() -> None:
    image = Image.new("RGB", (60_000, 1), "red")  # enlarged as a whole, it would have 32 x 1,920,000 pixels
    array = preprocess(image, PLAIN)
    assert (array[0] == 1).all()
    assert (array[1:] == 0).all()


def test_an_image_without_pixels_is_refused() -> None:
    with refuses(ImageError, match="no pixels"):
        preprocess(Image.new("RGB", (0, 5)), PLAIN)


@settings(max_examples=25)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]),
    st.integers(300, 1200),
    st.integers(300, 1200),
    st.sampled_from(["shortest", "squash"]),
)
def test_reading_small_changes_little(kind: str, width: int, height: int, resize_mode: str) -> None:
    stream = io.BytesIO()
    scene(width, height).save(stream, format=kind)
    encoder = ImageSettings(48, (0.5,) * 3, (0.5,) * 3, resize_mode)  # type: ignore[arg-type]
    fast = preprocess(open_image(stream.getvalue(), target=48), encoder)
    slow = preprocess(open_image(stream.getvalue()), encoder)
    cosine = (fast * slow).sum() / np.linalg.norm(fast) / np.linalg.norm(slow)
    assert cosine > 0.99


def test_to_rgb_leaves_rgb_alone_and_does_not_change_its_argument() -> None:
    image = photo()
    assert to_rgb(image) is image
    transparent = photo().convert("RGBA")
    transparent.putalpha(128)
    before = transparent.copy()
    halfway = np.asarray(to_rgb(transparent), float)
    np.testing.assert_allclose(halfway, (np.asarray(image, float) * 128 + 255 * 127) / 255, atol=1.5)
    assert transparent == before


def test_a_transparent_colour_becomes_white() -> None:
    image = Image.new("RGB", (4, 4), "red")
    image.info["transparency"] = (255, 0, 0)
    assert to_rgb(image).getpixel((0, 0)) == (255, 255, 255)
