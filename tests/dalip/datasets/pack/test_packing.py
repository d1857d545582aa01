"""Packing: the output is correct and reproducible byte for byte, and a bad photo affects only itself."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hostile_images import READABLE, write_hostile_images
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from raw_photos import FULL, SENSOR, THUMBNAIL, tiff
from scenes import encoded, scene
from wording import refuses, said

from dalip.datasets import FilePart, Record, read_records, split_of
from dalip.datasets.names.resolve import Resolution
from dalip.datasets.pack import PackSettings, PhotoSettings, packing
from dalip.datasets.pack import chunks as work
from dalip.datasets.pack import pack as pack_records
from dalip.datasets.pack.datasheet import read_datasheet
from dalip.datasets.pack.prepare_photo import prepare
from dalip.datasets.pack.shard_writer import safe_keys, text_of
from dalip.datasets.photo_location import WebPhoto
from dalip.errors import DataError, ImageError, Skipped
from dalip.photos import open_image
from dalip.taxonomy import Taxon
from tests.dalip.made import fields, write_tar

PHOTOS, SIZE = 100, (160, 120)
NAMES = ("Viola ocellata", "Rosa canina", "Iris")
Bytes = dict[str, bytes]


def a_record(folder: Path, number: int, **fields: Any) -> Record:
    """Write a photo and return its record."""
    path = folder / f"{number:03}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(scene(number, *SIZE)))
    told = {
        "scientificName": NAMES[number % len(NAMES)],
        "license": "CC0",
        "rightsHolder": "Zoë",
        "source": "here",
    }
    return Record(f"photos/{path.name}", FilePart(path), told | fields)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Enough photos for several parts."""
    folder = tmp_path_factory.mktemp("photos")
    return [a_record(folder, number) for number in range(PHOTOS)]


def test_keys_that_restart_in_each_shard_are_packed_in_their_splits(tmp_path: Path) -> None:
    for shard in ("0", "1"):
        photos = {f"{n:04}.jpg": encoded(scene(int(shard) * 50 + n, *SIZE)) for n in range(12)}
        names = {f"{n:04}.json": fields(scientificName=NAMES[n % 3]) for n in range(12)}
        (tmp_path / "in").mkdir(exist_ok=True)
        write_tar(tmp_path / f"in/{shard}.tar", photos | names)
    before = {record.key: record.split for record in read_records(tmp_path / "in")}
    assert len(before) == 24
    assert len(set(before.values())) > 1
    out = tmp_path / "out"
    pack_records(read_records(tmp_path / "in"), out, workers=1)
    after = {record.key: record.split for record in read_records(out)}
    assert after == {key.replace(".tar", "_tar"): split for key, split in before.items()}
    assert pack_records(read_records(tmp_path / "in"), out, workers=1).unchanged


@pytest.fixture(scope="module")
def packed(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed set, made by a single process without interruption."""
    out = tmp_path_factory.mktemp("packed") / "out"
    pack_records(records, out, PackSettings(shard_photos=64), workers=1)
    return out


def content(folder: Path) -> Bytes:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_shards_hold_what_readers_of_shards_expect(records: list[Record], packed: Path) -> None:
    found = {record.key: record for record in read_records(packed)}
    assert sorted(found) == [f"photos/{number:03}" for number in range(PHOTOS)]
    for number, before in enumerate(records[:20]):
        record = found[f"photos/{number:03}"]
        assert record.taxon is not None
        assert record.taxon.scientific_name == before.fields["scientificName"]
        assert {k: v for k, v in record.fields.items() if k not in ("text", "splitGroup")} == before.fields
        assert record.fields["text"] == before.fields["scientificName"]
        assert record.split == split_of(before.key), "the split is that of the photo in its folder"
        image = open_image(record.read_bytes())
        assert (image.width, image.height) == SIZE
    assert [path.name for path in sorted(packed.glob("*.tar"))] == [f"photos-00000{i}.tar" for i in range(2)]


def test_datasheet_tells_counts_licences_and_credits(packed: Path) -> None:
    sheet = read_datasheet(packed)
    assert sheet.complete
    assert (sheet.photos, sheet.taxa) == (PHOTOS, 3)
    assert sum(sheet.splits.values()) == PHOTOS
    assert sheet.splits["train"] > PHOTOS / 2
    assert sheet.licenses == {"CC0": PHOTOS}
    assert [shard.photos for shard in sheet.shards] == [64, 36]
    page = (packed / "README.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {PHOTOS} photos of 3 taxa")
    assert f"| CC0 | {PHOTOS} |" in page
    assert {row["rightsHolder"] for row in rows(packed / "credits.csv")} == {"Zoë"}
    assert sum(int(row["photos"]) for row in rows(packed / "taxa.csv")) == PHOTOS
    assert {row["how"] for row in rows(packed / "names.csv")} == {"as given"}


def test_tables_have_a_line_for_each_row_and_no_formula(records: list[Record], tmp_path: Path) -> None:
    odd = {"rightsHolder": "=HYPERLINK(1)\nZoë", "license": "CC0"}
    changed = [replace(record, fields={**record.fields, **odd}) for record in records[:3]]
    pack_records(changed, tmp_path / "out", PackSettings(shard_photos=64), workers=1)
    assert len((tmp_path / "out" / "credits.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert {row["rightsHolder"] for row in rows(tmp_path / "out" / "credits.csv")} == {"'=HYPERLINK(1)\\nZoë"}


def test_bytes_depend_on_neither_processes_nor_order(
    records: list[Record], packed: Path, tmp_path: Path
) -> None:
    pack_records(records[::-1], tmp_path / "out", PackSettings(shard_photos=64), workers=2)
    assert without_mark(tmp_path / "out") == without_mark(packed)


def without_mark(folder: Path) -> Bytes:
    """Return all files except the record of what the set was made from, which depends on the order of the sources."""
    return {name: held for name, held in content(folder).items() if name != ".packed.json"}


def test_an_interrupted_run_resumes(
    records: list[Record], packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packing, "choose", stop)
        with pytest.raises(KeyboardInterrupt):
            pack_records(records, out, PackSettings(shard_photos=64), workers=1)
    parts = sorted((out / ".work").glob("*.part"))
    assert len(parts) == 4
    assert not list(out.glob("*.tar"))
    # Parts truncated by a power cut and drafts are ignored.
    parts[0].write_bytes(parts[0].read_bytes()[:-1])
    (out / ".work" / "other.1.draft").write_bytes(b"half")
    done = pack_records(records, out, PackSettings(shard_photos=64), workers=1)
    assert 0 < done.read < PHOTOS
    assert content(out) == content(packed)


def test_a_photo_that_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [a_record(tmp_path / "photos", number) for number in range(60)]
    settings = PackSettings()
    list(work.prepare_all(records, tmp_path / "out" / ".work", settings.photos, workers=1))
    (tmp_path / "photos/007.jpg").write_bytes(encoded(scene(1007, *SIZE)))
    done = pack_records(records, tmp_path / "out", settings, workers=1)
    assert 0 < done.read < 60
    fresh = pack_records(records, tmp_path / "fresh", settings, workers=1)
    assert fresh.read == 60
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


def test_a_finished_set_is_unchanged_until_its_input_changes(records: list[Record], tmp_path: Path) -> None:
    out, settings = tmp_path / "out", PackSettings(shard_photos=10)
    first = pack_records(records[:30], out, settings, workers=1)
    assert not first.unchanged
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    again = pack_records(records[:30], out, settings, workers=1)
    assert again.unchanged
    assert again.sheet == first.sheet
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    smaller = pack_records(records[:15], out, settings, workers=1)
    assert (smaller.unchanged, smaller.sheet.photos) == (False, 15)
    assert [path.name for path in sorted(out.glob("*.tar"))] == ["photos-000000.tar", "photos-000001.tar"]
    (out / "photos-000001.tar").unlink()
    assert not pack_records(records[:15], out, settings, workers=1).unchanged
    assert not (out / ".work").exists()


@pytest.mark.parametrize("name", ["thesis.txt", "README.md", "photos-of-mine.zip", ".work2"])
def test_a_folder_with_other_files_is_refused_and_kept(
    records: list[Record], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with refuses(DataError, match=f"contains {name}, which `dalip data pack` did not write"):
        pack_records(records[:3], tmp_path, workers=1)
    assert content(tmp_path) == {name: b"mine"}
    with refuses(DataError, match="is a file"):
        pack_records(records[:3], tmp_path / name, workers=1)


def test_two_runs_do_not_mix(records: list[Record], tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    with (
        FileLock(tmp_path / ".work" / "lock"),
        refuses(DataError, match="another `dalip data pack` is writing"),
    ):
        pack_records(records[:3], tmp_path, workers=1)
    assert pack_records(records[:3], tmp_path, workers=1).sheet.photos == 3


def test_a_killed_worker_is_reported_in_one_line(records: list[Record], packed: Path, tmp_path: Path) -> None:
    def end_workers(stage: str, done: int, total: int) -> None:
        for worker in active_children() if done else ():
            worker.kill()

    settings = PackSettings(shard_photos=64)
    with refuses(DataError, match="a worker process was killed, .* with fewer --workers"):
        pack_records(records, tmp_path / "out", settings, workers=2, progress=end_workers)
    assert list((tmp_path / "out" / ".work").glob("*.part")), "what was read is not read again"
    pack_records(records, tmp_path / "out", settings, workers=2)
    assert without_mark(tmp_path / "out") == without_mark(packed)


def test_bad_photos_do_not_affect_others(tmp_path: Path) -> None:
    paths = write_hostile_images(tmp_path / "hostile")
    records = [
        Record(name, FilePart(path), {"scientificName": "Rosa"}, f"row {n}")
        for n, (name, path) in enumerate(paths.items())
        if name != "pipe"
    ]
    records.append(Record("web", WebPhoto("https://example.org/1.jpg"), {"scientificName": "Rosa"}, "row 99"))
    done = pack_records(records, tmp_path / "out", PackSettings(duplicates="keep"), describe=said, workers=1)
    left = {row["where"]: row for row in rows(tmp_path / "out" / "left-out.csv")}
    small = {"one_pixel", "panorama"}  # only 1 and 2 pixels high
    assert {record.key for record in records if record.where not in left} == set(READABLE) - small
    assert all(row["reason"] == "unreadable" for row in left.values())
    assert len(left) == len(records) - len(set(READABLE) - small)
    assert "--download" in left["row 99"]["detail"]
    assert not done.sheet.complete
    assert all("\n" not in said(entry.error) for entry in done.left_out)
    assert done.sheet.left_out == {"unreadable": len(left)}


def test_no_photos_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    path = tmp_path / "1.jpg"
    path.write_bytes(b"no photo")
    with refuses(DataError, match=r"out: no photos are left to pack; .*1\.jpg: the file is not an image"):
        pack_records([Record("1.jpg", FilePart(path), {"scientificName": "Rosa"})], tmp_path / "out")


def test_a_preview_that_is_too_small_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "raw.dng"
    path.write_bytes(tiff([THUMBNAIL, SENSOR], 1))
    with refuses(ImageError, match="only a preview of 160 x 120 pixels"):
        prepare(FilePart(path), PhotoSettings(size=256))
    path.write_bytes(tiff([THUMBNAIL, SENSOR, FULL], 2))
    assert prepare(FilePart(path), PhotoSettings(size=256)).area == 1200 * 900


def test_photos_become_small_and_upright_without_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"  # rotate by 90 degrees to display; camera maker
    path = tmp_path / "1.jpg"
    path.write_bytes(encoded(scene(1, 1600, 1200), exif=exif, comment=b"by me"))
    prepared = prepare(FilePart(path), PhotoSettings(size=256))
    image = Image.open(packing_file(tmp_path, prepared.content))
    assert (image.format, image.size) == ("WEBP", (256, 341))
    assert "exif" not in image.info
    assert prepared.area == 1600 * 1200
    assert b"camera" not in prepared.content


def packing_file(folder: Path, held: bytes) -> Path:
    path = folder / "packed.webp"
    path.write_bytes(held)
    return path


def test_a_small_webp_without_metadata_is_kept_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "1.webp"
    for held, kept in (
        (encoded(scene(1), "WEBP"), True),
        (encoded(scene(1), "WEBP") + b"and more", False),
        (encoded(scene(1), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"), False),
        (encoded(scene(1, 640, 480), "WEBP"), False),
    ):
        path.write_bytes(held)
        assert (prepare(FilePart(path), PhotoSettings()).content == held) is kept


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PhotoSettings(size=10), "size is 10"),
        (lambda: PhotoSettings(quality=0), "quality is 0"),
        (lambda: PackSettings(shard_photos=0), "shard_photos is 0"),
        (lambda: PackSettings(duplicates="ask"), "duplicates is 'ask'"),  # type: ignore[arg-type]
    ],
)
def test_settings_are_checked(make: Callable[[], object], message: str) -> None:
    with refuses(DataError, match=message):
        make()


def test_photos_get_the_names_in_the_checklist(tmp_path: Path) -> None:
    given = {
        "Rosa canina": Resolution(
            "Rosa canina", "exact", Taxon("Rosa canina", genus="Rosa", family="Rosaceae")
        ),
        "Rosa canna": Resolution(
            "Rosa canna", "spelling", Taxon("Rosa canina", genus="Rosa", family="Rosaceae")
        ),
        "Iris": Resolution("Iris", "ambiguous", None, (Taxon("Iris", "genus"), Taxon("Iris", "order"))),
        "Dog": Resolution("Dog", "decided", None),
    }
    records = [
        replace(
            a_record(tmp_path / "photos", n), fields={"scientificName": name, "family": "?"} if name else {}
        )
        for n, name in enumerate((*given, ""))
    ]
    records.append(replace(a_record(tmp_path / "photos", 9), fields={"captions": ["A dog.", "A hound."]}))
    unread = Skipped.of("list.csv, line 3", DataError("row-without-photo", column="file"))
    done = pack_records(
        records, tmp_path / "out", resolutions=given, skipped=[unread], describe=said, workers=1
    )
    found = {record.key: record for record in read_records(tmp_path / "out")}
    fields = found["photos/001"].fields
    assert (fields["scientificName"], fields["verbatimIdentification"]) == ("Rosa canina", "Rosa canna")
    assert (fields["family"], fields["text"]) == ("Rosaceae", "Rosa canina, family Rosaceae")
    assert "verbatimIdentification" not in found["photos/000"].fields
    assert found["photos/009"].captions == ("A dog.", "A hound.")
    left = {row["key"]: row for row in rows(tmp_path / "out" / "left-out.csv")}
    assert {key: row["reason"] for key, row in left.items()} == {
        "": "unread",
        "photos/002.jpg": "unresolved",
        "photos/003.jpg": "decided",
        "photos/004.jpg": "unnamed",
    }
    assert "Iris (genus, no family) | Iris (order, no family)" in left["photos/002.jpg"]["detail"]
    assert left[""]["detail"].startswith("list.csv, line 3: the row does not specify a photo")
    assert done.sheet.names == {"ambiguous": 1, "decided": 1, "exact": 1, "spelling": 1}
    assert json.loads((tmp_path / "out" / "datasheet.json").read_text())["taxa"] == 1


@given(
    st.lists(
        st.text(max_size=60) | st.sampled_from(["a.jpg", "a.JPG", "a.png", "A", "a", "../a", "b/../a"]),
        unique=True,
    )
)
def test_keys_are_safe_and_different(keys: list[str]) -> None:
    safe = safe_keys(keys)
    assert list(safe) == keys
    assert len({key.casefold() for key in safe.values()}) == len(keys)
    for key in safe.values():
        assert key.isprintable()
        assert "." not in key
        assert "\\" not in key
        assert all(part == part.strip() and part for part in key.split("/"))
        assert len(key.encode()) <= 170
    assert safe_keys(keys[::-1]) == safe, "who comes first does not matter"


def test_keys_keep_what_they_can() -> None:
    keys = [
        "Rosa canina/1.jpg",
        "Rosa canina/IMG.2.jpg",
        "../../etc/passwd",
        "x/1.jpg",
        "x/1.png",
        "花/größe.webp",
    ]
    safe = safe_keys(keys)
    assert [safe[key] for key in keys[:3]] == ["Rosa canina/1", "Rosa canina/IMG_2", "__/__/etc/passwd"]
    assert safe["x/1.jpg"].startswith("x/1-")
    assert safe["花/größe.webp"] == "花/größe"


def test_text_stored_with_a_photo() -> None:
    named = {"scientificName": "Rosa canina", "vernacularName": "dog rose|fr:églantier", "family": "Rosaceae"}
    assert text_of(named, "Rosa canina") == "Rosa canina, dog rose, family Rosaceae"
    assert text_of(named | {"text": "Rosa canna, dog rose"}, "Rosa canna").startswith("Rosa canina, ")
    assert text_of(named | {"text": "A hedge in June."}, "Rosa canna") == "A hedge in June."
    assert text_of({"captions": ["A dog.", "A hound."]}, "") == "A dog."
