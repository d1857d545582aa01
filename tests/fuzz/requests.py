"""HTTP requests to a real server on this computer, as raw bytes: forms with mutated photos, JSON, headers, paths."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tiny_bundle import write_tiny_bundle

from tests.fuzz.campaign import SLOW, STOPPING, Failure, Tally, case_of, seconds_of
from tests.fuzz.cases import PHOTO_MEMORY, Case, Kind, interesting, mutated, one_in
from tests.fuzz.images import IMAGES
from tests.fuzz.tables import NAMES

__all__ = ["REQUESTS", "replay_request", "run_requests"]

_API, _UPLOAD, _JOIN = "/v2/identify/all", "/gradio_api/upload", "/gradio_api/queue/join"
_PATHS = (
    *(
        "/",
        "/fr/",
        "/health",
        "/docs",
        "/openapi.json",
        "/v2/projects",
        "/v2/languages",
        "/v2/identify/mars",
        "/config",
    ),
    *(
        "/gradio_api/file=/etc/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/%00",
        "/" + "a" * 9000,
        "//",
        "/\xff",
        "*",
    ),
    *(
        "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/info",
        "/en/gradio_api/call/identify",
        "/photos/0",
    ),
)
_QUERIES = (
    "",
    "",
    "?nb-results=0",
    "?nb-results=9e9",
    "?lang=fr",
    "?lang=%ff",
    "?include-related-images=x",
    "?a=" + "b" * 9000,
)
_TEXT = b"Content-Type: multipart/form-data; boundary=x\r\n"


@dataclass
class _Server:
    """A running server, and what it has logged."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path
    read: int = 0

    def new_log(self) -> str:
        """Return what it has logged since the last call."""
        with self.log.open(errors="replace") as file:
            file.seek(self.read)
            text = file.read()
            self.read = file.tell()
        return text

    def peak(self) -> int:
        """Return the most memory it has used, in megabytes; 0 where the system does not tell."""
        with suppress(OSError):
            found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
            return int(found[1]) // 1000 if found else 0
        return 0


@contextmanager
def _serving(folder: Path) -> Iterator[_Server]:
    bundle = write_tiny_bundle(folder / "bundle")
    taxa, flora, log = folder / "taxa.csv", folder / "flora", folder / "log.txt"
    taxa.write_text("scientificName,vernacularName\nIris germanica,purple iris\nRosa canina,pink rose\n")
    options = ["--encoder", str(bundle)]
    build = "from dalip_app.cli.main import main\nmain()"
    command = [sys.executable, "-c", build, "index", "build", *options, "--taxa", str(taxa), str(flora)]
    subprocess.run(command, check=True, capture_output=True)
    settings = os.environ | {"DALIP_DATA_DIR": str(folder / "data"), "TMPDIR": str(folder), "PYTHONUTF8": "1"}
    serve = ["serve", *options, "--flora", str(flora), "--port", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", build, *serve],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C reaches all processes; the campaign stops the server
            env=settings,
        )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + log.read_text()
        yield _Server(process, int(found[1]), log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _form(rng: random.Random, field: str) -> bytes:
    """Make a form with photos in a field; one part in four is odd."""
    parts = []
    for _ in range(rng.choice((1, 1, 1, 2, 6))):
        odd = one_in(rng, 4)
        name = rng.choice(("images", "organs", "files", "", "x" * 300)) if odd else field
        files = ("", '; filename="../../x"', "; filename*=UTF-8''%ff", ";;")
        file = rng.choice(files) if odd else '; filename="a.jpg"'
        kinds = ("", "Content-Type: \xff\r\n", "X: " + "y" * 5000 + "\r\n")
        kind = rng.choice(kinds) if odd else "Content-Type: image/jpeg\r\n"
        photo = next(iter(IMAGES.make(rng).files.values()))
        content = photo if file else rng.choice((b"leaf", b"auto", b"\xff", b""))
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{kind}\r\n'.encode("latin-1")
        parts.append(head + content + b"\r\n")
    return b"".join(parts) + b"--x--\r\n"


def _json(rng: random.Random) -> bytes:
    odd = (
        None,
        0,
        -1,
        2**70,
        "x",
        [],
        {},
        {"path": "/etc/passwd"},
        {"path": "x", "meta": {"_type": "gradio.FileData"}},
    )
    content = {
        "data": rng.choice(
            (odd[5], odd[6], [rng.choice(odd) for _ in range(rng.randrange(8))], rng.choice(NAMES))
        ),
        "fn_index": rng.choice((0, 1, 2, 5, 20, 60, -1, None, "0")),
        "session_hash": rng.choice(("s", "", 1, None, "x" * 5000)),
        "trigger_id": rng.choice((None, 3, "x")),
    }
    for name in tuple(content):
        if one_in(rng, 8):
            del content[name]
    return json.dumps(content).encode()


def _make(rng: random.Random) -> Case:
    how = rng.randrange(10)
    if how < 6:
        path, field = rng.choice(((_API, "images"), (_API, "images"), (_API, "images"), (_UPLOAD, "files")))
        head, body = _TEXT, _form(rng, field)
    elif how < 8:
        path, head, body = (
            rng.choice((_JOIN, "/gradio_api/call/identify")),
            b"Content-Type: application/json\r\n",
            _json(rng),
        )
    else:
        path, head, body = rng.choice(_PATHS), b"", b""
    method = "POST" if body else rng.choice(("GET", "GET", "HEAD", "OPTIONS", "PUT", "TRACE", "G\xe9T"))
    path += rng.choice(_QUERIES) if one_in(rng, 4) else ""
    if one_in(rng, 5):
        body = mutated(rng, body)
    lines = [head] if head and not one_in(rng, 15) else []
    if one_in(rng, 15):
        lines.append(b"Transfer-Encoding: chunked\r\n")
        size = (
            b"%x" % len(body)
            if not one_in(rng, 3)
            else rng.choice((b"-1", b"ffffffffffffffffff", b"z", b"5;x=y"))
        )
        body = size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    else:
        length = len(body) if not one_in(rng, 12) else int.from_bytes(interesting(rng, rng.choice((1, 4, 8))))
        lines.append(b"Content-Length: %d\r\n" % length)
    if one_in(rng, 10):
        lines.append(
            rng.choice(
                (
                    b"Expect: 100-continue\r\n",
                    b"Content-Length: 3\r\n",
                    b"Host: evil.example\r\n",
                    b"A" * 70_000 + b": b\r\n",
                    b"Cookie: a=" + b"b" * 3000 + b"\r\n",
                    b"Range: bytes=0-,5-1\r\n",
                    b": x\r\n",
                    b"Accept-Language: \xff;q=x\r\n",
                )
            )
        )
    start = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n".encode(
        "latin-1", "replace"
    )
    whole = start + b"".join(lines) + b"\r\n" + body
    if one_in(rng, 15):
        whole = mutated(rng, whole)
    return Case.of("request.bin", whole)


def _use(path: Path) -> None:
    raise NotImplementedError("requests need a server")


REQUESTS = Kind("requests", _make, _use, PHOTO_MEMORY)


def _is_complete(content: bytes) -> bool:
    """Return whether a server has no reason to wait for more."""
    head, found, body = content.partition(b"\r\n\r\n")
    lengths = re.findall(rb"(?im)^content-length: *(\d+) *\r?$", head)
    chunked = re.search(rb"(?i)\r\n(transfer-encoding|expect):", head)
    return bool(found) and not chunked and len(lengths) == 1 and int(lengths[0][:30]) <= len(body)


def _exchange(server: _Server, content: bytes) -> tuple[str, float]:
    """Send a request; return the first line of the answer, or an empty string, and the seconds it took."""
    started = seconds_of(server.process.pid)
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2 * SLOW) as connection:
        with suppress(OSError):  # the server may close it before everything is sent
            connection.sendall(content)
        connection.settimeout(2 * SLOW if _is_complete(content) else 0.3)
        with suppress(OSError):
            while len(answer) < 1_000_000 and (more := connection.recv(1 << 16)):
                answer += more
    line = answer.split(b"\r\n", 1)[0].decode("latin-1")
    taken = seconds_of(server.process.pid) - started
    return line, taken if _is_complete(content) else 0.0


def _faults(server: _Server, content: bytes, tally: Tally) -> Iterator[tuple[str, str]]:
    """Send a request, and yield what is wrong with the answer."""
    before = server.peak()
    try:
        line, seconds = _exchange(server, content)
    except OSError as error:
        yield "crash", f"cannot connect: {error}"
        return
    status = re.match(r"HTTP/1\.1 (\d+)", line)
    code, memory = int(status[1]) if status else 0, server.peak() - before
    tally.refused += 400 <= code < 500
    tally.slowest, tally.peak = max(tally.slowest, seconds), max(tally.peak, memory)
    if server.process.poll() is not None:
        yield "crash", f"the server ended with status {server.process.returncode}"
    if code >= 500:
        yield "traceback", line
    if seconds > SLOW:
        yield "slow", f"{seconds:.1f} s"
    if memory > REQUESTS.memory:
        yield "memory", f"{memory} MB"
    logged = server.new_log()
    if "Traceback" in logged:
        raised = re.findall(r"^[\w.]*(?:Error|Exception|Disconnect|Timeout)\b.*", logged, re.MULTILINE)
        yield "traceback", (raised or logged.split("\n"))[-1][:200]


def run_requests(numbers: Iterator[range], seed: int, keep: Path | None) -> Tally:
    """Send requests to a server, one after the other; arguments as for `campaign.run`."""
    tally, started = Tally(REQUESTS), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dalip-fuzz-") as folder:
        for place, batch in enumerate(_restarts(numbers)):
            with _serving(Path(folder, str(place))) as server:
                _send_all(server, batch, seed, tally, keep)
            if STOPPING.is_set():
                break
    tally.stopped = STOPPING.is_set()
    tally.seconds = time.monotonic() - started
    return tally


def _send_all(server: _Server, numbers: Iterator[int], seed: int, tally: Tally, keep: Path | None) -> None:
    """Send requests until the server ends, or none are left."""
    for number in numbers:
        case = case_of(REQUESTS, seed, number)
        faults = list(_faults(server, case.files["request.bin"], tally))
        tally.cases += 1
        tally.failures += [Failure("requests", seed, number, *fault) for fault in faults]
        if faults and keep:
            keep.mkdir(parents=True, exist_ok=True)
            case.save(keep / f"requests-{seed}-{number}.zip")
        if server.process.poll() is not None or STOPPING.is_set():
            return


def _restarts(numbers: Iterator[range]) -> Iterator[Iterator[int]]:
    """Yield the numbers that are left, once for each start of the server."""
    left = (number for batch in numbers for number in batch)
    while (first := next(left, None)) is not None:

        def rest(first: int = first) -> Iterator[int]:
            yield first
            yield from left

        yield rest()


def replay_request(path: Path) -> str:
    """Send a request that was kept to a new server; return what is wrong, or the first line of the answer."""
    content = Case.load(path).files["request.bin"]
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder, "server")) as server:
        faults = list(_faults(server, content, Tally(REQUESTS)))
        return "\n".join(f"{how}: {about}" for how, about in faults) or _exchange(server, content)[0]
