"""A server prints its address once it answers, and ends open streams when it stops."""

import os
import signal
import subprocess
import sys

import httpx
import pytest

from tests.app.conftest import environment
from tests.app.serving import PATIENCE

SERVER = """
import asyncio
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from dalip_app.server.addresses import bind
from dalip_app.server.run import run_server

state = []

@asynccontextmanager
async def slow_start(app):
    await asyncio.sleep(0.5)
    state.append("ready")
    yield
    print("closed", flush=True)

async def answer(request):
    return PlainTextResponse(*state)

app = Starlette(routes=[Route("/", answer)], lifespan=slow_start)
told = lambda addresses: print(*addresses, flush=True)
run_server(app, bind("127.0.0.1", 0), "127.0.0.1", told, lambda: print("stopping", flush=True))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_the_address_is_printed_once_it_answers_and_a_signal_stops_it_in_order() -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    assert httpx.get(address, timeout=PATIENCE).text == "ready"
    server.send_signal(signal.SIGTERM)
    assert server.stdout.read().split() == ["stopping", "closed"]
    assert server.wait(PATIENCE) == -signal.SIGTERM  # raised again, so that the parent process sees it
    server.stdout.close()
