"""Downloading photos: each is fetched once, from a real server that also refuses, delays and sends broken replies."""

import gzip
import os
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dalip.datasets import Record
from dalip.datasets.pack.download import DownloadSettings, fetch, without_web
from dalip.datasets.photo_location import FilePart, WebPhoto
from dalip_app.server.certificate import own_certificate
from tests.dalip.heard import Heard

PHOTO = b"\xff\xd8\xff a photo"
HERE = DownloadSettings(private_addresses=True, max_bytes=2000, first_wait=0.01)
"""The servers of these tests are on this computer."""


class Server(ThreadingHTTPServer):
    asked: Counter[str]
    agents: set[str | None]
    stopped: threading.Event
    dripped: threading.Event


REPLIES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "tomorrow": (503, b"", {"Retry-After": "86400"}),
    "never": (503, b"", {"Retry-After": "inf"}),
    "gone": (404, b"no", {}),
    "elsewhere": (302, b"", {"Location": "file:///etc/passwd"}),
    "circle": (302, b"", {"Location": "/circle"}),
    "nowhere": (302, b"", {"Location": "http://[half"}),
    "moved": (301, b"", {"Location": "a"}),
    "cut": (200, PHOTO, {"Content-Length": "1000"}),
    "part": (206, PHOTO, {"Content-Range": "bytes 0-11/1000"}),
    "empty": (200, b"", {}),
    "huge": (200, bytes(3000), {}),
    "login": (200, b"<html>Please log in", {"Content-Type": "text/html; charset=utf-8"}),
    "quiet": (200, b"\n <!DOCTYPE html>", {}),
    "gzip": (200, gzip.compress(PHOTO), {"Content-Encoding": "gzip"}),
    "deflate": (200, zlib.compress(PHOTO), {"Content-Encoding": "deflate"}),
    "bomb": (200, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}),
    "halved": (200, gzip.compress(PHOTO)[:-9], {"Content-Encoding": "gzip"}),
    "brotli": (200, PHOTO, {"Content-Encoding": "br"}),
}


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        times = self.server.asked[self.path]
        self.server.asked[self.path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        kind = self.path.strip("/").split("?")[0]
        if kind == "busy" and times < 2:
            after = "0" if times else "Thu, 01 Jan 1970 00:00:00 GMT"
            self.reply(503 if times else 429, b"later", {"Retry-After": after})
        elif kind.startswith("to-"):
            self.reply(302, b"", {"Location": f"http://127.0.0.1:{kind.removeprefix('to-')}/a"})
        elif kind.startswith("drip"):
            self.drip(kind)
        else:
            self.reply(*REPLIES.get(kind, (200, PHOTO + self.path.encode(), {})))

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def drip(self, kind: str) -> None:
        """Send a byte now and then, for as long as the test lasts."""
        start = b"HTTP/1.1 200 OK\r\n" + b"Content-Length: 1000\r\n\r\n" * (kind == "drip-body")
        try:
            self.wfile.write(start)
            while not self.server.stopped.wait(0.02):
                self.wfile.write(b"x")
                self.server.dripped.set()
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server(("127.0.0.1", 0), Answers)
    server.asked, server.agents = Counter(), set()
    server.stopped, server.dripped = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()
    thread.join()


def records_of(*urls: str) -> list[Record]:
    return [Record(url, WebPhoto(url), row=f"t.csv, line {n}") for n, url in enumerate(urls, 2)]


def on_web(server: Server, *names: str) -> list[Record]:
    return records_of(*(f"http://127.0.0.1:{server.server_port}/{name}" for name in names))


def contents(records: list[Record]) -> list[bytes]:
    return [record.location.read() for record in records if isinstance(record.location, FilePart)]


def test_photos_are_fetched_once(server: Server, tmp_path: Path) -> None:
    local = Record("local", FilePart(tmp_path / "a.jpg"))
    wanted = [local, *on_web(server, "a", "b?x=1", "busy", "a", "gzip", "deflate", "moved")]
    heard = Heard()
    told: list[tuple[int, int]] = []
    folder = tmp_path / "out" / ".downloads"
    found = fetch(wanted, folder, heard.report, lambda what, done, total: told.append((done, total)), HERE)
    assert heard.faults == []
    assert [record.key for record in found] == [record.key for record in wanted]
    paths = [PHOTO + b"/a", PHOTO + b"/b?x=1", PHOTO + b"/busy", PHOTO + b"/a", PHOTO, PHOTO, PHOTO + b"/a"]
    assert contents(found[1:]) == paths
    assert told == [(done, 6) for done in range(1, 7)]
    assert server.asked["/busy"] == 3
    assert server.asked["/a"] == 2, "once for itself, once where /moved leads"
    assert all(agent and agent.startswith("DALIP/") for agent in server.agents)
    assert fetch(wanted, folder, heard.report, settings=HERE) == found
    assert server.asked["/a"] == 2


def test_failed_downloads_are_reported_by_row_and_leave_no_partial_file(
    server: Server, tmp_path: Path
) -> None:
    causes = {
        "gone": "HTTP status 404",
        "tomorrow": "requires a wait",
        "never": "requires a wait",
        "elsewhere": "not HTTP or HTTPS",
        "nowhere": "redirects to another host",
        "circle": "more than 5 times",
        "cut": "cannot be downloaded",
        "part": "HTTP status 206",
        "empty": "is empty",
        "huge": "the limit for a photo",
        "login": "sent text/html instead of a photo",
        "quiet": "sent text instead of a photo",
        "bomb": "the limit for a photo",
        "halved": "cannot be read (gzip)",
        "brotli": "cannot be read (br)",
    }
    heard = Heard()
    found = fetch(on_web(server, *causes, "good"), tmp_path / "d", heard.report, settings=HERE)
    assert contents(found) == [PHOTO + b"/good"]
    assert len(list((tmp_path / "d").iterdir())) == 1
    for line, (fault, cause) in enumerate(zip(heard.faults, causes.values(), strict=True), 2):
        assert fault.startswith(f"t.csv, line {line}: http://127.0.0.1")
        assert cause in fault
    assert server.asked["/gone"] == server.asked["/tomorrow"] == 1
    assert server.asked["/cut"] == 4
    assert server.asked["/circle"] == 6


@pytest.mark.parametrize("kind", ["drip-body", "drip-headers"])
def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(
    server: Server, tmp_path: Path, kind: str
) -> None:
    heard = Heard()
    wanted = on_web(server, *(f"{kind}?{n}" if n else kind for n in range(40)))
    assert fetch(wanted, tmp_path, heard.report, settings=replace(HERE, seconds=0.3)) == []
    assert len(heard.faults) == 40
    slow = sum("took longer than" in fault for fault in heard.faults)
    assert 10 <= slow <= 20
    assert sum("did not deliver 10 photos in a row" in fault for fault in heard.faults) == 40 - slow
    assert list(tmp_path.iterdir()) == []


def test_redirects_to_other_hosts_are_followed_only_if_asked_for(server: Server, tmp_path: Path) -> None:
    other = Server(("127.0.0.1", 0), Answers)
    other.asked, other.agents = Counter(), set()
    thread = threading.Thread(target=other.serve_forever, args=(0.02,))
    thread.start()
    try:
        wanted = on_web(server, f"to-{other.server_port}")
        heard = Heard()
        assert fetch(wanted, tmp_path, heard.report, settings=HERE) == []
        assert f"redirects to another host (http://127.0.0.1:{other.server_port}/a)" in heard.faults[0]
        assert not other.asked
        found = fetch(wanted, tmp_path, heard.report, settings=replace(HERE, other_hosts=True))
        assert contents(found) == [PHOTO + b"/a"]
    finally:
        other.shutdown()
        other.server_close()
        thread.join()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
def test_private_addresses_are_refused(server: Server, tmp_path: Path, host: str) -> None:
    heard = Heard()
    url = f"http://{host}:{server.server_port}/a"
    assert fetch(records_of(url), tmp_path, heard.report, settings=DownloadSettings(first_wait=0.01)) == []
    assert "of this computer or of a local network" in heard.faults[0]
    assert not server.asked


def test_a_name_server_cannot_lead_to_a_private_address(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with one of several addresses, and not with another answer when the connection is made."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def answer(host: str, port: int, *args: object, **named: object) -> list[object]:
        asked.append(host)
        if not host.endswith(".example"):
            return look_up(host, port, *args, **named)  # type: ignore[arg-type, return-value]
        addresses = {"two.example": ["203.0.114.1", "127.0.0.1"], "here.example": ["127.0.0.1"]}[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    heard = Heard()
    base = f".example:{server.server_port}/a"
    assert fetch(records_of(f"http://two{base}"), tmp_path, heard.report) == []
    assert "two.example is at 127.0.0.1" in heard.faults[0]
    assert fetch(records_of(f"http://here{base}"), tmp_path, heard.report, settings=HERE)
    assert asked == ["two.example", "here.example", "127.0.0.1"], "what was checked is what is connected to"


def test_the_certificate_must_be_that_of_the_host(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the connection is made to an address and not to a name."""
    certificate = own_certificate("localhost", tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    look_up = socket.getaddrinfo

    def answer(host: str, *args: object, **named: object) -> list[object]:
        there = "127.0.0.1" if host.endswith(".example") else host
        return look_up(there, *args, **named)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    heard = Heard()
    wanted = records_of(
        *(f"https://{host}:{server.server_port}/a" for host in ("localhost", "photos.example"))
    )
    assert contents(fetch(wanted, tmp_path / "d", heard.report, settings=HERE)) == [PHOTO + b"/a"]
    assert "certificate verify failed: Hostname mismatch" in heard.faults[0]


def test_the_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    heard = Heard()
    wanted = records_of("http://photos.invalid/a", "http://127.0.0.1:9/b")
    found = fetch(wanted, tmp_path, heard.report)
    assert contents(found) == [PHOTO + b"http://photos.invalid/a"]
    assert "of this computer or of a local network" in heard.faults[0]
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    assert fetch(records_of("http://photos.invalid/c"), tmp_path, heard.report) == []
    assert "specify an HTTP proxy" in heard.faults[1]


def test_nothing_is_downloaded_without_permission(server: Server) -> None:
    local = Record("local", FilePart(Path("a.jpg")))
    heard = Heard()
    assert without_web([local, *on_web(server, "a", "b")], heard.report) == [local]
    assert heard.faults == [
        "t.csv: 2 photos are on the web; add --download, or specify the folder of the downloaded photos with --photos"
    ]
    assert not server.asked


def test_an_unreachable_server_is_reported(tmp_path: Path) -> None:
    heard = Heard()
    assert fetch(records_of("http://127.0.0.1:9/a.jpg"), tmp_path, heard.report, settings=HERE) == []
    assert "run the command again later" in heard.faults[0]


RUN = """
import sys
from pathlib import Path
from dalip.datasets import Record, Report
from dalip.datasets.pack.download import DownloadSettings, fetch
from dalip.datasets.photo_location import WebPhoto
records = [Record(url, WebPhoto(url)) for url in sys.argv[2:]]
fetch(records, Path(sys.argv[1]), Report(), settings=DownloadSettings(private_addresses=True))
"""


def test_a_killed_download_leaves_no_part_of_a_photo_for_the_next_run(server: Server, tmp_path: Path) -> None:
    urls = [record.key for record in on_web(server, "a", "drip-body", "b")]
    with subprocess.Popen([sys.executable, "-c", RUN, tmp_path, *urls], env=os.environ) as run:
        assert server.dripped.wait(60)
        run.kill()
    whole = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert all(path.read_bytes().startswith(PHOTO) for path in whole)
    heard = Heard()
    found = fetch(on_web(server, "a", "b"), tmp_path, heard.report, settings=HERE)
    assert contents(found) == [PHOTO + b"/a", PHOTO + b"/b"]
