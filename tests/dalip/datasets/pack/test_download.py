"""Downloading photos: each is fetched once, from a real server that also refuses, delays and sends broken replies."""

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dalip.datasets import Record
from dalip.datasets.pack import download as web
from dalip.datasets.photo_location import FilePart, WebPhoto
from tests.dalip.heard import Heard

PHOTO = b"\xff\xd8\xff a photo"


class Server(ThreadingHTTPServer):
    asked: Counter[str]
    agents: set[str | None]


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        times = self.server.asked[self.path]
        self.server.asked[self.path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        kind = self.path.strip("/").split("?")[0]
        if kind == "busy" and times < 2:
            self.reply(
                503 if times else 429,
                b"later",
                {"Retry-After": "0" if times else "Thu, 01 Jan 1970 00:00:00 GMT"},
            )
        elif kind == "tomorrow":
            self.reply(503, b"", {"Retry-After": "86400"})
        elif kind == "gone":
            self.reply(404, b"no")
        elif kind == "elsewhere":
            self.reply(302, b"", {"Location": "file:///etc/passwd"})
        elif kind == "circle":
            self.reply(302, b"", {"Location": "/circle"})
        elif kind == "cut":
            self.reply(200, PHOTO, {"Content-Length": "1000"})
        elif kind == "empty":
            self.reply(200, b"")
        elif kind == "huge":
            self.reply(200, bytes(3000))
        else:
            self.reply(200, PHOTO + self.path.encode())

    def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


fetch = partial(web.fetch, first_wait=0.01)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(web, "MAX_PHOTO_BYTES", 2000)
    server = Server(("127.0.0.1", 0), Answers)
    server.asked, server.agents = Counter(), set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def on_web(server: Server, *names: str) -> list[Record]:
    base = f"http://127.0.0.1:{server.server_port}"
    return [
        Record(name, WebPhoto(f"{base}/{name}"), row=f"t.csv, line {n}") for n, name in enumerate(names, 2)
    ]


def test_photos_are_fetched_once(server: Server, tmp_path: Path) -> None:
    local = Record("local", FilePart(tmp_path / "a.jpg"))
    wanted = [local, *on_web(server, "a", "b?x=1", "busy", "a")]
    heard = Heard()
    told: list[tuple[int, int]] = []
    folder = tmp_path / "out" / ".downloads"
    found = fetch(wanted, folder, heard.report, lambda what, done, total: told.append((done, total)))
    assert heard.faults == []
    assert [record.key for record in found] == ["local", "a", "b?x=1", "busy", "a"]
    contents = [record.location.read() for record in found[1:] if isinstance(record.location, FilePart)]
    assert contents == [PHOTO + b"/a", PHOTO + b"/b?x=1", PHOTO + b"/busy", PHOTO + b"/a"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert server.asked == {"/a": 1, "/b?x=1": 1, "/busy": 3}
    assert all(agent and agent.startswith("DALIP/") for agent in server.agents)
    assert fetch(wanted, folder, heard.report) == found
    assert server.asked["/a"] == 1


def test_failed_downloads_are_reported_by_row_and_leave_no_partial_file(
    server: Server, tmp_path: Path
) -> None:
    names = ["gone", "tomorrow", "elsewhere", "circle", "cut", "empty", "huge", "good"]
    heard = Heard()
    found = fetch(on_web(server, *names), tmp_path / "d", heard.report)
    assert [record.key for record in found] == ["good"]
    assert len(list((tmp_path / "d").iterdir())) == 1
    for line, (fault, cause) in enumerate(
        zip(
            heard.faults,
            [
                "HTTP status 404",
                "requires a wait",
                "cannot be downloaded",
                "cannot be downloaded",
                "cannot be downloaded",
                "is empty",
                "the limit for a photo",
            ],
            strict=True,
        ),
        2,
    ):
        assert fault.startswith(f"t.csv, line {line}: http://127.0.0.1")
        assert cause in fault
    assert server.asked["/gone"] == server.asked["/tomorrow"] == 1
    assert server.asked["/cut"] == 4


def test_nothing_is_downloaded_without_permission(server: Server) -> None:
    local = Record("local", FilePart(Path("a.jpg")))
    heard = Heard()
    assert web.without_web([local, *on_web(server, "a", "b")], heard.report) == [local]
    assert heard.faults == [
        "t.csv: 2 photos are on the web; add --download, or specify the folder of the downloaded photos with --photos"
    ]
    assert not server.asked


def test_an_unreachable_server_is_reported(tmp_path: Path) -> None:
    heard = Heard()
    record = Record("a", WebPhoto("http://127.0.0.1:9/a.jpg"), row="t.csv, line 2")
    assert fetch([record], tmp_path, heard.report) == []
    assert "run the command again later" in heard.faults[0]
