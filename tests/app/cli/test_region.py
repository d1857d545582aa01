"""`dalip region`, and answers for a region with `--region`, `--near` and `--only region`, with the real commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from paths import ROOT

from tests.app.cli.test_identify import objects
from tests.app.conftest import Done, World, paint, run
from tests.app.serving import serving
from tests.index.regions import region_files as files

Dalip = Callable[..., Done]
SCHEMA = ROOT / "docs" / "identify.schema.json"

NAMES = tuple(
    (number, "Species", "Accepted", f"Flos {colour}", number)
    for number, colour in enumerate(("red", "green", "blue"), 1)
)
PLACED = ((1, files.SPAIN, "000"), (2, files.SPAIN, "000"), (3, files.NORWAY, "000"))
RECORDS = [files.record("Flos red", 40.4, -3.7), files.record("Flos blue", 60.4, 5.3)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with regions."""
    root = tmp_path_factory.mktemp("regions")
    files.names(root / "wcvp_names.csv", NAMES)
    distribution = files.placed(root / "wcvp_distribution.csv", PLACED)
    for path in (distribution, files.records(root / "gbif.csv", RECORDS)):
        done = run(["dalip", "region", "add", path, "--data-dir", root / "data"])
        assert done.status == 0, done.err
    return root / "data"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return paint(tmp_path / "red.png", "red", 5)


def asked(
    dalip: Dalip, world: World, data: Path, photo: Path, *options: object
) -> tuple[dict[str, Any], str]:
    done = dalip("identify", photo, *world.options, "--data-dir", data, "--json", *options)
    assert done.status == 0, done.err
    (answer,) = objects(done)
    return answer, done.err


def inside(answer: dict[str, Any]) -> list[str]:
    return sorted(p["scientificName"] for p in answer["predictions"] if p["inRegion"])


@pytest.mark.parametrize(
    ("options", "name", "taxa"),
    [
        (["--region", "Spain"], "Spain", ["Flos green", "Flos red"]),
        (["--region", "nor"], "Norway", ["Flos blue"]),
        (["--region", "nor", "--region", "SPA"], "Norway, Spain", ["Flos blue", "Flos green", "Flos red"]),
        (["--near", "40,-4"], "100 km around 40, -4", ["Flos red"]),
        (
            ["--near", "-40.5,170", "--radius", "20000"],
            "20000 km around -40.5, 170",
            ["Flos blue", "Flos red"],
        ),
    ],
)
def test_an_answer_for_a_region_says_what_occurs_there(
    dalip: Dalip, world: World, data: Path, photo: Path, options: list[str], name: str, taxa: list[str]
) -> None:
    answer, said = asked(dalip, world, data, photo, *options, "--top-k", 10)
    assert inside(answer) == taxa
    assert len(answer["predictions"]) == 10
    assert (answer["region"]["name"], answer["region"]["taxa"]) == (name, len(taxa))
    assert answer["region"]["without"]["scientificName"] == "Flos red"
    assert answer["region"]["changed"] == (answer["predictions"][0]["scientificName"] != "Flos red")
    assert said == f"dalip: {name}: {len(taxa)} of 10 taxa occur here\n"
    only, _ = asked(dalip, world, data, photo, *options, "--only", "region")
    assert sorted(p["scientificName"] for p in only["predictions"]) == inside(only) == taxa


def test_a_list_is_a_region(dalip: Dalip, world: World, data: Path, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "meadow.csv"
    path.write_text("scientificName,acceptedNameUsage\nFlos blue,\nFlos viridis,\nFlos green,Flos viridis\n")
    answer, _ = asked(dalip, world, data, photo, "--region", path, "--top-k", 10)
    assert inside(answer) == ["Flos blue", "Flos green"]
    assert answer["region"]["name"] == "meadow.csv"


def test_the_text_says_what_the_region_changed(dalip: Dalip, world: World, data: Path, photo: Path) -> None:
    options = [*world.options, "--data-dir", data]
    done = dalip("identify", photo, *options, "--region", "Norway", "--only", "region")
    assert (
        "  Region Norway, with 1 plant of the flora. Without the region, the first name would be Flos red"
        in done.out
    )
    plain = dalip("identify", photo, *options, "--region", "Spain").out
    assert (
        "Region Spain, with 2 plants of the flora. Without the region, the first name would be the same"
        in plain
    )
    marked = [line for line in plain.splitlines() if line.endswith("Coloraceae  not known from the region")]
    assert len(marked) == 4
    assert "Flos red" not in "".join(marked)


def test_a_region_narrows_other_restrictions(dalip: Dalip, world: World, data: Path, photo: Path) -> None:
    answer, said = asked(
        dalip,
        world,
        data,
        photo,
        "--region",
        "Spain",
        "--only",
        "region",
        "--only",
        "Flos red",
        "--only",
        "Flos pink",
    )
    assert [p["scientificName"] for p in answer["predictions"]] == ["Flos red"]
    assert "1 of 2 taxa" in said


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--region", "Spian"], 1, "Spian: no area has this name or code; did you mean Spain?"),
        (["--near", "0,100", "--radius", "10"], 1, "there are no occurrence records here; increase --radius"),
        (["--region", "Réunion"], 1, "no area has this name or code; list them with `dalip region list`"),
        (["--near", "91,0"], 2, "write latitude and longitude in degrees"),
        (["--near", "here"], 2, "write latitude and longitude in degrees"),
        (["--near", "1,2", "--region", "SPA"], 2, "--region and --near cannot be combined"),
        (["--only", "region"], 2, "--only region needs a region; add --region or --near"),
    ],
)
def test_regions_that_are_unclear_are_refused(
    dalip: Dalip, world: World, data: Path, photo: Path, options: list[str], status: int, message: str
) -> None:
    done = dalip("identify", photo, *world.options, "--data-dir", data, *options)
    assert (done.status, done.out) == (status, "")
    assert message in " ".join(done.err.replace("│", "").split())


def test_without_regions_the_commands_say_how_to_add_them(
    dalip: Dalip, world: World, photo: Path, tmp_path: Path
) -> None:
    options = ["--data-dir", tmp_path / "empty"]
    for region, command in (
        (["--region", "Spain"], "`dalip region add wcvp_distribution.csv`"),
        (["--near", "1,2"], "`dalip region add FILE`"),
    ):
        done = dalip("identify", photo, *world.options, *options, *region)
        assert done.status == 1
        assert command in done.err
    assert "no regions yet; add a file" in dalip("region", "list", *options).err
    assert not (tmp_path / "empty").exists()


def test_a_region_changes_the_ranking_of_an_uncalibrated_flora(
    dalip: Dalip, world: World, bare_flora: Path, data: Path, photo: Path
) -> None:
    options = ["--flora", bare_flora, *world.encoder, "--data-dir", data, "--region", "Spain"]
    (answer,) = objects(dalip("identify", photo, *options, "--json", "--top-k", 10))
    jsonschema.validate(answer, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert inside(answer) == ["Flos green", "Flos red"]
    assert answer["region"]["without"]["probability"] is None
    assert "Without the region" in dalip("identify", photo, *options).out
    (answer,) = objects(dalip("identify", photo, *options, "--only", "region", "--json"))
    assert inside(answer) == ["Flos green", "Flos red"]


def test_regions_are_listed_replaced_and_removed(dalip: Dalip, tmp_path: Path) -> None:
    data = ["--data-dir", tmp_path / "data"]
    path = files.wcvp(tmp_path)
    done = dalip("region", "add", path, *data)
    assert (done.status, done.err) == (0, "")
    assert done.lines == [
        f"{path}: 4 taxa, 5 records",
        "  1 row left out: extinct there",
        "  1 row left out: doubtful there",
        "  1 row left out: above the rank of species",
    ]
    assert dalip("region", "list", "euro", *data).lines == [
        "   1        3  EUROPE",
        "  10        1  Northern Europe",
        "  12        2  Southwestern Europe",
        "wcvp_distribution.csv: distribution, 4 taxa",
    ]
    bad = files.records(tmp_path / "gbif.csv", [*RECORDS, files.record("Flos red", "north", "west")])
    done = dalip("region", "add", bad, *data)
    assert done.status == 1
    assert done.lines == [f"{bad}: 2 taxa, 2 records"]
    assert "gbif.csv, line 4: 'north, west' are no coordinates" in done.err
    assert dalip("region", "remove", "gbif.csv", *data).lines == ["gbif.csv: removed"]
    done = dalip("region", "remove", "gbif.csv", *data)
    assert done.status == 1
    assert "there are: wcvp_distribution.csv" in done.err


def test_a_flora_is_measured_for_a_region(dalip: Dalip, world: World, data: Path) -> None:
    done = dalip(
        "evaluate", "flora", *world.options, "--photos", world.photos, "--region", "Spain", "--json", "--split", "all",
        "--data-dir", data,
    )  # fmt: skip
    assert done.status == 0, done.err
    assert {row["photos"] for row in json.loads(done.out)["accuracy"]} == {240}


def test_a_server_answers_all_requests_for_its_region(
    world: World, data: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gradio_client import Client, handle_file

    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    with serving(world, tmp_path, "--region", "Norway", "--data-dir", str(data)) as served:
        with served.client() as client:
            answer = client.post("/v2/identify/all", files={"images": photo.read_bytes()}).json()
            assert len(answer["results"]) == 10
            assert answer["region"]["name"] == "Norway"
            assert answer["region"]["without"]["scientificName"] == "Flos red"
        page = Client(served.address, verbose=False, analytics_enabled=False, download_files=False)
        found = page.predict(handle_file(str(photo)), api_name="/identify")
        assert found["region"]["taxa"] == 1
        assert served.errors() == "dalip: Norway: 1 of 10 taxa occur here\n"
