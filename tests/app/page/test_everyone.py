"""Accessibility of the page: keyboard, screen readers, another language, installation as an app."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.app.browsing import SIZES, choose, keep, needs_browser, settle
from tests.app.conftest import World, paint
from tests.app.serving import Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

TABS = {"en": ("Search", "Flora", "Journal", "About"), "fr": ("Chercher", "Flore", "Carnet", "À propos")}


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("everyone")) as served:
        yield served
        assert served.errors() == ""


def visit(browser: Browser, served: Served, size: str, language: str, scheme: str) -> Page:
    page = browser.new_page(
        viewport=SIZES[size],  # type: ignore[arg-type]
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page.goto(served.address)
    expect(page.locator("#identify-photo .picker")).to_be_visible()
    return page


@needs_browser
@pytest.mark.parametrize(
    ("size", "language", "scheme"), [("phone", "fr", "light"), ("desktop", "en", "dark")]
)
def test_every_tab_is_accessible(
    browser: Browser,
    served: Served,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    size: str,
    language: str,
    scheme: str,
) -> None:
    """axe-core finds no problems with labels, contrast, heading order or roles."""
    page = visit(browser, served, size, language, scheme)

    def check(tab: str) -> None:
        settle(page)  # axe-core measures the contrast of elements that are still fading in
        found = Axe().run(page)
        assert found.violations_count == 0, f"{tab}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
        keep(page, request, f"everyone-{language}-{tab}")

    check("start")
    page.locator("#identify-photo input").first.set_input_files(paint(tmp_path / "blue.png", "blue"))
    expect(page.locator(".card")).to_have_count(5)
    page.locator(".why summary").click()
    page.locator("#keep-right").click()
    expect(page.locator("#keep-said .notice")).to_be_visible()
    check("answer")
    for tab, shown in zip(
        TABS[language], ("#search-button", ".flora-taxon", ".entry", ".about"), strict=True
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(shown).first).to_be_visible()
        if shown == ".flora-taxon":
            page.locator("summary:visible").first.click()
        if shown == ".entry":
            page.locator(".entry button").first.click()
        check(shown.strip(".#"))
    page.close()


@needs_browser
def test_the_page_speaks_french(browser: Browser, served: Served, tmp_path: Path) -> None:
    page = visit(browser, served, "phone", "fr", "light")
    assert page.url == f"{served.address}/fr/"
    assert page.evaluate("document.documentElement.lang") == "fr"
    choose(page, paint(tmp_path / "red.png", "red"), "Une photo d’une plante")
    expect(page.locator(".answer-sentence")).to_contain_text("Il s’agit très probablement de Flos red")
    expect(page.get_by_text("L’absence d’avertissement ne veut jamais dire comestible").first).to_be_visible()
    (tmp_path / "text.jpg").write_text("no photo")
    choose(page, tmp_path / "text.jpg", "Une photo d’une plante")
    expect(page.locator(".picker-note").first).to_contain_text(
        "Ce fichier n’est pas une image dans un format pris en charge"
    )
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("tab", name="Journal")).to_be_visible()
    assert page.url.startswith(f"{served.address}/?lang=en")  # although the browser requests French
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("tab", name="Carnet")).to_be_visible()
    page.close()


@needs_browser
def test_the_page_works_by_keyboard(browser: Browser, served: Served, tmp_path: Path) -> None:
    page = visit(browser, served, "desktop", "en", "light")
    # Playwright starts to intercept file dialogs when the first listener is added, but does not wait until it does.
    # Without this listener, a key pressed right after `expect_file_chooser` could come too early.
    page.on("filechooser", lambda chooser: None)

    def press_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => !!document.activeElement.closest(selector)", selector):
                return
        raise AssertionError(f"the Tab key does not reach {selector}")

    page.wait_for_function(  # until the page handles key presses
        "document.querySelector('#identify-photo .picker-input').closest('[data-ready]')"
    )
    press_to("#identify-photo")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(paint(tmp_path / "green.png", "green"))
    expect(page.locator(".answer-sentence")).to_contain_text("Flos green")
    press_to(".why summary")
    page.keyboard.press("Enter")
    expect(page.locator(".why img")).to_be_visible()
    press_to("#keep-right")
    page.keyboard.press("Enter")
    expect(page.locator("#keep-said")).to_contain_text("Saved and confirmed.")
    page.get_by_role("tab", name="Identify").focus()
    press_to("[role=tab]:nth-of-type(3)")
    page.keyboard.press("Enter")
    expect(page.locator(".flora-taxon").first).to_be_visible()
    press_to("#flora-search")
    page.keyboard.type("orange")
    expect(page.locator(".flora-taxon").first).to_contain_text("Flos orange")
    page.close()


@needs_browser
def test_the_page_can_be_installed_under_our_name(browser: Browser, served: Served) -> None:
    page = visit(browser, served, "phone", "en", "light")
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    problems = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {problem["errorId"] for problem in problems} <= {"in-incognito"}  # tests run incognito
    page.close()


def test_the_manifest_has_our_name_and_icons(served: Served) -> None:
    with served.client() as client:
        for code, name in (
            ("en", "DALIP: plant identification"),
            ("fr", "DALIP\u00a0: identification de plantes"),
        ):
            manifest = client.get("/manifest.json", headers={"accept-language": code}).json()
            assert (manifest["name"], manifest["short_name"]) == (name, "DALIP")
            assert client.get(manifest["start_url"]).status_code == 200
        for icon in manifest["icons"]:
            response = client.get(icon["src"])
            assert response.headers["content-type"] == "image/png"
            with Image.open(io.BytesIO(response.content)) as picture:
                assert "x".join(map(str, picture.size)) == icon["sizes"]
        assert client.get("/app/icon-7.png").status_code == 404
        assert client.get("/favicon.ico").status_code == 200
        assert client.get("/", headers={"accept-language": "fr"}).headers["location"] == "/fr/"
