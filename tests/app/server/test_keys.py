"""Guesses of passwords and API keys are slowed for each address, and only for that one."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dalip_app.server.guard import guard
from dalip_app.server.keys import Guesses, Keys
from tests.app.conftest import World
from tests.app.serving import PATIENCE, serving


def scope(address: str) -> dict[str, Any]:
    return {"client": (address, 1)}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(clock)


def test_the_wait_doubles_up_to_a_minute(guesses: Guesses, clock: Clock) -> None:
    waits = []
    for _ in range(20):
        guesses.count(scope("192.0.2.1"))
        waits.append(guesses.wait(scope("192.0.2.1")))
        clock.now += waits[-1]
        assert guesses.wait(scope("192.0.2.1")) == 0
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, *[60] * 10]
    clock.now += 901
    guesses.count(scope("192.0.2.1"))
    assert guesses.wait(scope("192.0.2.1")) == 0


def test_other_addresses_do_not_wait(guesses: Guesses) -> None:
    for number in range(10):
        guesses.count(scope(f"2001:db8:1:2::{number}"))
        guesses.count(scope("192.0.2.1"))
    assert guesses.wait(scope("2001:db8:1:2:ffff::1")) > 0, "someone with IPv6 has a whole /64 network"
    assert guesses.wait(scope("::ffff:192.0.2.1")) > 0
    for other in ("2001:db8:1:3::1", "192.0.2.2", ""):
        assert guesses.wait(scope(other)) == 0
    assert guesses.wait({"client": None}) == 0


def test_the_number_of_remembered_addresses_is_limited(guesses: Guesses) -> None:
    for _ in range(6):
        guesses.count(scope("192.0.2.1"))
    for number in range(10_000):
        assert guesses.wait(scope("192.0.2.1")) > 0
        guesses.count(scope(f"10.0.{number // 256}.{number % 256}"))
    assert guesses.wait(scope("192.0.2.1")) == 0


async def fine(request: Any) -> PlainTextResponse:
    return PlainTextResponse("fine")


def ask(client: TestClient, login: str = "", **query: str) -> httpx.Response:
    sent = {"authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
    return client.get("/", headers=sent, params=query)


def test_a_client_that_guesses_waits_even_with_the_right_password(tmp_path: Path) -> None:
    app = Starlette(routes=[Route("/", fine)])
    client = TestClient(guard(app, Keys("ann:secret", "key"), tmp_path))
    for _ in range(20):
        assert ask(client).status_code == 401, "a browser first asks without a password"
    for _ in range(3):
        assert ask(client, "ann:guess").status_code == 401
        assert ask(client, "ann:secret").status_code == 200
    for _ in range(2):
        assert ask(client, **{"api-key": "guess"}).status_code == 401
    for login, query in (("ann:secret", {}), ("ann:guess", {}), ("", {"api-key": "key"})):
        refused = ask(client, login, **query)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert "wait" in refused.json()["message"]
    assert ask(client).status_code == 401


def test_an_open_server_counts_nothing(tmp_path: Path) -> None:
    client = TestClient(guard(Starlette(routes=[Route("/", fine)]), Keys(), tmp_path))
    assert {ask(client, "ann:guess").status_code for _ in range(20)} == {200}


@pytest.mark.parametrize("proxy", [[], ["--proxy", "127.0.0.1, 10.0.0.0/8"]])
def test_only_a_trusted_proxy_can_name_another_address(
    world: World, tmp_path: Path, proxy: list[str]
) -> None:
    with (
        serving(world, tmp_path, "--auth", "ann:secret", *proxy) as served,
        httpx.Client(base_url=served.address, timeout=PATIENCE) as client,
    ):
        forged = [f"192.0.2.{number}" for number in range(8)]

        def status(forwarded: str, password: str) -> int:
            return client.get(
                "/health", auth=("ann", password), headers={"x-forwarded-for": forwarded}
            ).status_code

        found = [status(address, "guess") for address in forged]
        assert found == ([401] * 8 if proxy else [*[401] * 5, *[429] * 3])
        if proxy:  # it appends the address of its client to what the client has sent
            found = [status(f"{address}, 198.51.100.1", "guess") for address in forged]
            assert found == [*[401] * 5, *[429] * 3]
            assert status("198.51.100.2", "secret") == 200
        served.wait_until(lambda: status("198.51.100.1", "secret") == 200)
