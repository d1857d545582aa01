"""What stands before every route: who may come in, and how much they may bring."""

import base64
import binascii
from dataclasses import dataclass
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

from dalip.errors import DalipError
from dalip_app.api import MAX_UPLOAD, problem

__all__ = ["Keys", "guard"]

_API = "/v2/"


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


def guard(app: Any, keys: Keys) -> Any:
    """Let in who may come in, and no request to the API that is too large.

    Args:
        app: An ASGI application.
        keys: What opens it.

    Returns:
        An ASGI application.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
        elif not keys.open(scope):
            challenge = {"WWW-Authenticate": 'Basic realm="DALIP", charset="UTF-8"'} if keys.login else {}
            await problem(401, "name and password, or an api-key, are needed", challenge)(
                scope, receive, send
            )
        elif scope["path"].startswith(_API) and _announced(scope) > MAX_UPLOAD:
            await problem(413, _TOO_LARGE)(scope, receive, send)
        else:
            await app(scope, _limited(receive) if scope["path"].startswith(_API) else receive, send)

    return application


_TOO_LARGE = f"the request is larger than {MAX_UPLOAD // 1_000_000} MB; send fewer or smaller photos"


def _announced(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _limited(receive: Any) -> Any:
    """Count what comes, for not every client says how much it sends."""
    received = 0

    async def count() -> Any:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_UPLOAD:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return count
