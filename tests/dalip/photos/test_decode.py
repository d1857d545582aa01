"""Decoding photos: every format is read; other files are refused in one line that says what to do."""

import io
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hostile_images import ORANGE, READABLE, UNREADABLE, photo, write_hostile_images
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from wording import refuses, said

from dalip.errors import ImageError
from dalip.photos import decode as images
from dalip.photos import open_image

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of odd photos


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_hostile_images(tmp_path_factory.mktemp("hostile") / "made")


COLOURED = sorted(
    set(READABLE)
    - {"black_and_white", "lossless_jpeg", "one_pixel", "panorama", "rgba", "la", "transparent_palette"}
)
GREY = {"greyscale", "png_16_bit", "tiff_16_bit", "tiff_float"}


@pytest.mark.parametrize("target", [None, 224, 8])
@pytest.mark.parametrize("name", COLOURED)
def test_every_kind_shows_the_same_photo(paths: dict[str, Path], name: str, target: int | None) -> None:
    image = open_image(paths[name], target=target)
    assert image.mode == "RGB"
    assert image.size[0] * 2 == image.size[1] * 3
    expected = photo().convert("L").convert("RGB") if name in GREY else photo()
    difference = np.asarray(image.resize((96, 64)), float) - np.asarray(expected, float)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("name", ["rgba", "la", "transparent_palette"])
@pytest.mark.parametrize("target", [None, 8])
def test_transparent_parts_become_white(paths: dict[str, Path], name: str, target: int | None) -> None:
    image = open_image(paths[name], target=target)
    width, height = image.size
    assert image.getpixel((width - 1, height - 1)) == (255, 255, 255)
    assert image.getpixel((1, height - 2)) != (255, 255, 255)


@pytest.mark.parametrize(("name", "size"), [("one_pixel", (1, 1)), ("panorama", (3000, 2))])
def test_extreme_sizes(paths: dict[str, Path], name: str, size: tuple[int, int]) -> None:
    image = open_image(paths[name], target=224)
    assert image.size == size
    assert image.getpixel((0, 0)) == ORANGE


def test_black_and_white(paths: dict[str, Path]) -> None:
    assert set(np.unique(np.asarray(open_image(paths["black_and_white"])))) == {0, 255}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("missing", "no such file"),
        ("empty", "is empty"),
        ("text", "is not an image"),
        ("web_page", "is not an image"),
        ("zeros", "is not an image"),
        ("bomb", "50,000 x 50,000 pixels"),
        ("folder", "is a folder"),
        ("pipe", "is a pipe"),
        *((name, "damaged or truncated") for name in UNREADABLE if name.startswith(("truncated", "only"))),
    ],
)
def test_a_file_without_a_photo_is_refused_in_one_line(paths: dict[str, Path], name: str, cause: str) -> None:
    if name not in paths:
        pytest.skip(f"no {name} on this system")
    for target in (None, 224):
        with pytest.raises(ImageError) as caught:
            open_image(paths[name], target=target)
        message = said(caught.value)
        assert message.startswith(f"{paths[name]}: ")
        assert cause in message
        assert "; " in message  # followed by the remedy
        assert "\n" not in message


def test_every_bad_file_is_tried() -> None:
    tried = {"missing", "empty", "text", "web_page", "zeros", "bomb", "folder", "pipe"}
    assert tried | {n for n in UNREADABLE if n.startswith(("truncated", "only"))} == set(UNREADABLE)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused(options: dict[str, bool], kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, format="JPEG", **options)
    whole = stream.getvalue()
    for target in (None, 50):
        assert open_image(whole, target=target).mode == "RGB"
        with refuses(ImageError, match="truncated"):
            open_image(whole[: int(len(whole) * kept)], target=target)


def _jpeg(**options: object) -> bytes:
    stream = io.BytesIO()
    photo(1200, 900).save(stream, format="JPEG", **options)  # type: ignore[arg-type]
    return stream.getvalue()


def test_only_frames_that_libjpeg_can_scale_are_read_at_reduced_size(paths: dict[str, Path]) -> None:
    """Runs in a separate process, because reading a lossless JPEG at reduced size wrote out of bounds and crashed."""
    script = (
        "import sys; from dalip.photos import open_image\n"
        "for path in sys.argv[2:]: print(*open_image(path, target=int(sys.argv[1])).size)\n"
    )
    for target in ("8", "100", "224"):
        done = subprocess.run(
            [sys.executable, "-c", script, target, str(paths["lossless_jpeg"])],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        width, height = map(int, done.stdout.split())
        assert width / height == pytest.approx(4 / 3, rel=0.05)
        assert height >= 2 * int(target)
    for options in ({}, {"progressive": True}):
        content = _jpeg(**options)
        assert open_image(content, target=100).height < 900
        assert open_image(content[:2] + b"\xff\xff" + content[2:], target=100).height < 900
        # A frame of another type before it, and an invalid length.
        frame = content[content.index(b"\xff\xc2" if options else b"\xff\xc0") :][:19]
        for more in (b"\xff\xc3" + frame[2:], b"\xff\xe1\x00\x00"):
            with suppress(ImageError):
                open_image(content[:2] + more + content[2:], target=100)


def test_bytes_and_streams(paths: dict[str, Path]) -> None:
    content = paths["jpeg"].read_bytes()
    expected = open_image(paths["jpeg"])
    assert open_image(content) == expected
    assert open_image(io.BytesIO(content)) == expected
    assert open_image(str(paths["jpeg"])) == expected
    with paths["jpeg"].open("rb") as stream:
        assert open_image(stream) == expected
    with refuses(ImageError, match="^the file is empty"):
        open_image(b"")
    with paths["empty"].open("rb") as stream, refuses(ImageError, match=r"empty\.jpg: the file is empty"):
        open_image(stream)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_rotated_photo_is_set_upright(kind: str, orientation: int) -> None:
    undo = images._UPRIGHT.get(orientation)
    again = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = photo() if undo is None else photo().transpose(again.get(orientation, undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    stored.save(stream, format=kind, exif=exif, **({} if kind == "TIFF" else {"quality": 95}))
    for target in (None, 16):
        upright = open_image(stream.getvalue(), target=target)
        assert upright.size[0] * 2 == upright.size[1] * 3
        difference = np.asarray(upright.resize((96, 64)), float) - np.asarray(photo(), float)
        assert np.abs(difference).mean() < 3


def test_a_rotated_heic_from_a_phone_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = pillow_heif.from_pillow(photo().transpose(Image.Transpose.ROTATE_90))
    stream = io.BytesIO()
    lying.save(stream, quality=90, exif=exif.tobytes())
    upright = open_image(stream.getvalue())
    assert upright.size == (96, 64)
    assert np.abs(np.asarray(upright, float) - np.asarray(photo(), float)).mean() < 3


@pytest.mark.parametrize("name", ["no/such\nfolder\x1b[31m/a.jpg", "\udcff.jpg", "x" * 5000, "zero\0byte"])
def test_odd_file_names_are_printed_on_one_line(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(Path(name))
    assert said(caught.value).isprintable()


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4", "<f4"])
def test_deep_images_are_scaled_not_clipped(dtype: str) -> None:
    top = 1.0 if dtype == "<f4" else 65535
    ramp = np.linspace(0, top, 256).reshape(16, 16).astype(dtype)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, format="TIFF")
    grey = np.asarray(open_image(stream.getvalue()))[..., 0]
    assert np.abs(grey.ravel().astype(int) - np.arange(256)).max() <= 1


def test_deep_images_of_unknown_range_use_their_own() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.linspace(-40, 1000, 64, dtype=np.float32).reshape(8, 8)).save(stream, format="TIFF")
    grey = np.asarray(open_image(stream.getvalue()))
    assert (grey.min(), grey.max()) == (0, 255)


def test_a_photo_above_pillows_own_limit_is_read(
    monkeypatch: pytest.MonkeyPatch, paths: dict[str, Path]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert open_image(paths["jpeg"]).size == (96, 64)


def test_large_photos_are_read_small_but_not_too_small() -> None:
    for kind in ("JPEG", "PNG"):
        stream = io.BytesIO()
        photo(1200, 900).save(stream, format=kind)
        width, height = open_image(stream.getvalue(), target=100).size
        assert 200 <= height < 900
        assert width / height == pytest.approx(4 / 3, rel=0.02)


_SMALL = photo(24, 16)
_ENCODED = {}
for _kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"):
    _stream = io.BytesIO()
    _SMALL.save(_stream, format=_kind)
    _ENCODED[_kind] = _stream.getvalue()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(_ENCODED)), st.data())
def test_damage_gives_a_photo_or_an_image_error_and_nothing_else(kind: str, data: st.DataObject) -> None:
    content = bytearray(_ENCODED[kind])
    positions = st.integers(0, len(content) - 1)
    for position, value in data.draw(st.lists(st.tuples(positions, st.integers(0, 255)), max_size=8)):
        content[position] = value
    end = data.draw(st.integers(1, len(content)))
    with suppress(ImageError):
        assert open_image(bytes(content[:end]), target=data.draw(st.sampled_from([None, 4]))).mode == "RGB"


def test_nothing_leaks_to_stderr_and_no_pipe_is_opened(paths: dict[str, Path]) -> None:
    script = (
        "import sys; from dalip.photos import open_image; from dalip.errors import ImageError\n"
        "from dalip.quiet import ignore_pillow_warnings; ignore_pillow_warnings()\n"
        "for path in sys.argv[1:]:\n"
        "    try: open_image(path, target=224)\n"
        "    except ImageError as error: print(error)\n"
    )
    lzw = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(
        lzw, format="TIFF", compression="tiff_lzw"
    )
    spoilt = bytearray(lzw.getvalue())
    spoilt[100:400] = b"\xff" * 300
    (paths["tiff"].parent / "spoilt.tif").write_bytes(spoilt)
    arguments = [*map(str, paths.values()), str(paths["tiff"].parent / "spoilt.tif")]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=600, check=True
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) >= len([name for name in UNREADABLE if name in paths])


def test_threads_can_read_concurrently(paths: dict[str, Path]) -> None:
    failures: list[Exception] = []

    def read() -> None:
        try:
            for name in COLOURED:
                open_image(paths[name], target=8)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
