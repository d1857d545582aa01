"""Several floras on one server, chosen on the page or in the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dalip.errors import FloraError
from dalip_app.server.floras import Floras
from tests.app.browsing import SIZES, choose, keep, needs_browser
from tests.app.conftest import World, paint, run
from tests.app.serving import Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def herbs(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flora with three other taxa."""
    folder = tmp_path_factory.mktemp("herbs")
    (folder / "taxa.csv").write_text(
        "scientificName,vernacularName,family\nHerba red,red herb,Herbaceae\nHerba blue,blue herb|fr:herbe bleue,"
        "Herbaceae\nHerba green,green herb,Herbaceae\n"
    )
    done = run(
        ["dalip", "index", "build", *world.encoder, "--taxa", folder / "taxa.csv", folder / "herb garden"]
    )
    assert done.status == 0, done.err
    return folder / "herb garden"


@pytest.fixture(scope="module")
def served(world: World, herbs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("floras"), "--flora", str(herbs)) as served:
        yield served
        assert served.errors() == ""


@needs_browser
def test_a_visitor_chooses_the_flora(
    browser: Browser, served: Served, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = browser.new_page(viewport=SIZES["phone"])  # type: ignore[arg-type]
    page.goto(served.address)
    choose(page, paint(tmp_path / "blue.png", "blue"))
    expect(page.locator(".answer-sentence")).to_contain_text("Flos blue")
    page.get_by_label("Flora to use").click()
    page.get_by_role("option", name="herb garden").click()
    expect(page.locator(".answer-sentence")).to_contain_text("Herba blue")  # for the same photo
    choose(page, paint(tmp_path / "red.png", "red", 2))
    expect(page.locator(".answer-sentence")).to_contain_text("Herba red")
    choose(page, tmp_path / "blue.png")
    expect(page.locator(".answer-sentence")).to_contain_text("Herba blue")
    keep(page, request, "floras")
    page.get_by_role("tab", name="Flora").click()
    expect(page.locator(".flora-taxon")).to_have_count(3)
    page.get_by_role("tab", name="About").click()
    expect(page.locator(".about")).to_contain_text("3 in 1 family")
    page.get_by_role("tab", name="Identify").click()
    page.get_by_label("It is a different plant").click()
    expect(page.get_by_role("option", name="Herba green")).to_be_visible()
    expect(page.get_by_role("option", name="Flos green")).to_have_count(0)
    page.close()


def test_a_program_chooses_the_flora(served: Served, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red").read_bytes()
    with served.client() as client:
        for flora, name in (("all", "Flos red"), ("flora", "Flos red"), ("herb garden", "Herba red")):
            answer = client.post(f"/v2/identify/{flora}", files={"images": photo})
            assert answer.json()["bestMatch"] == name
        wrong = client.post("/v2/identify/mars", files={"images": photo})
        assert wrong.json()["message"] == "there is no flora mars here; use all or flora or herb garden"
        projects = {project["id"]: project["speciesCount"] for project in client.get("/v2/projects").json()}
        assert projects == {"flora": 10, "herb garden": 3}
        assert client.get("/v2/languages").json() == ["de", "en", "fr"]


def test_floras_with_the_same_name_get_numbers(world: World, herbs: Path) -> None:
    floras = Floras([world.flora, herbs, world.flora], None, world.bundle)
    assert floras.names == ("flora", "herb garden", "flora-2")
    assert len(floras("herb garden").now().taxa) == 3
    assert len(floras(None).now().taxa) == len(floras("flora-2").now().taxa) == 10
    with pytest.raises(KeyError):
        floras("mars")
    with pytest.raises(FloraError):
        Floras([world.flora, herbs.parent], None, world.bundle)


def test_the_built_in_flora_can_be_listed_with_others(tmp_path: Path) -> None:
    done = run(["dalip-app", "serve", "--flora", "builtin", "--flora", "nowhere", "--port", 0], tmp_path)
    assert done.status == 1
    assert "nowhere: no such flora" in done.err  # builtin is not reported
