"""Unusual but real-world photos, and files that only look like photos, generated for tests."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

ORANGE = (250, 130, 10)
"""The colour of the photo that every readable file shows, except for the grey ones."""


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """A smooth RGB scene: orange, brighter towards the right and the bottom, so that a rotation is visible."""
    x = np.linspace(0.8, 1.0, width)[None, :, None]
    y = np.linspace(0.7, 1.0, height)[:, None, None]
    return Image.fromarray((np.array(ORANGE) * x * y).astype(np.uint8))


def write_hostile_images(folder: Path) -> dict[str, Path]:
    """Write all unusual and damaged files into `folder`.

    Returns:
        Paths by name, with the names in `READABLE` and `UNREADABLE`. The path of `missing` does not exist; `pipe` is
        omitted on systems without named pipes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, (filename, write) in (READABLE | UNREADABLE).items():
        paths[name] = folder / filename
        write(paths[name])
    if not paths["pipe"].exists():
        del paths["pipe"]
    return paths


def _save(image: Image.Image, **options: object) -> Callable[[Path], None]:
    return lambda path: image.save(path, **options)  # type: ignore[arg-type]


def _grey16() -> Image.Image:
    grey = np.asarray(photo().convert("L"), dtype=np.uint16)
    return Image.fromarray(grey * 257)


def _with_alpha(mode: str) -> Image.Image:
    """The photo in the left half, transparent in the right half."""
    image = photo().convert("RGBA")
    image.paste((0, 0, 0, 0), (48, 0, 96, 64))
    return image.convert(mode)


def _animation(path: Path) -> None:
    others = [Image.new("RGB", (96, 64), colour) for colour in ("blue", "green")]
    photo().save(path, save_all=True, append_images=others, duration=100)


def _heic(path: Path) -> None:
    pillow_heif.from_pillow(photo()).save(path, quality=90)


def _rotated(path: Path) -> None:
    """Stored sideways, with the EXIF orientation that cameras write."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate 90 degrees clockwise to display
    photo().transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)


def _broken_exif(path: Path) -> None:
    photo().save(path, quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense")


def _lossless_jpeg(path: Path, width: int = 1200, height: int = 900) -> None:
    """A grey lossless JPEG (SOF3, ITU-T T.81 process 14) in which all differences are 0."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    table = bytes([0, 1, *[0] * 15, 0])  # a single one-bit code for a difference of 0
    frame = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    scan = bytes([1, 1, 0, 1, 0, 0])
    head = segment(0xC4, table) + segment(0xC3, frame) + segment(0xDA, scan)
    path.write_bytes(b"\xff\xd8" + head + bytes(-(-width * height // 8)) + b"\xff\xd9")


def _truncated(suffix: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, format=suffix)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write


def _pipe(path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _bomb(path: Path, side: int = 50_000) -> None:
    """A valid grey PNG, 2.5 MB on disk and 2.5 GB in memory: one compressed block of zeros, repeated."""
    total, piece = (side + 1) * side, 1 << 20
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate.compress(bytes(piece))
    deflate.flush(zlib.Z_FULL_FLUSH)
    repeated = deflate.compress(bytes(piece)) + deflate.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = last.compress(bytes(total % piece)) + last.flush()
    checksum = struct.pack(">HH", total % 65521, 1)  # Adler-32 of that many zeros
    stream = b"\x78\xda" + repeated * (total // piece) + tail + checksum
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


READABLE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "jpeg": ("plain.jpg", _save(photo(), quality=95)),
    "progressive_jpeg": ("progressive.jpeg", _save(photo(), quality=95, progressive=True)),
    "lossless_jpeg": ("lossless.jpg", _lossless_jpeg),
    "png": ("plain.png", _save(photo())),
    "webp": ("plain.webp", _save(photo(), quality=95)),
    "bmp": ("plain.bmp", _save(photo())),
    "tiff": ("plain.tif", _save(photo(), compression="tiff_lzw")),
    "avif": ("plain.avif", _save(photo(), quality=90)),
    "heic": ("phone.HEIC", _heic),
    "one_pixel": ("one_pixel.png", _save(Image.new("RGB", (1, 1), ORANGE))),
    "panorama": ("panorama.png", _save(Image.new("RGB", (3000, 2), ORANGE))),
    "greyscale": ("greyscale.jpg", _save(photo().convert("L"), quality=95)),
    "black_and_white": ("black_and_white.png", _save(photo().convert("1"))),
    "rgba": ("rgba.png", _save(_with_alpha("RGBA"))),
    "la": ("la.png", _save(_with_alpha("LA"))),
    "cmyk": ("cmyk.jpg", _save(photo().convert("CMYK"), quality=95)),
    "png_16_bit": ("deep.png", _save(_grey16())),
    "tiff_16_bit": ("deep.tif", _save(_grey16())),
    "tiff_float": ("float.tif", _save(Image.fromarray(np.asarray(photo().convert("L"), np.float32) / 255))),
    "palette": ("palette.png", _save(photo().quantize(16))),
    "transparent_palette": ("transparent_palette.png", _save(_with_alpha("RGBA").quantize(16))),
    "animated_gif": ("animated.gif", _animation),
    "rotated": ("rotated.jpg", _rotated),
    "broken_exif": ("broken_exif.jpg", _broken_exif),
    "wrong_ending": ("really_a_jpeg.png", _save(photo(), format="JPEG", quality=95)),
    "no_ending": ("no_ending", _save(photo(), format="PNG")),
    "odd_name": ("photo; größe 100% 'x' 花.png", _save(photo())),
}
"""Files that contain a photo: name, file name and writer."""

UNREADABLE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "missing": ("missing.jpg", lambda path: None),
    "empty": ("empty.jpg", lambda path: path.write_bytes(b"") and None),
    "text": ("text.jpg", lambda path: path.write_text("A field guide to the poppies\n" * 9) and None),
    "web_page": ("web_page.jpg", lambda path: path.write_text("<!DOCTYPE html><title>404</title>") and None),
    "zeros": ("zeros.jpg", lambda path: path.write_bytes(bytes(5000)) and None),
    "only_a_beginning": ("beginning.jpg", lambda path: path.write_bytes(b"\xff\xd8\xff\xe0") and None),
    "truncated_jpeg": ("truncated.jpg", _truncated("JPEG")),
    "truncated_png": ("truncated.png", _truncated("PNG")),
    "truncated_webp": ("truncated.webp", _truncated("WEBP")),
    "truncated_tiff": ("truncated.tif", _truncated("TIFF")),
    "truncated_gif": ("truncated.gif", _truncated("GIF")),
    "bomb": ("bomb.png", _bomb),
    "folder": ("folder.jpg", lambda path: path.mkdir(exist_ok=True)),
    "pipe": ("pipe.jpg", _pipe),
}
"""Files that contain no photo, or only part of one: name, file name and writer."""
