"""Two hundred hostile requests: each is rejected with a reason, and the server keeps running normally."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from hostile_images import READABLE, UNREADABLE, write_hostile_images

from dalip_app.server.uploads import MAX_FILE, MAX_FILES
from tests.app.conftest import World, paint
from tests.app.serving import PATIENCE, Served, serving

API, UPLOAD, JOIN = "/v2/identify/all", "/gradio_api/upload", "/gradio_api/queue/join"
FORM = {"content-type": "multipart/form-data; boundary=x"}
JSON = {"content-type": "application/json"}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>fetch("https://x.example")</script></svg>'
NAMES = [
    *(
        "../../x.png",
        "/etc/passwd",
        "..\\..\\x.png",
        "C:\\x.png",
        "x.png\0.exe",
        "a" * 4000,
        "\U0001f33c\u202egnp.png",
    ),
    *(
        "",
        " ",
        ".",
        "..",
        "con.png",
        "%2e%2e%2fx.png",
        "<script>.png",
        "x.png; rm -rf ~",
        "$(id).png",
        "x\ty.png",
    ),
]
CUT = (
    "jpeg",
    "progressive_jpeg",
    "png",
    "webp",
    "bmp",
    "tiff",
    "avif",
    "heic",
    "rgba",
    "cmyk",
    "png_16_bit",
    "rotated",
)


class Request(NamedTuple):
    """A POST request."""

    path: str
    headers: dict[str, str]
    content: bytes


def part(content: bytes, name: str = "images", filename: str | None = "a.png") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--x--\r\n"


def files(folder: Path) -> Iterator[bytes]:
    """Yield file contents that are not a photo, or not a complete one."""
    paths = write_hostile_images(folder)
    yield from (paths[name].read_bytes() for name in UNREADABLE if name in paths and paths[name].is_file())
    for name in CUT:
        whole = paths[name].read_bytes()
        yield from (whole[: int(len(whole) * share)] for share in (0.02, 0.1, 0.2, 0.3, 0.6))
        if name not in ("bmp", "webp"):  # there, zeros are valid black pixels
            yield whole[:40] + bytes(len(whole) - 40)
        yield whole[len(whole) // 2 :]
    yield from (
        SVG,
        b"GIF89a" + SVG,
        b"%PDF-1.7\n%",
        b"MZ" + bytes(500),
        b"PK\3\4" + bytes(500),
        b"#!/bin/sh\n",
        b"{}",
    )
    yield from (
        b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n",
        b"\x00\x00\x00\x20ftypmp42" + bytes(500),
        b"\xff" * 999,
    )


def bodies() -> Iterator[bytes]:
    """Yield malformed forms, and forms with wrong fields."""
    good = part(b"no photo")
    yield from (
        b"",
        b"--x--\r\n",
        b"--x",
        b"x" * 500,
        b"\0" * 500,
        good,
        good[:30],
        good.replace(b"--x", b"--y"),
    )
    yield from (form(), form(part(b"x", "photos")), form(part(b"x", "images", None)), form(*[good] * 6))
    yield form(*[good] * 1500)
    yield form(*[part(b"x", f"field{i}", None) for i in range(5000)])
    yield form(part(b"x" * 2_000_000, "organs", None), good)
    yield form(part(b"root", "organs", None), good)
    yield form(*[part(b"leaf", "organs", None)] * 3, good)
    yield b"--x\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n" + form(good)
    yield b'--x\r\nContent-Disposition: form-data; name="' + b"n" * 50_000 + b'"\r\n\r\n' + form(good)
    yield b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + form(good)
    yield form(part(bytes(55_000_000)))


def fields() -> Iterator[bytes]:
    """Yield invalid bodies for page events."""
    yield from (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b'{"data":' * 100_000, b'{"a":1}' * 2)
    yield b'{"data": ["' + b"x" * 2_000_000 + b'"]}'
    for content in (
        {},
        {"data": []},
        {"data": {}, "session_hash": "s"},
        {"data": [], "fn_index": 0},
        {"data": [], "fn_index": "x", "session_hash": "s"},
        {"data": [], "fn_index": None, "session_hash": "s"},
        {"data": [], "fn_index": 9999, "session_hash": "s"},
        {"data": [], "fn_index": -1, "session_hash": "s"},
        {"data": [{"path": "/etc/passwd"}], "fn_index": 0, "session_hash": "s"},
    ):
        yield json.dumps(content).encode()


def hostile(folder: Path) -> list[Request]:
    found = [Request(API, FORM, form(part(content))) for content in files(folder)]
    found += [Request(API, FORM, form(part(b"no photo", filename=name))) for name in NAMES]
    found += [Request(API, FORM, body) for body in bodies()]
    found += [Request(UPLOAD, FORM, body) for body in bodies() if b'name="files"' not in body]
    found += [Request(UPLOAD, FORM, form(*[part(b"x", "files")] * (MAX_FILES + 1)))]
    found += [Request(UPLOAD, FORM, form(part(bytes(MAX_FILE + 1), "files")))]
    found += [Request(JOIN, JSON, body) for body in fields()]
    for kind in (
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "image/png",
        "x" * 500,
        "\xff",
    ):
        found += [Request(path, {"content-type": kind}, form(part(b"x"))) for path in (API, UPLOAD, JOIN)]
    for query in (
        "nb-results=0",
        "nb-results=x",
        "nb-results=1e9",
        "lang=",
        f"lang={'x' * 99}",
        "no-reject=perhaps",
    ):
        found.append(Request(f"{API}?{query}", FORM, form(part(b"no photo"))))
    found += [
        Request(f"/v2/identify/{name}", FORM, form(part(b"x")))
        for name in ("mars", "%2e%2e", "a%00b", "x" * 3000)
    ]
    return found


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("hostile")) as served:
        yield served


def assert_well(served: Served, folder: Path) -> None:
    files = {"images": paint(folder / "red.png", "red").read_bytes()}
    answer = httpx.post(f"{served.address}{API}", files=files, timeout=PATIENCE)
    assert answer.json()["bestMatch"] == "Flos red"
    assert not [path for path in served.uploads.rglob("*") if path.is_file()]
    assert set(served.errors().splitlines()) <= {"WARNING:  Invalid HTTP request received."}
    assert served.process.poll() is None


def test_two_hundred_requests_are_refused_with_a_reason(served: Served, tmp_path: Path) -> None:
    requests = hostile(tmp_path / "files")
    assert len(requests) >= 200
    with served.client() as client:
        for number, (path, headers, content) in enumerate(requests):
            response = client.post(
                path, headers={k: v.encode("latin-1") for k, v in headers.items()}, content=content
            )
            told = (number, path, headers, content[:100], response.status_code, response.text[:200])
            assert 400 <= response.status_code < 500, told
            reason = response.json()
            # The API returns `message`, Gradio `detail`.
            assert reason.get("message") or reason.get("detail"), told
    assert_well(served, tmp_path)


def test_odd_but_complete_photos_are_identified(served: Served, tmp_path: Path) -> None:
    paths = write_hostile_images(tmp_path / "files")
    for name in READABLE:
        files = {"images": (paths[name].name, paths[name].read_bytes())}
        response = httpx.post(f"{served.address}{API}?no-reject=true", files=files, timeout=PATIENCE)
        assert response.status_code == 200, name
    assert_well(served, tmp_path)


HEAD = (
    b"POST /v2/identify/all HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
)
RAW = [
    b"",
    b"\x16\x03\x01\x02\x00\x01",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    HEAD + b"Content-Length: x\r\n\r\n",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    HEAD + b"Content-Length: 100000\r\n\r\n" + part(b"no photo"),
    HEAD + b"Content-Length: 10\r\n\r\n" + form(part(b"no photo")),
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n--x\r\n",
    b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{",
]
"""Invalid HTTP, or requests with a wrong length; the sender then hangs up."""


@pytest.mark.parametrize("number", range(len(RAW)))
def test_broken_connections_leave_nothing(served: Served, tmp_path: Path, number: int) -> None:
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        try:
            connection.sendall(RAW[number])
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:  # the server hung up first
            answer = b""
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert_well(served, tmp_path)
