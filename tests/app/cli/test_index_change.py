"""Changes with `dalip index`, and lessons from a journal."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_assets import FLORA
from dalip_index import Journal, Observation, build_flora, verify_flora
from dalip_index.journal.lessons import lessons, teach_lesson
from tests.app.conftest import Done, World, paint

Dalip = Callable[..., Done]


@pytest.fixture
def flora(dalip: Dalip, world: World, tmp_path: Path) -> Path:
    """A flora that contains only the red flower and keeps its photos."""
    shutil.copytree(world.photos / "Flos_red", tmp_path / "red" / "Flos_red")
    path = tmp_path / "garden"
    assert dalip("index", "build", *world.encoder, "--photos", tmp_path / "red", path).status == 0
    return path


def table(folder: Path, *names: str) -> Path:
    """Write a table of red photos, each with different noise."""
    lines = [f"{number}.png,{name}" for number, name in enumerate(names)]
    for number in range(len(names)):
        paint(folder / f"{number}.png", "red", 70 + number)
    (folder / "photos.csv").write_text("\n".join(["file,scientificName", *lines]), encoding="utf-8")
    return folder


def test_photos_without_a_name_are_reported(dalip: Dalip, world: World, flora: Path, tmp_path: Path) -> None:
    photos = table(tmp_path / "table", "Flos red", "", "Flos red", "")
    done = dalip("index", "build", *world.encoder, "--photos", photos, tmp_path / "other")
    assert "skipped 2 photos without a taxon of this flora" in done.err
    done = dalip("index", "add", *world.encoder, "--flora", flora, photos)
    assert "skipped 2 photos without a taxon" in done.err


def test_a_photo_counts_once(dalip: Dalip, world: World, flora: Path, tmp_path: Path) -> None:
    kept = verify_flora(flora).manifest.counts.kept_photos
    photo = paint(tmp_path / "new.png", "red", 99)
    for _ in range(2):
        done = dalip("index", "add", *world.encoder, "--flora", flora, "--taxon", "Flos red", photo, photo)
        assert done.out == f"{flora}: knows Flos red from {kept + 1} photos; 1 taxon in total\n"


def test_a_lesson_is_learned_again_from_all_of_its_photos(world: World, tmp_path: Path) -> None:
    """Also in a flora built from names only, where every photo was taught."""
    encoder, path, journal = Encoder.load(world.bundle), tmp_path / "names", Journal(tmp_path / "data")
    build_flora(path, encoder, [Taxon("Flos red"), Taxon("Flos blue")])
    for number in range(2):
        seen = Observation(
            f"{number:032x}", "2026-05-01", "Flos pink", "species", "", 0.5, "unsure", name="Flos pink"
        )
        assert journal.add(seen, [paint(tmp_path / f"{number}.jpg", "pink", number).read_bytes()])
        (lesson,) = lessons(journal, path, None, encoder)
        counts = teach_lesson(lesson, path, None, encoder).counts
        assert (counts.photos, counts.kept_photos, counts.taught) == (number + 1, number + 1, 1)


def test_two_folders_may_have_photos_of_the_same_name(dalip: Dalip, world: World, tmp_path: Path) -> None:
    for year, seed in (("2023", 1), ("2024", 2)):
        paint(tmp_path / year / "Flos_red" / "IMG_1.png", "red", seed)
    photos = ("--photos", tmp_path / "2023", "--photos", tmp_path / "2024", "--all-photos")
    done = dalip("index", "build", *world.encoder, *photos, "garden")
    assert (done.status, done.err) == (0, "")
    assert verify_flora(tmp_path / "garden").manifest.counts.photos == 2
    assert (
        dalip(
            "index", "remove", "--photo", "2024/Flos_red/IMG_1.png", "--flora", "garden", *world.encoder
        ).status
        == 0
    )
    assert verify_flora(tmp_path / "garden").manifest.counts.photos == 1


def test_test_photos_stay_counted(dalip: Dalip, world: World, flora: Path, tmp_path: Path) -> None:
    tests = verify_flora(flora).manifest.counts.test_photos
    assert tests > 0
    photo = paint(tmp_path / "new.png", "red", 500)
    for change in (("add", "--taxon", "Flos red", photo), ("remove", "--photo", photo)):
        assert dalip("index", *change, "--flora", flora, *world.encoder).status == 0
        assert verify_flora(flora).manifest.counts.test_photos == tests


def test_changes_that_would_lose_data_are_rejected(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path
) -> None:
    done = dalip("index", "merge", flora, flora, world.flora, *world.encoder)
    assert (done.status, done.out) == (1, "")
    assert f"{world.flora}: the folder already contains a flora; add it" in done.err
    done = dalip("index", "merge", flora, flora, *world.encoder)  # the output may be one of the inputs
    assert done.status == 0, done.err
    done = dalip("index", "add", "--taxon", "Flos nova", "--flora", FLORA, paint(tmp_path / "x.png", "red"))
    assert (done.status, done.out) == (1, "")
    assert "the built-in flora cannot be changed" in done.err
    done = dalip("index", "rebuild")
    assert done.status == 2
    assert "you have no copy of the built-in flora" in " ".join(done.err.split())
