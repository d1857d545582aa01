"""Draw the app icons of the page for phones and computers: the leaf on a paper-coloured background, as PNG files.

python docs/make_icons.py
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from dalip_app.page.theme import PAPER

STATIC = Path(__file__).parents[1] / "app" / "dalip_app" / "page" / "static"
SIDES = (192, 512)
LEAF = 0.56  # of the side: phones may crop the icon to a central circle of 80 % of the side


def main() -> None:
    """Draw the icons in a browser."""
    leaf = (STATIC / "leaf.svg").read_text(encoding="utf-8")
    style = f"body {{ margin: 0; display: grid; place-items: center; height: 100vh; background: {PAPER[0]} }}"
    style += f" svg {{ width: {100 * LEAF:.0f}vw }}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for side in SIDES:
            page = browser.new_page(viewport={"width": side, "height": side})
            page.set_content(f"<style>{style}</style>{leaf}")
            page.screenshot(path=STATIC / f"icon-{side}.png")
        browser.close()


if __name__ == "__main__":
    main()
