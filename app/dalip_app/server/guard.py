"""What stands before every route: who may come in, how much they may bring, and which of Gradio's routes are open.

Gradio's own checks of paths are switched off for an application that is mounted in another one, and some of its routes
fetch addresses of other hosts or serve files by their paths. None of that is needed here.
"""

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException

from dalip.errors import ServerError
from dalip_app.messages.language import LANGUAGES
from dalip_app.server.api import MAX_UPLOAD, problem
from dalip_app.server.uploads import UPLOAD, held_bytes

__all__ = ["Keys", "Limits", "guard"]

_API = "/v2/"
_GRADIO = "/gradio_api/"
_OPEN = {
    *("app_id", "call", "cancel", "heartbeat", "info", "openapi.json", "queue", "reset", "startup-events"),
    *("theme.css", "upload", "upload_progress"),
}  # first parts of the paths that the page and `gradio_client` ask for


@dataclass(frozen=True)
class Limits:
    """How much requests may bring, and how slowly."""

    api_request: int = MAX_UPLOAD
    """Bytes of a request to the API."""
    page_upload: int = 300_000_000
    """Bytes of an upload of the page: five photos of the largest size."""
    fields: int = 1_000_000
    """Bytes of a request without a file."""
    held: int = 2_000_000_000
    """Bytes of everything that visitors sent and that is still there."""
    patience: float = 30
    """Seconds in which the next part of a request must come."""

    def bytes_for(self, path: str) -> int:
        """Return how many bytes a request to this path may bring."""
        if path.startswith(_API):
            return self.api_request
        return self.page_upload if path.rstrip("/") == UPLOAD else self.fields


_LIMITS = Limits()


@dataclass(frozen=True)
class Keys:
    """What opens the page and the API; with neither of them both are open."""

    login: str = ""
    """NAME:PASSWORD that a browser asks for."""
    api_key: str = ""
    """A key that programs send as `api-key` in the address, or as a bearer token."""

    def __post_init__(self) -> None:
        """Reject a login without a name or a password.

        Raises:
            ServerError: It is of another form than NAME:PASSWORD.
        """
        name, colon, password = self.login.partition(":")
        if self.login and not (name and colon and password):
            raise ServerError("login-malformed")

    def open(self, scope: Any) -> bool:
        """Say whether a request may come in.

        Args:
            scope: Of ASGI, for HTTP or a web socket.
        """
        if not (self.login or self.api_key):
            return True
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        kind, _, value = given.partition(" ")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        keys = [*query.get("api-key", []), value if kind.lower() == "bearer" else ""]
        if self.api_key and any(_same(key, self.api_key) for key in keys):
            return True
        return bool(self.login) and kind.lower() == "basic" and _same(_decoded(value), self.login)


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(), wanted.encode())


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def guard(app: Any, keys: Keys, uploads: Path, limits: Limits = _LIMITS) -> Any:
    """Let in only requests that may come in, no more than there is room for, and none that names files from here.

    Args:
        app: An ASGI application.
        keys: What opens it.
        uploads: Where uploads lie.
        limits: How much requests may bring.

    Returns:
        An ASGI application.
    """
    room = _Room(limits.held)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        path = _without_language(scope["path"])
        most = limits.bytes_for(path)
        intake = _Intake(receive, most, limits.patience, room)
        try:
            _check(scope, path, keys, most)
            if scope["type"] == "websocket":  # there are none yet
                await app(scope, receive, send)
                return
            if scope["method"] == "POST" and most > limits.fields:
                room.check(held_bytes(uploads))
            checked = _reads_json(scope["method"], path)
            content = await _checked(intake, uploads) if checked else intake
        except HTTPException as error:
            await problem(error.status_code, str(error.detail), error.headers)(scope, receive, send)
        else:
            await app(scope, content, send)
        finally:
            intake.end()

    return application


def _check(scope: Any, path: str, keys: Keys, most: int) -> None:
    """Look at what is known of a request before any of its content has come.

    Raises:
        HTTPException: It is refused.
    """
    headers = dict(scope["headers"])
    if not keys.open(scope):
        challenge = {"WWW-Authenticate": 'Basic realm="DALIP", charset="UTF-8"'} if keys.login else {}
        needed = " or ".join(["a name and password"] * bool(keys.login) + ["an api-key"] * bool(keys.api_key))
        raise HTTPException(401, f"this needs {needed}", challenge)
    if _is_closed(path):
        raise HTTPException(404, "there is no such page")
    if scope.get("method", "GET") not in ("GET", "HEAD", "OPTIONS") and _from_elsewhere(headers):
        raise HTTPException(403, "another site must not send requests through a visitor's browser")
    length = headers.get(b"content-length", b"0")
    if (int(length) if length.isdigit() else 0) > most:
        raise HTTPException(413, _too_large(most))


def _from_elsewhere(headers: dict[bytes, bytes]) -> bool:
    """Say whether a page of another site sent a request; programs that are no browsers say nothing of it.

    Browsers tell it themselves, but not to an address in the local network that is not encrypted.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host", b"")


async def _checked(receive: Any, uploads: Path) -> Any:
    """Read a request to its end and look at the files that it names.

    Raises:
        HTTPException: It is refused.
    """
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if reason := _refusal(bytes(body), uploads):
        raise HTTPException(400, reason)
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again


def _without_language(path: str) -> str:
    """Give the path of a route as the English page has it, which lies at the root.

    Args:
        path: Decoded, as in the scope of ASGI.
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if slash and first in LANGUAGES else path


def _is_closed(path: str) -> bool:
    """Say whether a path belongs to a route of Gradio's that is not needed.

    Args:
        path: From `_without_language`, like those below.
    """
    return path.startswith(_GRADIO) and path.removeprefix(_GRADIO).partition("/")[0] not in _OPEN


def _reads_json(method: str, path: str) -> bool:
    """Say whether a request brings fields of the page."""
    return method == "POST" and path.startswith(_GRADIO) and path.rstrip("/") != UPLOAD


def _refusal(body: bytes, uploads: Path) -> str:
    """Say why fields of the page are refused; nothing where they are fine.

    Args:
        body: JSON, as it came.
        uploads: The folder where uploads lie: only files there may be named.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return "the request is no JSON that can be read"
    if not isinstance(content, dict):
        return "the request is no JSON object"
    left: list[Any] = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "path" in value and not _is_upload(value["path"], uploads):
                return "a file was named that was not uploaded here; upload it first"
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return ""


def _is_upload(path: Any, uploads: Path) -> bool:
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(uploads.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, links in a circle
        return False


@dataclass
class _Room:
    """What all requests that are being received take together."""

    held: int
    """In bytes, at most."""
    arriving: int = 0
    """In bytes."""

    def check(self, lying: int = 0) -> None:
        """Refuse more where there is too much.

        Args:
            lying: Bytes that have come and are kept.

        Raises:
            HTTPException: There is no room.
        """
        if self.arriving + lying > self.held:
            raise HTTPException(
                429, "as many uploads are kept as may be; they go within ten minutes", {"Retry-After": "60"}
            )


class _Intake:
    """The content of one request, to be called as ASGI's `receive`."""

    def __init__(self, receive: Any, most: int, patience: float, room: _Room) -> None:
        """Start with nothing.

        Args:
            receive: ASGI's.
            most: Bytes that the request may bring.
            patience: Seconds in which its next part must come.
            room: Where they are counted, too, until `end`.
        """
        self._receive, self._most, self._patience, self._room = receive, most, patience, room
        self._received, self._complete = 0, False

    async def __call__(self) -> Any:
        """Give the next message.

        Raises:
            HTTPException: The request brings too much, or does not go on.
        """
        if self._complete:  # what comes now is that the visitor has gone
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError:
            raise HTTPException(408, "the request did not come to its end", {"Connection": "close"}) from None
        self._complete = not message.get("more_body", False)
        new = len(message.get("body", b""))
        self._received += new
        self._room.arriving += new
        if self._received > self._most:
            raise HTTPException(413, _too_large(self._most))
        self._room.check()
        return message

    def end(self) -> None:
        """Free the room that it took."""
        self._room.arriving -= self._received


def _too_large(most: int) -> str:
    """Say that a request is larger than so many bytes."""
    return f"the request is larger than {most // 1_000_000} MB; send fewer or smaller photos"
