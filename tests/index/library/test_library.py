import io
import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from tiny_bundle import COLOURS
from wording import refuses, said

import dalip_index.library.library
from dalip.encoder import Encoder
from dalip.errors import ImageError, LibraryError
from dalip.photos import PhotoDetails
from dalip.taxonomy import Taxon
from dalip_assets import ENCODER
from dalip_index import (
    Flora,
    Found,
    Identification,
    Library,
    LibraryReport,
    PhotoFilter,
    SearchLimits,
    limits_of,
    load_flora,
    teach_taxon,
)
from dalip_index.library.database import LibraryStore, PhotoContent
from dalip_index.library.library_files import FoundFile
from tests.index.conftest import paint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photo of each colour, some in a sub-folder."""
    root = tmp_path / "my photos"
    for i, (colour, rgb) in enumerate(COLOURS.items()):
        path = root / ("früher" if i % 2 else ".") / f"{colour}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), rgb).save(path)
    (root / "notes.txt").write_text("no photo")
    (root / ".trash").mkdir()
    Image.new("RGB", (5, 5)).save(root / ".trash" / "old.png")
    return root


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "data")


def counts(report: LibraryReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.moved, report.removed, report.unchanged


def test_words_and_photos_find_photos(library: Library, folder: Path, encoder: Encoder) -> None:
    steps: list[tuple[str, int, int]] = []
    report = library.add(folder, encoder, lambda *step: steps.append(step))
    assert counts(report) == (10, 0, 0, 0, 0)
    assert report.skipped == ()
    assert steps[-1] == ("photos", 10, 10)
    for colour in COLOURS:
        hits = library.search_text(f"{colour}", encoder, top_k=3).hits
        assert hits[0].path.stem == colour
        assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
        assert library.search_image(hits[0].path, encoder).hits[0].path == hits[0].path
    assert len(library.search_text("red", encoder, top_k=99).hits) == len(library) == 10


def test_similarities_are_those_of_the_encoder(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    query = encoder.encode_text(["a red plant"])[0]
    hits = library.search_text("a red plant", encoder).hits
    exact = [float(next(iter(encoder.encode_files([h.path])))[1] @ query) for h in hits]
    np.testing.assert_allclose([h.similarity for h in hits], exact, atol=2e-3)  # stored in half precision


def test_adding_again_follows_moved_changed_and_deleted_photos(
    library: Library, folder: Path, encoder: Encoder
) -> None:
    library.add(folder, encoder)
    assert counts(library.add(folder, encoder)) == (0, 0, 0, 0, 10)
    (folder / "red.png").rename(folder / "früher" / "rouge.png")
    (folder / "blue.png").unlink()
    Image.new("RGB", (9, 9), COLOURS["yellow"]).save(folder / "früher" / "green.png")
    shutil.copy(folder / "pink.png", folder / "copy.png")
    os.utime(folder / "white.png", (0, 0)) if (folder / "white.png").exists() else None
    report = library.add(folder, encoder)
    assert report.moved == 1
    assert report.removed == 1
    assert report.added == 1
    assert len(library) == 10
    assert library.search_text("red", encoder).hits[0].path == (folder / "früher" / "rouge.png").resolve()
    assert {h.path.name for h in library.search_text("pink", encoder, 2).hits} == {"pink.png", "copy.png"}
    assert "green.png" in {h.path.name for h in library.search_text("yellow", encoder, 2).hits}


def test_a_moved_photo_is_not_encoded_again(
    library: Library, folder: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(folder, encoder)
    encoded: list[object] = []
    encode = Encoder.encode_files

    def counting(self: Encoder, sources: list[Path], **options: Any) -> object:
        encoded.extend(sources)
        return encode(self, sources, **options)

    monkeypatch.setattr(Encoder, "encode_files", counting)
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (folder / "red.png").rename(elsewhere / "red.png")
    report = library.add(elsewhere, encoder)
    assert counts(report) == (0, 0, 1, 0, 0)
    assert encoded == []
    assert len(library) == 10


def test_unreadable_files_are_reported_each_time_and_do_not_stop_the_rest(
    library: Library, folder: Path, encoder: Encoder
) -> None:
    (folder / "broken.jpg").write_bytes(b"text")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    for added in (10, 0):
        report = library.add(folder, encoder)
        assert report.added == added
        assert sorted(Path(u.source).name for u in report.skipped) == [
            "broken.jpg",
            "dangling.jpg",
            "empty.jpg",
        ]
        assert all(Path(u.source).name in said(u.error) for u in report.skipped)
        kinds = {Path(u.source).name: u.error.kind for u in report.skipped}
        assert kinds == {
            "broken.jpg": "image-unknown",
            "dangling.jpg": "link-to-nothing",
            "empty.jpg": "image-empty",
        }
    Image.new("RGB", (9, 9), COLOURS["red"]).save(folder / "broken.jpg")
    assert library.add(folder, encoder).added == 1
    assert len(library) == 11


def test_a_photo_that_becomes_unreadable_is_no_longer_found(
    library: Library, folder: Path, encoder: Encoder
) -> None:
    library.add(folder, encoder)
    (folder / "red.png").write_bytes(b"overwritten")
    report = library.add(folder, encoder)
    assert counts(report) == (0, 0, 0, 0, 9)
    assert len(report.skipped) == 1
    assert "red.png" not in {h.path.name for h in library.search_text("red", encoder).hits}


def test_a_file_name_that_is_not_utf8(library: Library, folder: Path, encoder: Encoder) -> None:
    try:
        shutil.copy(folder / "red.png", os.fsencode(folder) + b"/r\xe9d.png")
    except OSError:
        pytest.skip("this disk takes UTF-8 names only")
    report = library.add(folder, encoder)
    assert report.added == 10
    assert [said(u.error).split(": ")[1] for u in report.skipped] == [
        "the file name is not valid UTF-8; rename the file"
    ]


def test_another_encoder_is_refused_until_the_folders_are_added_again(
    library: Library, folder: Path, encoder: Encoder, other_encoder: Encoder, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    Image.new("RGB", (9, 9), COLOURS["red"]).resize((40, 40)).save(second / "r.png")
    library.add(folder, encoder)
    library.add(second, encoder)
    with refuses(LibraryError, match="built with another encoder; run `dalip library add`"):
        library.search_text("red", other_encoder)
    report = library.add(second, other_encoder)
    assert counts(report) == (0, 11, 0, 0, 0)
    assert len(library) == 11
    assert {h.path.name for h in library.search_text("red", other_encoder, 2).hits} == {"r.png", "red.png"}
    with refuses(LibraryError, match="another encoder"):
        library.search_text("red", encoder)


def test_invalid_searches_and_folders_are_refused(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    with refuses(LibraryError, match="the library is empty"):
        library.search_text("red", encoder)
    with refuses(LibraryError, match="the search query is empty"):
        library.search_text(" ", encoder)
    with refuses(ImageError, match="nothing here"):
        library.search_image(tmp_path / "nothing here", encoder)
    with refuses(LibraryError, match="absent: no such folder; choose a folder"):
        library.add(tmp_path / "absent", encoder)
    (tmp_path / "empty").mkdir()
    with refuses(LibraryError, match="empty: the folder contains no photos"):
        library.add(tmp_path / "empty", encoder)
    assert not (tmp_path / "data").exists()
    assert len(library) == 0


def test_a_folder_that_lost_its_photos(library: Library, folder: Path, encoder: Encoder) -> None:
    library.add(folder, encoder)
    for path in folder.rglob("*.png"):
        path.unlink()
    assert counts(library.add(folder, encoder)) == (0, 0, 0, 10, 0)
    with refuses(LibraryError, match="the library is empty"):
        library.search_text("red", encoder)


@pytest.mark.parametrize("damage", ["header", "vector"])
def test_a_damaged_database_is_named(
    library: Library, folder: Path, encoder: Encoder, tmp_path: Path, damage: str
) -> None:
    library.add(folder, encoder)
    path = tmp_path / "data" / "library" / "library.db"
    if damage == "header":
        path.write_bytes(b"no database" * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE contents SET vector = x'00' WHERE id = 3")
    with refuses(
        LibraryError,
        match=r"library\.db: the database is damaged .*; delete the file and add your folders again",
    ):
        Library(tmp_path / "data").search_text("red", encoder)


def test_a_newer_database_is_refused(
    library: Library, folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    library.add(folder, encoder)
    with sqlite3.connect(tmp_path / "data" / "library" / "library.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with refuses(
        LibraryError,
        match=r"library\.db: the database has version 99, but .* supports only up to 3; upgrade DALIP",
    ):
        library.search_text("red", encoder)


def test_threads_search_while_photos_are_added(
    library: Library, folder: Path, encoder: Encoder, photos: Path
) -> None:
    library.add(folder, encoder)
    failures: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                assert library.search_text("red", encoder, 200).hits
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        library.add(photos, encoder)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(library.search_text("red", encoder, 200).hits) == len(library) == 160


@pytest.fixture
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def dated(path: Path, colour: str, date: str, seed: int = 0) -> Path:
    """Paint a photo with the date it was taken, unless the date is empty."""
    paint(path, colour, seed)
    with Image.open(path) as image:
        exif = Image.Exif()
        if date:
            exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: date}
        image.save(path, exif=exif)
    os.utime(path, (1_000_000_000, 1_000_000_000))  # September 2001
    return path


@pytest.fixture
def roses(library: Library, tmp_path: Path, encoder: Encoder, flora: Flora) -> Library:
    """A library of identified roses: two red ones from 2023 and 2024, a blue one from 2024 and one without a date."""
    dated(tmp_path / "roses" / "a.png", "red", "2023:05:31 10:00:00", 1)
    dated(tmp_path / "roses" / "b.png", "red", "2024:06:01 10:00:00", 5)
    dated(tmp_path / "roses" / "c.png", "blue", "2024:05:31 23:59:00", 3)
    dated(tmp_path / "roses" / "d.png", "green", "", 8)
    library.add(tmp_path / "roses", encoder, flora=flora)
    return library


def names(found: Found) -> str:
    return "".join(hit.path.stem for hit in found.hits)


def test_photos_are_stored_with_their_identification(roses: Library, flora: Flora, tmp_path: Path) -> None:
    for hit in roses.newest().hits:
        answer = next(iter(flora.identify([hit.path])))
        assert isinstance(answer, Identification)
        assert hit.name is not None
        taxon = answer.taxon or answer.predictions[0].taxon
        assert (hit.name.scientific_name, hit.name.verdict) == (taxon.scientific_name, answer.verdict)
        assert (hit.name.genus, hit.name.family) == (taxon.genus, taxon.family)
        probability = answer.probability if answer.taxon else answer.predictions[0].probability
        assert hit.name.probability == pytest.approx(probability, abs=0.02)  # from vectors in half precision


def test_dates_come_from_the_photo_or_else_from_the_file(roses: Library) -> None:
    hits = {hit.path.stem: hit for hit in roses.newest().hits}
    assert (hits["a"].date, hits["a"].date_source) == ("2023-05-31T10:00:00", "DateTimeOriginal")
    assert hits["d"].date.startswith("2001-09-")
    assert hits["d"].date_source == "file time"


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (PhotoFilter(), "bcad"),
        (PhotoFilter(taxon="rosa RED"), "ba"),
        (PhotoFilter(taxon="Rosa"), "bcad"),
        (PhotoFilter(taxon="Rosaceae", since="2024"), "bc"),
        (PhotoFilter(taxon="Quercus"), ""),
        (PhotoFilter(since="2024-06"), "b"),
        (PhotoFilter(until="2024-05"), "cad"),
        (PhotoFilter(until="2024-05-30"), "ad"),
        (PhotoFilter(since="2024-05-31", until="2024-05-31"), "c"),
        (PhotoFilter(until="2001"), "d"),
        (PhotoFilter(verdict="uncalibrated"), ""),
    ],
)
def test_filters(roses: Library, encoder: Encoder, only: PhotoFilter, found: str) -> None:
    listed = roses.newest(only=only)
    assert names(listed) == found
    assert listed.total == len(found)
    assert sorted(names(roses.search_text("red", encoder, only=only))) == sorted(found)
    assert names(roses.newest(2, offset=1, only=only)) == found[1:3]
    assert roses.newest(2, offset=9, only=only) == Found((), len(found))


def test_invalid_filters_are_refused() -> None:
    with refuses(LibraryError, match="^May 2024 is not a date; use the form 2024-05-31"):
        PhotoFilter(since="May 2024")
    for day in ("2024-02-30", "2024-13", "2024-00-99", "２０２４", "24", "2024-05-31T10:00"):
        with refuses(LibraryError, match="is not a date"):
            PhotoFilter(until=day)
    for since, until in (("2025", "2024"), ("2024-06", "2024-05-31"), ("2024-06-01", "2024-05")):
        with refuses(LibraryError, match="is after the last day"):
            PhotoFilter(since=since, until=until)
    PhotoFilter(since="2024-05-31", until="2024")
    PhotoFilter(since="2024", until="2024-05")
    with refuses(LibraryError, match="perhaps is not a verdict; use one of sure, "):
        PhotoFilter(verdict="perhaps")


def test_taxa_and_verdicts_are_counted(roses: Library) -> None:
    counted = {taxon.scientific_name: (taxon.taxon_rank, taxon.photos) for taxon in roses.taxa()}
    assert counted["Rosaceae"] == ("family", 4)
    assert counted["Rosa"] == ("genus", 4)
    assert counted["Rosa red"] == ("species", 2)
    assert sum(roses.verdicts().values()) == len(roses) == 4


def test_rejected_photos_have_no_taxon_in_the_library(roses: Library, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "data" / "library" / "library.db") as connection:
        connection.execute("UPDATE names SET verdict = 'not a plant' WHERE scientific_name = 'Rosa red'")
    assert "Rosa red" not in {taxon.scientific_name for taxon in roses.taxa()}
    assert names(roses.newest(only=PhotoFilter(taxon="Rosa red"))) == ""
    assert names(roses.newest(only=PhotoFilter(verdict="not a plant"))) == "ba"


@given(
    similar=st.lists(st.sampled_from([-0.4, 0.1, 0.5, 0.52, 0.9]), min_size=1, max_size=12),
    meant=st.integers(0, 2**12 - 1),
    least=st.one_of(st.none(), st.sampled_from([0.5, 0.52, 0.95])),
    top_k=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_pages_equal_a_plain_search(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: Encoder,
    similar: list[float],
    meant: int,
    least: float | None,
    top_k: int,
) -> None:
    """All pages together equal the result of sorting everything, with any filters, hidden photos or ties."""
    library = made_library(tmp_path_factory.mktemp("made"), encoder, similar, meant)
    query = np.eye(1, encoder.width, dtype=np.float32)[0]
    limits = None if least is None else SearchLimits(least, least)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dalip_index.library.library, "limits_of", lambda _: limits)
        patch.setattr(Encoder, "encode_text", lambda *_: query[None])
        only = PhotoFilter(taxon="Rosa meant")
        pages = [
            library.search_text("x", encoder, top_k, offset=offset, only=only)
            for offset in range(0, len(similar) + top_k, top_k)
        ]
        everything = library.search_text("x", encoder, 99, only=only, everything=True)
    wanted = [i for i in range(len(similar)) if meant >> i & 1]
    halves = [float(np.float16(s)) for s in similar]
    expected = sorted(wanted, key=lambda i: (-halves[i], i))
    shown = [i for i in expected if least is None or halves[i] >= least]
    assert [int(h.path.stem) for page in pages for h in page.hits] == shown
    assert {(page.total, page.hidden) for page in pages} == {(len(shown), len(wanted) - len(shown))}
    assert [int(h.path.stem) for h in everything.hits] == expected
    assert everything.hidden == 0


def made_library(folder: Path, encoder: Encoder, similar: list[float], meant: int) -> Library:
    """Make a library without photo files, with given similarities to the first axis; the bits of `meant` set names."""
    store = LibraryStore(folder / "library" / "library.db")
    store.begin(encoder.fingerprint, str(folder))
    vectors = np.zeros((len(similar), encoder.width + encoder.appearance_width), np.float32)
    vectors[:, 0] = similar
    photos = [FoundFile(str(folder / f"{i:02}.png"), 1, 1, f"{i}") for i in range(len(similar))]
    contents = {f"{i}": PhotoContent(row, PhotoDetails(), b"") for i, row in enumerate(vectors)}
    store.save(photos, contents, encoder.fingerprint, encoder.width)
    with store.connect() as connection:
        for i in range(len(similar)):
            name = "Rosa meant" if meant >> i & 1 else "Rosa other"
            row = ("f", name, "species", "", "Rosa", "Rosaceae", 0.9, "sure")
            query = "INSERT INTO names SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM contents WHERE sha256 = ?"
            connection.execute(query, (*row, f"{i}"))
    return Library(folder)


def test_only_the_built_in_encoder_hides_weak_matches(encoder: Encoder) -> None:
    assert limits_of(Encoder.load(ENCODER)), "run benchmarks/search.py for the new built-in encoder"
    assert limits_of(encoder) is None


def test_photos_are_identified_again_when_the_flora_changes(
    roses: Library, encoder: Encoder, flora: Flora, flora_path: Path, tmp_path: Path
) -> None:
    assert roses.named_otherwise(flora) == 0
    assert roses.name(flora) == 0
    taught = shutil.copytree(flora_path, tmp_path / "taught")
    photos = [paint(tmp_path / f"{n}.png", "red", n) for n in range(3)]
    teach_taxon(taught, encoder, Taxon("Rosa nova"), photos)
    newer = load_flora(taught, encoder)
    assert roses.named_otherwise(newer) == 4
    shutil.rmtree(tmp_path / "roses")  # names come from stored vectors
    assert roses.name(newer) == 4
    assert roses.named_otherwise(newer) == 0
    assert names(roses.newest(only=PhotoFilter(taxon="Rosa nova"))) == "ba"
    assert roses.name(flora) == 4
    assert names(roses.newest(only=PhotoFilter(taxon="Rosa nova"))) == ""


def test_thumbnails_and_files_are_found_by_content(roses: Library, tmp_path: Path) -> None:
    hit = roses.newest(1).hits[0]
    with Image.open(io.BytesIO(roses.thumbnail(hit.content) or b"")) as small:
        assert small.size == (20, 20)
    shutil.copy(hit.path, tmp_path / "roses" / "copy.png")
    assert roses.path_of(hit.content) == hit.path
    hit.path.unlink()
    assert roses.path_of(hit.content) is None
    assert roses.thumbnail("nothing") is None


def test_all_folders_are_updated(library: Library, folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    with refuses(LibraryError, match="the library is empty"):
        library.update(encoder)
    second = paint(tmp_path / "second" / "r.png", "red", 1).parent
    library.add(folder, encoder)
    library.add(second, encoder)
    (folder / "red.png").unlink()
    paint(second / "s.png", "blue", 2)
    assert counts(library.update(encoder)) == (1, 0, 0, 1, 10)
    second.rename(tmp_path / "unplugged")
    report = library.update(encoder)
    assert counts(report) == (0, 0, 0, 0, 9)
    assert [said(u.error) for u in report.skipped] == [
        f"{second}: the folder was not found; its photos stay in the library until you remove it "
        "with `dalip library remove`"
    ]
    assert library.folders() == {str(folder): 9, str(second): 2}


def test_a_folder_can_be_removed(library: Library, folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    inner = folder / "früher"
    library.add(inner, encoder)
    library.add(folder, encoder)
    with refuses(
        LibraryError, match=r"früher: the folder is inside .*my photos, which is also in the library"
    ):
        library.remove(inner)
    with refuses(
        LibraryError, match="this folder is not in the library; list its folders with `dalip library info`"
    ):
        library.remove(tmp_path)
    assert library.remove(folder) == 5
    assert library.folders() == {str(inner): 5}
    assert len(library.search_text("red", encoder, 99).hits) == 5
    shutil.rmtree(folder)
    assert library.remove(inner) == 5
    assert (len(library), library.folders(), library.taxa()) == (0, {}, [])


def test_a_folder_removed_while_it_is_read_leaves_nothing(
    library: Library, photos: Path, encoder: Encoder
) -> None:
    def progress(what: str, number: int, total: int) -> None:
        if number == 40:
            library.remove(photos)

    library.add(photos, encoder, progress)
    assert (len(library), library.folders()) == (0, {})
    assert library.newest().total == 0
    library.add(photos, encoder)
    assert len(library) == 150


def test_an_interrupted_update_keeps_the_photos_already_read(
    library: Library, photos: Path, encoder: Encoder, flora: Flora
) -> None:
    done = 0

    def progress(what: str, number: int, total: int) -> None:
        nonlocal done
        done = number if what == "photos" else done

    report = library.add(photos, encoder, progress, flora=flora, stop=lambda: done >= 40)
    assert report.stopped
    assert 40 <= report.added == len(library) < 150
    again = library.add(photos, encoder, flora=flora)
    assert not again.stopped
    assert (again.added, again.unchanged) == (150 - report.added, report.added)
    assert library.named_otherwise(flora) == 0
