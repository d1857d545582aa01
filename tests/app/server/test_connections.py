"""Connections that send too slowly, too much or nothing at all, tried with raw sockets against a real server."""

import contextlib
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dalip_app.server.addresses import network_of, within
from dalip_app.server.connections import socket_limit
from tests.app.conftest import environment
from tests.app.serving import PATIENCE

resource = pytest.importorskip("resource")

SERVER = """
import os, sys
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from dalip_app.server.addresses import bind
from dalip_app.server.certificate import own_certificate
from dalip_app.server.guard import guard
from dalip_app.server.keys import Keys
from dalip_app.server.limits import Limits
from dalip_app.server.run import run_server

async def echo(request):
    return PlainTextResponse(str(len(await request.body())))

async def early(request):
    return PlainTextResponse("before the body")

async def much(request):
    return StreamingResponse(bytes(100_000) for _ in range(2000))

async def fail(request):
    raise RuntimeError("red \\x1b[31m\\nERROR:    forged line")

app = Starlette(routes=[
    Route("/", echo, methods=["GET", "POST"]), Route("/early", early, methods=["POST"]), Route("/much", much),
    Route("/fail", fail),
])
taken = [open(os.devnull) for _ in range(int(os.environ.get("TAKEN", 0)))]
limits = Limits(**eval(sys.argv[1]))
tls = own_certificate("127.0.0.1", Path(sys.argv[2])) if len(sys.argv) > 2 else None
told = lambda addresses: print(*addresses, flush=True)
app = guard(app, Keys(), Path("."), limits)
run_server(app, bind("127.0.0.1", 0), "127.0.0.1", told, lambda: None, tls=tls, limits=limits)
"""
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Target:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout is not None
        self.process, self.log = process, log
        self.address = process.stdout.readline().strip()
        assert self.address, log.read_text()
        self.port = int(self.address.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def answers(self) -> bool:
        return httpx.get(self.address, timeout=PATIENCE, verify=False).text == "0"

    def ask(self, request: bytes) -> bytes:
        """Send bytes, and return everything until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            found += part
    return found


@contextmanager
def running(folder: Path, limits: str, *options: str, files: int = 0, taken: int = 0) -> Iterator[Target]:
    def few_files() -> None:
        if files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    log = folder / "log.txt"
    command = [sys.executable, "-c", SERVER, limits, *options]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(TAKEN=str(taken)),
            preexec_fn=few_files,
        )
    try:
        yield Target(process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running(tmp_path_factory.mktemp("impatient"), "dict(patience=0.6, rate=100_000)") as target:
        yield target


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running(tmp_path_factory.mktemp("usual"), "dict()") as target:
        yield target


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        GET,
        GET + b"X-A: b",
        POST + b"Content-Length: 100\r\n\r\n",
        POST + b"Content-Length: 100\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        POST.replace(b"/ ", b"/early ") + b"Content-Length: 100\r\n\r\nabc",
        GET + b"\r\n" + GET,
    ],
)
@pytest.mark.parametrize("drip", [False, True], ids=["silent", "drip"])
def test_a_client_that_does_not_finish_its_request_is_disconnected(
    impatient: Target, begun: bytes, drip: bool
) -> None:
    """Also if it sends a byte now and then (slowloris)."""
    with impatient.connect() as connection:
        connection.sendall(begun)
        connection.settimeout(0.05)
        ended = time.monotonic() + PATIENCE
        found = b""
        while time.monotonic() < ended:
            try:
                if drip:
                    connection.send(b"a")
                part = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            found += part
            if not part:
                break
        else:
            pytest.fail("the connection stays open")
    if begun and b"early" not in begun:
        assert b" 408 " in found or b" 400 " in found or not found
    assert impatient.answers()


def test_a_slow_but_steady_upload_arrives(impatient: Target) -> None:
    with impatient.connect() as connection:
        connection.sendall(POST + b"Connection: close\r\nContent-Length: 300000\r\n\r\n")
        for _ in range(30):
            connection.sendall(bytes(10_000))
            time.sleep(0.04)  # longer than `patience` altogether
        assert everything(connection).endswith(b"300000")


def test_a_client_that_takes_no_response_is_disconnected(impatient: Target) -> None:
    before = open_files(impatient.process.pid)
    with impatient.connect() as connection:
        connection.sendall(GET.replace(b"/ ", b"/much ") + b"\r\n")
        assert connection.recv(1)
        wait_until(lambda: open_files(impatient.process.pid) <= before)
        assert len(everything(connection)) < 200_000_000
    assert impatient.answers()


def wait_until(condition: Callable[[], bool]) -> None:
    ended = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ended
        time.sleep(0.02)


def test_an_unfinished_tls_handshake_is_ended(tmp_path: Path) -> None:
    with running(tmp_path, "dict(patience=1, sockets=20)", str(tmp_path)) as target:
        silent = [target.connect() for _ in range(40)]
        halves = [target.connect() for _ in range(5)]
        for connection in halves:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        assert target.answers()
        for connection in [*silent, *halves]:
            assert everything(connection) == b""
            connection.close()
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with target.connect() as plain, trusting.wrap_socket(plain) as connection:
            connection.sendall(GET + b"X: ")
            assert b" 408 " in everything(connection)
        assert target.log.read_text() == ""


@pytest.mark.parametrize("begun", [b"", b"GET / HT", POST + b"Content-Length: 9\r\n\r\n"])
def test_idle_connections_make_room_for_new_ones(tmp_path: Path, begun: bytes) -> None:
    with running(tmp_path, "dict(sockets=100)") as target:
        idle = [target.connect() for _ in range(300)]
        for connection in idle:
            with contextlib.suppress(ConnectionError):
                connection.sendall(begun)
        assert all(target.answers() for _ in range(20))
        assert open_files(target.process.pid) < 200
        for connection in idle:
            connection.close()
        assert target.log.read_text() == ""


def test_more_connections_than_the_limit_are_refused_while_all_are_in_use(tmp_path: Path) -> None:
    with running(tmp_path, "dict(sockets=5)") as target:
        busy = [target.connect() for _ in range(5)]
        for connection in busy:
            connection.sendall(GET.replace(b"/ ", b"/much ") + b"\r\n")
            assert connection.recv(1)
        answer = target.ask(b"")
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"too many connections" in answer
        for connection in busy:
            connection.close()
        wait_until(lambda: b"503" not in target.ask(GET + b"Connection: close\r\n\r\n"))


def open_files(process: int) -> int:
    folder = Path(f"/proc/{process}/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_a_process_without_file_descriptors_says_so_once_and_recovers(tmp_path: Path) -> None:
    with running(tmp_path, "dict()", files=100, taken=70) as target:
        idle = [target.connect() for _ in range(150)]
        assert target.answers()
        for connection in idle:
            connection.close()
        assert target.answers()
        (line,) = target.log.read_text().splitlines()
        assert line.endswith("cannot accept connections: Too many open files")


HOLDING = """
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(550)]
print(flush=True)
time.sleep(3600)
"""


@pytest.mark.slow
def test_eleven_hundred_idle_connections_change_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "dict()", files=1024) as target:
        clients = [
            subprocess.Popen([sys.executable, "-c", HOLDING, str(target.port)], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        try:
            for client in clients:
                assert client.stdout is not None
                client.stdout.readline()
            assert all(target.answers() for _ in range(100))
            assert target.log.read_text() == ""
        finally:
            for client in clients:
                client.kill()
                client.communicate()


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (GET + b"Host: other\r\n\r\n", 400),
        (GET.replace(b"localhost", b"a b") + b"\r\n", 400),
        (GET + b"X-Forwarded-Host: [::1\r\n\r\n", 400),
        (GET.replace(b"/ ", b"/?" + b"q" * 17_000 + b" ") + b"Connection: close\r\n\r\n", 414),
        (GET + b"".join(b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n", 431),
        (GET + b"X: " + b"y" * 31_999 + b"\r\n\r\n", 431),
        (GET + b"X: " + b"y" * 300_000, 400),
        (GET + b"X:\x00y\r\n\r\n", 400),
        (GET + b"X y: z\r\n\r\n", 400),
        (GET + b"X: a\r\n  folded: b\r\n\r\n", 200),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        (POST + b"Content-Length: +5\r\n\r\nabcde", 400),
        (POST + b"Content-Length: 5, 5\r\n\r\nabcde", 200),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"-1\r\n\r\n", 400),
        (CHUNKED + b"ffffffffffffffffffffffff\r\n", 400),
        (CHUNKED + b"1\r\na\r\n" * 6000 + b"0\r\n\r\n", 400),
        (CHUNKED + b"100\r\n" + bytes(256) + b"\r\n0\r\n\r\n", 200),
        (CHUNKED + b"1;" + b"e" * 400_000 + b"\r\na\r\n0\r\n\r\n", 400),
        (POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", 200),
        (POST + b"Content-Length: 2000000\r\n\r\n", 413),
        (GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200),
        (GET + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n", 200),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (GET.replace(b"1.1", b"2.0") + b"\r\n", 400),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 404),
        (b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 404),
    ],
)
def test_odd_requests_get_one_answer(impatient: Target, request_: bytes, status: int) -> None:
    answer = impatient.ask(request_)
    first = re.findall(rb"HTTP/1\.[01] (?!100)(\d{3})", answer)
    assert first[:1] == [str(status).encode()] or (status == 400 and not answer), answer[:300]
    assert impatient.answers()


def test_pipelined_requests_are_answered_in_order(usual: Target) -> None:
    sent = b"".join(POST + b"Content-Length: %d\r\n\r\n" % size + bytes(size) for size in range(1, 21))
    answer = usual.ask(sent + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 21
    sizes = re.findall(rb"\r\n\r\n(\d+)(?=HTTP|$)", answer)
    assert sizes == [*(b"%d" % size for size in range(1, 21)), b"0"]


def test_bytes_after_an_early_response_do_no_harm(usual: Target) -> None:
    with usual.connect() as connection:
        connection.sendall(POST.replace(b"/ ", b"/early ") + b"Transfer-Encoding: chunked\r\n\r\n")
        assert b"200 OK" in connection.recv(65536)
        connection.sendall(b"zz\r\n\r\n")
        everything(connection)
    assert usual.answers()


@pytest.mark.parametrize("path", [b"/early", b"/?" + b"q" * 17_000])
def test_an_answer_after_the_request_broke_off_leaves_no_traceback(tmp_path: Path, path: bytes) -> None:
    with running(tmp_path, "dict()") as target:
        for _ in range(5):
            assert target.ask(CHUNKED.replace(b"/", path, 1) + b"-1\r\n").startswith(b"HTTP/1.1 400")
        assert target.answers()
        log = target.log.read_text()
    assert "Traceback" not in log
    assert log.count("Invalid HTTP") == 5


def test_log_lines_cannot_be_forged_or_flood_the_log(tmp_path: Path) -> None:
    with running(tmp_path, "dict()") as target:
        for _ in range(50):
            target.ask(GET.replace(b"/ ", b"/fail ") + b"Connection: close\r\n\r\n")
            target.ask(b"\x1b[31m\r\nERROR: forged\r\n\r\n")
            target.ask(GET + b"Upgrade: \x1b[31m\r\nConnection: Upgrade, close\r\n\r\n")
        lines = target.log.read_text().splitlines()
    assert sum("Exception in ASGI" in line for line in lines) == 10
    assert sum("Invalid HTTP" in line for line in lines) == 10
    assert sum(line.startswith("RuntimeError: red") for line in lines) == 10
    assert not [line for line in lines if not line.isprintable()]


@pytest.mark.parametrize(
    ("address", "visitor"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_network_of(address: str, visitor: str) -> None:
    assert network_of(address) == visitor


def test_within() -> None:
    assert within("10.1.2.3", "192.0.2.7, 10.0.0.0/8")
    assert within("2001:db8::5", "2001:db8::/32")
    for address in ("11.1.2.3", "testclient", ""):
        assert not within(address, "192.0.2.7, 10.0.0.0/8")
    assert not within("10.1.2.3", "")


def test_the_number_of_connections_leaves_room_for_other_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert socket_limit(10) == 10
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert socket_limit(10**6) < soft or soft == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
