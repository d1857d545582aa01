"""The page on a local web server that talks to this computer only and loads nothing from anywhere else."""

import http.client
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dalip import __version__
from dalip.errors import DalipError
from dalip_app.api import add_api
from dalip_app.guard import Keys, guard
from dalip_app.live import LiveFlora
from dalip_app.visits import Visits
from dalip_index import Journal, Library

__all__ = ["bind", "is_loopback", "make_app", "serve_page"]


# The browser itself then refuses what would leave this server, whatever a dependency tries.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)


def is_loopback(host: str) -> bool:
    """Say whether only this computer can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """Take the address before the slow work starts, so that a port that is taken is known at once.

    Args:
        host: A name or address of this computer.
        port: 0 for any free one.

    Raises:
        DalipError: The address is taken, forbidden, or not of this computer.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        raise DalipError(
            f"{host}:{port}: cannot listen there ({error.strerror or error}); choose another --port or --host"
        ) from error
    return taken


def make_app(
    live: LiveFlora,
    library: Library | None,
    journal: Journal | Visits,
    host: str,
    keys: Keys,
    embed_in: str = "",
) -> Any:
    """Make the web application: the page, the API, and the API's documentation at `/docs`.

    Args:
        live: What answers come from.
        library: The user's photos; `None` if nobody shall search them.
        journal: The user's observations, seen on loopback addresses, or after a login; or those of each visit, where
            visitors are strangers.
        host: Where it will listen. On a loopback address, requests that name another host are refused (a site
            could otherwise reach the page through the visitor's browser), and folders can be added; not so for
            strangers, who come through a proxy there.
        keys: What opens it.
        embed_in: Another site that may show the page inside its own, as `https://example.org`.

    Returns:
        An ASGI application.
    """
    from fastapi_offline import FastAPIOffline
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from dalip_app.journal_page import add_export
    from dalip_app.page import make_page
    from dalip_app.pages import in_their_language, mount_pages

    app = FastAPIOffline(
        redoc_url=None,
        title="DALIP",
        version=__version__,
        description="Names for plants, in the shape of Pl@ntNet's v2 API. A name is no advice: never eat a plant "
        "because of an answer.",
        favicon_url="/favicon.ico",
        swagger_ui_parameters={"validatorUrl": None},  # would show the address to another host
    )
    add_api(app, live)
    local = is_loopback(host) and isinstance(journal, Journal)
    shown = journal if isinstance(journal, Visits) or local or keys.login else None
    if shown is not None:
        add_export(app, lambda visit: shown if isinstance(shown, Journal) else shown(visit))
    mount_pages(app, lambda say: make_page(say, live, library, shown, may_add_folders=local))
    if local:
        app.add_middleware(
            TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "::1", host]
        )
    return _with_headers(guard(in_their_language(app), keys), embed_in)


def _with_headers(app: Any, embed_in: str) -> Any:
    headers = {
        b"content-security-policy": f"{_POLICY} {embed_in}".strip().encode(),
        b"referrer-policy": b"no-referrer",
        b"x-content-type-options": b"nosniff",
    }

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def send_more(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers.items()]
            await send(message)

        await app(scope, receive, send_more)

    return application


def serve_page(
    live: LiveFlora,
    library: Library | None,
    journal: Journal | None,
    listening: socket.socket,
    host: str,
    keys: Keys,
    on_ready: Callable[[str], None],
    embed_in: str = "",
) -> None:
    """Serve until SystemExit or KeyboardInterrupt is raised by a signal.

    Args:
        live: What answers come from.
        library: The user's photos; `None` if nobody shall search them.
        journal: The user's observations; `None` for strangers, whose visits get a journal each.
        listening: From `bind`.
        host: What it was bound to.
        keys: What opens it.
        on_ready: Called with the address once the page answers a request.
        embed_in: Another site that may show the page inside its own.
    """
    with tempfile.TemporaryDirectory(prefix="dalip-") as temporary:
        # Read when Gradio is imported: uploads lie in a place of our own, which goes when we go.
        uploads, visits = Path(temporary, "uploads"), Path(temporary, "visits")
        os.environ |= {"GRADIO_TEMP_DIR": str(uploads), "GRADIO_ANALYTICS_ENABLED": "False"}
        import uvicorn

        config = uvicorn.Config(
            make_app(live, library, Visits(visits) if journal is None else journal, host, keys, embed_in),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        port = listening.getsockname()[1]
        threading.Thread(target=_announce, args=(host, port, on_ready), daemon=True).start()
        uvicorn.Server(config).run(sockets=[listening])


def _announce(host: str, port: int, on_ready: Callable[[str], None]) -> None:
    # 0.0.0.0 means every address of this computer; a browser needs one of them.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    while True:
        try:
            connection = http.client.HTTPConnection(reachable, port, timeout=10)
            connection.request("GET", "/")
            if connection.getresponse().status in (200, 401):
                break
        except OSError:
            pass
        time.sleep(0.05)
    on_ready(f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}")
