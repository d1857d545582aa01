"""What stands before every route: who may come in, how much they may bring, and where they may go."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException

from dalip.errors import DalipError
from dalip_app.server.api import MAX_UPLOAD, problem
from dalip_app.server.fence import UPLOAD, is_closed, reads_json, refusal, without_language
from dalip_app.server.intake import Intake, Room, too_large
from dalip_app.server.upload_folder import held_bytes

__all__ = ["Keys", "guard"]

_API = "/v2/"
_MAX_PAGE_UPLOAD = 300_000_000  # bytes of a request: five photos of the largest size
_MAX_FIELDS = 1_000_000  # bytes of a request without a file


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
            DalipError: It is of another form than NAME:PASSWORD.
        """
        name, colon, password = self.login.partition(":")
        if self.login and not (name and colon and password):
            raise DalipError("the login is not of the form NAME:PASSWORD; name both, with a colon between")

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


def guard(app: Any, keys: Keys, uploads: Path) -> Any:
    """Let in who may come in, no more than there is room for, and nothing that names files of this computer.

    Args:
        app: An ASGI application.
        keys: What opens it.
        uploads: Where uploads lie.

    Returns:
        An ASGI application.
    """
    room = Room()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        path = without_language(scope["path"])
        intake = Intake(receive, _most(path), room)
        try:
            _check(scope, path, keys)
            if scope["type"] == "websocket":  # there are none yet
                await app(scope, receive, send)
                return
            if scope["method"] == "POST" and _most(path) > _MAX_FIELDS:
                room.check(held_bytes(uploads))
            checked = reads_json(scope["method"], path)
            content = await _checked(intake, uploads) if checked else intake
        except HTTPException as error:
            await problem(error.status_code, str(error.detail), error.headers)(scope, receive, send)
        else:
            await app(scope, content, send)
        finally:
            intake.end()

    return application


def _check(scope: Any, path: str, keys: Keys) -> None:
    """Look at what is known of a request before any of its content has come.

    Raises:
        HTTPException: It is refused.
    """
    headers = dict(scope["headers"])
    if not keys.open(scope):
        challenge = {"WWW-Authenticate": 'Basic realm="DALIP", charset="UTF-8"'} if keys.login else {}
        needed = " or ".join(["a name and password"] * bool(keys.login) + ["an api-key"] * bool(keys.api_key))
        raise HTTPException(401, f"this needs {needed}", challenge)
    if is_closed(path):
        raise HTTPException(404, "there is no such page")
    if scope.get("method", "GET") not in ("GET", "HEAD", "OPTIONS") and _from_elsewhere(headers):
        raise HTTPException(403, "another site must not send requests through a visitor's browser")
    length = headers.get(b"content-length", b"0")
    if (int(length) if length.isdigit() else 0) > _most(path):
        raise HTTPException(413, too_large(_most(path)))


def _from_elsewhere(headers: dict[bytes, bytes]) -> bool:
    """Say whether a page of another site sent a request; programs that are no browsers say nothing of it.

    Browsers tell it themselves, but not to an address in the local network that is not encrypted.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host", b"")


def _most(path: str) -> int:
    """Give how many bytes a request may bring."""
    if path.startswith(_API):
        return MAX_UPLOAD
    return _MAX_PAGE_UPLOAD if path.rstrip("/") == UPLOAD else _MAX_FIELDS


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
    if reason := refusal(bytes(body), uploads):
        raise HTTPException(400, reason)
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again
