"""Photos whose addresses clients send, downloaded from a server in the test."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.exceptions import HTTPException

from dalip_app.server.photo_addresses import Download

MOST = 100_000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/photo")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(10_000):
                self.wfile.write(bytes(1000))
        elif self.path == "/silent":
            threading.Event().wait(2)
        elif self.path == "/photo?size=1":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"photo for {self.headers['Host']}".encode())
        else:
            self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def fetched(*addresses: str, seconds: float = 60, anywhere: bool = True) -> list[bytes]:
    download = Download(private=anywhere, any_port=True)
    return asyncio.run(download.photos(addresses, MOST, seconds))


def test_photos_are_downloaded_in_order(port: int) -> None:
    first, second = fetched(
        f"http://localhost:{port}/photo?size=1", f"http://127.0.0.1:{port}/photo?size=1#top"
    )
    assert (first, second) == (f"photo for localhost:{port}".encode(), f"photo for 127.0.0.1:{port}".encode())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("redirect", "image 2: the address redirects"),
        ("missing", "image 2: the other server answered with status 404"),
        ("endless", "image 2: the photos are larger than"),
        ("silent", "image 2: it was not downloaded within"),
    ],
)
def test_what_is_not_a_photo_of_limited_size_and_time_is_refused(port: int, path: str, words: str) -> None:
    good = f"http://127.0.0.1:{port}/photo?size=1"
    with pytest.raises(HTTPException) as refused:
        fetched(good, f"http://127.0.0.1:{port}/{path}", seconds=0.5 if path == "silent" else 60)
    assert refused.value.status_code == 400
    assert refused.value.detail.startswith(words)


def test_the_server_itself_is_not_reached(port: int) -> None:
    with pytest.raises(HTTPException, match="not on the public internet"):
        fetched(f"http://localhost:{port}/photo?size=1", anywhere=False)


def test_a_proxy_from_the_environment_is_not_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert fetched(f"http://127.0.0.1:{port}/photo?size=1")
