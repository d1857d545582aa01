"""The Journal tab: imports that are refused, and observations that cannot be used."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dalip.photos import small_copy
from dalip_index import Journal, Observation, export_journal
from tests.app.browsing import needs_browser
from tests.app.conftest import World, paint
from tests.app.serving import Served, serving

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect

WRONG = {
    "en": (
        "Journal",
        "Import",
        "Nothing was imported, because",
        "row 2, dateIdentified: expected text, not 0",
    ),
    "fr": (
        "Carnet",
        "Importer",
        "Rien n’a été importé, car",
        "dateIdentified : du texte est attendu, et non 0",
    ),
}


def seen(identifier: str) -> Observation:
    return Observation(identifier, "2026-05-01", "Flos red", "species", "Coloraceae", 0.5, "sure")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    folder = tmp_path_factory.mktemp("rows")
    for name in ("a1", "a2"):
        Journal(folder).add(seen(name), [])
    export_journal(Journal(folder), folder / "mine.json")
    return json.loads((folder / "mine.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Served]:
    with serving(world, tmp_path) as served:
        yield served
        assert served.errors() == ""


def open_journal(page: Page, address: str, code: str) -> None:
    page.goto(f"{address}/{'' if code == 'en' else 'fr/'}?lang={code}")
    page.get_by_role("tab", name=WRONG[code][0]).click()


def bring(page: Page, path: Path, code: str) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=WRONG[code][1]).click()
    chooser.value.set_files(path)


@needs_browser
def test_a_wrong_file_is_refused_in_the_language_of_the_page(
    served: Served, browser: Browser, tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    (tmp_path / "bad.json").write_text(json.dumps([rows[0], rows[1] | {"dateIdentified": 0}]))
    for code, (_, _, start, words) in WRONG.items():
        page = browser.new_page()
        open_journal(page, served.address, code)
        bring(page, tmp_path / "bad.json", code)
        said = page.locator("#journal-said")
        expect(said).to_contain_text(words)
        assert said.inner_text().startswith(start), "without the path on the server"
        page.close()
    assert len(Journal(tmp_path / "data")) == 0


@needs_browser
def test_an_observation_that_cannot_be_used_is_shown_with_the_others_and_can_be_deleted(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "data")
    journal.add(seen("a1"), [small_copy(paint(tmp_path / "red.png", "red").read_bytes())])
    journal.add(seen("a2"), [])
    journal.add(seen("a3"), [b"a photo that cannot be read"])
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE observations SET created = 0 WHERE id = 'a2'")
    connection.close()
    page = browser.new_page()
    open_journal(page, served.address, "en")
    expect(page.locator(".entry-card")).to_have_count(2)
    expect(page.locator(".entry-card img")).to_have_count(1)
    wrong = page.locator(".entry", has_text="The observation a2 cannot be used (0 is not a date")
    wrong.get_by_role("button", name="Delete").click()
    expect(page.locator("#journal-said")).to_contain_text("a2: deleted.")
    expect(page.locator("#journal-number")).to_contain_text("2 observations.")
    page.close()


@needs_browser
def test_the_limits_of_visitors_do_not_apply_to_your_own_journal_even_while_it_is_empty(
    served: Served, browser: Browser, tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    (tmp_path / "many.json").write_text(
        json.dumps([rows[0] | {"occurrenceID": f"a{row}"} for row in range(1_001)])
    )
    page = browser.new_page()
    open_journal(page, served.address, "en")
    bring(page, tmp_path / "many.json", "en")
    expect(page.locator("#journal-said")).to_contain_text("1,001 added")
    page.close()


@needs_browser
def test_visitors_of_a_public_page_have_lower_limits(
    world: World, browser: Browser, tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    for name, number in (("many", 1_001), ("some", 3)):
        some = [rows[0] | {"occurrenceID": f"{name}{row}"} for row in range(number)]
        (tmp_path / f"{name}.json").write_text(json.dumps([*some, some[0] | {"occurrenceRemarks": "other"}]))
    with serving(world, tmp_path, "--public") as served:
        page = browser.new_page()
        open_journal(page, served.address, "en")
        bring(page, tmp_path / "many.json", "en")
        expect(page.locator("#journal-said")).to_contain_text("there are more than 1,000 rows")
        bring(page, tmp_path / "some.json", "en")
        expect(page.locator("#journal-said")).to_contain_text("3 added, 1 already in the journal.")
        expect(page.locator("#journal-said")).to_contain_text(
            "some0 is already in the journal with other content"
        )
        page.close()
