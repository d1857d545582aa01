"""What decoding may take is limited: the memory is estimated before it starts, and the estimate is right."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_images import photo
from PIL import Image
from wording import refuses, said

from benchmarks.decode_memory import measured, samples
from dalip.errors import ImageError
from dalip.photos import PhotoDetails, open_image, read_details
from dalip.photos.decode import memory_needed
from dalip.photos.formats import cost
from dalip.photos.formats.cost import OWN, STRANGERS, Limits

WIDTH, HEIGHT = 2400, 1600
KINDS = [name for name, _ in samples(8, 8)]
MEASURED = [name for name in KINDS if name.partition(".")[0] in (
    *("jpeg", "jpeg progressive 4:4:4", "jpeg cmyk progressive", "png rgba", "png palette transparent"),
    *("webp transparent", "avif 4:4:4", "heic 4:4:4", "tiff one strip", "tiff float", "gif", "bmp"),
)]  # fmt: skip


def write(name: str, folder: Path) -> Path:
    path = folder / name.replace(":", "")
    dict(samples(WIDTH, HEIGHT))[name](path)
    return path


def check(name: str, folder: Path, target: int) -> None:
    path = write(name, folder)
    peak, _ = measured(path, target)
    estimate = memory_needed(path, target or None)
    assert peak <= 1.05 * estimate + 6_000_000
    assert estimate <= 2 * peak + 6_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("target", [0, 256])
@pytest.mark.parametrize("name", MEASURED)
def test_decoding_takes_no_more_memory_than_estimated(name: str, target: int, tmp_path: Path) -> None:
    check(name, tmp_path, target)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("name", sorted(set(KINDS) - set(MEASURED)))
def test_the_estimate_holds_for_every_kind(name: str, tmp_path: Path) -> None:
    for target in (0, 256):
        check(name, tmp_path, target)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[[Limits], None]:
    return lambda limits: monkeypatch.setattr(cost, "current_limits", lambda: limits)


def test_the_limits_count_pixels_and_memory(tmp_path: Path, limited: Callable[[Limits], None]) -> None:
    path = tmp_path / "photo"
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"):
        limited(OWN)
        photo().save(path, kind)
        needed = round(memory_needed(path) + 0.5)
        limited(Limits(needed, 96 * 64))
        assert open_image(path).size == (96, 64)
        limited(Limits(needed - 2, 96 * 64))
        with refuses(ImageError, match=r"96 x 64 pixels takes .* MB .* limit of 0 MB; make it smaller"):
            open_image(path)
        limited(Limits(needed, 96 * 64 - 1))
        with refuses(ImageError, match="has 96 x 64 pixels, more than the limit"):
            open_image(path)


def test_a_small_file_that_decodes_to_gigabytes_is_refused() -> None:
    size = ((16382 | 11999 << 14) | 0 << 28).to_bytes(4, "little")
    webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + size + bytes(9)
    tracemalloc.start()
    with pytest.raises(ImageError) as caught:
        open_image(webp, target=256)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert said(caught.value) == (
        "decoding this WEBP of 16,383 x 12,000 pixels takes 3,146 MB of memory, more than the limit of 2,000 MB; make "
        "it smaller, or save it as an ordinary JPEG"
    )


@pytest.mark.parametrize(
    ("name", "megapixels", "own", "public"),
    [
        ("jpeg", 200, True, True),  # a phone camera
        ("jpeg progressive", 100, True, True),
        ("png rgb", 100, True, True),
        ("png rgba", 100, True, False),
        ("tiff rgb lzw", 100, True, True),
        ("heic", 48, True, True),
        ("heic", 100, True, False),
        ("avif", 40, True, True),
        ("webp", 30, True, True),
        ("webp", 100, True, False),
        ("webp", 150, False, False),
    ],
)
def test_which_photos_are_within_the_limits(
    name: str, megapixels: int, own: bool, public: bool, tmp_path: Path
) -> None:
    (kind,) = [kind for kind in KINDS if kind.rpartition(".")[0] == name]
    path = write(kind, tmp_path)
    needed = memory_needed(path, 256) / (WIDTH * HEIGHT) * megapixels * 10**6
    assert (needed <= OWN.memory, needed <= STRANGERS.memory) == (own, public)


def exif_bomb(size: int = 60_000) -> bytes:
    """EXIF data with thousands of entries, each of which refers to all of them."""
    entries = (size - 20) // 12
    body = b"".join(struct.pack("<HHII", 1000 + i, 7, size - 8, 8) for i in range(min(entries, 65_000)))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", min(entries, 65_000)) + body + bytes(4)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Photos of 96 x 64 pixels whose metadata would take gigabytes."""
    for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "x" * 65_000
        marker = b"x" * 64_000
        photo().save(stream, kind, exif=exif)
        content = bytearray(stream.getvalue())
        at = content.index(marker)
        start = content.rindex(b"MM\0*" if b"MM\0*" in content[:at] else b"II*\0", 0, at)
        bomb = exif_bomb()
        content[start : start + len(bomb)] = bomb
        if kind == "PNG":
            chunk = content.index(b"eXIf")
            (length,) = struct.unpack_from(">I", content, chunk - 4)
            struct.pack_into(
                ">I", content, chunk + 4 + length, zlib.crc32(content[chunk : chunk + 4 + length])
            )
        yield kind, bytes(content)


def test_metadata_that_refer_to_themselves_take_no_memory() -> None:
    for kind, content in bombs():
        tracemalloc.start()
        if kind == "AVIF":  # whose decoder would read them
            with refuses(ImageError, match="damaged"):
                open_image(content)
        else:
            assert open_image(content).size == (96, 64)
        assert read_details(content) == PhotoDetails()
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()


def test_the_tags_of_a_tiff_count(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    photo(1000, 1000).save(path)
    content = bytearray(path.read_bytes())
    start = len(content)
    entries = 2000
    first = int.from_bytes(content[4:8], "little")
    own = content[first + 2 : first + 2 + 12 * content[first]]
    more = b"".join(struct.pack("<HHII", 40_000 + i, 7, start - 8, 8) for i in range(entries))
    struct.pack_into("<I", content, 4, start)
    content += struct.pack("<H", entries + len(own) // 12) + own + more + bytes(4)
    path.write_bytes(content)
    with refuses(ImageError, match="limit of 2,000 MB"):
        open_image(path)


def test_thousands_of_parts_are_refused() -> None:
    stream = io.BytesIO()
    photo().save(stream, "JPEG", progressive=True)
    jpeg = stream.getvalue()
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    segments = jpeg[:2] + b"\xff\xfe\0\2" * 20_000 + jpeg[2:]
    loop = (
        b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 330, 4, 1, 8) + struct.pack("<I", 8)
    )
    stream = io.BytesIO()
    photo().save(stream, "PNG")
    png = stream.getvalue()
    chunks = png[:33] + (b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt"))) * 250_000 + png[33:]
    fill, restarts = b"\xff" * 200_000, b"\xff\xd0" * 100_000
    last = jpeg.rindex(b"\xff\xda")
    for place in (2, jpeg.index(b"\xff\xda"), last):  # skipping them took libjpeg or us seconds
        with refuses(ImageError, match="damaged"):
            open_image(jpeg[:place] + fill + jpeg[place:])
    for content in (jpeg[:2] + restarts + jpeg[2:], jpeg[:2] + (fill[:9000] + b"\xff\xd0") * 9 + jpeg[2:]):
        with refuses(ImageError, match="damaged"):
            open_image(content)
    assert open_image(jpeg + fill).size == open_image(jpeg).size
    for content in (jpeg[:-2] + scan * 200 + b"\xff\xd9", segments, loop, chunks):
        with refuses(ImageError, match="damaged"):
            open_image(content)


def test_a_crash_of_libjpeg_is_avoided_at_any_size(tmp_path: Path) -> None:
    """Runs in a separate process: reading a lossless JPEG at reduced size once wrote out of bounds."""
    script = (
        "import sys; from pathlib import Path; from hostile_images import _lossless_jpeg\n"
        "from dalip.photos import open_image\n"
        "for size in ((1200, 1200), (4000, 3000), (17, 5000)):\n"
        "    _lossless_jpeg(Path(sys.argv[1]), *size); print(open_image(sys.argv[1], target=64).info['size'] == size)\n"
    )
    tests = Path(__file__).parents[3]
    code = f"import sys; sys.path.insert(0, {str(tests)!r})\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.jpg"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True"] * 3)
