"""Date and place come from the most reliable source that is valid, and no metadata causes an error."""

import io
import json
import os
import struct
import tracemalloc
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hostile_images import photo
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from dalip.photos import DATE_SOURCES, PhotoDetails, read_details
from dalip.photos.details.exif_tags import read_tags
from dalip.photos.details.photo_details import read_place
from dalip.photos.details.sidecars import find_sidecars, read_beside
from dalip.photos.details.xmp import read_xmp

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of odd photos

Base, GPS = ExifTags.Base, ExifTags.GPS
NOON = "2023-05-31T12:00:00"
EXIF_NOON, EDITED = "2023:05:31 12:00:00", "2024:11:01 09:00:00"
SYDNEY = {1: "S", 2: (33.0, 51.0, 30.0), 3: "E", 4: (151.0, 12.0, 0.0)}
XMP = (
    '<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF '
    'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
    'xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:p="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:x="http://ns.adobe.com/xap/1.0/" %s/></r:RDF></x:xmpmeta>\n\n<?xpacket end="w"?>'
)
TAKEOUT = {
    "title": "a.jpg",
    "photoTakenTime": {"timestamp": "1685534400", "formatted": "31 May 2023, 12:00:00 UTC"},
    "geoData": {"latitude": 48.1, "longitude": -11.5},
}


def jpeg(
    main: dict[int, Any] | None = None,
    details: dict[int, Any] | None = None,
    place: dict[int, Any] | None = None,
    **save: Any,
) -> bytes:
    exif = Image.Exif()
    exif.update(main or {})
    exif[ExifTags.IFD.Exif] = details or {}
    exif[ExifTags.IFD.GPSInfo] = place or {}
    buffer = io.BytesIO()
    photo().save(buffer, **({"format": "JPEG", "exif": exif} | save))
    return buffer.getvalue()


def when(content: bytes | Path) -> tuple[str, str]:
    details = read_details(content)
    return details.event_date, details.event_date_source


def where(content: bytes | Path) -> tuple[float | None, float | None]:
    details = read_details(content)
    return details.latitude, details.longitude


def test_the_first_valid_date_in_exif_counts() -> None:
    original, digitized = Base.DateTimeOriginal, Base.DateTimeDigitized
    edited = {Base.DateTime: EDITED}
    assert when(jpeg(edited, {original: EXIF_NOON, digitized: EDITED})) == (NOON, "DateTimeOriginal")
    assert when(jpeg(edited, {digitized: EXIF_NOON})) == (NOON, "DateTimeDigitized")
    zeros = {original: "0000:00:00 00:00:00"}
    assert when(jpeg(edited, zeros | {digitized: EXIF_NOON})) == (NOON, "DateTimeDigitized")
    assert when(jpeg({Base.DateTime: EXIF_NOON}, zeros)) == (NOON, "DateTime")
    assert when(jpeg({}, zeros)) == ("", "")
    assert when(jpeg({}, {Base.OffsetTimeOriginal: "+02:00", original: EXIF_NOON}))[0] == f"{NOON}+02:00"
    assert when(jpeg({}, {Base.OffsetTimeOriginal: "+2", original: EXIF_NOON}))[0] == NOON
    assert when(jpeg({}, {Base.OffsetTimeOriginal: "+02:00", digitized: EXIF_NOON}))[0] == NOON
    assert when(jpeg({original: EXIF_NOON})) == (NOON, "DateTimeOriginal"), "as in TIFF/EP"


def test_the_time_of_the_gps_receiver_is_utc() -> None:
    stamp = {GPS.GPSDateStamp: "2023:05:31", GPS.GPSTimeStamp: (12.0, 0.0, 0.0)}
    assert when(jpeg({Base.DateTime: EDITED}, {}, stamp)) == (f"{NOON}+00:00", "GPS")
    assert when(jpeg({}, {}, {GPS.GPSDateStamp: "2023-05-31"})) == ("2023-05-31", "GPS")
    assert when(jpeg({}, {}, stamp | {GPS.GPSStatus: "V"})) == ("", "")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_xmp_counts_before_the_time_of_the_last_change(form: str) -> None:
    packet = (
        XMP % f'e:DateTimeOriginal="{NOON}" e:GPSLatitude="33,51.5S" e:GPSLongitude="151,12,0E"'
    ).encode()
    more: dict[str, Any] = {"format": form}
    if form == "PNG":
        more["pnginfo"] = info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
    elif form == "TIFF":
        more["tiffinfo"] = {700: packet}
    else:
        more["xmp"] = packet
    content = jpeg(
        {Base.DateTime: EDITED} if form != "TIFF" else {},
        **more,
        **({"exif": None} if form == "TIFF" else {}),
    )
    assert when(content) == (NOON, "XMP")
    assert where(content) == (-33.858333, 151.2)


@pytest.mark.parametrize(
    ("fields", "date"),
    [
        (f'e:DateTimeOriginal="{NOON}" p:DateCreated="2020-01-01"', NOON),
        (f'e:DateTimeOriginal="0000-00-00" p:DateCreated="{NOON}+02:00"', f"{NOON}+02:00"),
        ('p:DateCreated="2023-05-31" x:CreateDate="2024-01-01T00:00:00"', "2023-05-31"),
        (f'x:CreateDate="{NOON}.50Z"', f"{NOON}+00:00"),
        (f'x:ModifyDate="{NOON}" x:MetadataDate="{NOON}"', ""),
        (f"><p:DateCreated>{NOON}</p:DateCreated><a ", NOON),
    ],
)
def test_dates_in_xmp(fields: str, date: str) -> None:
    assert read_xmp((XMP % fields).encode(), "XMP").event_date == date
    assert read_xmp((XMP % fields).encode("utf-16"), "XMP").event_date == date


def test_damaged_and_hostile_xmp() -> None:
    packet = (XMP % f'e:DateTimeOriginal="{NOON}"').encode()
    assert read_xmp(packet[:-40] + b"<<<", "XMP").event_date == NOON, "what comes before the damage counts"
    entities = b"<!DOCTYPE a [<!ENTITY b 'cccc'>]>" + packet
    assert read_xmp(entities, "XMP") == read_xmp(b"", "XMP") == read_xmp(b"\xff\0", "XMP") == PhotoDetails()
    assert read_xmp(b"<a>" * 200_000, "XMP") == PhotoDetails()
    assert read_xmp(packet + b" " * 5_000_000, "XMP") == PhotoDetails(), "too long"


def test_the_text_of_a_png_counts() -> None:
    for key, value, source in (
        ("exif:DateTimeOriginal", EXIF_NOON, "DateTimeOriginal"),
        ("Creation Time", "31 May 2023 12:00:00", "PNG text"),
    ):
        info = PngInfo()
        info.add_text(key, value)
        buffer = io.BytesIO()
        photo().save(buffer, "PNG", pnginfo=info)
        assert when(buffer.getvalue()) == (NOON, source)


def test_metadata_behind_the_pixels_of_a_png_is_found_without_decoding_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {Base.DateTimeOriginal: EXIF_NOON}
    exif[ExifTags.IFD.GPSInfo] = SYDNEY
    buffer = io.BytesIO()
    photo().save(buffer, "PNG")
    plain, end = buffer.getvalue()[:-12], buffer.getvalue()[-12:]
    packet = (XMP % f'p:DateCreated="{NOON}"').encode()
    monkeypatch.delattr(ImageFile.ImageFile, "load")
    for kind, content, source in (
        (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"), "DateTimeOriginal"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet, "XMP"),
    ):
        chunk = (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )
        assert when(plain + chunk + end) == (NOON, source)
        assert when(plain + chunk[:-8] + end) in ((NOON, source), ("", "")), "damaged"
    assert when(plain + end) == ("", "")


NO_PLACES: list[dict[int, Any]] = [
    {2: SYDNEY[2], 4: SYDNEY[4]},
    {1: "", 2: SYDNEY[2], 3: "", 4: SYDNEY[4]},
    {1: "X", 2: SYDNEY[2], 3: "E", 4: SYDNEY[4]},
    {1: "E", 2: SYDNEY[2], 3: "S", 4: SYDNEY[4]},
    {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
    SYDNEY | {2: (91.0, 0.0, 0.0)},
    SYDNEY | {4: (180.0, 0.0, 1.0)},
    SYDNEY | {2: (33.0, 61.0, 0.0)},
    SYDNEY | {2: (33.5, 51.0, 30.0)},
    SYDNEY | {GPS.GPSStatus: "V"},
    SYDNEY | {2: (TiffImagePlugin.IFDRational(0, 0),) * 3},
    SYDNEY | {2: (33.0, 51.0, TiffImagePlugin.IFDRational(1, 0))},
    {1: "S", 2: SYDNEY[2]},
]


@pytest.mark.parametrize("place", NO_PLACES)
def test_no_places(place: dict[int, Any]) -> None:
    content = jpeg({}, {Base.DateTimeOriginal: EXIF_NOON}, place)
    assert read_details(content) == PhotoDetails(NOON, None, None, "DateTimeOriginal")


def test_a_place_in_exif() -> None:
    assert where(jpeg({}, {}, SYDNEY)) == (-33.858333, 151.2)
    assert where(jpeg({}, {}, SYDNEY | {GPS.GPSStatus: "A"})) == (-33.858333, 151.2)


@pytest.mark.parametrize(
    ("latitude", "side", "degrees"),
    [
        ((33.0, 51.5), "N", 33.858333),
        ((33.858333,), "S", -33.858333),
        (33.858333, "s\0", -33.858333),
        (-33.858333, "S", -33.858333),
        (-33.858333, "N", None),
        ("33.858333", "S", -33.858333),
        ("33/1 515/10", "S", -33.858333),
        ("33/1,51/1,30/1", b"N", 33.858333),
        ("33,51.5S", None, -33.858333),
        ("33,51,30N", None, 33.858333),
        ("33 deg 51' 30.00\" S", None, -33.858333),
        ("33°51'30\"N", "", 33.858333),
        (b"33.858333\0", "N", 33.858333),
        (("33", "51", "30"), "N", 33.858333),
        ("33,858333", "N", None),
        ("33.858333", None, None),
        ("north", "N", None),
        ("", "N", None),
        (None, "N", None),
        ((1.0, 2.0, 3.0, 4.0), "N", None),
        ((float("nan"), 0.0, 0.0), "N", None),
        ((10**400, 0, 0), "N", None),
        ("9" * 400, "N", None),
        ("1/0", "N", None),
    ],
)
def test_spellings_of_a_latitude(latitude: object, side: object, degrees: float | None) -> None:
    found, longitude = read_place(latitude, side, (151, 12, 0), "E", None)
    assert found == pytest.approx(degrees, abs=1e-6)
    assert longitude == (None if degrees is None else 151.2)


def write(folder: Path, name: str, content: bytes | str | dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content) if isinstance(content, dict) else content
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / name


def test_sources_beside_a_photo_in_their_order(tmp_path: Path) -> None:
    path = write(tmp_path, "IMG_20200102_030405.jpg", jpeg())
    assert when(path) == ("2020-01-02T03:04:05", "file name")
    path.write_bytes(jpeg({Base.DateTime: "2021:01:01 00:00:00"}))
    assert when(path) == ("2021-01-01T00:00:00", "DateTime")
    write(
        tmp_path,
        f"{path.stem}.xmp",
        XMP % f'p:DateCreated="{NOON}" e:GPSLatitude="1,0.0N" e:GPSLongitude="2,0.0E"',
    )
    assert when(path) == (NOON, "XMP sidecar")
    assert where(path) == (1, 2)
    write(tmp_path, f"{path.name}.json", TAKEOUT)
    assert when(path) == (f"{NOON}+00:00", "Google Takeout")
    assert where(path) == (48.1, -11.5)
    path.write_bytes(jpeg({}, {Base.DateTimeDigitized: "2022:01:01 00:00:00"}, SYDNEY))
    assert when(path) == ("2022-01-01T00:00:00", "DateTimeDigitized")
    assert where(path) == (-33.858333, 151.2)
    assert when(path.read_bytes())[1] == "DateTimeDigitized"


LONG = "Screenshot_of_a_meadow_with_many_flowers_2.jpg"  # 46 characters
SIDECARS = [
    ("photo.jpg", "photo.jpg.json"),
    ("photo.jpg", "photo.jpg.supplemental-metadata.json"),
    ("photo.jpg", "photo.jpg.supplemental-me.json"),
    ("photo.jpg", "photo.jpg.s.json"),
    ("photo.jpg", "photo.jpg..json"),
    ("photo.jpg", "photo.json"),
    ("photo(1).jpg", "photo.jpg(1).json"),
    ("photo(1).jpg", "photo.jpg.supplemental-metadata(1).json"),
    ("photo(1).jpg", "photo(1).jpg.json"),
    ("photo-edited.jpg", "photo.jpg.json"),
    ("photo-edited(2).jpg", "photo.jpg.supplemental-metadata(2).json"),
    ("photo-bearbeitet.jpg", "photo.jpg.json"),
    (LONG, LONG + ".json"),
    (LONG[:-4] + "_and_more.jpg", (LONG[:-4] + "_and_more.jpg")[:46] + ".json"),
    ("Photo.JPG", "photo.jpg.JSON"),
    ("photo.jpg", "photo.xmp"),
    ("photo.jpg", "photo.jpg.xmp"),
    ("photo.jpg", "photo.XMP"),
]


@pytest.mark.parametrize(("name", "sidecar"), SIDECARS)
def test_names_of_sidecars(tmp_path: Path, name: str, sidecar: str) -> None:
    path = write(tmp_path, name, jpeg())
    write(
        tmp_path, sidecar, TAKEOUT if sidecar.lower().endswith(".json") else XMP % f'p:DateCreated="{NOON}Z"'
    )
    assert when(path)[0] == f"{NOON}+00:00"


@pytest.mark.parametrize(
    "other", ["photo2.jpg.json", "phot.json", "photo.jpg(1).json", "photo.txt", "metadata.json"]
)
def test_files_of_others_are_no_sidecars(other: str) -> None:
    assert find_sidecars("photo.jpg", {other: other}) == []


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "{",
            "null",
            "[]",
            "[" * 100_000,
            '"a"',
            "\ud800".encode("utf-8", "surrogatepass"),
            b"\xff\xfe{",
        ),
        {"photoTakenTime": {"timestamp": 0}},
        {"photoTakenTime": {"timestamp": "99999999999999999999"}},
        {"photoTakenTime": {"timestamp": None}, "geoData": []},
        {"photoTakenTime": {"timestamp": "1e9"}, "geoData": {"latitude": "48", "longitude": {}}},
        {"photoTakenTime": "1685534400", "geoData": {"latitude": 0.0, "longitude": 0.0}},
        '{"photoTakenTime": 1, "geoData": {"latitude": NaN, "longitude": 1e999}}',
        f'{{"geoData": {{"latitude": 1{"0" * 400}, "longitude": 1}}}}',
        f'{{"photoTakenTime": {{"timestamp": 1{"0" * 5000}}}}}',
    ],
)
def test_json_without_a_date(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path, "photo.jpg", jpeg())
    write(tmp_path, "photo.jpg.json", content)
    assert read_details(path) == PhotoDetails()


def test_the_place_of_takeout_may_be_that_of_exif(tmp_path: Path) -> None:
    nowhere = {"latitude": 0.0, "longitude": 0.0}
    path = write(tmp_path, "photo.jpg", jpeg())
    write(tmp_path, "photo.jpg.json", {"geoData": nowhere, "geoDataExif": {"latitude": -3, "longitude": 4}})
    assert where(path) == (-3, 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_sidecar_that_is_a_pipe_is_not_opened(tmp_path: Path) -> None:
    path = write(tmp_path, "photo.jpg", jpeg())
    os.mkfifo(tmp_path / "photo.jpg.json")
    (tmp_path / "photo.xmp").mkdir()
    assert read_details(path) == PhotoDetails()
    os.mkfifo(tmp_path / "pipe.jpg")
    assert read_details(tmp_path / "pipe.jpg") == read_details(tmp_path / "absent.jpg") == PhotoDetails()


def many_fields(number: int, size: int) -> bytes:
    """Make EXIF data in which each field refers to the same bytes."""
    fields = b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(20_000, 20_000 + number))
    noon = EXIF_NOON.encode() + b"\0"
    first = struct.pack("<HHII", Base.DateTime, 2, len(noon), 14 + 12 * (number + 1))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", number + 1) + first + fields + bytes(4) + noon + bytes(size)


def test_fields_that_refer_to_the_same_bytes_take_no_memory() -> None:
    content = many_fields(40_000, 500_000)  # 20 GB, if every value were loaded
    tracemalloc.start()
    tags = read_tags(io.BytesIO(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tags.main[Base.DateTime].rstrip(b"\0") == EXIF_NOON.encode()  # type: ignore[union-attr]
    assert peak < 10_000_000


def test_exif_in_a_tiff_and_in_the_text_of_a_png() -> None:
    exif = Image.Exif()
    exif[Base.DateTime] = EXIF_NOON
    tiff, png, info = io.BytesIO(), io.BytesIO(), PngInfo()
    photo().save(tiff, "TIFF", exif=exif)
    content = exif.tobytes()
    info.add_text("Raw profile type exif", f"\nexif\n{len(content)}\n{content.hex()}", zip=True)
    photo().save(png, "PNG", pnginfo=info)
    assert when(tiff.getvalue()) == when(png.getvalue()) == (NOON, "DateTime")


@given(
    st.binary(max_size=200),
    st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b""]),
)
def test_any_directory(content: bytes, start: bytes) -> None:
    tags = read_tags(io.BytesIO(start + content))
    assert all(
        isinstance(value, bytes | tuple) for part in (tags.main, tags.place) for value in part.values()
    )


TAGS = st.sampled_from([*map(int, (*Base, *GPS)), 0, 65535])
VALUES = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(0, 2**16 - 1)] * 3),
    st.fractions(0, 2**31, max_denominator=2**31 - 1).map(lambda f: TiffImagePlugin.IFDRational(f)),
    st.tuples(*[st.integers(0, 2**31 - 1)] * 2).map(lambda pair: TiffImagePlugin.IFDRational(*pair)),
)
FIELDS = st.dictionaries(TAGS, VALUES, max_size=8)


def check(details: PhotoDetails) -> None:
    assert (details.latitude is None) == (details.longitude is None)
    assert (details.event_date == "") == (details.event_date_source == "")
    assert details.event_date_source in ("", *DATE_SOURCES)
    assert details.event_date.isascii()
    assert details.event_date.isprintable()
    if details.latitude is not None and details.longitude is not None:
        assert abs(details.latitude) <= 90
        assert abs(details.longitude) <= 180


@given(FIELDS, FIELDS, FIELDS)
def test_any_values_in_exif(main: dict[int, Any], details: dict[int, Any], place: dict[int, Any]) -> None:
    try:
        content = jpeg(main, details, place)
    except Exception:  # Pillow cannot write these values
        return
    check(read_details(content))


@given(st.data())
def test_damaged_exif(data: st.DataObject) -> None:
    start = b"Exif\0\0"
    content = bytearray(jpeg({Base.DateTime: EDITED}, {Base.DateTimeOriginal: EXIF_NOON}, SYDNEY))
    first = content.index(start)
    places = st.tuples(st.integers(first, first + 300), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=20)):
        content[place] = value
    check(read_details(bytes(content)))


@given(st.one_of(st.binary(), st.text().map(lambda text: (XMP % text).encode("utf-8", "surrogatepass"))))
def test_any_xmp(content: bytes) -> None:
    check(read_xmp(content, "XMP"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["latitude", "longitude", "timestamp"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["photoTakenTime", "geoData", "geoDataExif"]), JSON) | JSON)
def test_any_json(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    check(read_beside(folder / "a.jpg", [write(folder, "a.json", json.dumps(content))]))


NAMES = st.text(
    st.characters(exclude_characters="/\0", categories=["L", "N", "P", "Z", "Cs", "Cc"]), min_size=1
)


@given(NAMES, st.lists(NAMES, max_size=5))
def test_any_file_name(name: str, others: list[str]) -> None:
    found = find_sidecars(name, {other.lower(): other for other in others})
    assert set(found) <= set(others)
    check(read_beside(Path("folder") / name, ()))


def test_rationals_are_exact() -> None:
    parts = tuple(TiffImagePlugin.IFDRational(Fraction(n)) for n in ("33", "51", "30"))
    assert read_place(parts, "N", parts, "W", "A") == (33.858333, -33.858333)
