"""`dalip library` and `dalip search`, as whole processes."""

import json
from collections.abc import Callable
from pathlib import Path

from .conftest import Done, World, paint, run

Dalip = Callable[..., Done]


def test_a_library_follows_its_folder(dalip: Dalip, world: World, tmp_path: Path) -> None:
    garden = tmp_path / "garden"
    for number, colour in enumerate(("red", "red", "blue", "green")):
        paint(garden / f"{number}.png", colour, number)
    add = ("library", "add", garden, *world.encoder)
    assert dalip(*add).out == f"{garden}: 4 added\n"
    assert dalip(*add).out == f"{garden}: 4 unchanged\n"
    (garden / "0.png").rename(garden / "moved.png")
    (garden / "3.png").unlink()
    paint(garden / "2.png", "yellow", 9, side=40)
    paint(garden / "new.png", "pink", 10)
    assert dalip(*add).out == f"{garden}: 1 added, 1 changed, 1 moved, 1 removed, 1 unchanged\n"
    assert dalip("library", "info").out == f"{tmp_path / 'data'}: 4 photos\n"


def test_unreadable_photos_are_named_and_the_rest_is_added(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    paint(tmp_path / "garden" / "good.png", "red")
    (tmp_path / "garden" / "bad.jpg").write_text("no photo")
    done = dalip("library", "add", "garden", *world.encoder)
    assert done.status == 1
    assert done.out == "garden: 1 added, 1 unreadable\n"
    (line,) = done.err.splitlines()
    assert "bad.jpg: is not an image" in line


def test_search_by_words_and_by_photo(dalip: Dalip, world: World, tmp_path: Path) -> None:
    assert dalip("library", "add", world.photos, *world.encoder).status == 0
    done = dalip("search", "a red one", "--top-k", 5, "--json", *world.encoder)
    hits = [json.loads(line) for line in done.lines]
    assert [list(hit) for hit in hits] == [["image", "similarity"]] * 5
    assert {Path(hit["image"]).parent.name for hit in hits} == {"Flos_red"}
    assert [h["similarity"] for h in hits] == sorted((h["similarity"] for h in hits), reverse=True)
    photo = paint(tmp_path / "query.png", "blue", 77)
    done = dalip("search", "--image", photo, "--top-k", 3, *world.encoder)
    assert len(done.lines) == 3
    assert all("Flos_blue" in line for line in done.lines)
    fails = dalip("search", "--image", "missing.png", *world.encoder)
    assert (fails.status, fails.out) == (1, "")
    assert "missing.png: no such file" in fails.err


def test_an_empty_library_says_what_to_do(dalip: Dalip, world: World) -> None:
    done = dalip("search", "poppy", *world.encoder)
    assert (done.status, done.out) == (1, "")
    assert "library add" in done.err
    assert "library add" in dalip("library", "info").out


def test_search_wants_words_or_a_photo(dalip: Dalip) -> None:
    assert dalip("search").status == 2
    assert dalip("search", "poppy", "--image", "x.png").status == 2


def test_a_folder_that_is_not_there(dalip: Dalip, world: World) -> None:
    done = dalip("library", "add", "nowhere", *world.encoder)
    assert (done.status, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "nowhere" in done.err


def test_the_data_directory_can_be_chosen(world: World, tmp_path: Path) -> None:
    paint(tmp_path / "garden" / "good.png", "red")
    add = ["dalip", "library", "add", tmp_path / "garden", *world.encoder]
    assert run([*add, "--data-dir", tmp_path / "mine"], DALIP_DATA_DIR=str(tmp_path / "env")).status == 0
    assert (tmp_path / "mine").is_dir()
    assert not (tmp_path / "env").exists()
