"""Search on the page, with real photos and with photos that disappear."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from paths import SHARED_DATA
from PIL import ExifTags, Image

from dalip.datasets import Record, read_records
from dalip_app.messages.language import language
from dalip_app.page.search_results import gallery, results
from dalip_index import Found, Hit, Library, PhotoName
from tests.app.browsing import SIZES, choose, expect_answer, keep, needs_browser, settle
from tests.app.conftest import World, paint, run
from tests.app.serving import PATIENCE, Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect


@dataclass(frozen=True)
class BuiltIn:
    """The built-in encoder and flora."""

    options: tuple[str, ...] = ()


def write(record: Record, folder: Path) -> Path:
    path = folder / f"{record.key}.webp"
    path.write_bytes(record.read_bytes())
    return path


def visit(browser: Browser, served: Served, size: str = "desktop") -> Page:
    page = browser.new_page(viewport=SIZES[size])  # type: ignore[arg-type]
    page.goto(served.address)
    page.get_by_role("tab", name="Search").click()
    return page


@needs_browser
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the photos in ../shared/data")
def test_real_photos_are_searched_by_words_and_by_a_photo(
    browser: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With the built-in encoder and flora: from a folder entered on the page to hits with known correct answers."""
    shards = [*sorted(SHARED_DATA.glob("oxford-*.tar")), *sorted(SHARED_DATA.glob("general-captions-*.tar"))]
    test = [record for record in read_records(*shards) if record.split == "test"]
    plants = [record for record in test if record.taxon]
    wanted = [r for r in plants if r.taxon and r.taxon.scientific_name == "Passiflora"]
    asked, held = wanted[0], [r for r in plants[:50] if r != wanted[0]] + wanted[1:]
    others = [record for record in test if not record.taxon][:24]
    folder = tmp_path / "photos"
    folder.mkdir()
    for record in {r.key: r for r in held + others}.values():
        write(record, folder)
    number = len(list(folder.iterdir()))
    assert number >= 70
    right = {f"{record.key}.webp" for record in wanted[1:]}
    with serving(BuiltIn(), tmp_path) as served:  # type: ignore[arg-type]
        page = visit(browser, served)
        page.get_by_label("A folder of photos on this computer").fill(str(folder))
        page.get_by_role("button", name="Add or update").click()
        expect(page.locator("#library-state .bar")).to_be_visible()
        expect(page.locator("#library-cancel")).to_be_visible()
        expect(page.locator("#library-state")).to_contain_text(f"{number} added")
        expect(page.locator("#library-cancel")).to_be_hidden()

        def first_files(most: int) -> set[str]:
            return {hit.inner_text() for hit in page.locator(".hit-file").all()[:most]}

        page.get_by_label("Describe the photos you are looking for").fill("passion flowers")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator("#search-answer")).to_contain_text("weak matches are hidden")
        assert len(first_files(len(right)) & right) > len(right) / 2
        assert page.locator(".hit").count() < number / 4
        keep(page, request, "search-real")
        page.get_by_label("Describe the photos you are looking for").fill("a spreadsheet on a screen")
        page.keyboard.press("Enter")
        expect(page.locator("#search-answer")).to_contain_text("No good matches. These photos come closest.")
        expect(page.locator(".hit")).to_have_count(6)
        expect(page.locator("#search-answer")).to_contain_text(f"{number - 6} weak matches are hidden")
        page.get_by_role("button", name="Show weak matches").click()
        expect(page.locator(".hit")).to_have_count(24)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".hit")).to_have_count(48)
        choose(page, write(asked, tmp_path), "Or find similar photos")
        expect(page.locator(".hit-name").first).to_contain_text("Passiflora")
        assert first_files(3) & right
        page.get_by_text("Filters").click()
        page.get_by_label("Confidence").click()
        page.get_by_role("option", name="not a plant").click()
        expect(page.locator(".hit-name").first).to_have_text("not a plant")
        assert not first_files(99) & right
        phone = visit(browser, served, "phone")
        expect(phone.locator(".hit")).to_have_count(24)
        assert phone.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"]["width"]
        keep(phone, request, "search-real")
        saves_under_another_name(page, write(asked, tmp_path))
        assert served.errors() == ""


def saves_under_another_name(page: Page, photo: Path) -> None:
    """The built-in flora has too many plants to list them all, so those that match what is typed are suggested."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(error.message))
    page.get_by_role("tab", name="Identify").click()
    choose(page, photo)
    expect_answer(page, "Passiflora")
    name, said = page.get_by_label("It is a different plant"), page.locator("#keep-said")
    save = page.get_by_role("button", name="Save under this name")
    for typed, shown, saved in (
        ("Acer", "Acer macrophyllum (big-leaf maple)", "Acer macrophyllum"),
        ("annual net", "Urtica urens (annual nettle)", "Urtica urens"),
    ):
        name.fill("")
        name.press_sequentially(typed, delay=200)
        # The typed text is the first of the names, once the last key is answered.
        expect(page.get_by_role("option").first).to_have_accessible_name(typed)
        page.get_by_role("option", name=shown).click()
        expect(name).to_have_value(shown)
        save.click()
        expect(said).to_contain_text(f"Saved as {saved}.")
    name.fill("")
    name.press_sequentially("Acer", delay=200)
    expect(page.get_by_role("option").first).to_have_accessible_name("Acer")
    name.press("Enter")
    save.click()
    expect(said).to_contain_text("Saved as Acer.")
    assert not faults


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos that contain the date they were taken."""
    root = tmp_path_factory.mktemp("garden")
    for year, colour in (("2023", "red"), ("2024", "blue")):
        with Image.open(paint(root / f"{colour}.jpg", colour)) as photo:
            exif = Image.Exif()
            exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: f"{year}:05:31 12:00:00"}
            photo.save(root / f"{colour}.jpg", exif=exif)
    return root


@pytest.fixture
def served(world: World, garden: Path, tmp_path: Path) -> Iterator[Served]:
    """A server whose library contains the garden."""
    folder = shutil.copytree(garden, tmp_path / "garden")
    add = ["dalip", "library", "add", folder, *world.options]
    assert run(add, DALIP_DATA_DIR=str(tmp_path / "data")).status == 0
    with serving(world, tmp_path) as served:
        yield served


def contents(served: Served) -> dict[str, str]:
    hits = Library(served.log.parent / "data").newest().hits
    return {hit.path.stem: hit.content for hit in hits}


@needs_browser
def test_photos_are_listed_by_date_and_a_missing_one_is_reported(
    browser: Browser, served: Served, tmp_path: Path
) -> None:
    page = visit(browser, served)
    expect(page.locator(".hit-file")).to_have_text(["blue.jpg", "red.jpg"])
    page.get_by_text("Filters").click()
    settle(page)  # axe-core measures the contrast of elements that are still fading in
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    page.get_by_label("To", exact=True).fill("2023")
    expect(page.locator(".hit-file")).to_have_text(["red.jpg"])
    expect(page.locator(".hit")).to_contain_text("2023-05-31")
    (tmp_path / "garden" / "red.jpg").unlink()
    page.locator(".hit-open").click()
    expect(page.locator(".hit-gone")).to_have_text("can no longer be read")


@needs_browser
def test_a_library_photo_is_identified_and_saved_with_its_date(browser: Browser, served: Served) -> None:
    page = visit(browser, served)
    page.get_by_role("link", name="Identify the plant in blue.jpg").click()
    expect_answer(page, "Flos blue")
    page.get_by_label("Also save the date and place").check()
    page.get_by_role("button", name="This is correct").click()
    expect(page.locator("#keep-said")).to_contain_text("Saved and confirmed.")
    page.get_by_role("tab", name="Journal").click()
    expect(page.locator(".entry-card")).to_contain_text("2024-05-31")


def save(page: Page, colour: str) -> None:
    page.get_by_role("link", name=f"Identify the plant in {colour}.jpg").click()
    expect_answer(page, f"Flos {colour}")
    page.get_by_role("button", name="This is correct").click()
    expect(page.locator("#keep-said")).to_contain_text("Saved and confirmed.")


@needs_browser
def test_a_click_on_a_list_that_is_laid_out_again_is_obeyed(browser: Browser, served: Served) -> None:
    """The server may lay out the list again while a click is on its way."""
    page, held = visit(browser, served), list[Route]()
    save(page, "blue")
    page.get_by_role("tab", name="Journal").click()
    page.get_by_role("button", name="Edit").click()
    page.route("**/queue/join*", lambda route: route.continue_() if held else held.append(route))
    page.get_by_role("button", name="Delete").click()
    while not held:
        page.wait_for_timeout(50)
    save(visit(browser, served), "red")
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("tab", name="Journal").click()
    expect(page.locator(".entry-card")).to_have_count(2)
    held[0].continue_()
    expect(page.locator("#journal-said")).to_contain_text("deleted")
    expect(page.locator(".entry-card")).to_have_count(1)
    expect(page.locator(".entry-card")).to_contain_text("Flos red")


def test_changes_made_while_the_server_was_stopped_are_found(
    world: World, garden: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(garden, tmp_path / "garden")
    add = ["dalip", "library", "add", folder, *world.options]
    assert run(add, DALIP_DATA_DIR=str(tmp_path / "data")).status == 0
    paint(folder / "new.png", "green")
    (folder / "red.jpg").unlink()
    library = Library(tmp_path / "data")
    with serving(world, tmp_path) as served:
        served.wait_until(lambda: {hit.path.name for hit in library.newest().hits} == {"new.png", "blue.jpg"})
        assert served.errors() == ""


def test_photos_are_requested_by_content_hash_and_never_by_path(served: Served, tmp_path: Path) -> None:
    red = contents(served)["red"]
    with served.client() as client:
        small = client.get(f"/library/{red}/small.jpg")
        assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
        assert "immutable" in small.headers["cache-control"]
        assert client.get(f"/library/{red}/photo").content == (tmp_path / "garden" / "red.jpg").read_bytes()
        for wrong in ("0" * 64, "garden%2Fred.jpg", "..%2F..%2Fgarden%2Fred.jpg", red[:-1]):
            for what in ("small.jpg", "photo"):
                assert client.get(f"/library/{wrong}/{what}").status_code == 404
        (tmp_path / "garden" / "red.jpg").write_bytes(b"changed")  # browsers would keep it under the old hash
        assert client.get(f"/library/{red}/photo").status_code == 404


def test_strangers_get_no_photos(world: World, garden: Path, tmp_path: Path) -> None:
    add = ["dalip", "library", "add", garden, *world.options]
    assert run(add, DALIP_DATA_DIR=str(tmp_path / "data")).status == 0
    with serving(world, tmp_path, "--host", "0.0.0.0") as served:
        for what in ("photo", "small.jpg"):
            response = httpx.get(
                f"{served.address}/library/{contents(served)['red']}/{what}", timeout=PATIENCE
            )
            assert response.status_code == 404


def test_a_server_stops_while_it_indexes(world: World, tmp_path: Path) -> None:
    """The library is intact afterwards, and the next server continues."""
    folder = tmp_path / "photos"
    folder.mkdir()
    add = ["dalip", "library", "add", folder, *world.options]
    paint(folder / "first.png", "red")
    assert run(add, DALIP_DATA_DIR=str(tmp_path / "data")).status == 0
    for number, photo in enumerate(sorted(world.photos.rglob("*.png"))):
        os.link(photo, folder / f"{number}.png")
    library = Library(tmp_path / "data")
    with serving(world, tmp_path) as served:
        served.process.terminate()
        assert served.process.wait(600) == 0
        assert served.errors() == ""
    assert 1 <= len(library) <= 241
    with serving(world, tmp_path) as served:
        served.wait_until(lambda: len(library) == 241)
        assert served.errors() == ""


def test_file_names_are_escaped(tmp_path: Path) -> None:
    name = PhotoName("<i>Flos</i>", "species", "", "Flos", "Coloraceae", 0.4, "unsure")
    hit = Hit(tmp_path / "<x>.png", 0.5, "0" * 64, "2024-05-31", False, name)
    html = gallery([hit], language())
    assert "<x>" not in html
    assert "<i>" not in html
    assert "(unsure)" in html
    assert "0.50" in html
    assert results(Found((), 0), language()) == '<p class="notice">No matching photos.</p>'
