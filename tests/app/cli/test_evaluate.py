"""`dalip evaluate`: tables, JSON and one-line errors."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tiny_bundle import write_tiny_bundle

from tests.app.conftest import Done, World, paint

Dalip = Callable[..., Done]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("other") / "bundle", seed=1)


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos with a table; one photo is unreadable."""
    folder = tmp_path_factory.mktemp("captioned")
    with (folder / "photos.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "source"])
        for i, colour in enumerate(("red", "green", "blue", "yellow")):
            paint(folder / f"{colour}.png", colour, i)
            rows.writerow([f"{colour}.png", f"a {colour} thing", "things"])
        (folder / "broken.png").write_bytes(b"not an image")
        rows.writerow(["broken.png", "nothing", "things"])
    return folder


def test_zero_shot_compares_encoders(dalip: Dalip, world: World, other: Path) -> None:
    arguments = ("evaluate", "zero-shot", world.bundle, other, "--photos", world.photos, "--taxa", world.taxa)
    done = dalip(*arguments)
    assert (done.status, done.err) == (0, "")
    head = [
        "source",
        "names",
        "encoder",
        "photos",
        "classes",
        "top-1",
        "top-5",
        "macro",
        "NLL",
        "(test",
        "photos)",
    ]
    assert done.lines[0].split() == head
    names = [line.split()[1] for line in done.lines[1:]]
    assert names == [kind for kind in ("common", "scientific", "taxonomic", "all") for _ in range(2)]
    assert [line.split()[2] for line in done.lines[1:3]] == [str(world.bundle), str(other)]
    content = json.loads(dalip(*arguments, "--json", "--split", "all").out)
    assert content["split"] == "all"
    assert [found["encoder"] for found in content["encoders"]] == [str(world.bundle), str(other)]
    first = content["encoders"][0]
    assert first["weights"] == {"first_order": 0.6, "second_order": 0.4}
    assert {(row["photos"], row["classes"]) for row in first["rows"]} == {(240, 10)}
    assert all(0.8 < row["top_1"] <= row["top_5"] <= 1 for row in first["rows"])


def test_the_orders_are_measured_separately(dalip: Dalip, world: World) -> None:
    def rows(*more: object) -> tuple[dict[str, float], list[dict[str, float]]]:
        done = dalip("evaluate", "zero-shot", world.bundle, "--photos", world.photos, "--json", *more)
        assert done.status == 0, done.err
        (found,) = json.loads(done.out)["encoders"]
        return found["weights"], found["rows"]

    assert rows("--first-order", "1")[0] == {"first_order": 1, "second_order": 0}
    assert rows("--first-order", "1")[1] != rows("--first-order", "0")[1]
    for again, plain in zip(rows("--first-order", "0.6")[1], rows()[1], strict=True):
        assert again == plain | {"nll": pytest.approx(plain["nll"], rel=1e-3)}
    done = dalip("evaluate", "zero-shot", "--photos", world.photos, "--first-order", "1.5")
    assert done.status == 2


def test_retrieval_reports_and_counts_unreadable_photos(dalip: Dalip, world: World, captioned: Path) -> None:
    arguments = ("evaluate", "retrieval", world.bundle, "--photos", captioned, "--split", "all")
    done = dalip(*arguments)
    assert done.status == 1
    assert done.lines[1].split()[:4] == ["things", str(world.bundle), "4", "4"]
    assert done.lines[1].split()[4:] == ["100.0%"] * 6
    (line,) = done.err.splitlines()
    assert line.startswith(
        f"dalip: {captioned / 'broken.png'}: the file is not an image in a supported format; use"
    )
    content = json.loads(dalip(*arguments, "--json").out)
    (row,) = content["encoders"][0]["rows"]
    assert row["image_to_text"] == row["text_to_image"] == {"1": 1, "5": 1, "10": 1}
    assert [photo["image"] for photo in content["unreadable"]] == [str(captioned / "broken.png")]


def test_an_unusable_record_is_reported_and_the_others_are_measured(
    dalip: Dalip, world: World, captioned: Path, tmp_path: Path
) -> None:
    shutil.copytree(captioned, tmp_path / "captioned")
    with (tmp_path / "captioned" / "photos.csv").open("a") as file:
        file.write("gone.png,nothing,things\n")
    arguments = ("retrieval", world.bundle, "--photos", tmp_path / "captioned", "--split", "all")
    done = dalip("evaluate", *arguments)
    assert done.status == 1
    assert done.lines[1].split()[2:4] == ["4", "4"]
    first, second, third = done.err.splitlines()
    assert first.endswith("'gone.png' is not a file in " + str(tmp_path / "captioned") + "; correct the name")
    assert "broken.png" in second
    assert third == "dalip: skipped 2; the others were used"
    (line,) = json.loads(dalip("evaluate", *arguments, "--json").out)["left_out"]
    assert f"dalip: {line}" == first


def test_few_shot_and_linear_probe(dalip: Dalip, world: World) -> None:
    done = dalip("evaluate", "few-shot", world.bundle, "--photos", world.photos, "--folds", 3)
    assert (done.status, done.err) == (0, "")
    assert done.lines[0].split()[:-2] == [
        "source",
        "encoder",
        "shots",
        "photos",
        "taxa",
        "top-1",
        "+/-",
        "macro",
    ]
    assert [line.split()[2] for line in done.lines[1:]] == ["1", "5"]
    done = dalip("evaluate", "linear-probe", world.bundle, "--photos", world.photos, "--json")
    assert done.status == 0, done.err
    (row,) = json.loads(done.out)["encoders"][0]["rows"]
    assert row["taxa"] == 10
    assert row["top_1"] > 0.9
    assert row["strength"] in (1, 10, 100, 1000)


def test_problems_are_one_line_errors(dalip: Dalip, world: World, captioned: Path, tmp_path: Path) -> None:
    one = tmp_path / "one" / "Flos_red"
    one.mkdir(parents=True)
    shutil.copy(world.photos / "Flos_red" / "red-00.png", one / "a.png")  # its key is in the training split
    (tmp_path / "empty").mkdir()
    flora = ("evaluate", "flora", *world.options)
    for arguments, words in (
        (("evaluate", "zero-shot", world.bundle, "--photos", "one"), ("test split", "--split all")),
        (
            ("evaluate", "zero-shot", world.bundle, "--photos", captioned, "--split", "all"),
            ("scientificName",),
        ),
        (("evaluate", "zero-shot", "empty", "--photos", world.photos), ("empty", "not an encoder bundle")),
        (("evaluate", "zero-shot", "absent", "--photos", world.photos), ("absent",)),
        (("evaluate", "few-shot", world.bundle, "--photos", world.photos, "--shots", 99), ("99 photos",)),
        (("evaluate", "linear-probe", world.bundle, "--photos", "one"), ("split",)),
        (
            ("evaluate", "forgetting", "empty", "--photos", captioned, "--split", "all"),
            ("empty", "not a run"),
        ),
        ((*flora, "--photos", "one"), ("test split", "--split all")),
    ):
        done = dalip(*arguments)
        assert (done.status, done.out) == (1, ""), done
        (line,) = done.err.splitlines()
        assert line.startswith("dalip: ")
        for word in words:
            assert word in line


def test_a_flora_is_measured_on_readable_photos(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photos = shutil.copytree(world.photos, tmp_path / "photos")
    broken = photos / "Flos_red" / "red-03.png"
    broken.write_bytes(b"")
    done = dalip("evaluate", "flora", *world.options, "--photos", photos, "--split", "all")
    assert done.status == 1
    assert done.lines[1].split()[:3] == ["photos", "both", "239"]
    assert done.err.splitlines()[0] == f"dalip: {broken}: the file is empty; copy or download it again"


def test_a_flora_is_measured_taxon_by_taxon_and_drawn(dalip: Dalip, world: World, tmp_path: Path) -> None:
    wrong = shutil.copytree(world.photos, tmp_path / "photos")
    (wrong / "Flos_red" / "red-00.png").rename(wrong / "Flos_blue" / "red-00.png")
    evaluate = ("evaluate", "flora", *world.options, "--photos", wrong, "--split", "all")
    done = dalip(*evaluate, "--all-taxa", "--plot", tmp_path / "flora.png")
    assert (done.status, done.err) == (0, f"dalip: {tmp_path / 'flora.png'}: plot written\n")
    taxa = next(i for i, line in enumerate(done.lines) if line.startswith("taxon "))
    assert len([line for line in done.lines[taxa:] if line.endswith("%")]) == 10
    assert any(line.split()[:4] == ["Flos", "blue", "Flos", "red"] for line in done.lines)
    with Image.open(tmp_path / "flora.png") as plot:
        plot.load()
        assert plot.width > 1000
    for plot, words in (
        ("flora.nonsense", "use a .png or .svg file"),
        ("nowhere/flora.png", "create it first"),
    ):
        done = dalip(*evaluate, "--plot", tmp_path / plot)
        assert (done.status, done.out) == (1, "")
        assert words in done.err
