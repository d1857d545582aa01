"""`--only`: answers restricted to some taxa, with the real commands and a running server."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from gradio_client import Client, handle_file
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import DataError, FloraError
from dalip.taxonomy import Taxon
from dalip_app.cli.options import names_in
from dalip_app.server.floras import Floras, LiveFlora
from dalip_app.server.indexing import Indexing
from dalip_index import Library, teach_taxon
from tests.app.browsing import SIZES, choose, needs_browser
from tests.app.cli.test_identify import SCHEMA
from tests.app.conftest import Done, World, paint, run
from tests.app.serving import Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, expect

Dalip = Callable[..., Done]

LIST = """\
# what grows in bed 3
Flos red
flos GREEN   # not in bloom

"""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lists") / "taxa.txt"
    path.write_text(LIST, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def served(world: World, listed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("only"), "--only", str(listed)) as served:
        yield served
        assert served.errors() == ""


def answers(done: Done) -> list[dict[str, Any]]:
    assert done.status == 0, done.err
    found = [json.loads(line) for line in done.lines]
    for answer in found:
        jsonschema.validate(answer, SCHEMA)
    return found


def names(answer: dict[str, Any]) -> list[str]:
    return [prediction["scientificName"] for prediction in answer["predictions"]]


def test_only_listed_taxa_are_answered(dalip: Dalip, world: World, listed: Path, tmp_path: Path) -> None:
    red, blue = (paint(tmp_path / f"{colour}.png", colour, 5) for colour in ("red", "blue"))
    done = dalip("identify", red, blue, *world.options, "--only", listed, "--json")
    assert done.err == ""
    found = answers(done)
    for answer in found:
        assert set(names(answer)) == {"Flos red", "Flos green"}
        assert sum(p["probability"] for p in answer["predictions"]) == pytest.approx(1, abs=1e-5)
        assert set(answer["taxonSet"] + answer["lookAlikes"]) <= {"Flos red", "Flos green"}
    assert (found[0]["verdict"], found[0]["taxon"]) == ("sure", "Flos red")
    (alone,) = answers(dalip("identify", blue, *world.options, "--only", "Flos red", "--json"))
    assert (alone["verdict"], alone["taxon"], names(alone)) == ("not in flora", None, ["Flos red"])
    (together,) = answers(
        dalip(
            "identify", red, red, *world.options, "--only", listed, "--json", "--together", "--rank", "genus"
        )
    )
    assert (names(together), together["taxon"]) == (["Flos"], "Flos")


def test_a_genus_a_family_and_a_table_stand_for_their_taxa(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    photo = paint(tmp_path / "red.png", "red", 5)
    plain = dalip("identify", photo, *world.options, "--json", "--top-k", 99).out
    for what in ("Flos", "coloraceae", world.taxa):
        done = dalip("identify", photo, *world.options, "--json", "--top-k", 99, "--only", what)
        assert (done.status, done.err, done.out) == (0, "", plain)


def test_names_missing_from_the_flora_are_reported(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo, more = paint(tmp_path / "red.png", "red", 5), tmp_path / "more.csv"
    more.write_text("scientificName;vernacularName\nFlos rde;rde flower\nFlos blue;blue flower\n")
    ask = ("identify", photo, *world.options, "--only")
    done = dalip(*ask, more, "--only", "Quercus robur", "--json")
    assert names(answers(done)[0]) == ["Flos blue"]
    first, second = done.err.splitlines()
    assert first.startswith(
        f"dalip: Flos rde: the flora {world.flora} contains neither this taxon nor any taxon within it; "
    )
    assert "did you mean Flos red" in first
    assert second.startswith(f"dalip: Quercus robur: the flora {world.flora} contains neither this taxon")
    many = tmp_path / "many.txt"
    many.write_text("\n".join(["Flos red", *(f"Quercus number{i}" for i in range(30))]))
    lines = dalip(*ask, many).err.splitlines()
    assert (len(lines), lines[-1]) == (21, "dalip: and 10 more names that are not in the flora")


def test_a_taxon_is_found_under_the_synonyms_in_the_list(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo, table = paint(tmp_path / "red.png", "red", 5), tmp_path / "table.csv"
    table.write_text(
        "taxonID,scientificName,taxonomicStatus,acceptedNameUsageID\n"
        "1,Florea rubra,accepted,\n2,Flos red,synonym,1\n3,Flos blue,accepted,\n4,Flos green,synonym,3\n"
    )
    done = dalip("identify", photo, *world.options, "--only", table, "--json")
    assert done.err == 'dalip: "Florea rubra" is read as Flos red (synonym)\n'
    # Not green, because blue is in the flora itself.
    assert set(names(answers(done)[0])) == {"Flos red", "Flos blue"}
    (tmp_path / "served").mkdir()
    with serving(world, tmp_path / "served", "--only", str(table)) as served:
        assert served.errors() == done.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such taxa file"),
        (b"# nothing\n\n", "contains no names; write one scientific name per line"),
        (b"Quercus robur\n", "Quercus robur: the flora"),
        (
            b"Quercus robur\nFagus\n",
            "neither this taxon nor any taxon within it, and the same is true of the other requested name",
        ),
        (b"scientificName,family\n", "contains no taxa"),
    ],
)
def test_an_unusable_list_is_a_one_line_error(
    dalip: Dalip, world: World, tmp_path: Path, content: bytes | None, message: str
) -> None:
    photo, path = paint(tmp_path / "red.png", "red", 5), tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    done = dalip("identify", photo, *world.options, "--only", path)
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert message in line


def test_a_list_that_is_not_utf8_is_read_with_a_warning(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo, path = paint(tmp_path / "red.png", "red", 5), tmp_path / "list.txt"
    path.write_bytes(b"Flos red # seen near the caf\xe9\n")
    done = dalip("identify", photo, *world.options, "--only", path)
    assert done.status == 0
    assert done.err.startswith(
        f"dalip: {path}, line 1: the line is not valid UTF-8 and was read as Windows-1252"
    )


def test_names_and_files_are_distinguished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Rosa").mkdir()  # a folder for photos of roses
    (tmp_path / "list").write_text("\ufeffFlos red\r\nFlos blue # seen\r\n", encoding="utf-8")
    (tmp_path / "table.csv").write_text(
        "scientificName,acceptedNameUsage\nFlos red,\nFlos ruber,Flos red\n", encoding="utf-8"
    )
    assert names_in(["Rosa", "  Flos   red ", "list", "table.csv", "x" * 5000]) == {
        "Rosa": (),
        "Flos red": ("Flos ruber",),
        "Flos blue": (),
        "x" * 5000: (),
    }
    assert names_in(None) == {}
    for nothing in ("", "  "):
        with refuses(DataError, match="the value of --only is empty"):
            names_in([nothing])


def test_a_restricted_flora_is_measured(dalip: Dalip, world: World, listed: Path) -> None:
    done = dalip(
        "evaluate",
        "flora",
        *world.options,
        "--photos",
        world.photos,
        "--only",
        listed,
        "--json",
        "--split",
        "all",
    )
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert {row["photos"] for row in found["accuracy"]} == {48}
    assert {taxon["taxon"] for taxon in found["taxa"]} == {"Flos red", "Flos green"}
    assert {(r["kind"], r["photos"]) for r in found["rejections"]} == {("other plants", 192)}


def test_every_server_interface_is_restricted(
    served: Served, world: World, listed: Path, dalip: Dalip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    photo = paint(tmp_path / "red.png", "red", 5)
    with served.client() as client:
        answer = client.post("/v2/identify/all", files={"images": photo.read_bytes()}).json()
        said = {r["species"]["scientificName"]: r["score"] for r in answer["results"]}
        assert set(said) == {"Flos red", "Flos green"}
        assert sum(said.values()) == pytest.approx(1, abs=1e-4)
        assert client.get("/health").json()["taxa"] == 2
        assert [project["speciesCount"] for project in client.get("/v2/projects").json()] == [2]
    client = Client(served.address, verbose=False, analytics_enabled=False, download_files=False)
    found = client.predict(handle_file(str(photo)), api_name="/identify")
    (expected,) = answers(dalip("identify", photo, *world.options, "--only", listed, "--json"))
    assert found == expected | {"image": photo.name}


@needs_browser
def test_the_page_is_restricted(browser: Browser, served: Served, tmp_path: Path) -> None:
    page = browser.new_page(viewport=SIZES["desktop"])  # type: ignore[arg-type]
    page.goto(served.address)
    choose(page, paint(tmp_path / "green.png", "green", 5))
    expect(page.locator(".answer-sentence")).to_contain_text("Flos green")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".answer-meaning")).to_contain_text("one of the 2 in this flora")
    page.get_by_label("It is a different plant").click()  # visitors can still choose other plants
    expect(page.get_by_role("option", name="Flos blue")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Flora").click()
    expect(page.locator(".flora-taxon")).to_have_count(2)
    page.get_by_role("tab", name="About").click()
    expect(page.locator(".about")).to_contain_text("2 in 1 family")
    page.close()


def test_a_server_with_no_known_taxa_does_not_start(world: World, tmp_path: Path) -> None:
    done = run(["dalip-app", "serve", *world.options, "--only", "Flos rde", "--port", 0], tmp_path)
    assert (done.status, done.out) == (1, "")
    assert "did you mean Flos red" in done.err


def test_names_missing_from_every_flora_are_reported(world: World, bare_flora: Path) -> None:
    only: dict[str, tuple[str, ...]] = {"Flos red": (), "Flos teal": ()}
    floras = Floras([world.flora, bare_flora], None, world.bundle, only)
    assert [len(floras(name).now().taxa) for name in floras.names] == [1, 1]
    assert floras.unknown == ("Flos teal",)
    with refuses(FloraError, match="Flos teal: "):
        Floras([world.flora], None, world.bundle, {"Flos teal": ()})


def test_plants_taught_later_are_answered_if_listed(world: World, tmp_path: Path) -> None:
    path, encoder = shutil.copytree(world.flora, tmp_path / "flora"), Encoder.load(world.bundle)
    live = LiveFlora(path, tmp_path, encoder, {"Flos red": (), "Flos teal": ()})
    assert live.unknown == ("Flos teal",)
    for seed, name in enumerate(("teal", "beige")):
        photo = paint(tmp_path / f"{name}.png", "pink", seed)
        teach_taxon(path, encoder, Taxon(f"Flos {name}", genus="Flos"), [photo])
    assert [taxon.scientific_name for taxon in live.now().taxa] == ["Flos red", "Flos teal"]
    assert live.now().taught == ("Flos teal",)
    assert live.now().whole.taught == ("Flos teal", "Flos beige")


def test_the_library_is_identified_with_the_whole_flora(world: World, tmp_path: Path) -> None:
    live = LiveFlora(world.flora, tmp_path / "data", Encoder.load(world.bundle), {"Flos red": ()})
    indexing = Indexing(Library(tmp_path / "data"), live)
    paint(tmp_path / "photos" / "blue.png", "blue", 5)
    indexing.add(tmp_path / "photos")
    while indexing.state.running:
        time.sleep(0.01)
    assert indexing.state.error is None
    assert "Flos blue" in {taxon.scientific_name for taxon in indexing.library.taxa()}
