"""Photos on a public page are decoded in worker processes: a stranger's photo harms no other visitor."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pillow_heif
import psutil
import pytest
from PIL import Image

from tests.app.conftest import World, paint
from tests.app.serving import Served, serving

API = "/v2/identify/all"


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("public"), "--public") as served:
        yield served


@pytest.fixture
def plant(tmp_path: Path) -> bytes:
    return paint(tmp_path / "red.png", "red").read_bytes()


def encoded(kind: str, width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(stream, kind)
    return stream.getvalue()


def send(client: httpx.Client, photo: bytes) -> httpx.Response:
    return client.post(API, params={"no-reject": "true"}, files={"images": ("a.jpg", photo)})


def workers(served: Served) -> set[psutil.Process]:
    found = set()
    for child in psutil.Process(served.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            found |= {child} if "dalip.photos.workers" in " ".join(child.cmdline()) else set()
    return found


def has_ended(worker: psutil.Process) -> bool:
    try:
        return worker.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def test_photos_are_answered_and_limits_are_lower_than_on_ones_own_computer(
    served: Served, plant: bytes
) -> None:
    with served.client() as client:
        answer = send(client, plant)
        assert (answer.status_code, answer.json()["bestMatch"]) == (200, "Flos red")
        refused = send(client, encoded("WEBP", 8000, 5000))
        assert refused.status_code == 415
        assert "takes 640 MB of memory, more than the limit of 512 MB" in refused.json()["message"]
        assert send(client, encoded("WEBP", 5000, 4000)).status_code == 200
        assert send(client, encoded("JPEG", 12_000, 9000)).status_code == 200


def test_large_photos_of_a_stranger_make_nobody_else_wait(served: Served, plant: bytes) -> None:
    large = encoded("WEBP", 6000, 5000)
    answers: list[str] = []

    def attack() -> None:
        with served.client() as client:
            send(client, large)
            answers.append("large")

    threads = [threading.Thread(target=attack) for _ in range(4)]
    for thread in threads:
        thread.start()
    with served.client() as client:
        while "small" not in answers:
            assert send(client, plant).status_code == 200
            answers.append("small")
    for thread in threads:
        thread.join()
    assert answers.index("small") < 3


def test_workers_that_are_killed_are_replaced(served: Served, plant: bytes) -> None:
    with served.client() as client:
        for _ in range(3):
            before = workers(served)
            assert len(before) >= 2
            for worker in before:
                worker.kill()
                served.wait_until(lambda worker=worker: has_ended(worker))  # type: ignore[misc]
            assert send(client, plant).json()["bestMatch"] == "Flos red"
            assert send(client, encoded("WEBP", 5000, 4000)).status_code == 200
    assert served.errors() == ""


def test_a_worker_that_is_killed_costs_one_request_and_no_traceback(served: Served, plant: bytes) -> None:
    statuses, done = set(), threading.Event()

    def kill() -> None:
        while not done.wait(0.05):
            for worker in workers(served):
                with suppress(psutil.Error):
                    worker.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with served.client() as client:
        try:
            while 415 not in statuses:
                statuses.add(send(client, encoded("PNG", 6000, 6000)).status_code)
        finally:
            done.set()
            killer.join()
        assert statuses <= {200, 415}
        assert send(client, plant).status_code == 200
    assert served.errors() == ""


def test_rejected_photos_do_not_stay_in_memory(served: Served, plant: bytes) -> None:
    server = psutil.Process(served.process.pid)
    with served.client() as client:
        assert send(client, plant).status_code == 200
        before = server.memory_info().rss
        for _ in range(10):
            assert send(client, b"no photo" + bytes(40_000_000)).status_code == 415
    assert server.memory_info().rss < before + 200_000_000


def test_the_server_itself_decodes_nothing(served: Served, plant: bytes) -> None:
    modules = Path(f"/proc/{served.process.pid}/maps")
    if not modules.exists():
        pytest.skip("needs Linux")
    heif = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red")).save(heif)
    with served.client() as client:
        assert send(client, heif.getvalue()).status_code == 200
    assert "pillow_heif" not in modules.read_text()


def test_workers_end_with_the_server(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path, "--public") as served:
        running = workers(served)
        assert running
    for _ in range(600):
        if all(map(has_ended, running)):
            break
        time.sleep(0.1)
    else:
        pytest.fail("a worker outlives its server")


def test_a_private_page_has_no_workers(world: World, tmp_path: Path, plant: bytes) -> None:
    with serving(world, tmp_path) as served, served.client() as client:
        assert send(client, plant).status_code == 200
        assert not workers(served)
