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
from starlette.requests import Request
from starlette.responses import JSONResponse

from dalip import __version__
from dalip_app.access_log import access_log
from dalip_app.addresses import addresses, is_loopback, wait_until_it_answers
from dalip_app.api import add_api, problem
from dalip_app.certificate import Tls
from dalip_app.guard import Keys, guard
from dalip_app.live import LiveFlora
from dalip_app.quick_gradio import import_gradio
from dalip_app.upload_folder import upload_folder
from dalip_app.uploads import MAX_FILE, add_uploads
from dalip_index import Journal, Library

__all__ = ["Site", "make_site", "serve_page"]

# What it finds wrong with a form is told to the sender.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

_STATIC = Path(__file__).parent / "static"
_GRACE = 20  # seconds in which requests that run may end once the server is told to stop
_QUEUE = 64  # events of the page that may wait; further ones are told that it is busy
_SESSIONS = 200  # visits of which the last answer is remembered

_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    # Else it keeps notes on the last ten thousand events, and makes a table of them after each.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
}

# The browser itself then refuses what would leave this server, whatever a dependency tries.
_HEADERS = {
    b"content-security-policy": (
        b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
    ),
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


@dataclass(frozen=True)
class Site:
    """Everything that is served."""

    application: Any
    """For ASGI."""
    end_streams: Callable[[], None]
    """Ends the connections that pages keep open for as long as they are shown."""


def make_site(live: LiveFlora, library: Library, journal: Journal, host: str, keys: Keys) -> Site:
    """Put together the page, the API, and the API's documentation at `/docs`.

    Args:
        live: What answers come from.
        library: The user's photos.
        journal: The user's observations; seen on loopback addresses, or after a login.
        host: Where it will listen. On a loopback address, requests that name another host are refused (a site
            could otherwise reach the page through the visitor's browser), and folders can be added.
        keys: What opens it.
    """
    import_gradio()
    from fastapi_offline import FastAPIOffline
    from gradio.utils import get_upload_folder
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from dalip_app.journal_page import add_export

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
    add_api(app, live)
    add_uploads(app, uploads)
    known = is_loopback(host) or bool(keys.login)  # strangers shall not see the journal
    if known:
        add_export(app, journal)
    stop = _mount_page(app, live, library, journal if known else None, may_add_folders=is_loopback(host))
    if is_loopback(host):
        app.add_middleware(
            TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "::1", host]
        )
    return Site(_with_headers(guard(app, keys, uploads)), stop)


def _mount_page(
    app: Any, live: LiveFlora, library: Library, journal: Journal | None, *, may_add_folders: bool
) -> Callable[[], None]:
    """Add the page; give what ends its streams."""
    import gradio as gr
    from gradio.route_utils import FnIndexInferError

    from dalip_app.gradio_api import ENDPOINT
    from dalip_app.page import make_page
    from dalip_app.theme import make_theme

    page = make_page(live, library, journal, may_add_folders=may_add_folders).queue(max_size=_QUEUE)
    page.state_session_capacity = _SESSIONS
    for event in page.fns.values():
        if event.api_name != ENDPOINT:  # Gradio offers what fills a part of the page when it is opened
            event.api_visibility = "private"
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_FILE,  # so that a browser need not send it
        favicon_path=str(_STATIC / "leaf.svg"),
        theme=make_theme(),
        css_paths=_STATIC / "page.css",
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
    )
    page.has_launched = True  # else Gradio takes any file of this computer for an upload
    mounted = app.routes[-1].app
    for kind in (
        KeyError,
        FnIndexInferError,
    ):  # else asking for an event that is not there is an error of ours
        mounted.add_exception_handler(kind, _no_such_event)
    return lambda: mounted.stop_event.set()


async def _no_such_event(request: Request, error: Exception) -> JSONResponse:
    return problem(404, "there is no such event")


def _with_headers(app: Any) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def send_more(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS.items()]
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
    live: LiveFlora,
    library: Library,
    journal: Journal,
    listening: socket.socket,
    host: str,
    keys: Keys,
    on_ready: Callable[[list[str]], None],
    *,
    tls: Tls | None = None,
    log_requests: bool = False,
) -> None:
    """Serve until a signal comes, which is raised again as its handler does in the end.

    Args:
        live: What answers come from.
        library: The user's photos.
        journal: The user's observations.
        listening: From `bind`.
        host: What it was bound to.
        keys: What opens it.
        on_ready: Called once the page answers, with its addresses: first that for this computer.
        tls: What to show over HTTPS; without it the page comes over HTTP.
        log_requests: Whether each request is told of on stderr.
    """
    with upload_folder() as uploads:
        os.environ |= {"GRADIO_TEMP_DIR": str(uploads), **_SETTINGS}  # read when Gradio is imported
        site = make_site(live, library, journal, host, keys)
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

        threading.Thread(target=announce, daemon=True).start()
        _Server(config, site.end_streams).run(sockets=[listening])
