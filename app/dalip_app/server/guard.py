"""Access control in front of every route: host name, login and API key, sizes, and the allowed Gradio routes.

Gradio disables its own path checks when it is mounted in another application, and some of its routes fetch URLs from
other hosts or serve files by path. DALIP does not need those routes.
"""

import json
import math
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dalip_app.messages.language import LANGUAGES
from dalip_app.server.api import problem
from dalip_app.server.keys import Guesses, Keys
from dalip_app.server.limits import Intake, Limits, Room, too_large
from dalip_app.server.uploads import UPLOAD, held_bytes
from dalip_app.server.visits import Visits

__all__ = ["guard"]

_LIMITS = Limits()
_GRADIO = "/gradio_api/"
# First path segments that the page and `gradio_client` use.
_OPEN = {
    *("app_id", "call", "cancel", "heartbeat", "info", "openapi.json", "queue", "reset", "startup-events"),
    *("theme.css", "upload", "upload_progress"),
}
_CLOSE = {"Connection": "close"}
_HOSTS = (b"host", b"x-forwarded-host")
_HOST = re.compile(r"([\w.-]*|\[[0-9a-fA-F:.]+\])(:\d{0,5})?")
_UNUSED = "call/v2/"  # answers 500 to a wrong request, and its stream never ends


def guard(
    app: Any,
    keys: Keys,
    uploads: Path,
    limits: Limits = _LIMITS,
    hosts: Collection[str] = (),
    visits: Visits | None = None,
) -> Any:
    """Reject requests that are unauthorised, too large, or refer to files on this computer other than uploads.

    A HEAD request is answered like GET, without the content.

    Args:
        app: An ASGI application.
        keys: The login and API key.
        uploads: Upload folder.
        limits: Size limits for requests.
        hosts: Allowed values of the Host header, without the port; empty for any.
        visits: The journals of a public page, whose size counts with the uploads.

    Returns:
        An ASGI application.
    """
    room, guesses = Room(limits.held), Guesses()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        path = _without_language(scope["path"])
        most = limits.bytes_for(path)
        intake = Intake(receive, most, room)
        try:
            _check_headers(scope, limits, hosts)
            _check_key(scope, keys, guesses)
            _check(scope, path, most)
            if scope["type"] == "websocket":  # no route uses WebSockets yet
                await app(scope, receive, send)
                return
            if scope["method"] == "POST" and most > limits.fields:
                room.check(held_bytes(uploads))
            checked = _reads_json(scope["method"], path)
            content = await _checked(intake, uploads, limits.depth, visits) if checked else intake
        except HTTPException as error:
            await problem(error.status_code, str(error.detail), error.headers)(scope, receive, send)
        else:
            with suppress(ClientDisconnect):  # while the request was being received
                await app(*_as_get(scope, content, send))
        finally:
            intake.end()

    return application


def _as_get(scope: Any, receive: Any, send: Any) -> tuple[Any, Any, Any]:
    """Return the arguments of an ASGI application, with HEAD replaced by GET without content."""
    if scope["method"] != "HEAD":
        return scope, receive, send

    async def without_content(message: Any) -> None:
        await send(message | {"body": b""} if "body" in message else message)

    return scope | {"method": "GET"}, receive, without_content


def _check_headers(scope: Any, limits: Limits, hosts: Collection[str]) -> None:
    """Check the URL and the headers of a request.

    Raises:
        HTTPException: They are too long, or another host is meant.
    """
    fields = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > limits.url:
        raise HTTPException(414, f"the URL is longer than {limits.url} bytes")
    if scope.get("http_version", "1.1") not in ("1.0", "1.1"):
        raise HTTPException(400, "the server speaks HTTP/1.1")
    names = [name for name, _ in fields]
    if b"content-length" in names and b"transfer-encoding" in names:  # a proxy may take it for two requests
        raise HTTPException(400, "Content-Length and Transfer-Encoding exclude each other", _CLOSE)
    size = sum(len(name) + len(value) for name, value in fields)
    if len(fields) > limits.headers or size > limits.header_bytes:
        raise HTTPException(431, f"more than {limits.headers} header fields or {limits.header_bytes} bytes")
    named, forwarded = (dict(fields).get(name, b"").decode("latin-1") for name in _HOSTS)
    if not all(_HOST.fullmatch(one.strip()) for one in [named, *forwarded.split(",")]):
        raise HTTPException(400, "the Host or X-Forwarded-Host header is malformed")
    if hosts and _host(named) not in hosts:
        raise HTTPException(400, "the Host header does not name this computer")


def _host(named: str) -> str:
    """Return a Host header without its port."""
    end = named.rfind("]") + 1 or named.find(":")
    return (named if end < 0 else named[:end]).strip("[]").lower()


def _check_key(scope: Any, keys: Keys, guesses: Guesses) -> None:
    """Check the password or key of a request.

    Raises:
        HTTPException: It is missing or wrong, or the client must wait because of earlier wrong ones.
    """
    authorised = keys.open(scope)
    # While a client must wait, the right password is rejected too; otherwise it could go on guessing.
    if authorised is not None and keys != Keys() and (wait := guesses.wait(scope)):
        raise HTTPException(
            429, f"too many wrong passwords or API keys; wait {wait} s", {"Retry-After": str(wait)}
        )
    if authorised:
        return
    if authorised is False:
        guesses.count(scope)
    challenge = {"WWW-Authenticate": 'Basic realm="DALIP", charset="UTF-8"'} if keys.login else {}
    needed = " or ".join(["a name and password"] * bool(keys.login) + ["an API key"] * bool(keys.api_key))
    raise HTTPException(401, f"this server requires {needed}", challenge)


def _check(scope: Any, path: str, most: int) -> None:
    """Check the path, the origin and the announced size of a request before its body is received.

    Raises:
        HTTPException: The request is rejected.
    """
    headers = dict(scope["headers"])
    if _is_closed(path):
        raise HTTPException(404, "page not found")
    if scope.get("method", "GET") not in ("GET", "HEAD", "OPTIONS") and _from_elsewhere(headers):
        raise HTTPException(403, "requests from pages of other websites are not allowed")
    length = headers.get(b"content-length", b"0")
    if (int(length) if length.isdigit() else 0) > most:
        raise HTTPException(413, too_large(most))


def _from_elsewhere(headers: dict[bytes, bytes]) -> bool:
    """Return whether a page of another website sent a request; clients other than browsers do not report this.

    Browsers report it in `Sec-Fetch-Site`, but not over plain HTTP in the local network; there `Origin` is checked.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get(b"host", b"")
    except ValueError:
        return True


async def _checked(receive: Any, uploads: Path, depth: int, visits: Visits | None) -> Any:
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
    if reason := _refusal(bytes(body), uploads, depth):
        raise HTTPException(400, reason)
    if visits is not None:
        _check_visit(json.loads(body), visits)
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
    if not path.startswith(_GRADIO):
        return False
    rest = path.removeprefix(_GRADIO)
    return rest.partition("/")[0] not in _OPEN or rest.startswith(_UNUSED)


def _reads_json(method: str, path: str) -> bool:
    """Return whether a request sends the fields of a page event."""
    return method == "POST" and path.startswith(_GRADIO) and path.rstrip("/") != UPLOAD


def _refusal(body: bytes, uploads: Path, depth: int = _LIMITS.depth) -> str:
    """Return why the fields of a page event are rejected; an empty string if they are valid.

    Args:
        body: JSON, as received.
        uploads: Upload folder; only files in it may be referred to.
        depth: Maximum depth of the JSON.
    """
    try:
        content = json.loads(body, parse_float=_finite, parse_constant=_finite)
        if b"\\u" in body:
            json.dumps(content, ensure_ascii=False).encode()  # Gradio fails at lone surrogates
    except (ValueError, RecursionError):
        return "the request is not valid JSON"
    if not isinstance(content, dict):
        return "the request is not a JSON object"
    for level, objects in enumerate(_levels(content)):
        if level == depth:
            return f"the JSON is nested more than {depth} levels deep"
        if any("path" in one and not _is_upload(one["path"], uploads) for one in objects):
            return "the request refers to a file that was not uploaded here; upload it first"
    return ""


def _finite(number: str) -> float:
    """Convert a number; Gradio fails at infinite ones and NaN, which no page sends."""
    if not math.isfinite(value := float(number)):
        raise ValueError
    return value


def _levels(content: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the objects at each depth of some JSON, from the outermost."""
    values = [content]
    while values:
        yield [one for one in values if isinstance(one, dict)]
        inner = [
            one.values() if isinstance(one, dict) else one for one in values if isinstance(one, dict | list)
        ]
        values = [value for group in inner for value in group]


def _check_visit(content: dict[str, Any], visits: Visits) -> None:
    """Count the uploads in the fields of a page event as those of the visit.

    Raises:
        HTTPException: The visit has no room for them.
    """
    paths = [one["path"] for level in _levels(content) for one in level if "path" in one]
    visit = content.get("session_hash")
    if paths and not visits.bring(visit if isinstance(visit, str) else "", paths):
        raise HTTPException(
            413, "the journal and the uploads of this visit are too large; delete observations"
        )


def _is_upload(path: Any, uploads: Path) -> bool:
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(uploads.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, circular links
        return False
