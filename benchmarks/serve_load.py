"""Load test of `dalip serve`: many concurrent clients, each of which must get the right answer.

    python benchmarks/serve_load.py PHOTOS [--clients 20] [--seconds 60] [--write]

Starts `dalip-app serve` with the built-in flora, times its start, and identifies each photo of a folder alone. After a
warm-up, clients then send photos in turn for the given time: three quarters of them to the HTTP API, the others to
`/identify` through gradio_client. Prints the results as JSON; `--write` also puts them into docs/serving.md. Exits with
status 1 if an answer differs from the one for the photo alone, a request fails, or memory grows by more than a tenth.

Everything runs on one machine, so the clients use part of its CPU time.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import psutil
from gradio_client import Client, handle_file
from playwright.sync_api import sync_playwright

from dalip.cpus import available_cpus

PAGE = Path(__file__).parents[1] / "docs" / "serving.md"
WARM_UP = 20  # seconds
STARTS = 5
GROWTH = 0.1  # of memory, since the end of the warm-up

STAGES = """
import json, time
from pathlib import Path
begun, stages = time.perf_counter(), {}
def stage(name):
    global begun
    stages[name], begun = time.perf_counter() - begun, time.perf_counter()
import dalip_app.cli.serve, dalip_app.server.api, dalip_app.server.floras, dalip_app.server.run
from dalip_app.server.keys import Keys
from dalip_index import Journal, Library
stage("imports: FastAPI, uvicorn, NumPy, FAISS")
floras = dalip_app.server.floras.Floras([], Path("data"), None)
dalip_app.cli.serve._warm_up(floras.encoder)
stage("loading and warming up encoder and flora")
from dalip_app.page.site import make_site
stage("import of Gradio")
make_site(floras, Library(Path("data")), Journal(Path("data")), "127.0.0.1", Keys())
stage("layout of the page, in each language")
print(json.dumps(stages))
"""
"""Python code that repeats the steps of a start and prints the seconds of each."""

Ask = Callable[[Path], Any]
"""Returns the answer of the server for a photo, or its status code if there is no answer."""


@dataclass
class Tally:
    """What the clients measured."""

    api: list[float] = field(default_factory=list)
    """Seconds to each answer of the HTTP API."""
    page: list[float] = field(default_factory=list)
    """Seconds to each answer of `/identify`."""
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@contextmanager
def server(folder: Path, *options: str):
    """Start the real command with some options; yield the process, its address, and the seconds until it was ready."""
    command = [
        Path(sys.executable).with_name("dalip-app"),
        "serve",
        "--port",
        "0",
        "--data-dir",
        folder / "data",
        *options,
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[3]
        yield process, address, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(60)


def api_client(address: str) -> Ask:
    client = httpx.Client(base_url=address, timeout=120)

    def ask(photo: Path) -> Any:
        response = client.post("/v2/identify/all", files={"images": (photo.name, photo.read_bytes())})
        return response.json() if response.status_code in (200, 404) else response.status_code

    return ask


def page_client(address: str) -> Ask:
    client = Client(address, verbose=False, analytics_enabled=False, download_files=False)

    def ask(photo: Path) -> Any:
        try:
            return client.predict(handle_file(str(photo)), api_name="/identify")
        except httpx.HTTPStatusError as error:
            return error.response.status_code

    return ask


def visit(
    ask: Ask, photos: list[Path], alone: dict[Path, Any], until: float, seconds: list[float], tally: Tally
):
    """Send one photo after the other until the time is up."""
    for photo in cycle(photos):
        if time.perf_counter() > until:
            return
        started = time.perf_counter()
        answer = ask(photo)
        seconds.append(time.perf_counter() - started)
        tally.statuses[answer if isinstance(answer, int) else answer.get("statusCode", 200)] += 1
        if isinstance(answer, int):
            time.sleep(0.5)
        elif answer != alone[photo]:
            tally.wrong.append(photo.name)


def load(address: str, photos: list[Path], clients: int, seconds: float, tally: Tally) -> None:
    """Let all clients send photos until the time is up."""
    on_page = clients // 4
    makers = [(api_client, tally.api)] * (clients - on_page) + [(page_client, tally.page)] * on_page
    asks = [make(address) for make, _ in makers]
    reference = {make: make(address) for make in (api_client, page_client)}
    alone = {make: {photo: ask(photo) for photo in photos} for make, ask in reference.items()}
    until = time.perf_counter() + seconds
    with ThreadPoolExecutor(clients) as pool:
        visits = []
        for number, (ask, (make, times)) in enumerate(zip(asks, makers, strict=True)):
            turned = list(islice(cycle(photos), number, number + len(photos)))
            visits.append(pool.submit(visit, ask, turned, alone[make], until, times, tally))
    for done in visits:
        done.result()


def first_answer(photo: Path) -> float:
    """Return the seconds from the start of a server to the first answer in a browser that is already open."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page, started = browser.new_page(), time.perf_counter()
        with server(Path(folder)) as (_, address, _):
            page.goto(address)
            page.get_by_label("A photo of a plant", exact=True).set_input_files(photo)
            page.locator(".card").first.wait_for()
            seconds = time.perf_counter() - started
        browser.close()
    return round(seconds, 2)


def percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {name: round(cuts[place], 3) for name, place in (("p50", 49), ("p95", 94), ("p99", 98))}


def megabytes(process: subprocess.Popen[str]) -> float:
    return round(psutil.Process(process.pid).memory_info().rss / 1e6, 1)


def machine() -> str:
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        name = " ".join(found[1].split()) if found else name
    return f"{available_cpus()} processors ({name}), Python {platform.python_version()}"


def stages() -> dict[str, float]:
    """Time the steps of a start in a separate process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", STAGES]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return {name: round(seconds, 2) for name, seconds in json.loads(done.stdout).items()}


def measure(folder: Path, clients: int, seconds: float) -> dict[str, Any]:
    photos = sorted(path for path in folder.iterdir() if path.is_file())
    in_browser = statistics.median(first_answer(photos[0]) for _ in range(STARTS))
    with tempfile.TemporaryDirectory() as temporary, server(Path(temporary)) as (process, address, started):
        first = time.perf_counter()
        api_client(address)(photos[0])
        answered = started + time.perf_counter() - first
        figures: dict[str, Any] = {
            "machine": machine(),
            "photos": len(photos),
            "clients": clients,
            "seconds": seconds,
            "memory at start": megabytes(process),
            "stages": stages(),
            "start": round(started, 2),
            "first answer": round(answered, 2),
            "first answer in a browser": in_browser,
        }
        load(address, photos, clients, WARM_UP, Tally())
        before, peak, done = megabytes(process), 0.0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.5):
                peak = max(peak, megabytes(process))

        watcher = threading.Thread(target=watch)
        watcher.start()
        tally = Tally()
        load(address, photos, clients, seconds, tally)
        done.set()
        watcher.join()
        figures |= {
            "memory after warm-up": before,
            "memory at the end": megabytes(process),
            "memory at most": peak,
            "requests a second": round((len(tally.api) + len(tally.page)) / seconds, 1),
            "api": percentiles(tally.api) | {"requests": len(tally.api)},
            "page": percentiles(tally.page) | {"requests": len(tally.page)},
            "statuses": dict(tally.statuses),
            "wrong": sorted(set(tally.wrong)),
        }
    return figures


def table(figures: dict[str, Any]) -> str:
    rows = [
        ("from the start of the process to its first answer", f"{figures['first answer']:.1f} s"),
        (
            f"to the first answer in an open browser, median of {STARTS}",
            f"{figures['first answer in a browser']:.1f} s",
        ),
        *((f"start-up, {name}", f"{seconds:.1f} s") for name, seconds in figures["stages"].items()),
        ("memory after the first answer", f"{figures['memory at start']:.0f} MB"),
        ("concurrent clients", f"{figures['clients']}, for {figures['seconds']:.0f} s"),
        ("answers per second", f"{figures['requests a second']:.0f}"),
    ]
    for kind, name in (("api", "HTTP API"), ("page", "`/identify`")):
        times = " / ".join(f"{figures[kind][part]:.2f}" for part in ("p50", "p95", "p99"))
        rows.append((f"{name}: seconds to an answer, p50 / p95 / p99", times))
    told = figures["statuses"].get(429, 0)
    failed = sum(number for status, number in figures["statuses"].items() if status >= 500)
    grown = f"{figures['memory after warm-up']:.0f} MB and {figures['memory at the end']:.0f} MB"
    rows += [
        ("busy (429), failed (5xx)", f"{told}, {failed}"),
        ("answers that differ from the one for the photo alone", str(len(figures["wrong"]))),
        ("memory after the warm-up and at the end", grown),
    ]
    lines = [f"On {figures['machine']}, with {figures['photos']} photos:", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--write", action="store_true", help="put the table into docs/serving.md")
    options = parser.parse_args()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    figures = measure(options.photos, options.clients, options.seconds)
    print(json.dumps(figures, indent=2))
    if options.write:
        block = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(block.sub(rf"\g<1>{table(figures)}\n\g<2>", page), encoding="utf-8")
    failed = any(status >= 500 for status in figures["statuses"])
    grown = figures["memory at the end"] > (1 + GROWTH) * figures["memory after warm-up"]
    sys.exit(bool(failed or grown or figures["wrong"]))


if __name__ == "__main__":
    main()
