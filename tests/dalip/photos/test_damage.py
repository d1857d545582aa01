"""Large metadata and a missing end are no damage; a photo that lacks more than 0.5 % of its pixels is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from hostile_images import photo
from PIL import Image, PngImagePlugin
from wording import refuses

from dalip.errors import ImageError
from dalip.photos import open_image, small_copy


def scene(width: int = 800, height: int = 600) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height // 2, width // 2, 3), np.uint8)).resize(
        (width, height)
    )


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    (image or scene()).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("place", ["before", "after"])
def test_large_texts_and_profiles_in_a_png_are_ignored(place: str) -> None:
    plain = saved("PNG")
    text = b"long\0" + b"x" * 5_000_000
    packed = zlib.compress(b"x" * 90_000_000)
    noise = np.random.default_rng(0).bytes(5_000_000)
    large = [
        chunk(b"tEXt", text),
        chunk(b"zTXt", b"long\0\0" + packed),
        chunk(b"iTXt", b"long\0\1\0\0\0" + packed),
        chunk(b"iTXt", b"long\0\0\0\0\0" + noise),
        chunk(b"iCCP", b"large\0\0" + packed),
        chunk(b"iCCP", b"noise\0\0" + zlib.compress(noise, 0)),
        chunk(b"eXIf", noise),
        chunk(b"tEXt", b"wrong checksum")[:-1] + b"\0",
        *[chunk(b"zTXt", b"many\0\0" + zlib.compress(b"x" * 900_000))] * 100,
    ]
    at = (
        33
        if place == "before"
        else plain.index(b"IDAT") - 4 + 12 + int.from_bytes(plain[plain.index(b"IDAT") - 4 :][:4], "big")
    )
    assert open_image(plain[:at] + b"".join(large) + plain[at:]) == open_image(plain)
    for one in large[:8]:
        assert open_image(plain[:at] + one + plain[at:]) == open_image(plain)


def test_an_animated_png_is_its_first_image() -> None:
    still = saved("PNG")
    moving = saved("PNG", save_all=True, append_images=[photo(800, 600)], default_image=True)
    assert b"acTL" in moving
    assert open_image(moving) == open_image(still)


@pytest.mark.parametrize("target", [None, 16])
def test_broken_exif_counts_as_none(target: int | None) -> None:
    for broken in (b"MM\0*", b"MM\0*\0\0\0\xdd", b"", b"II*\0\x08\0\0\0\xff\xff", b"Exif\0\0nonsense"):
        png, webp = saved("PNG", photo()), saved("WEBP", photo())
        contents = [png[:33] + chunk(b"eXIf", broken) + png[33:]]
        extended = b"VP8X\x0a\0\0\0\x08\0\0\0" + bytes([95, 0, 0, 63, 0, 0])
        body = (
            b"WEBP"
            + extended
            + webp[12:]
            + b"EXIF"
            + struct.pack("<I", len(broken))
            + broken
            + b"\0" * (len(broken) % 2)
        )
        contents.append(b"RIFF" + struct.pack("<I", len(body)) + body)
        jpeg = saved("JPEG", photo())
        contents.append(
            jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 8 + len(broken)) + b"Exif\0\0" + broken + jpeg[2:]
        )
        for content in contents:
            assert open_image(content, target=target).info["size"] == (96, 64)
            assert Image.open(io.BytesIO(small_copy(content))).size == (96, 64)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("cut", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("target", [None, 100])
def test_a_jpeg_without_its_end_is_read(options: dict[str, object], cut: int, target: int | None) -> None:
    whole = saved("JPEG", quality=90, **options)
    found, full = (np.asarray(open_image(c, target=target), int) for c in (whole[:-cut], whole))
    assert found.shape == full.shape
    differs = (found != full).any(axis=2)
    assert differs.mean() <= 1 / 200
    assert not differs[: int(0.95 * len(full))].any()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("target", [None, 50])
def test_a_jpeg_that_lacks_more_is_refused(options: dict[str, object], target: int | None) -> None:
    whole = saved("JPEG", quality=90, **options)
    for kept in (0.1, 0.5, 0.8, 0.95, 0.98):
        with refuses(ImageError, match="truncated"):
            open_image(whole[: int(len(whole) * kept)], target=target)


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    whole = saved("JPEG", photo(400, 300), progressive=True)
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for end in scans[1:]:
        with refuses(ImageError, match="truncated"):
            open_image(whole[:end])


def test_what_follows_the_end_does_not_matter() -> None:
    jpeg, png = saved("JPEG"), saved("PNG")
    motion = b"\0\0\0\x18ftypmp42" + np.random.default_rng(0).bytes(100_000)
    for content in (jpeg, png, saved("GIF"), saved("WEBP"), saved("BMP"), saved("TIFF")):
        for more in (motion, jpeg, bytes(3), b"\n"):
            assert open_image(content + more) == open_image(content)


@pytest.mark.parametrize("cut", [1, 4, 12, 13, 16, 20])
def test_a_png_without_its_end_is_read(cut: int) -> None:
    whole = saved("PNG")
    assert open_image(whole[:-cut]) == open_image(whole)


def test_a_png_may_lack_some_of_its_last_rows() -> None:
    for options in ({}, {"bits": 8}):
        whole = saved("PNG", scene().quantize(64) if options else None)
        read = np.asarray(open_image(whole[:-800]))
        assert np.array_equal(read[:590], np.asarray(open_image(whole))[:590])
        for kept in (0.5, 0.9, 0.98):
            with refuses(ImageError, match="truncated"):
                open_image(whole[: int(len(whole) * kept)])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats_may_lack_their_last_bytes(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0110] = "camera" * 10
    whole = saved(kind, **({"exif": exif} if kind == "WEBP" else {}))
    full = np.asarray(open_image(whole), int)
    for cut in (1, 2):
        found = np.asarray(open_image(whole[:-cut]), int)
        assert (found != full).any(axis=2).sum() <= 2
    with refuses(ImageError, match="truncated"):
        open_image(whole[: len(whole) // 2])


def test_a_raw_exif_profile_in_a_png_and_xmp_set_a_photo_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    code = exif.tobytes().removeprefix(b"Exif\0\0")
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(code)}\n{code.hex()}\n", zip=True)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    contents = [saved("PNG", pnginfo=info), *(saved(kind, xmp=xmp) for kind in ("JPEG", "WEBP"))]
    for content in contents:
        assert open_image(content).size == (600, 800)
