"""Browser automation for tests of the page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PATIENCE = 300_000  # milliseconds: a busy machine must not make a test fail
expect.set_options(timeout=PATIENCE)
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1440, "height": 900}}


@contextmanager
def browsing(*more: str) -> Iterator[Browser]:
    """Run Chromium, with additional options, until the block ends."""
    with sync_playwright() as running:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", *more]
        browser = running.chromium.launch(executable_path=CHROMIUM, args=options, timeout=PATIENCE)
        make_context, make_page = browser.new_context, browser.new_page

        def new_context(**chosen: Any) -> BrowserContext:
            context = make_context(**chosen)
            context.set_default_timeout(PATIENCE)
            return context

        def new_page(**chosen: Any) -> Page:
            page = make_page(**chosen)
            page.set_default_timeout(PATIENCE)
            return page

        browser.new_context, browser.new_page = new_context, new_page  # type: ignore[method-assign]
        yield browser
        browser.close()


def settle(page: Page) -> None:
    """Wait until all animations have ended, so that colours are final; endless ones such as spinners do not count."""
    page.wait_for_function(
        """() => document.getAnimations().every(animation =>
          animation.playState !== "running" || animation.effect.getComputedTiming().iterations === Infinity)"""
    )


def choose(page: Page | FrameLocator, photo: Path, label: str = "A photo of a plant") -> None:
    page.get_by_label(label, exact=True).set_input_files(photo)


def expect_answer(page: Page, name: str) -> None:
    expect(page.locator(".answer-sentence")).to_contain_text(name)
    expect(page.locator(".card")).to_have_count(5)
    expect(page.locator("#identify-photo .picker")).to_have_attribute("data-state", "done")


def keep(page: Page, request: pytest.FixtureRequest, name: str) -> None:
    """Save a screenshot for manual inspection in the folder `out`, which git ignores."""
    folder = request.config.rootpath / "out" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    assert page.viewport_size is not None
    page.screenshot(path=folder / f"{name}-{page.viewport_size['width']}.png", full_page=True)
