"""Server shutdown: signals, open requests and leftover files."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.conftest import World, paint
from tests.app.serving import PATIENCE, serving

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_leaves_nothing_behind(world: World, tmp_path: Path, number: int) -> None:
    with serving(world, tmp_path) as served:
        assert served.uploads.is_dir()
        served.process.send_signal(number)
        assert served.process.wait(PATIENCE) == 0
        assert not list(served.temporary.iterdir())
    assert served.errors() == ""


class Half:
    """A request to identify a photo, only partly sent."""

    def __init__(self, address: str, photo: Path) -> None:
        host, port = address.removeprefix("http://").split(":")
        head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
        body = head + photo.read_bytes() + b"\r\n--x--\r\n"
        start = (
            f"POST /v2/identify/all HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall(start.encode() + body[:100])
        self.rest = body[100:]

    def finish(self) -> tuple[int, bytes]:
        self.socket.sendall(self.rest)
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response.status, response.read()


def wait_until_refused(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    while True:
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionResetError:  # it waited to be accepted when the server closed its socket
            continue
        except ConnectionRefusedError:
            return


def test_an_open_request_is_answered_before_the_server_stops(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as served:
        shown = http.client.HTTPConnection(served.address.removeprefix("http://"))
        shown.request("GET", "/gradio_api/heartbeat/visit")  # an open page keeps this request open
        assert shown.getresponse().readline() == b"data: ALIVE\n"
        half = Half(served.address, paint(tmp_path / "red.png", "red"))
        assert served.client().get("/health").status_code == 200  # the server has received both requests
        served.process.send_signal(signal.SIGTERM)
        wait_until_refused(served.address)
        status, body = half.finish()
        assert status == 200
        assert b"Flos red" in body
        assert served.process.wait(PATIENCE) == 0
        assert not list(served.temporary.iterdir())
    assert served.errors() == ""  # uvicorn would log requests that it cut off after the grace period


SLOW = """
import time
from dalip_index import Flora
identify = Flora.identify
Flora.identify = lambda *arguments: time.sleep(1) or identify(*arguments)
"""


def test_a_running_page_event_is_answered_before_the_server_stops(world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red").read_bytes()
    with serving(world, tmp_path, first=SLOW) as served, served.client() as client:
        (path,) = client.post("/gradio_api/upload", files={"files": photo}).json()
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        event = client.post("/gradio_api/call/identify", json={"data": [file]}).json()["event_id"]
        with client.stream("GET", f"/gradio_api/call/identify/{event}") as answer:
            assert answer.status_code == 200
            served.process.send_signal(signal.SIGTERM)
            told = "".join(answer.iter_text())
        assert "event: complete" in told
        assert "Flos red" in told
        assert served.process.wait(PATIENCE) == 0
    assert served.errors() == ""


def test_a_second_signal_stops_it_immediately(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as served:
        half = Half(served.address, paint(tmp_path / "red.png", "red"))
        assert served.client().get("/health").status_code == 200
        served.process.send_signal(signal.SIGINT)
        wait_until_refused(served.address)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(PATIENCE) == 1
        assert not list(served.temporary.iterdir())
        half.socket.close()
    assert served.errors() == ""


def test_the_next_server_deletes_what_a_killed_one_left(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as killed:
        (killed.uploads / "photo.png").write_bytes(b"photo")
        killed.process.kill()
        killed.process.wait()
        assert (killed.uploads / "photo.png").exists()
        with serving(world, tmp_path) as first:
            (first.uploads / "photo.png").write_bytes(b"photo")
            with serving(world, tmp_path):
                assert len(list(first.temporary.glob("dalip-serve-*/uploads"))) == 2
                assert len(list(first.temporary.glob("dalip-serve-*/uploads/photo.png"))) == 1


HELD = """
import threading, time
from dalip_app.cli.serve import end_process
threading.Thread(target=time.sleep, args=(3600,)).start()
try:
    raise SystemExit({status})
except SystemExit as stop:
    end_process(stop.code, patience=0.1)
    raise
"""


@pytest.mark.parametrize("status", [0, 1])
def test_uninterruptible_work_does_not_delay_the_exit(status: int) -> None:
    done = subprocess.run([sys.executable, "-c", HELD.format(status=status)], timeout=1800, check=False)
    assert done.returncode == status
