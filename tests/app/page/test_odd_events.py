"""Odd requests to the routes of the page: each gets an answer, and none writes a traceback to the log."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.app.conftest import World
from tests.app.serving import Served, serving

ODD = [
    *(
        "",
        "x",
        None,
        0,
        -1,
        1e308,
        True,
        [],
        {},
        "\0",
        "../..",
        "a" * 5000,
        "\x1b[31m\nERROR: forged",
        10**20,
    ),
    *([[]], {"a": {"b": [1]}}),
]
EVENT = {"session_hash": "s", "fn_index": 0, "event_id": "e", "data": []}


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("odd")) as served:
        yield served
        told = served.errors()
        assert "Traceback" not in told
        assert "forged" not in told
        assert all(line.isprintable() for line in told.splitlines())
        assert len(told.splitlines()) < 60, told


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def events() -> Iterator[tuple[str, Any]]:
    for value in ODD:
        for field in EVENT:
            for route in ("queue/join", "cancel", "reset", "call/identify"):
                yield route, EVENT | {field: value}
        for field in ("event_data", "trigger_id", "api_name", "simple_format", "batched"):
            yield "queue/join", EVENT | {field: value}
        yield "queue/join", value
        yield "call/identify", {"data": [value]}
        yield "call/nothing", {"data": [value]}
    yield "queue/join", EVENT | {"fn_index": 9999}
    yield "call/v2/identify", {"photo": "x"}


def test_odd_events_get_an_answer_and_no_traceback(client: httpx.Client) -> None:
    for route, content in events():
        response = client.post(f"/gradio_api/{route}", json=content)
        told = (route, str(content)[:200], response.status_code, response.text[:200])
        assert response.status_code < 500 or response.status_code == 503, told
        assert isinstance(response.json(), dict), told
    for content in (b'{"data": ["\\ud800"]}', b'{"session_hash": "\\udfff"}', b"[" * 60 + b"]" * 60):
        response = client.post("/gradio_api/queue/join", content=content)
        assert response.status_code == 400
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"a": deep}
    response = client.post("/gradio_api/queue/join", json=deep)
    assert (response.status_code, "levels deep" in response.json()["message"]) == (400, True)
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("page", ["", "/fr"])
def test_the_events_of_an_unknown_visit_end_with_one_line_in_the_log(
    served: Served, client: httpx.Client, page: str
) -> None:
    before = served.errors().splitlines()
    answer = client.get(f"{page}/gradio_api/queue/data", params={"session_hash": "unknown\n\x1b[31m"})
    assert json.loads(answer.text.removeprefix("data: "))["session_not_found"] is True
    (line,) = served.errors().splitlines()[len(before) :]
    assert line.endswith(f"{page}/gradio_api/queue/data: Not Found")
    answer = client.get(f"{page}/gradio_api/call/identify/unknown")
    assert answer.text.startswith("event: error\n")
    assert len(served.errors().splitlines()) == len(before) + 2


def test_odd_addresses_and_headers_get_an_answer(client: httpx.Client) -> None:
    for value in ("\0", "../..", "\x1b[31m\n", "\ud800", "x" * 3000, "[::1", "%"):
        text = quote(value.encode("utf-8", "surrogatepass"), safe="")
        for path in (
            "/gradio_api/info?page=",
            "/config?page=",
            "/?page=",
            "/?view=",
            "/?deep_link=",
            "/gradio_api/",
        ):
            assert client.get(path + text).status_code < 500, path + text
        for name in (
            "x-forwarded-host",
            "x-forwarded-proto",
            "accept-language",
            "cookie",
            "range",
            "origin",
            "referer",
        ):
            headers = {name: value.encode("utf-8", "replace").replace(b"\0", b"").replace(b"\n", b"")}
            for path in ("/", "/config", "/health"):
                response = client.get(path, headers=headers)
                assert response.status_code < 500, (path, headers)
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "ODD", "OPTIONS"):
        for path in ("/", "/health", "/v2/identify/all", "/gradio_api/queue/join", "/docs"):
            assert client.request(method, path).status_code < 500, (method, path)


def test_head_is_answered_like_get(client: httpx.Client) -> None:
    for path in ("/", "/fr/", "/health", "/docs", "/v2/projects", "/config", "/app/icon-192.png", "/nothing"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"], path


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:1234", "http://127.0.0.1:1", "null", "https://evil.example", "http://localhost"],
)
def test_no_other_origin_may_read_answers(client: httpx.Client, origin: str) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/health", "/v2/projects", "/nothing", "/journal.zip"):
        for method in ("GET", "OPTIONS"):
            sent = {"origin": origin, "access-control-request-method": "POST"}
            response = client.request(method, path, headers=sent)
            assert not [name for name in response.headers if name.startswith("access-control")], path
    response = client.post("/gradio_api/queue/join", json=EVENT, headers={"origin": origin})
    assert response.status_code == 403
