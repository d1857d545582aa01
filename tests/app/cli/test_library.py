"""`dalip library` and `dalip search`, run as complete commands."""

import json
from collections.abc import Callable
from pathlib import Path

from PIL import ExifTags, Image

from tests.app.conftest import Done, World, paint, run

Dalip = Callable[..., Done]


def test_a_library_follows_its_folder(dalip: Dalip, world: World, tmp_path: Path) -> None:
    garden = tmp_path / "garden"
    for number, colour in enumerate(("red", "red", "blue", "green")):
        paint(garden / f"{number}.png", colour, number)
    add = ("library", "add", garden, *world.options)
    assert dalip(*add).out == f"{garden}: 4 added\n"
    assert dalip(*add).out == f"{garden}: 4 unchanged\n"
    (garden / "0.png").rename(garden / "moved.png")
    (garden / "3.png").unlink()
    paint(garden / "2.png", "yellow", 9, side=40)
    paint(garden / "new.png", "pink", 10)
    assert dalip(*add).out == f"{garden}: 1 added, 1 changed, 1 moved, 1 removed, 1 unchanged\n"
    assert dalip("library", "info").lines[:2] == [f"{tmp_path / 'data'}: 4 photos", f"        4  {garden}"]


def test_unreadable_photos_are_reported_and_the_rest_is_added(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    paint(tmp_path / "garden" / "good.png", "red")
    (tmp_path / "garden" / "bad.jpg").write_text("no photo")
    done = dalip("library", "add", "garden", *world.options)
    assert done.status == 1
    assert done.out == "garden: 1 added, 1 unreadable\n"
    (line,) = done.err.splitlines()
    assert "bad.jpg: the file is not an image" in line


def test_search_by_words_and_by_photo(dalip: Dalip, world: World, tmp_path: Path) -> None:
    assert dalip("library", "add", world.photos, *world.options).status == 0
    done = dalip("search", "a red one", "--top-k", 5, "--json", *world.encoder)
    hits = [json.loads(line) for line in done.lines]
    fields = ["image", "similarity", "scientificName", "taxonRank", "probability", "verdict"]
    fields += ["eventDate", "eventDateSource"]
    assert [list(hit) for hit in hits] == [fields] * 5
    assert hits[0]["scientificName"] == "Flos red"
    assert hits[0]["eventDateSource"] == "file time"
    assert done.err == "dalip: 5 of 240 shown; use --page for the next ones\n"
    second = dalip("search", "a red one", "--top-k", 5, "--page", 2, "--json", *world.encoder)
    assert not set(second.lines) & set(done.lines)
    assert {Path(hit["image"]).parent.name for hit in hits} == {"Flos_red"}
    assert [h["similarity"] for h in hits] == sorted((h["similarity"] for h in hits), reverse=True)
    photo = paint(tmp_path / "query.png", "blue", 77)
    done = dalip("search", "--image", photo, "--top-k", 3, *world.encoder)
    assert len(done.lines) == 3
    assert all("Flos_blue" in line for line in done.lines)
    fails = dalip("search", "--image", "missing.png", *world.encoder)
    assert (fails.status, fails.out) == (1, "")
    assert "missing.png: no such file" in fails.err


def test_files_that_are_not_photos_are_counted_and_listed_on_request(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    garden = tmp_path / "garden"
    paint(garden / "good.png", "red").rename(garden / "photo without extension")
    paint(garden / "#recycle" / "old.png", "blue")
    (garden / "notes.txt").write_text("no photo")
    add = ("library", "add", garden, *world.options)
    done = dalip(*add)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{garden}: 1 added, 1 not photos, 1 hidden or system\n"
    done = dalip(*add, "--verbose")
    assert (done.status, done.out) == (0, f"{garden}: 1 unchanged, 1 not photos, 1 hidden or system\n")
    assert done.err.splitlines() == [
        f"dalip: {garden}/notes.txt: this file is not a photo",
        f"dalip: {garden}/#recycle: this is a hidden or system file or folder, and was left out",
    ]


def test_a_date_is_shown_with_its_source(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "garden" / "IMG-20230531-WA0007.png", "red")
    paint(tmp_path / "garden" / "plain.png", "blue")
    sidecar = {"photoTakenTime": {"timestamp": "1685534400"}}
    (tmp_path / "garden" / "plain.png.supplemental-me.json").write_text(json.dumps(sidecar))
    assert dalip("library", "add", photo.parent, *world.options).status == 0
    search = ("search", "--since", "2023-05-31", "--until", "2023-05-31")
    found = {Path(hit["image"]).name: hit for hit in map(json.loads, dalip(*search, "--json").lines)}
    dates = {name: (hit["eventDate"], hit["eventDateSource"]) for name, hit in found.items()}
    assert dates == {
        photo.name: ("2023-05-31", "file name"),
        "plain.png": ("2023-05-31T12:00:00+00:00", "Google Takeout"),
    }
    listed = dalip(*search).lines
    assert {line.rpartition(", ")[2] for line in listed} == {
        "2023-05-31 (file name)",
        "2023-05-31 (Google Takeout)",
    }


def test_an_empty_library_says_what_to_do(dalip: Dalip, world: World) -> None:
    done = dalip("search", "poppy", *world.encoder)
    assert (done.status, done.out) == (1, "")
    assert "library add" in done.err
    assert "library add" in dalip("library", "info").out


def test_filters_narrow_a_search_or_list_photos(dalip: Dalip, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "garden"
    for number, colour in enumerate(("red", "blue", "blue")):
        with Image.open(paint(folder / f"{number}.png", colour, 1000 + number)) as photo:
            exif = Image.Exif()
            exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: f"202{number}:05:31 12:00:00"}
            photo.save(folder / f"{number}.png", exif=exif)
    assert dalip("library", "add", folder, *world.options).status == 0
    listed = dalip("search", "--taxon", "flos blue").lines
    assert [line.split(maxsplit=1)[1] for line in listed] == [
        "Flos blue (sure), 2022-05-31",
        "Flos blue (sure), 2021-05-31",
    ]
    done = dalip("search", "red", "--since", "2021", "--until", "2021-05", "--json", *world.encoder)
    (hit,) = map(json.loads, done.lines)
    assert (Path(hit["image"]).name, hit["eventDate"]) == ("1.png", "2021-05-31T12:00:00")
    none = dalip("search", "--taxon", "Flos novus")
    assert (none.status, none.out) == (0, "")
    assert "no matching photos" in none.err
    assert "identify the photos again" in none.err
    for option, value, words in (
        ("--since", "May", "is not a date"),
        ("--verdict", "perhaps", "is not a verdict"),
    ):
        wrong = dalip("search", "red", option, value, *world.encoder)
        assert (wrong.status, len(wrong.err.splitlines())) == (1, 1)
        assert words in wrong.err


def test_all_folders_are_brought_up_to_date_and_one_is_forgotten(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        paint(tmp_path / folder / "1.png", "red", 1)
        assert dalip("library", "add", folder, *world.options).status == 0
    paint(tmp_path / "b" / "2.png", "blue", 2)
    assert dalip("library", "add", *world.options).out == "all folders: 1 added, 2 unchanged\n"
    assert dalip("library", "remove", "b").out == "b: removed, with 2 photos\n"
    assert "1 photo\n" in dalip("library", "info").out
    fails = dalip("library", "remove", "b")
    assert (fails.status, fails.out, len(fails.err.splitlines())) == (1, "", 1)
    assert "this folder is not in the library" in fails.err


def test_search_wants_words_or_a_photo(dalip: Dalip) -> None:
    assert dalip("search").status == 2
    assert dalip("search", "poppy", "--image", "x.png").status == 2


def test_a_folder_that_is_not_there(dalip: Dalip, world: World) -> None:
    done = dalip("library", "add", "nowhere", *world.options)
    assert (done.status, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "nowhere" in done.err


def test_the_data_directory_can_be_chosen(world: World, tmp_path: Path) -> None:
    paint(tmp_path / "garden" / "good.png", "red")
    add = ["dalip", "library", "add", tmp_path / "garden", *world.options]
    assert run([*add, "--data-dir", tmp_path / "mine"], DALIP_DATA_DIR=str(tmp_path / "env")).status == 0
    assert (tmp_path / "mine").is_dir()
    assert not (tmp_path / "env").exists()
