"""Measure how long one visitor of a public page waits while others keep the server as busy as they can.

    python benchmarks/serve_crowd.py PHOTOS [--seconds 60] [--sockets 1100] [--clients 20] [--write]

Starts `dalip-app serve --public` with the built-in flora and measures the visitor's time for a photo on the idle
server. Then 1,100 connections are opened that send nothing, 20 clients send photos for a minute, and a stranger sends
three of the largest photos again and again. Prints the results as JSON; `--write` also puts them into docs/serving.md.
Exits with status 1 if the visitor's median time is more than three times the idle one, or a request fails.

All of them have the same address, 127.0.0.1, so the server can distinguish only their connections.
"""

import argparse
import io
import json
import re
import resource
import socket
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from serve_load import PAGE, api_client, machine, megabytes, server

SIDE = 14_000  # pixels of the stranger's photos, which are close to the limit of 200 million
MOST = 3.0  # times as long as on the idle server
PAUSE = 1.0  # seconds between two photos of the visitor


def times(address: str, photos: list[Path], done: threading.Event, at_least: int = 0) -> list[float]:
    """Send one photo after the other, with pauses, and return the seconds of each answer."""
    ask, found = api_client(address), []
    for photo in cycle(photos):
        if done.is_set() and len(found) >= at_least:
            return found
        started = time.perf_counter()
        answer = ask(photo)
        found.append(time.perf_counter() - started)
        if isinstance(answer, int):
            raise SystemExit(f"the visitor got the status {answer}")
        time.sleep(PAUSE)
    return found


def busy(address: str, photos: list[Path], done: threading.Event) -> list[int]:
    """Send one photo after the other without a pause, and return the statuses."""
    ask, found = api_client(address), []
    for photo in cycle(photos):
        if done.is_set():
            break
        answer = ask(photo)
        found.append(answer if isinstance(answer, int) else answer.get("statusCode", 200))
    return found


def stranger(address: str, photo: bytes, done: threading.Event) -> list[int]:
    """Send one of the largest photos again and again, and return the statuses."""
    found = []
    with httpx.Client(base_url=address, timeout=300) as client:
        while not done.is_set():
            found.append(client.post("/v2/identify/all", files={"images": photo}).status_code)
    return found


def largest() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((SIDE // 10, SIDE // 10), 60).resize((SIDE, SIDE)).save(
        buffer, "JPEG", progressive=True
    )
    return buffer.getvalue()


def measure(
    photos: list[Path], seconds: float, sockets: int, clients: int, large_ones: int
) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    done, large = threading.Event(), largest()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        process, address, _ = held.enter_context(server(Path(folder), "--public"))
        done.set()
        alone = times(address, photos, done, at_least=len(photos))
        done.clear()
        host, _, port = address.removeprefix("http://").partition(":")
        for _ in range(sockets):
            held.enter_context(socket.create_connection((host, int(port)), timeout=60))
        with ThreadPoolExecutor(clients + 4) as pool:
            crowd = [pool.submit(busy, address, photos, done) for _ in range(clients)]
            strangers = [pool.submit(stranger, address, large, done) for _ in range(large_ones)]
            waited = pool.submit(times, address, photos, done)
            time.sleep(seconds)
            memory = megabytes(process)
            done.set()
            statuses = sorted({status for one in crowd for status in one.result()})
            answered = sum(len(one.result()) for one in crowd)
            theirs = sorted({status for one in strangers for status in one.result()})
        crowded = waited.result()
    idle, median = statistics.median(alone), statistics.median(crowded)
    return {
        "machine": machine(),
        "sockets": sockets,
        "clients": clients,
        "large photos": large_ones,
        "seconds": seconds,
        "idle": round(idle, 3),
        "crowded": round(median, 3),
        "crowded p95": round(statistics.quantiles(crowded, n=20)[-1], 3),
        "ratio": round(median / idle, 1),
        "photos of the visitor": len(crowded),
        "photos of the clients per second": round(answered / seconds, 1),
        "statuses of the clients": statuses,
        "statuses of the stranger": theirs,
        "memory": memory,
    }


def table(figures: dict[str, Any]) -> str:
    rows = [
        ("a visitor's photo on the idle server, median", f"{figures['idle']:.2f} s"),
        ("in the crowd, median / p95", f"{figures['crowded']:.2f} / {figures['crowded p95']:.2f} s"),
        ("photos of the clients per second", f"{figures['photos of the clients per second']:.0f}"),
        ("memory in the crowd", f"{figures['memory']:.0f} MB"),
    ]
    about = f"On {figures['machine']}, with {figures['sockets']} idle connections, {figures['clients']} clients for "
    about += f"{figures['seconds']:.0f} s and {figures['large photos']} photos of {SIDE**2 // 10**6} million pixels:"
    return "\n".join([about, "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sockets", type=int, default=1100)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--large", type=int, default=3, help="large photos at a time")
    parser.add_argument("--write", action="store_true", help="put the table into docs/serving.md")
    options = parser.parse_args()
    photos = sorted(path for path in options.photos.iterdir() if path.is_file())
    figures = measure(photos, options.seconds, options.sockets, options.clients, options.large)
    print(json.dumps(figures, indent=2))
    if options.write:
        block = re.compile(r"(<!-- crowd -->\n).*?(<!-- end -->)", re.DOTALL)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(block.sub(rf"\g<1>{table(figures)}\n\g<2>", page), encoding="utf-8")
    failed = set(figures["statuses of the clients"]) - {200, 404}
    sys.exit(bool(failed or figures["ratio"] > MOST))


if __name__ == "__main__":
    main()
