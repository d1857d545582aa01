"""Mutated images of all formats."""

import io
import random
import struct
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from hostile_images import READABLE, write_hostile_images
from PIL import Image

from dalip.photos import open_image, read_details
from tests.fuzz.cases import PHOTO_MEMORY, Case, Kind, interesting, mutated, one_in
from tests.fuzz.details import exif_of, xmp_of

__all__ = ["IMAGES"]

_SUFFIXES = {
    b"\xff\xd8": ".jpg",
    b"\x89P": ".png",
    b"RI": ".webp",
    b"GI": ".gif",
    b"BM": ".bmp",
    b"II": ".tif",
    b"MM": ".tif",
}


@cache
def _seeds() -> tuple[tuple[str, bytes], ...]:
    """Return small images of all formats and modes, with their file names.

    They are written in another process, because encoders leave threads behind, and this one will be forked. It is not a
    fork itself, which could hang: the process of the tests has threads, too.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        return other.submit(_write_seeds).result()


def _write_seeds() -> tuple[tuple[str, bytes], ...]:
    with tempfile.TemporaryDirectory() as folder:
        paths = write_hostile_images(Path(folder))
        found = [(paths[name].name, paths[name].read_bytes()) for name in READABLE]
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    for kind, options in (
        ("WEBP", {"lossless": True}),
        ("WEBP", {"save_all": True, "append_images": [noise.rotate(9)]}),
        ("TIFF", {"compression": "jpeg"}),
        ("TIFF", {"compression": "tiff_adobe_deflate", "tile": True}),
        ("JPEG", {"progressive": True, "subsampling": 0}),
        ("PNG", {"save_all": True, "append_images": [noise.rotate(9)]}),
        ("MPO", {"save_all": True, "append_images": [noise]}),
    ):
        buffer = io.BytesIO()
        noise.save(
            buffer,
            kind,
            **options,
            **({} if kind == "TIFF" else {"exif": exif_of(random.Random(len(found)))}),
        )
        found.append((f"noise{len(found)}.{kind.lower()}", buffer.getvalue()))
    return tuple((name.replace(";", ""), content) for name, content in found if len(content) < 200_000)


def _png(rng: random.Random, data: bytes) -> bytes:
    chunks, place = [], 8
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    for _ in range(rng.choice((1, 1, 2, 4))):
        which = rng.randrange(len(chunks)) if chunks else 0
        how = rng.randrange(7)
        if how == 0:  # sizes, depth, colour type
            name, body = chunks[0]
            at, size = rng.choice(((0, 4), (4, 4), (8, 1), (9, 1), (10, 1), (12, 1)))
            chunks[0] = name, body[:at] + interesting(rng, size) + body[at + size :]
        elif how == 1 and len(chunks) > 1:
            del chunks[which]
        elif how == 2:
            chunks.insert(rng.randrange(len(chunks) + 1), chunks[which])
        elif how == 3:
            name, body = chunks[which]
            chunks[which] = name, mutated(rng, body)
        elif how == 4:
            bomb = zlib.compress(bytes(rng.choice((1, 10, 70)) * 1_000_000), 9)
            name, head = rng.choice(
                ((b"zTXt", b"k\0\0"), (b"iCCP", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"IDAT", b""))
            )
            chunks.insert(1, (name, head + bomb))
        elif how == 5:
            chunks.insert(rng.randrange(len(chunks) + 1), (b"eXIf", mutated(rng, exif_of(rng))))
        else:
            names = (b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"gAMA", b"sBIT", b"tEXt", b"\xff\0ab")
            chunks.insert(1, (rng.choice(names), rng.randbytes(rng.choice((0, 3, 26, 5000)))))
    out = data[:8]
    for name, body in chunks:
        sum_ = zlib.crc32(name + body) if not one_in(rng, 20) else rng.getrandbits(32)
        length = struct.pack(">I", len(body)) if not one_in(rng, 30) else interesting(rng, 4)
        out += length + name + body + struct.pack(">I", sum_)
    return out


def _jpeg(rng: random.Random, data: bytes) -> bytes:
    segments, place = [], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        (size,) = struct.unpack_from(">H", data, place + 2)
        segments.append((data[place + 1], data[place + 4 : place + 2 + size]))
        place += 2 + size
    scan = data[place:]
    for _ in range(rng.choice((1, 1, 2, 4))):
        which = rng.randrange(len(segments)) if segments else 0
        frames = [
            i
            for i, (marker, _) in enumerate(segments)
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8)
        ]
        how = rng.randrange(8)
        if how in (0, 1) and frames:
            marker, body = segments[frames[0]]
            at, size = rng.choice(((0, 1), (1, 2), (3, 2), (5, 1), (6, 1), (7, 1), (8, 1)))
            marker = rng.randrange(0xC0, 0xD0) if one_in(rng, 4) else marker
            segments[frames[0]] = marker, body[:at] + interesting(rng, size) + body[at + size :]
        elif how == 2 and len(segments) > 1:
            del segments[which]
        elif how == 3 and segments:
            segments.insert(rng.randrange(len(segments) + 1), segments[which])
        elif how == 4 and segments:
            marker, body = segments[which]
            segments[which] = marker, mutated(rng, body)
        elif how == 5:
            segments.insert(0, (0xE1, b"Exif\0\0" + mutated(rng, exif_of(rng).removeprefix(b"Exif\0\0"))))
        elif how == 6:
            kinds = (
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_of(rng)),
                (0xE2, b"ICC_PROFILE\0\1\1" + rng.randbytes(200)),
                (0xE2, b"MPF\0" + rng.randbytes(60)),
                (0xEE, b"Adobe\0d\0\0\0\0" + rng.randbytes(1)),
                (0xDD, rng.randbytes(2)),
            )
            segments.insert(rng.randrange(len(segments) + 1), rng.choice(kinds))
        else:
            scan = mutated(rng, scan)
    out = data[:2]
    for marker, body in segments:
        size = struct.pack(">H", min(65535, len(body) + 2)) if not one_in(rng, 30) else interesting(rng, 2)
        out += bytes((0xFF, marker)) + size + body[:65533]
    return out + scan


def _numbers_of(names: tuple[bytes, ...], order: str) -> Callable[[random.Random, bytes], bytes]:
    """Return a mutator for formats made of boxes or chunks: it changes sizes and the fields that follow a name."""

    def change(rng: random.Random, data: bytes) -> bytes:
        out = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 3))):
            name = rng.choice(names)
            at = out.find(name, rng.randrange(max(1, len(out) // 2)) if one_in(rng, 2) else 0)
            if at < 0:
                continue
            offset, size = rng.choice(
                ((-4, 4), (4, 4), (8, 4), (12, 4), (4, 2), (6, 2), (8, 2), (10, 2), (4, 3), (7, 3))
            )
            if at + offset >= 0:
                out[at + offset : at + offset + size] = interesting(rng, size, order)
        return mutated(rng, bytes(out)) if one_in(rng, 3) else bytes(out)

    return change


def _tiff(rng: random.Random, data: bytes) -> bytes:
    order, mark = ("little", "<") if data[:2] == b"II" else ("big", ">")
    out = bytearray(data)
    (ifd,) = struct.unpack_from(mark + "I", data, 4)
    if ifd + 2 > len(data):
        return mutated(rng, data)
    (count,) = struct.unpack_from(mark + "H", data, ifd)
    for _ in range(rng.choice((1, 1, 2, 4))):
        entry = ifd + 2 + 12 * rng.randrange(max(1, count))
        at, size = rng.choice(((0, 2), (2, 2), (4, 4), (8, 4), (8, 2)))
        if one_in(rng, 8):  # the next directory
            entry, at, size = ifd + 2 + 12 * count, 0, 4
            out[entry : entry + 4] = struct.pack(mark + "I", rng.choice((ifd, 8, 0, len(data))))
        else:
            out[entry + at : entry + at + size] = interesting(rng, size, order)
    return mutated(rng, bytes(out)) if one_in(rng, 4) else bytes(out)


def _header(rng: random.Random, data: bytes) -> bytes:
    """Change the numbers in the first bytes, where GIF and BMP have sizes, palettes and compression."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 3))):
        at, size = rng.randrange(6, min(60, len(out) - 4)), rng.choice((1, 2, 4))
        out[at : at + size] = interesting(rng, size, "little")
    return mutated(rng, bytes(out)) if one_in(rng, 3) else bytes(out)


_riff = _numbers_of((b"RIFF", b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"EXIF", b"WEBP"), "little")
_boxes = _numbers_of(
    tuple(
        b"ftyp meta iloc iinf infe ispe ipco ipma iprp pitm hvcC av1C pixi irot iref grid mdat hdlr auxC colr".split()
    ),
    "big",
)
_BY_FORMAT = {
    b"\x89P": _png,
    b"\xff\xd8": _jpeg,
    b"RI": _riff,
    b"II": _tiff,
    b"MM": _tiff,
    b"GI": _header,
    b"BM": _header,
}


def _huge(rng: random.Random) -> Case:
    """Make a small file that is sound and decodes to a huge image of one colour."""
    width, height = (rng.choice((3000, 8000, 12_000, 16_383)) for _ in range(2))
    kind = rng.choice(("png", "webp", "tif", "bmp"))
    if kind == "webp":  # lossless, with codes of no bits: all pixels are the same
        buffer = io.BytesIO()
        Image.new("RGB", (1, 1), "green").save(buffer, "WEBP", lossless=True)
        content = bytearray(buffer.getvalue())
        at = content.index(b"VP8L") + 9
        bits = int.from_bytes(content[at : at + 4], "little") >> 28 << 28 | (height - 1) << 14 | (width - 1)
        content[at : at + 4] = bits.to_bytes(4, "little")
        return Case.of("huge.webp", bytes(content))
    if kind == "png":
        depth, colour, channels = rng.choice(((8, 0, 1), (8, 2, 3), (16, 6, 8), (1, 3, 0.125)))
        row = bytes(1 + int(width * channels))
        deflate = zlib.compressobj(1)
        rows = b"".join(deflate.compress(row * 100) for _ in range(height // 100)) + deflate.flush()
        chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height // 100 * 100, depth, colour, 0, 0, 0))]
        chunks += [(b"PLTE", b"\0\xff\0\xff\0\0")] * (colour == 3) + [(b"IDAT", rows), (b"IEND", b"")]
        body = b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
        return Case.of("huge.png", b"\x89PNG\r\n\x1a\n" + body)
    if kind == "tif":
        fields = {
            256: width,
            257: height,
            258: 8,
            259: 1,
            262: 1,
            273: 8,
            277: 1,
            278: height,
            279: width * height,
        }
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
        return Case.of(
            "huge.tif", b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(1000)
        )
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2, 2835, 2835, 2, 2)  # RLE8
    return Case.of("huge.bmp", b"BM" + struct.pack("<IHHI", 70, 0, 0, 62) + head + bytes(8) + b"\0\1")


def _make_image(rng: random.Random) -> Case:
    if one_in(rng, 100):
        return _huge(rng)
    name, content = rng.choice(_seeds())
    change = _BY_FORMAT.get(content[:2], _boxes)
    content = mutated(rng, content) if one_in(rng, 5) else change(rng, content)
    if one_in(rng, 20):
        name = f"photo{rng.choice(tuple(_SUFFIXES.values()))}"
    return Case.of(name, content)


def _open(path: Path) -> None:
    open_image(path.read_bytes(), target=224)
    read_details(path)


IMAGES = Kind("images", _make_image, _open, PHOTO_MEMORY)
