"""Take the screenshots for the README and the guide from the running page in a real browser.

    python docs/screenshots.py

The photos are sample images from the installed scikit-learn: `flower.jpg` by vultilion and `china.jpg` by
danielbuechele, both on Flickr, CC BY 2.0.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sklearn
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

DOCS = Path(__file__).parent
PHOTOS = Path(sklearn.__file__).parent / "datasets" / "images"
WIDTH, HEIGHT = 1180, 900
COLOURS = 256  # enough for the page, at a third of the file size


@contextmanager
def served(data_dir: Path) -> Iterator[str]:
    """Serve the page until the block ends, and yield its address."""
    command = [str(Path(sys.executable).with_name("dalip-app")), "serve", "--port", "0"]
    server = subprocess.Popen([*command, "--data-dir", str(data_dir)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        if address is None:
            sys.exit("dalip-app serve printed no address")
        yield address[0]
    finally:
        server.terminate()
        server.wait()


def keep(what: Page | Locator, name: str) -> None:
    """Save a screenshot as a small PNG file."""
    path = DOCS / f"{name}.png"
    what.page.wait_for_timeout(500) if isinstance(what, Locator) else what.wait_for_timeout(500)  # animation
    what.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def open_tab(page: Page, name: str) -> None:
    """Open a tab and scroll to the top of the page."""
    page.get_by_role("tab", name=name).click()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1000)


def make_library(folder: Path) -> None:
    """Fill a folder with photos to search: the two sample images and crops of them."""
    folder.mkdir()
    for name in ("flower", "china"):
        with Image.open(PHOTOS / f"{name}.jpg") as photo:
            photo.save(folder / f"{name}.jpg")
            width, height = photo.size
            photo.crop((0, 0, width // 2, height)).save(folder / f"{name}-left.jpg")
            photo.crop((width // 3, height // 4, width, height)).save(folder / f"{name}-right.jpg")


def take(page: Page, photos: Path) -> None:
    """Click through the tabs as a user would, and take the screenshots."""
    page.get_by_label("A photo of a plant", exact=True).set_input_files(PHOTOS / "flower.jpg")
    page.locator(".card").nth(4).wait_for()
    page.locator("#identify-photo .picker[data-state=done]").wait_for()
    keep(page, "identify")
    page.locator(".why summary").click()
    keep(page.locator(".why"), "guide/identify-why")
    page.locator("#keep-right").click()
    page.locator("#keep-said .notice").wait_for()
    open_tab(page, "Search")
    page.locator("#library-folder textarea, #library-folder input").fill(str(photos))
    page.locator("#library-add").click()
    page.get_by_text("6 added").wait_for()
    page.locator("#search-text textarea, #search-text input").fill("dahlia")
    page.locator("#search-button").click()
    page.locator(".hit").first.wait_for()
    keep(page, "guide/search")
    open_tab(page, "Flora")
    page.locator("#flora-search textarea, #flora-search input").fill("dalia")
    page.locator(".flora-taxon summary").first.click()
    keep(page, "guide/flora")
    open_tab(page, "Journal")
    page.locator(".entry-card").wait_for()
    keep(page, "guide/journal")


def main() -> None:
    """Serve the page with an empty data folder, and take the screenshots."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photos = Path(folder, "Garden")
        make_library(photos)
        with served(Path(folder, "data")) as address:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(address)
            page.locator("[data-ready]").first.wait_for(state="attached")
            take(page, photos)
            browser.close()


if __name__ == "__main__":
    main()
