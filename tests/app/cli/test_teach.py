"""`dalip index add` and `remove`, run as complete commands."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dalip_assets import FLORA
from dalip_index import flora_info, verify_flora
from tests.app.conftest import Done, World, paint, run

Dalip = Callable[..., Done]


@pytest.fixture
def flora(world: World, tmp_path: Path) -> Path:
    """A flora without the purple flower that keeps no photos."""
    lines = world.taxa.read_text(encoding="utf-8").splitlines()
    taxa = tmp_path / "taxa.tsv"
    taxa.write_text("\n".join(line for line in lines if "Flos purple" not in line), encoding="utf-8")
    build = ["dalip", "index", "build", *world.encoder, "--taxa", taxa, "--photos", world.photos]
    assert run([*build, "--keep", 0, tmp_path / "nine"]).status == 0
    return tmp_path / "nine"


def test_a_plant_is_taught_identified_and_removed(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path
) -> None:
    use = ("--flora", flora, *world.encoder)
    for number in range(3):
        paint(tmp_path / "new" / f"{number}.png", "purple", number)
    (tmp_path / "new" / "broken.jpg").write_text("no photo")
    asked = [paint(tmp_path / f"{colour}.png", colour, 50) for colour in ("purple", "red")]
    before = dalip("identify", *asked, *use, "--json", "--top-k", 9)
    done = dalip("index", "add", "--taxon", "Flos purple", "--common-name", "purple flower", "new", *use)
    assert done.status == 1  # one of the photos is unreadable
    assert done.out == f"{flora}: knows Flos purple from 3 photos; 10 taxa in total\n"
    (line,) = done.err.splitlines()
    assert "broken.jpg: the file is not an image" in line
    purple, red = (json.loads(line) for line in dalip("identify", *asked, *use, "--json").lines)
    best = purple["predictions"][0]
    assert (best["scientificName"], best["vernacularName"]) == ("Flos purple", "purple flower")
    assert (best["family"], best["experimental"]) == ("Coloraceae", False)
    assert red["predictions"][0]["scientificName"] == "Flos red"
    assert "taught        Flos purple" in dalip("index", "info", flora).lines
    assert json.loads(dalip("index", "info", flora, "--json").out)["taught"] == ["Flos purple"]
    assert dalip("index", "verify", flora).status == 0
    done = dalip("index", "remove", "--taxon", "Flos  purple", *use)
    assert (done.status, done.out) == (0, f"{flora}: removed Flos purple; 9 taxa left\n")
    assert dalip("identify", *asked, *use, "--json", "--top-k", 9).out == before.out


def test_impossible_changes_are_one_line_errors(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path
) -> None:
    use = ("--flora", flora, *world.encoder)
    photo = paint(tmp_path / "purple.png", "purple")
    for command, message in (
        (
            ("add", "--taxon", "Flos red", photo),
            "the flora already contains Flos red; if you taught it this plant, remove the plant first",
        ),
        (("add", "--taxon", "Flos purple", "--family", "Rosaceae", photo), "the genus Flos is in Coloraceae"),
        (("add", "--taxon", "Flos purple", "--rank", "clan", photo), "unknown taxonRank 'clan'"),
        (("add", "--taxon", " ", photo), "a taxon needs a scientific name"),
        (
            ("remove", "--taxon", "Flos mauve"),
            "Flos mauve: the flora does not contain this taxon; it was taught no plants",
        ),
        (("remove", "--taxon", "Flos red"), "the flora was built and calibrated with this taxon"),
    ):
        done = dalip("index", *command, *use)
        assert (done.status, done.out) == (1, "")
        (line,) = done.err.splitlines()
        assert message in line


def test_the_built_in_flora_is_taught_as_a_copy(dalip: Dalip, tmp_path: Path) -> None:
    photo = paint(tmp_path / "purple.png", "purple", side=240)
    taxa = flora_info(FLORA).manifest.counts.taxa
    told = ["taxa", f"{taxa:,},", "with", "13,677", "common", "names"]
    assert dalip("index", "info").out.splitlines()[3].split() == told
    done = dalip("index", "add", "--taxon", "Purpura mera", "--family", "Coloraceae", photo)
    assert done.status == 0
    assert set(done.err.splitlines()) <= {"photos: 1 of 1"}  # progress, on a busy machine
    own = tmp_path / "data" / "flora"
    assert done.out == f"{own}: knows Purpura mera from 1 photo; {taxa + 1:,} taxa in total\n"
    assert verify_flora(own).manifest.counts.taxa == taxa + 1
    (answer,) = (json.loads(line) for line in dalip("identify", photo, "--json").lines)
    assert answer["predictions"][0]["scientificName"] == "Purpura mera"
    for place in (tmp_path / "empty", photo):  # no copy of the flora, and not a folder
        done = run(["dalip", "identify", photo, "--data-dir", place])
        assert (done.status, done.err) == (0, "")
        assert "Purpura mera" not in done.out
    assert dalip("index", "remove", "--taxon", "Purpura mera").status == 0
    # Nothing is taught any more, so the built-in flora is used.
    assert dalip("index", "info").lines[0].split()[-1] == str(FLORA)


def test_a_copy_for_another_encoder_is_ignored_with_a_warning(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    shutil.copytree(world.flora, tmp_path / "data" / "flora")
    photo = paint(tmp_path / "purple.png", "purple", side=240)
    own = tmp_path / "data" / "flora"
    warning = (
        f"dalip: {own}: the flora that you taught cannot be used with this version of DALIP; "
        "transfer your plants with `dalip index rebuild`"
    )
    done = dalip("identify", photo, "--top-k", 1)
    assert done.status == 0
    assert done.err.startswith(warning)
    assert "Flos" not in done.out
    done = dalip("index", "add", "--taxon", "Purpura mera", photo)
    assert done.status == 1
    assert done.err.startswith(warning)
    assert "was built with the encoder tiny-0" in done.err
