"""Take the README's picture: the running page in a real browser, with the answer to one photo.

    python docs/screenshot.py PHOTO

The picture that is in the repository shows `flower.jpg` of scikit-learn's sample images, by vultilion on Flickr
(CC BY 2.0): `sklearn/datasets/images/flower.jpg` of an installed scikit-learn.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("identify.png")
WIDTH, HEIGHT = 1180, 900


def main() -> None:
    """Serve the page, show it the photo and keep what a person would see."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    photo = Path(sys.argv[1])
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("dalip-app")), "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        if address is None:
            sys.exit("dalip-app serve printed no address")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(address[0])
            page.get_by_label("A photo of a plant", exact=True).set_input_files(photo)
            page.locator(".card").nth(4).wait_for()
            page.locator("#identify-photo .picker[data-state=done]").wait_for()
            page.wait_for_timeout(500)  # the bars grow to their length
            page.screenshot(path=PICTURE)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
