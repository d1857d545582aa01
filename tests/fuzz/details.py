"""Dates and places of photos: EXIF and XMP data, sidecars and the JSON of Google Takeout, odd and mutated."""

import io
import random
import struct
from pathlib import Path

from PIL import Image

from dalip.photos import read_details, small_copy
from tests.fuzz.cases import PHOTO_MEMORY, Case, Kind, mutated, one_in

__all__ = ["DETAILS", "exif_of", "xmp_of"]

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
        content = buffer.getvalue() if kind != "TIFF" else mutated(rng, buffer.getvalue())
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


def _open_as_saved(path: Path) -> None:
    read_details(path)
    read_details(path.read_bytes())
    small_copy(path.read_bytes())


DETAILS = Kind("details", _make_details, _open_as_saved, PHOTO_MEMORY)
