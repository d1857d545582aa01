"""Mutated images of all formats, and their EXIF and XMP data."""

import io
import random
import struct
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from hostile_images import READABLE, write_hostile_images
from PIL import Image

from dalip.photos import open_image, read_details, small_copy
from tests.fuzz.cases import Case, Kind, interesting, mutated, one_in

__all__ = ["DETAILS", "IMAGES"]

_SUFFIXES = {
    b"\xff\xd8": ".jpg",
    b"\x89P": ".png",
    b"RI": ".webp",
    b"GI": ".gif",
    b"BM": ".bmp",
    b"II": ".tif",
    b"MM": ".tif",
}

_DATES = (
    *("2023:05:31 12:00:00", "2023-05-31 12:00:00", "2023-05-31T12:00:00+02:00", "0000:00:00 00:00:00"),
    *(
        "    :  :     :  :  ",
        "2023:05:31",
        "31.05.2023 12:00",
        "9999:99:99 99:99:99",
        "2023:05:31 24:00:00",
        "",
    ),
    *(
        "2023:05:31 12:00:00.123456789",
        "\u0662\u0660\u0662\u0663:05:31 12:00:00",
        "1" * 5000,
        "-001:01:01 00:00:00",
    ),
)


@cache
def _seeds() -> tuple[tuple[str, bytes], ...]:
    """Return small images of all formats and modes, with their file names.

    They are written in another process, because encoders leave threads behind, and this one will be forked.
    """
    with ProcessPoolExecutor(1) as other:
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


def exif_of(rng: random.Random) -> bytes:
    """Make EXIF data with dates, a place, a thumbnail and an orientation, each of them possibly odd."""
    exif = Image.Exif()
    if one_in(rng, 2):
        exif[0x0112] = rng.choice((1, 3, 6, 8, 0, 9, 65535))
    if one_in(rng, 2):
        exif[0x0132] = rng.choice(_DATES)
    details, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    for tag in (0x9003, 0x9004, 0x9011, 0x9291):
        if one_in(rng, 2):
            details[tag] = rng.choice((*_DATES, "+02:00", "+99:99"))
    if one_in(rng, 2):
        place[1], place[3] = rng.choice("NSns?"), rng.choice("EWew?")
        for tag in (2, 4):
            place[tag] = tuple(
                rng.choice((0.0, 12.5, 59.99, 90.0, 181.0, 1e9)) for _ in range(rng.choice((1, 2, 3, 3, 4)))
            )
        place[29] = rng.choice(_DATES)
    try:
        return exif.tobytes()
    except Exception:  # Pillow cannot write all of these
        return b"Exif\0\0II*\0\x08\0\0\0\0\0"


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


def xmp_of(rng: random.Random) -> bytes:
    """Make an XMP packet with a date and a place, possibly malformed or with entities."""
    date, other = rng.choice(_DATES), rng.choice(("48,30.5N", "48.5", "99,99,99X", "NaN", "1e999", ""))
    entities = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        if one_in(rng, 5)
        else ""
    )
    text = (
        f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>{entities}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'exif:DateTimeOriginal="{date}" xmp:CreateDate="{date}" '
        f'exif:GPSLatitude="{other}" exif:GPSLongitude="{other}">'
        f"{'&b;' if entities else ''}{'<a>' * rng.choice((0, 0, 3, 20_000))}</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    )
    return mutated(rng, text.encode()) if one_in(rng, 2) else text.encode()


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


def _make_image(rng: random.Random) -> Case:
    name, content = rng.choice(_seeds())
    change = _BY_FORMAT.get(content[:2], _boxes)
    content = mutated(rng, content) if one_in(rng, 5) else change(rng, content)
    if one_in(rng, 20):
        name = f"photo{rng.choice(tuple(_SUFFIXES.values()))}"
    return Case.of(name, content)


def _make_details(rng: random.Random) -> Case:
    """Make a sound photo with odd EXIF or XMP data, a sidecar and the JSON of Google Takeout."""
    exif, xmp = exif_of(rng), xmp_of(rng)
    if one_in(rng, 2):
        exif = b"Exif\0\0" + mutated(rng, exif.removeprefix(b"Exif\0\0"))
    buffer = io.BytesIO()
    kind = rng.choice(("JPEG", "PNG", "WEBP", "TIFF", "AVIF"))
    options = {"xmp": xmp} if kind in ("JPEG", "WEBP", "AVIF") and len(xmp) < 60_000 else {}
    try:
        Image.new("RGB", (16, 16), "orange").save(
            buffer, kind, **({} if kind == "TIFF" else {"exif": exif}), **options
        )
        content = buffer.getvalue() if kind != "TIFF" else _tiff(rng, buffer.getvalue())
    except Exception:  # Pillow cannot write all of these
        content = b"\xff\xd8\xff\xe1" + struct.pack(">H", min(65535, len(exif) + 2)) + exif
    name = f"IMG_20230531_120000.{kind.lower()}"
    taken = rng.choice(('"1685534400"', "1685534400", '"-1"', '"9e99"', "null", "[]", '"' + "9" * 400 + '"'))
    north = rng.choice(("0.0", "48.5", "1e999", "null", '"x"'))
    takeout = (
        f'{{"title": "{name}", "photoTakenTime": {{"timestamp": {taken}}}, '
        f'"geoData": {{"latitude": {north}, "longitude": 9.1}}}}'
    ).encode()
    if one_in(rng, 3):
        takeout = mutated(rng, takeout)
    others = {f"{name}.json": takeout, f"{name}.xmp": xmp_of(rng)}
    return Case({name: content, **{key: value for key, value in others.items() if one_in(rng, 2)}})


def _open(path: Path) -> None:
    open_image(path.read_bytes(), target=224)
    read_details(path)


def _open_as_saved(path: Path) -> None:
    read_details(path)
    read_details(path.read_bytes())
    small_copy(path.read_bytes())


IMAGES = Kind("images", _make_image, _open, 1000)
DETAILS = Kind("details", _make_details, _open_as_saved, 200)
