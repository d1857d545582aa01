"""The page in a real browser, on phone and desktop."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_images import write_hostile_images
from PIL import Image
from tiny_bundle import COLOURS

from dalip.photos import open_image
from dalip.taxonomy import Taxon
from dalip_app.messages.language import language
from dalip_app.page.cards import answer_cards, caution
from dalip_app.page.plant_names import find_taxa, name_choices
from dalip_index import Identification, Journal, Prediction, RegionTaxa, in_region, load_flora
from tests.app.browsing import SIZES, choose, expect_answer, keep, needs_browser
from tests.app.conftest import HOSTILE_NAME, World, paint, run
from tests.app.serving import Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, Page, expect

PASTE = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""
DROP = """([name, bytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  for (const kind of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.fixture(scope="module", params=["phone", "desktop"])
def visitor(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A visitor with a phone and the light scheme, or with a desktop and the dark scheme."""
    phone = request.param == "phone"
    context = browser.new_context(
        viewport=SIZES[request.param],  # type: ignore[arg-type]
        color_scheme="light" if phone else "dark",
        has_touch=phone,
        is_mobile=phone,
    )
    yield context
    context.close()


# The layout is checked at both sizes, here and in test_everyone.py on all tabs; actions are tested at one size.
on_a_phone = pytest.mark.parametrize("visitor", ["phone"], indirect=True)
on_a_desktop = pytest.mark.parametrize("visitor", ["desktop"], indirect=True)


@pytest.fixture
def page(visitor: BrowserContext, served: Served) -> Iterator[Page]:
    """The page in a browser that may have cached its scripts; the test fails on any console message or server error."""
    page = visitor.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(served.address)
    expect(page.get_by_label("A photo of a plant")).to_be_attached()
    yield page
    width = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size is not None
    shown = page.viewport_size["width"]
    page.evaluate("localStorage.clear()")
    visitor.clear_cookies()
    page.close()
    assert width <= shown, "nothing may stick out at the side"
    foreign = [url for url in asked if not url.startswith((served.address, "data:", "blob:"))]
    assert not foreign
    assert not complaints
    assert served.errors() == ""


@needs_browser
def test_a_photo_gets_five_cards(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    keep(page, request, "start")
    choose(page, paint(tmp_path / "photo.png", "blue"))
    expect_answer(page, "This is most likely Flos blue (blue flower).")
    first = page.locator(".card").first
    expect(first.locator("em.taxon")).to_have_text("Flos blue")
    expect(first).to_contain_text("Coloraceae")
    expect(first.locator(".card-score")).to_contain_text("%")
    links = first.get_by_role("link")
    assert [link.get_attribute("rel") for link in links.all()] == ["noopener noreferrer"] * 3
    assert "gbif.org" in (links.first.get_attribute("href") or "")
    expect(page.get_by_text("Never eat a plant").first).to_be_visible()
    expect(page.get_by_text("No caution never means edible").first).to_be_visible()
    keep(page, request, "answer")
    expect(page.locator(".why img")).not_to_be_visible()
    page.get_by_text("Which parts of the photo support this name?").click()
    expect(page.locator(".why img")).to_be_visible()
    expect(page.locator(".why figcaption")).to_contain_text("Orange parts support Flos blue (blue flower)")
    keep(page, request, "why")
    choose(page, paint(tmp_path / "other.png", "green"))
    expect_answer(page, "Flos green")


@needs_browser
@on_a_desktop
def test_a_photo_can_be_pasted_or_dropped(page: Page, tmp_path: Path) -> None:
    page.evaluate(PASTE, ["pasted.png", list(paint(tmp_path / "a.png", "orange").read_bytes())])
    expect_answer(page, "Flos orange")
    page.evaluate(DROP, ["dropped.png", list(paint(tmp_path / "b.png", "black").read_bytes())])
    expect_answer(page, "Flos black")


@needs_browser
def test_a_phone_offers_its_camera(page: Page, tmp_path: Path) -> None:
    camera = page.locator("#identify-photo").get_by_label("Take a photo", exact=True)
    assert camera.get_attribute("capture") == "environment"
    assert page.viewport_size is not None
    if page.viewport_size["width"] < 500:
        expect(page.locator("#identify-photo .picker-camera")).to_be_visible()
    camera.set_input_files(paint(tmp_path / "photo.png", "pink"))
    expect_answer(page, "Flos pink")


@needs_browser
@on_a_phone
def test_odd_and_bad_files(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    hostile = write_hostile_images(tmp_path / "hostile")
    note = page.locator("#identify-photo .picker-note")
    for name, words in {
        "text": "The file is not an image in a supported format; use JPEG",
        "web_page": "The file is not an image in a supported format; use JPEG",
        "empty": "The file is empty; copy or download it again.",
        "truncated_jpeg": "The file is damaged or truncated; copy or download it again.",
        "bomb": "The photo has 50,000 x 50,000 pixels, more than the limit of ",
    }.items():
        choose(page, hostile[name])
        expect(note).to_contain_text(words)
        expect(page.locator(".card:visible")).to_have_count(0)
    keep(page, request, "bad-file")
    with (tmp_path / "large.jpg").open("wb") as large:
        large.truncate(61 << 20)
    choose(page, tmp_path / "large.jpg")
    expect(note).to_contain_text("This file is too large")
    for name in (
        "heic",
        "cmyk",
        "rotated",
        "one_pixel",
        "png_16_bit",
        "tiff_16_bit",
        "animated_gif",
        "odd_name",
    ):
        choose(page, hostile[name])
        expect_answer(page, "Flos")
        shown = page.locator(".picker-photo").first
        assert (shown.get_attribute("src") or "").startswith("data:image/jpeg")
        assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        expect(note).to_be_hidden()


@needs_browser
@on_a_phone
def test_names_from_files_are_escaped(page: Page, tmp_path: Path) -> None:
    choose(page, paint(tmp_path / "photo.png", "red"))
    expect_answer(page, "Flos red")
    expect(page.locator(".card").first).to_contain_text(HOSTILE_NAME)


@needs_browser
@on_a_phone
def test_search(page: Page, world: World, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page.get_by_role("tab", name="Search").click()
    folder = tmp_path / "garden"
    for colour in ("red", "blue", "green", "yellow"):
        paint(folder / f"<b>{colour} & co.png", colour, 3)
    state = page.locator("#library-state")
    page.get_by_label("A folder of photos on this computer").fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Add or update").click()
    expect(page.locator("#library-said")).to_contain_text(
        "nowhere: no such folder; choose a folder of photos."
    )
    page.get_by_label("A folder of photos on this computer").fill(str(folder))
    page.get_by_role("button", name="Add or update").click()
    expect(state).to_contain_text("4 added")
    expect(page.locator("#library-status")).to_contain_text("4 photos in your library")
    expect(page.locator(".folder-name")).to_contain_text(f"{folder} 4 photos")
    page.get_by_label("Describe the photos you are looking for").fill("something yellow")
    page.get_by_role("button", name="Search", exact=True).click()
    hits = page.locator(".hit")
    expect(hits.first).to_contain_text("<b>yellow & co.png")
    expect(hits.first).to_contain_text("Flos yellow")
    first = page.locator(".hit img").first
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    keep(page, request, "search")
    choose(page, paint(tmp_path / "query.png", "blue", 9), "Or find similar photos")
    expect(hits.first).to_contain_text("<b>blue & co.png")
    page.get_by_text("Filters").click()
    page.get_by_label("Species, genus or family").click()
    page.get_by_role("option", name="Flos green (1)").click()
    expect(hits).to_have_count(1)
    expect(hits).to_contain_text("<b>green & co.png")
    page.get_by_label("From", exact=True).fill("soon")
    expect(page.locator("#search-answer")).to_contain_text("soon is not a date")
    page.get_by_label("From", exact=True).fill("2000")
    page.get_by_label("Describe the photos you are looking for").fill(" ")
    page.keyboard.press("Enter")
    expect(page.locator("#search-answer")).to_contain_text("1 photo.")
    keep(page, request, "search-filtered")
    hits.get_by_role("link").click()
    expect_answer(page, "Flos green")
    page.get_by_role("tab", name="Search").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#library-said")).to_contain_text("removed, with 4 photos")
    expect(page.locator("#library-status")).to_contain_text("Your library is empty")


@needs_browser
def test_about(page: Page, request: pytest.FixtureRequest) -> None:
    page.get_by_role("tab", name="About").click()
    expect(page.locator(".about")).to_contain_text("10 in 1 family")
    expect(page.locator(".about")).to_contain_text("tiny-0 (fp32)")
    keep(page, request, "about")


@needs_browser
def test_uploads_are_deleted_with_the_server(world: World, browser: Browser, tmp_path: Path) -> None:
    with serving(world, tmp_path) as served:
        page = browser.new_page()
        page.goto(served.address)
        choose(page, paint(tmp_path / "photo.png", "blue"))
        expect_answer(page, "Flos blue")
        assert list(served.uploads.rglob("upload.png"))
        page.close()
    assert not list(served.temporary.iterdir())


def test_an_uncalibrated_answer_shows_similarities(world: World, bare_flora: Path) -> None:
    flora = load_flora(bare_flora, world.bundle)
    (answer,) = flora.identify([world.photos / "Flos_red" / "red-00.png"])
    assert isinstance(answer, Identification)
    html = answer_cards(answer, flora, language())
    assert "The closest match in this flora is" in html
    assert "not probabilities" in html
    assert "%" not in re.sub(r'style="[^"]*"|href="[^"]*"', "", html)


def test_the_name_of_a_region_is_text(world: World) -> None:
    flora = load_flora(world.flora, world.bundle)
    region = RegionTaxa("<b>here</b>", {"Flos blue": ()})
    (answer,) = in_region(flora, region).identify([world.photos / "Flos_red" / "red-00.png"])
    assert isinstance(answer, Identification)
    html = answer_cards(answer, flora, language())
    assert "Region &lt;b&gt;here&lt;/b&gt;, with 1 plant of the flora." in html
    assert "not known from the region" in html
    assert "<b>" not in html


def test_a_name_that_languages_share_is_shown_once() -> None:
    flora = load_flora()
    (dahlia,) = (taxon for taxon in flora.taxa if taxon.scientific_name == "Dahlia")
    answer = Identification("photo.jpg", (Prediction(dahlia, 0.9, 0.9),), "sure", dahlia)
    html = answer_cards(answer, flora, language())
    assert re.findall(r">([Dd]ahli[ae])</span>", html) == ["dahlia", "Dahlie"]


@pytest.mark.parametrize(
    ("code", "warned", "never"),
    [
        ("en", "the family Apiaceae contains", "No caution never means edible"),
        ("fr", "la famille Apiaceae comprend", "L’absence d’avertissement ne veut jamais dire comestible"),
    ],
)
def test_an_answer_with_a_family_shows_what_is_deadly_in_it(code: str, warned: str, never: str) -> None:
    flora, say = load_flora(), language(code)
    carrot = Taxon("Daucus carota", "species", (), "Daucus", "Apiaceae")
    family = Taxon("Apiaceae", "family")
    answer = Identification("photo.jpg", (Prediction(carrot, 0.9, 0.5),), "sure", family, probability=0.999)
    html = answer_cards(answer, flora, say)
    assert warned in html
    assert f'<em class="taxon">Conium</em> ({"poison hemlock" if code == "en" else "grande ciguë"})' in html
    assert never in caution(say)
    assert ">&nbsp;99&nbsp;%" in html, "a line may not break inside the percentage"


@needs_browser
@on_a_phone
def test_an_answer_is_saved_corrected_found_and_deleted(
    page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The journal, from an answer to an export and back."""
    choose(page, paint(tmp_path / "blue.png", "blue", 41))
    expect_answer(page, "Flos blue")
    said = page.locator("#keep-said")
    page.get_by_role("button", name="Save under this name").click()
    expect(said).to_contain_text("Choose or type a name first.")
    page.get_by_role("button", name="This is correct").click()
    expect(said).to_contain_text("Saved and confirmed.")
    name = page.get_by_label("It is a different plant")
    name.fill("Flos novus")
    name.press("Enter")
    page.get_by_role("button", name="Save under this name").click()  # changes the same observation, adds none
    expect(said).to_contain_text("Saved as Flos novus.")
    keep(page, request, "keep")
    choose(page, paint(tmp_path / "green.png", "green", 42))
    expect_answer(page, "Flos green")
    expect(said).to_be_empty()
    page.get_by_role("button", name="Save for later").click()
    expect(said).to_contain_text("Saved for later.")
    page.get_by_role("tab", name="Journal").click()
    expect(page.locator("#journal-number")).to_contain_text("2 observations.")
    entries = page.locator(".entry-card")
    expect(entries.nth(0)).to_contain_text("Flos green")
    expect(entries.nth(1)).to_contain_text("Flos novus")
    expect(entries.nth(1)).to_contain_text("DALIP’s answer: Flos blue")
    keep(page, request, "journal")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    download.value.save_as(tmp_path / "mine.zip")
    for left in (1, 0):
        page.get_by_role("button", name="Edit").first.click()
        page.get_by_role("button", name="Delete").first.click()
        expect(page.locator("#journal-number")).to_contain_text(f"{left} observation" if left else "is empty")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import").click()
    chooser.value.set_files(tmp_path / "mine.zip")
    expect(page.locator("#journal-said")).to_contain_text("2 added, 0 already in the journal.")
    expect(entries).to_have_count(2)
    page.get_by_role("button", name="Edit").first.click()
    notes = page.get_by_label("Notes").first
    notes.fill("by the <b>pond</b>")
    page.get_by_role("button", name="Save").first.click()
    expect(entries.nth(0)).to_contain_text("by the <b>pond</b>")  # shown as typed, not as HTML
    for left in (1, 0):
        page.get_by_role("button", name="Edit").first.click()
        page.get_by_role("button", name="Delete").first.click()
        expect(page.locator("#journal-number")).to_contain_text(f"{left} observation" if left else "is empty")


@needs_browser
def test_the_flora_is_browsed_and_taught_while_it_is_served(
    browser: Browser, world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    own = dataclasses.replace(world, flora=shutil.copytree(world.flora, tmp_path / "flora"))
    added = run(
        [
            "dalip",
            "index",
            "add",
            *own.options,
            "--taxon",
            "Flos secundus",
            paint(tmp_path / "s.png", "pink", 7),
        ]
    )
    assert added.status == 0
    (tmp_path / "served").mkdir()
    with serving(own, tmp_path / "served") as served:
        context = browser.new_context(viewport=SIZES["desktop"])  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(served.address)
        page.get_by_role("tab", name="Flora").click()
        taxa = page.locator(".flora-taxon")
        expect(taxa).to_have_count(11)
        page.get_by_label("Find a plant in this flora").fill("bleu Blume")
        expect(taxa.first).to_contain_text("Flos blue")
        taxa.first.locator("summary").click()
        expect(taxa.first).to_contain_text("blue Blume")
        expect(taxa.first.get_by_role("link").first).to_have_attribute("rel", "noopener noreferrer")
        keep(page, request, "flora")
        said = page.locator("#teach-said")
        page.get_by_role("button", name="Teach", exact=True).click()
        expect(said).to_contain_text("needs a scientific name; enter it first.")
        page.get_by_label("Scientific name").fill("Flos novus")
        page.get_by_role("button", name="Teach", exact=True).click()
        expect(said).to_contain_text("Choose at least one photo of the plant.")
        half = []
        for number in range(3):
            with Image.open(paint(tmp_path / f"n{number}.png", "white", number)) as picture:
                picture.paste(COLOURS["black"], (0, 24, 48, 48))
                picture.save(tmp_path / f"n{number}.png")
            half.append(tmp_path / f"n{number}.png")
        (tmp_path / "broken.jpg").write_text("no photo")
        page.locator("#teach-photos input[type=file]").set_input_files([*half, tmp_path / "broken.jpg"])
        expect(page.locator("#teach-photos")).to_contain_text("n2")
        page.get_by_role("button", name="Teach", exact=True).click()
        expect(said).to_contain_text("The flora now knows Flos novus from 3 photos.")
        expect(said).to_contain_text("Photo 4: The file is not an image")
        keep(page, request, "teach")
        page.get_by_role("tab", name="Identify").click()
        choose(page, half[0])
        expect(page.locator(".card").first).to_contain_text("Flos novus")  # without a restart
        page.get_by_role("tab", name="Journal").click()
        page.get_by_role("button", name="Teach the flora").click()
        expect(page.locator("#journal-said")).to_contain_text("Nothing to teach")
        page.get_by_role("tab", name="Identify").click()
        page.get_by_label("It is a different plant").fill("Flos tertius")
        page.get_by_label("It is a different plant").press("Enter")
        page.get_by_role("button", name="Save under this name").click()
        expect(page.locator("#keep-said")).to_contain_text("Saved as Flos tertius.")
        page.get_by_role("tab", name="Journal").click()
        page.get_by_role("button", name="Teach the flora").click()
        expect(page.locator("#journal-said")).to_contain_text("Flos tertius (1).")
        page.get_by_role("tab", name="Flora").click()
        page.get_by_role("button", name="Forget this plant").click()
        expect(said).to_contain_text("The flora has forgotten Flos novus")
        page.get_by_label("Scientific name").fill("Flos red")
        page.get_by_role("button", name="Forget this plant").click()
        expect(said).to_contain_text("The flora was not taught a plant with this name: Flos red.")
        context.close()
        assert served.errors() == ""
    assert run(["dalip", "index", "verify", own.flora]).status == 0


def test_names_are_found_despite_typos() -> None:
    flora = load_flora()
    for words, name in (
        ("dalia", "Dahlia"),
        ("califrnia popy", "Eschscholzia californica"),
        ("eschscholtzia", "Eschscholzia californica"),
        ("Sonnenblum", "Helianthus annuus"),
        ("sunflower", "Helianthus annuus"),
    ):
        assert name in [taxon.scientific_name for taxon in find_taxa(flora, words, 3)[0]], words
    assert find_taxa(flora, "zzzzqq", 30) == ([], 0)
    for family in ("rosaceae", "anacardiaceae"):  # spelt correctly, so no fuzzy matches
        members = [taxon for taxon in flora.taxa if taxon.family == family.capitalize()]
        found = find_taxa(flora, family, len(flora.taxa))
        assert found == (sorted(members, key=lambda taxon: taxon.scientific_name), len(members))
    assert {
        "lily" in " ".join(n.name.lower() for n in t.vernacular_names)
        for t in find_taxa(flora, "lily", 100)[0]
    } == {True}
    every = [taxon.scientific_name for taxon in find_taxa(flora, " ", 10_000)[0]]
    assert every == sorted(taxon.scientific_name for taxon in flora.taxa)


def test_a_large_flora_offers_the_names_of_relatives_and_those_that_match() -> None:
    flora = load_flora()
    offered = [name for _, name in name_choices(flora, ["Salvia officinalis"], language("en"))]
    assert len(offered) <= 50
    assert offered == sorted(offered)
    assert {taxon.scientific_name for taxon in flora.taxa if taxon.genus == "Salvia"} <= set(offered)
    families = {taxon.scientific_name: taxon.family for taxon in flora.taxa}
    assert {families[name] for name in offered} == {"Lamiaceae"}
    maples = name_choices(flora, ["Salvia officinalis"], language("en"), "acer")
    assert maples[0] == ("acer", "acer"), "Enter keeps the typed text"
    assert maples[1][1].startswith("Acer ")
    nothing = name_choices(flora, ["Salvia officinalis"], language("en"), "zzzzqq")
    assert [name for _, name in nothing] == ["zzzzqq", *offered[:-1]]
    assert len(maples) == len(nothing) == len(offered), "a shorter list breaks Gradio's field"


@needs_browser
def test_a_login_opens_the_page_and_the_documentation_works_offline(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    with serving(world, tmp_path, "--auth", "ann:secret") as served:
        context = browser.new_context(http_credentials={"username": "ann", "password": "secret"})
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.address)
        choose(page, paint(tmp_path / "red.png", "red"))
        expect(page.locator(".answer-sentence")).to_contain_text("Flos red")
        page.goto(f"{served.address}/docs")
        expect(page.get_by_text("/v2/identify/{project}")).to_be_visible()
        assert all(url.startswith((served.address, "data:", "blob:")) for url in asked)
        context.close()
        stranger = browser.new_context(http_credentials={"username": "ann", "password": "guess"})
        response = stranger.new_page().goto(served.address)
        assert response is not None
        assert response.status == 401
        stranger.close()


@needs_browser
@on_a_desktop
def test_several_photos_of_one_plant_get_one_answer(
    page: Page, served: Served, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    photos = [paint(tmp_path / f"{number}.png", "orange", number) for number in range(2)]
    (tmp_path / "broken.jpg").write_text("no photo")
    page.get_by_label("A photo of a plant", exact=True).set_input_files(
        [photos[0], tmp_path / "broken.jpg", photos[1]]
    )
    expect_answer(page, "Flos orange")
    expect(page.locator("#identify-answer")).to_contain_text(
        "The file is not an image in a supported format; use"
    )
    expect(page.locator(".why")).to_have_count(0)  # a heat map explains a single photo
    keep(page, request, "several")
    page.get_by_role("button", name="This is correct").click()
    expect(page.locator("#keep-said")).to_contain_text("Saved and confirmed.")
    journal = Journal(served.log.parent / "data")
    (seen,) = journal.photographed(9)["Flos orange"]
    assert [open_image(jpeg).size for jpeg in journal.photos(seen)] == [(48, 48)] * 2
    journal.remove(seen)
    # It was deleted meanwhile, so it is saved again.
    page.get_by_role("button", name="Save for later").click()
    expect(page.locator("#keep-said")).to_contain_text("Saved for later.")
    (seen,) = journal.photographed(9)["Flos orange"]
    journal.remove(seen)
    choose(page, tmp_path / "broken.jpg")
    expect(page.locator("#identify-photo .picker-note")).to_contain_text("is not an image")
    expect(page.locator("#keep")).to_be_hidden()
    page.get_by_label("A photo of a plant", exact=True).set_input_files(photos * 3)
    expect(page.locator("#identify-photo .picker-note")).to_contain_text("Choose at most 5 photos.")
