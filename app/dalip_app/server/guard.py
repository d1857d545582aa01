"""Access control in front of every route: login and API key, request sizes, and the allowed Gradio routes.

Gradio disables its own path checks when it is mounted in another application, and some of its routes fetch URLs from
other hosts or serve files by path. DALIP does not need those routes.
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
}  # first path segments that the page and `gradio_client` use


@dataclass(frozen=True)
class Limits:
    """Size and time limits for requests."""

    api_request: int = MAX_UPLOAD
    """Maximum size of an API request in bytes."""
    page_upload: int = 300_000_000
    """Maximum size of an upload from the page in bytes: five photos of the largest size."""
    fields: int = 1_000_000
    """Maximum size of a request without files in bytes."""
    held: int = 2_000_000_000
    """Maximum total size in bytes of stored uploads and requests being received."""
    patience: float = 30
    """Seconds to wait for the next part of a request."""

    def bytes_for(self, path: str) -> int:
        """Return the maximum size in bytes of a request to a path."""
        if path.startswith(_API):
            return self.api_request
        return self.page_upload if path.rstrip("/") == UPLOAD else self.fields


_LIMITS = Limits()


@dataclass(frozen=True)
class Keys:
    """Login and API key. If neither is set, page and API are open to everyone."""

    login: str = ""
    """NAME:PASSWORD, which browsers ask for."""
    api_key: str = ""
    """Key that programs send as the query parameter `api-key` or as a bearer token."""

    def __post_init__(self) -> None:
        """Reject a login without a name or a password.

        Raises:
            ServerError: The login does not have the form NAME:PASSWORD.
        """
        name, colon, password = self.login.partition(":")
        if self.login and not (name and colon and password):
            raise ServerError("login-malformed")

    def open(self, scope: Any) -> bool:
        """Return whether a request is authorised.

        Args:
            scope: ASGI scope of an HTTP request or WebSocket.
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
    """Reject requests that are unauthorised, too large, or refer to files on this computer other than uploads.

    Args:
        app: An ASGI application.
        keys: The login and API key.
        uploads: Upload folder.
        limits: Size and time limits for requests.

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
            if scope["type"] == "websocket":  # no route uses WebSockets yet
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
    """Check the path and headers of a request before its body is received.

    Raises:
        HTTPException: The request is rejected.
    """
    headers = dict(scope["headers"])
    if not keys.open(scope):
        challenge = {"WWW-Authenticate": 'Basic realm="DALIP", charset="UTF-8"'} if keys.login else {}
        needed = " or ".join(["a name and password"] * bool(keys.login) + ["an API key"] * bool(keys.api_key))
        raise HTTPException(401, f"this server requires {needed}", challenge)
    if _is_closed(path):
        raise HTTPException(404, "page not found")
    if scope.get("method", "GET") not in ("GET", "HEAD", "OPTIONS") and _from_elsewhere(headers):
        raise HTTPException(403, "requests from pages of other websites are not allowed")
    length = headers.get(b"content-length", b"0")
    if (int(length) if length.isdigit() else 0) > most:
        raise HTTPException(413, _too_large(most))


def _from_elsewhere(headers: dict[bytes, bytes]) -> bool:
    """Return whether a page of another website sent a request; clients other than browsers do not report this.

    Browsers report it in `Sec-Fetch-Site`, but not over plain HTTP in the local network; there `Origin` is checked.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host", b"")


async def _checked(receive: Any, uploads: Path) -> Any:
    """Read a request completely and check the files that it refers to.

    Raises:
        HTTPException: The request is rejected.
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
    """Return a path without its language prefix, as it would be on the English page at the root.

    Args:
        path: Decoded path, as in the ASGI scope.
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if slash and first in LANGUAGES else path


def _is_closed(path: str) -> bool:
    """Return whether a path belongs to a Gradio route that is not needed.

    Args:
        path: Result of `_without_language`, as in the functions below.
    """
    return path.startswith(_GRADIO) and path.removeprefix(_GRADIO).partition("/")[0] not in _OPEN


def _reads_json(method: str, path: str) -> bool:
    """Return whether a request sends the fields of a page event."""
    return method == "POST" and path.startswith(_GRADIO) and path.rstrip("/") != UPLOAD


def _refusal(body: bytes, uploads: Path) -> str:
    """Return why the fields of a page event are rejected; an empty string if they are valid.

    Args:
        body: JSON, as received.
        uploads: Upload folder; only files in it may be referred to.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return "the request is not valid JSON"
    if not isinstance(content, dict):
        return "the request is not a JSON object"
    left: list[Any] = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "path" in value and not _is_upload(value["path"], uploads):
                return "the request refers to a file that was not uploaded here; upload it first"
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return ""


def _is_upload(path: Any, uploads: Path) -> bool:
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(uploads.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, circular links
        return False


@dataclass
class _Room:
    """Total size of all requests being received."""

    held: int
    """Maximum of this total and the stored uploads together, in bytes."""
    arriving: int = 0
    """Bytes received so far."""

    def check(self, lying: int = 0) -> None:
        """Reject a request if too many bytes are held.

        Args:
            lying: Total size of the stored uploads in bytes.

        Raises:
            HTTPException: The limit is exceeded.
        """
        if self.arriving + lying > self.held:
            raise HTTPException(
                429,
                "the upload storage is full; uploads are deleted within ten minutes, try again later",
                {"Retry-After": "60"},
            )


class _Intake:
    """The body of one request, with size and time limits; called like ASGI's `receive`."""

    def __init__(self, receive: Any, most: int, patience: float, room: _Room) -> None:
        """Start with an empty body.

        Args:
            receive: ASGI's `receive`.
            most: Maximum size of the request in bytes.
            patience: Seconds to wait for the next part of the request.
            room: Total that includes the received bytes until `end` is called.
        """
        self._receive, self._most, self._patience, self._room = receive, most, patience, room
        self._received, self._complete = 0, False

    async def __call__(self) -> Any:
        """Return the next message.

        Raises:
            HTTPException: The request is too large, or it stalls.
        """
        if self._complete:  # the next message is the disconnect
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError:
            raise HTTPException(
                408, "the request was not completed in time", {"Connection": "close"}
            ) from None
        self._complete = not message.get("more_body", False)
        new = len(message.get("body", b""))
        self._received += new
        self._room.arriving += new
        if self._received > self._most:
            raise HTTPException(413, _too_large(self._most))
        self._room.check()
        return message

    def end(self) -> None:
        """Subtract the request from the total."""
        self._room.arriving -= self._received


def _too_large(most: int) -> str:
    """Return the message for a request larger than `most` bytes."""
    return f"the request is larger than {most // 1_000_000} MB; send fewer or smaller photos"
