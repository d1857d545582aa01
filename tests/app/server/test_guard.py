"""Access control in front of every route, and the logging of errors behind it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from dalip_app.server.guard import guard
from dalip_app.server.keys import Keys
from dalip_app.server.limits import Intake, Limits, Room
from tests.app.conftest import World, paint
from tests.app.serving import serving

DEFAULT = Limits()


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def post(path: str, folder: Path, content: Any = b"x", limits: Limits = DEFAULT) -> httpx.Response:
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["POST"])])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guard(app, Keys(), folder, limits))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post(path, content=content)

    return asyncio.run(ask())


def test_a_web_socket_needs_a_key_too(tmp_path: Path) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("come in")
        await socket.close()

    app = Starlette(routes=[WebSocketRoute("/socket", talk)])
    client = TestClient(guard(app, Keys("", "key"), tmp_path))
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket?api-key=guess"):
        pass
    with client.websocket_connect("/socket?api-key=key") as socket:
        assert socket.receive_text() == "come in"


def test_uploads_are_rejected_when_the_storage_is_full(tmp_path: Path) -> None:
    limits = Limits(held=1000)
    (tmp_path / "visit").mkdir()
    for size, status in ((1000, 200), (1001, 429)):
        (tmp_path / "visit" / "upload.png").write_bytes(bytes(size))
        for path in ("/v2/identify/all", "/gradio_api/upload"):
            response = post(path, tmp_path, limits=limits)
            assert response.status_code == status
            assert ("retry-after" in response.headers) == (status == 429)
        assert post("/gradio_api/queue/join", tmp_path, b"{}", limits).status_code == 200


def test_requests_being_received_count_until_they_are_answered() -> None:
    room = Room(held=1000)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(400), "more_body": True}

    async def bring(*takers: Intake) -> None:
        for taker in takers:
            await taker()

    first, second = (Intake(receive, 10_000, room) for _ in range(2))
    asyncio.run(bring(first, second))
    with pytest.raises(HTTPException) as refused:
        asyncio.run(bring(second))
    assert refused.value.status_code == 429
    second.end()
    asyncio.run(bring(first))
    first.end()
    assert room.arriving == 0


def test_requests_have_a_size_limit(tmp_path: Path) -> None:
    async def parts(total: int) -> AsyncIterator[bytes]:
        for _ in range(total // 100):
            yield bytes(100)

    for path, limits in (
        ("/v2/x", Limits(api_request=1000)),
        ("/gradio_api/upload", Limits(page_upload=1000, fields=999)),
        ("/login", Limits(fields=1000)),
    ):
        assert post(path, tmp_path, bytes(1000), limits).text == "1000"
        assert post(path, tmp_path, parts(1000), limits).text == "1000"
        for content in (bytes(1001), parts(1100)):
            response = post(path, tmp_path, content, limits)
            assert (response.status_code, "larger than" in response.text) == (413, True)


WAITING = """
import time
from pathlib import Path
from dalip_app.page import photo_picker

def wait(payload):
    while not Path({go!r}).exists():
        time.sleep(0.05)
    return [b""]

photo_picker.read_uploads = wait
"""


def test_the_page_queue_has_a_limit(world: World, tmp_path: Path) -> None:
    photo, go = paint(tmp_path / "red.png", "red"), tmp_path / "go"
    with (
        serving(world, tmp_path, first=WAITING.format(go=str(go))) as served,
        served.client() as client,
    ):
        (path,) = client.post("/gradio_api/upload", files={"files": photo.read_bytes()}).json()
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        statuses = [
            client.post(
                "/gradio_api/call/identify", json={"data": [file], "session_hash": str(i)}
            ).status_code
            for i in range(120)
        ]
        go.touch()
        assert set(statuses) == {200, 503}  # the page and gradio_client treat 503 as "busy"
        assert client.get("/health").status_code == 200


BROKEN = """
from dalip_index import Flora
def fail(*args, **options):
    raise RuntimeError("broken for a test")
Flora.identify = Flora.identify_together = fail
"""


def test_internal_errors_are_logged_without_visitor_data(world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "my-garden.png", "red")
    with serving(world, tmp_path, first=BROKEN) as served:
        with served.client() as client:
            files = {"images": (photo.name, photo.read_bytes(), "image/my-kind")}
            response = client.post("/v2/identify/all", files=files)
            assert response.status_code == 500
            assert response.json()["error"] == "Internal Server Error"
            assert "broken for a test" not in response.text
            (path,) = client.post(
                "/gradio_api/upload", files={"files": (photo.name, photo.read_bytes())}
            ).json()
            file = {"path": path, "orig_name": photo.name, "meta": {"_type": "gradio.FileData"}}
            event = client.post("/gradio_api/call/identify", json={"data": [file]}).json()["event_id"]
            answer = client.get(f"/gradio_api/call/identify/{event}").text
            assert "event: error" in answer
            assert "broken for a test" not in answer
            assert client.get("/health").status_code == 200
        told = served.errors()
    assert told.count("RuntimeError: broken for a test") == 2
    assert told.count("Traceback") >= 2
    assert not [word for word in ("my-garden", "my-kind", "IHDR", "PNG") if word in told]
