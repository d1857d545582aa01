"""The page on a local web server that talks to this computer only and loads nothing from anywhere else."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from dalip import __version__
from dalip_app.server.access_log import access_log
from dalip_app.server.addresses import addresses, is_loopback, wait_until_it_answers
from dalip_app.server.api import add_api
from dalip_app.server.certificate import Tls
from dalip_app.server.floras import Floras
from dalip_app.server.guard import Keys, guard
from dalip_app.server.indexing import Indexing
from dalip_app.server.upload_folder import upload_folder
from dalip_app.server.uploads import add_uploads
from dalip_app.server.visits import Visits, journal_of
from dalip_index import Journal, Library

__all__ = ["Site", "make_site", "serve_page"]

# What it finds wrong with a form is told to the sender.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

_GRACE = 20  # seconds in which requests that run may end once the server is told to stop

_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    # Else it keeps notes on the last ten thousand events, and makes a table of them after each.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
}

# The browser itself then refuses what would leave this server, whatever a dependency tries.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Site:
    """Everything that is served."""

    application: Any
    """For ASGI."""
    end_streams: Callable[[], None]
    """Ends the connections that pages keep open for as long as they are shown."""
    indexing: Indexing | None
    """What brings the library up to date."""
    local: bool
    """Whether only people at this computer can reach it."""


def make_site(
    floras: Floras,
    library: Library | None,
    journal: Journal | Visits,
    host: str,
    keys: Keys,
    embed_in: str = "",
) -> Site:
    """Put together the page, the API, and the API's documentation at `/docs`.

    Args:
        floras: What answers come from.
        library: The user's photos; `None` where visitors are strangers.
        journal: The user's observations; or those of each visit, where visitors are strangers.
        host: Where it will listen. On a loopback address, requests that name another host are refused (a site
            could otherwise reach the page through the visitor's browser), and folders can be added; not so for
            strangers, who come through a proxy there.
        keys: What opens it.
        embed_in: Another site that may show the page inside its own, as `https://example.org`.
    """
    from fastapi_offline import FastAPIOffline
    from gradio.utils import get_upload_folder
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from dalip_app.page.journal_tab import add_export
    from dalip_app.page.layout import make_page
    from dalip_app.page.mount import in_their_language, mount_pages
    from dalip_app.server.library_photos import add_photos

    app = FastAPIOffline(
        redoc_url=None,
        title="DALIP",
        version=__version__,
        description="Names for plants, in the shape of Pl@ntNet's v2 API. A name is no advice: never eat a plant "
        "because of an answer.",
        favicon_url="/favicon.ico",
        swagger_ui_parameters={"validatorUrl": None},  # would show the address to another host
    )
    uploads = Path(get_upload_folder())
    add_api(app, floras)
    add_uploads(app, uploads)
    local = is_loopback(host) and isinstance(journal, Journal)
    indexing = Indexing(library, floras()) if library is not None else None
    if library is not None:
        add_photos(app, library)
    add_export(app, journal_of(journal))
    stop = mount_pages(app, lambda say: make_page(say, floras, indexing, journal, may_add_folders=local))
    if local:
        app.add_middleware(
            TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "::1", host]
        )
    return Site(_with_headers(guard(in_their_language(app), keys, uploads), embed_in), stop, indexing, local)


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


class _Server(uvicorn.Server):
    """Stops at the first signal when what runs has ended, at the second at once."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            logging.disable()  # of each request that is cut off there would be a page
            raise SystemExit(1)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def serve_page(
    floras: Floras,
    library: Library | None,
    journal: Journal | None,
    listening: socket.socket,
    host: str,
    keys: Keys,
    on_ready: Callable[[list[str]], None],
    *,
    tls: Tls | None = None,
    log_requests: bool = False,
    embed_in: str = "",
) -> None:
    """Serve until a signal comes, which is raised again as its handler does in the end.

    Args:
        floras: What answers come from.
        library: The user's photos; `None` if nobody shall search them.
        journal: The user's observations; `None` for strangers, whose visits get a journal each.
        listening: From `bind`.
        host: What it was bound to.
        keys: What opens it.
        on_ready: Called once the page answers, with its addresses: first that for this computer.
        tls: What to show over HTTPS; without it the page comes over HTTP.
        log_requests: Whether each request is told of on stderr.
        embed_in: Another site that may show the page inside its own.
    """
    with upload_folder() as uploads:
        os.environ |= {"GRADIO_TEMP_DIR": str(uploads), **_SETTINGS}  # read when Gradio is imported
        journals = Visits(uploads.parent / "visits") if journal is None else journal
        site = make_site(floras, library, journals, host, keys, embed_in)
        config = uvicorn.Config(
            access_log(site.application) if log_requests else site.application,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        port = listening.getsockname()[1]

        def announce() -> None:
            reachable = addresses(host)
            wait_until_it_answers(reachable[0], port, tls=tls is not None)
            scheme = "https" if tls else "http"
            on_ready([f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}" for name in reachable])
            if site.indexing and site.local:
                site.indexing.update()
            elif site.indexing:
                site.indexing.name()

        threading.Thread(target=announce, daemon=True).start()
        try:
            _Server(config, site.end_streams).run(sockets=[listening])
        finally:
            if site.indexing:
                site.indexing.close()
