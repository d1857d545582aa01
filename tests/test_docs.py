"""The documentation site: it builds without a warning, opens from disk, and is searched offline."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths import ROOT, temporary

from tests.app.browsing import browsing, needs_browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with temporary(tmp_path_factory, "site") as out:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        )
        assert done.returncode == 0, done.stderr
        yield out


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?([^\s\">]+)", page.read_text("utf-8")
        )
        assert loaded
        assert [address for address in loaded if address.startswith(("http:", "https:", "//"))] == [], page


@needs_browser
@pytest.mark.parametrize(
    ("words", "page"), [("conformal", "trust"), ("index build", "commands"), ("restrict", "api/flora")]
)
def test_pages_on_disk_are_searched_offline(site: Path, words: str, page: str) -> None:
    with browsing() as browser:
        tab = browser.new_context(offline=True).new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto((site / "index.html").as_uri())
        tab.click("input[name=query]")
        tab.keyboard.type(words)
        tab.wait_for_selector(f".md-search-result__link[href*='{page}']", state="attached")
        assert errors == []
