"""Public mode: `dalip-app serve --public`."""

import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from wording import refuses

from dalip.errors import JournalError
from dalip_app.server import visits
from dalip_app.server.guard import guard
from dalip_app.server.keys import Keys
from dalip_app.server.visits import Visits
from dalip_index import Journal, Observation
from tests.app.browsing import Browser, Page, choose, expect, needs_browser
from tests.app.conftest import World, paint, run
from tests.app.server.test_serve import get
from tests.app.serving import Served, serving

OWNERS_ONLY = ("search-text", "library-folder", "teach-name", "journal-teach")


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("public")
    Journal(folder / "data").add(seen("owners"), [b"jpeg"])
    with serving(world, folder, "--public", "--embed-in", "https://plants.example") as served:
        yield served


def seen(identifier: str) -> Observation:
    return Observation(identifier, "2026-05-01", "Flos red", "species", "Coloraceae", 0.5, "sure")


def test_strangers_cannot_search_or_teach_and_may_use_any_host_name(world: World, served: Served) -> None:
    status, _, config = get(served.address, "/config", Host="plants.example")
    assert status == 200
    assert "journal-order" in config
    assert not [part for part in OWNERS_ONLY if part in config]
    assert "runs on a server, not on your computer" in config
    assert "on your own computer" not in config


def test_behind_a_proxy_everything_is_loaded_over_https(served: Served) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "plants.example"}
    _, _, page = get(served.address, "/", Host="plants.example", **headers)
    assert "https://plants.example" in page
    assert "http://plants.example" not in page


def test_one_other_site_may_embed_the_page(world: World, served: Served, tmp_path: Path) -> None:
    policy = get(served.address)[1]["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'self' https://plants.example")
    for wrong in ("plants.example", "https://a.example; script-src *", "https://a.example\nX: y"):
        done = run(["dalip-app", "serve", *world.options, "--port", 0, "--embed-in", wrong], cwd=tmp_path)
        assert (done.status, done.out) == (1, "")
        (line,) = done.err.splitlines()
        assert "https://example.org" in line


def test_only_the_journal_of_the_visit_can_be_exported(served: Served, tmp_path: Path) -> None:
    for visit in ("", "?visit=", "?visit=guess", "?visit=../../data", "?visit=%00", "?visit=" + "x" * 5000):
        status, _, _ = get(served.address, f"/journal.zip{visit}")
        assert status == 200
    assert not list(served.temporary.glob("dalip-*/visits/*"))


def exported(page: Page, path: Path) -> int:
    """Export the journal and count its observations."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    download.value.save_as(path)
    return len(zipfile.ZipFile(path).read("occurrence.csv").decode().splitlines()) - 1


@needs_browser
def test_each_visit_has_a_separate_journal_that_is_released_afterwards(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    first, second = browser.new_context(), browser.new_context()
    one, two = first.new_page(), second.new_page()
    for page in (one, two):
        page.goto(served.address)
        choose(page, paint(tmp_path / "blue.png", "blue"))
    one.get_by_role("button", name="This is correct").click()
    expect(one.locator("#keep-said")).to_contain_text("Saved and confirmed.")
    for page, words in ((one, "1 observation."), (two, "Your journal is empty")):
        page.get_by_role("tab", name="Journal").click()
        expect(page.locator("#journal-number")).to_contain_text(words)
    assert exported(one, tmp_path / "one.zip") == 1
    assert exported(two, tmp_path / "two.zip") == 0
    (folder,) = served.temporary.glob("dalip-*/visits/*")
    used = folder.stat().st_mtime
    first.close()
    for _ in range(6000):  # the server learns that the page was closed and soon releases the journal
        if folder.stat().st_mtime < used - visits._CLOSED:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the journal of a closed page is kept as if somebody used it")
    second.close()
    assert served.errors() == ""


def test_unused_journals_are_deleted(tmp_path: Path) -> None:
    journals = Visits(tmp_path / "visits", tmp_path / "uploads")
    for visit in ("read", "closed", "forgotten", "\ud800/../x"):
        journals(visit).add(seen("kept"), [])
    assert len(list((tmp_path / "visits").iterdir())) == 4
    assert [len(journals(visit)) for visit in ("read", "closed", "another", "", None)] == [1, 1, 0, 0, 0]
    journals("").add(seen("nameless"), [])
    assert len(journals("")) == 0, "those without a name share nothing"
    journals.end("closed")
    journals.end("read")
    journals.end("never seen")
    journals.sweep()
    assert len(journals("closed")) == 1, "a page that seemed closed for a moment loses nothing"
    journals.end("closed")
    for place in (tmp_path / "visits").iterdir():
        os.utime(place, (place.stat().st_atime, place.stat().st_mtime - visits._CLOSED - 1))
    assert len(journals("read")) == 1
    journals.sweep()
    assert [len(journals(visit)) for visit in ("read", "closed", "forgotten")] == [1, 0, 1]


def test_the_journal_and_the_uploads_of_a_visit_are_limited_together(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    journals = Visits(tmp_path / "visits", uploads, each=400_000, all_=700_000)
    photo = uploads / "photo.jpg"
    photo.write_bytes(bytes(200_000))
    assert journals.bring("one", [str(photo), str(uploads / "gone.jpg")])
    journals("one").add(seen("small"), [bytes(50_000)])
    assert 0 < journals.room("one") < 150_000
    with refuses(JournalError, match="stored as much as it may"):
        journals("one").add(seen("large"), [bytes(150_000)])
    with refuses(JournalError, match="stored as much as it may"):
        journals("one").change("small", notes="x" * 150_000)
    journals("two").add(seen("large"), [bytes(150_000)])
    photo.write_bytes(bytes(390_000))
    assert not journals.bring("one", [str(photo)])
    photo.unlink()
    journals("one").add(seen("large"), [bytes(150_000)])
    assert len(journals("one")) == 2
    (uploads / "others.jpg").write_bytes(bytes(400_000))
    assert journals.room("three") <= 0, "all visits together are limited, too"
    with refuses(JournalError, match="stored as much as it may"):
        journals("three").add(seen("small"), [bytes(50_000)])


def test_an_event_with_more_uploads_than_a_visit_may_have_is_refused(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    journals = Visits(tmp_path / "visits", uploads, each=1000)
    client = TestClient(guard(Starlette(), Keys(), uploads, visits=journals))
    for number in range(3):
        path = uploads / f"{number}.jpg"
        path.write_bytes(bytes(400))
        event = {"data": [{"path": str(path)}], "session_hash": "visit"}
        status = client.post("/gradio_api/queue/join", json=event).status_code
        assert status == (413 if number == 2 else 404)  # 404: there is no page behind the guard
    assert client.post("/gradio_api/queue/join", json=event | {"session_hash": "other"}).status_code == 404
