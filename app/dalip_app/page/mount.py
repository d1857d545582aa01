"""Mount the page in each language on the server, with the manifest and icons to install it as an app."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import gradio.queueing
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from dalip_app.messages.language import LANGUAGES, Language, language, preferred
from dalip_app.page.gradio_api import ENDPOINT
from dalip_app.page.layout import address_of
from dalip_app.page.theme import PAPER, make_theme
from dalip_app.server.api import problem
from dalip_app.server.uploads import MAX_FILE

__all__ = ["in_their_language", "mount_pages", "with_unknown_visits"]

_log = logging.getLogger("uvicorn.error")
_STATIC = Path(__file__).parent / "static"
_QUEUE = 64  # page events that may queue; further ones get 503
_SESSIONS = 200  # visits whose last answer is remembered
_ICONS = (192, 512)  # pixels per side


def mount_pages(app: FastAPI, make: Callable[[Language], gr.Blocks]) -> Callable[[], None]:
    """Add the page in every language, its icons, and the manifest for installing it as an app.

    Args:
        app: The application. Routes added later are unreachable, because the English page handles all other paths.
        make: Lays out the page in a language.

    Returns:
        A function that ends the connections that open pages keep alive.
    """
    mounted: list[Any] = []
    gradio.queueing.traceback = _EventErrors()
    app.add_api_route("/app/icon-{side}.png", _icon, include_in_schema=False)
    # Gradio's page links to this path; its own manifest has no short name and no icons for phones.
    app.add_api_route("/manifest.json", _manifest, include_in_schema=False)
    for code in reversed(LANGUAGES):  # English last, because it is at the root
        page = make(language(code)).queue(max_size=_QUEUE)
        page.state_session_capacity = _SESSIONS
        for event in page.fns.values():
            if event.api_name != ENDPOINT:  # Gradio would expose the events that fill the page on load
                event.api_visibility = "private"
        gr.mount_gradio_app(
            app,
            page,
            path=address_of(code).rstrip("/") or "/",
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=MAX_FILE,  # so that browsers reject larger files before sending them
            favicon_path=str(_STATIC / "leaf.svg") if code == "en" else None,
            theme=make_theme(),
            css_paths=_STATIC / "page.css",
            head=_head(code),
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            enable_monitoring=False,
        )
        page.has_launched = True  # otherwise Gradio accepts any file on this computer as an upload
        mounted.append(app.routes[-1].app)  # type: ignore[attr-defined]
        # Otherwise a request for an unknown event is a server error.
        for kind in (KeyError, FnIndexInferError):
            mounted[-1].add_exception_handler(kind, _no_such_event)

    def end_streams() -> None:
        for gradio_app in mounted:
            gradio_app.stop_event.set()

    return end_streams


class _EventErrors:
    """What Gradio calls as its `traceback` module: the traceback of a wrong request is not worth logging.

    Gradio prints the traceback of every failed event with `traceback.print_exc`, before any function or handler of ours
    could see the error, and has no logger or option for it. Filtering standard error would need to parse its text.
    """

    def print_exc(self) -> None:
        """Log the current error of a page event; with the traceback if it comes from our code."""
        error = sys.exception()
        frames = traceback.walk_tb(error.__traceback__ if error else None)
        if any(str(frame.f_globals.get("__name__")).startswith("dalip") for frame, _ in frames):
            _log.error("an event of the page failed", exc_info=error)
        else:
            _log.warning("a wrong page event was rejected (%s)", type(error).__name__)


async def _no_such_event(request: Request, error: Exception) -> JSONResponse:
    return problem(404, "there is no such event")


def _head(code: str) -> str:
    return (
        f"<script>document.documentElement.lang = {json.dumps(code)};</script>"
        f'<link rel="apple-touch-icon" href="/app/icon-{_ICONS[0]}.png">'
        f'<meta name="theme-color" content="{PAPER[0]}" media="(prefers-color-scheme: light)">'
        f'<meta name="theme-color" content="{PAPER[1]}" media="(prefers-color-scheme: dark)">'
    )


def _icon(side: int) -> Response:
    return FileResponse(_STATIC / f"icon-{side}.png") if side in _ICONS else Response(status_code=404)


def _manifest(request: Request) -> JSONResponse:
    """Return the web app manifest (https://www.w3.org/TR/appmanifest/)."""
    code = preferred(request.headers.get("accept-language", ""))
    say = language(code)
    icons = [
        {"src": f"/app/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for side in _ICONS
        for purpose in ("any", "maskable")
    ]
    manifest = {
        "id": "/",
        "name": say("page-title"),
        "short_name": "DALIP",
        "description": say("page-tagline-public"),
        "lang": code,
        "start_url": f"{address_of(code)}?lang={code}",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER[0],
        "theme_color": PAPER[0],
        "icons": icons,
    }
    return JSONResponse(manifest, media_type="application/manifest+json")


def in_their_language(app: Any) -> Any:
    """Redirect first-time visitors to the page in their language.

    Args:
        app: An ASGI application.

    Returns:
        An ASGI application. It does not redirect visitors who chose a language, which is then in the URL.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/" and b"lang=" not in scope["query_string"]:
            code = preferred(Headers(scope=scope).get("accept-language", ""))
            if code != "en":
                await RedirectResponse(address_of(code))(scope, receive, send)
                return
        await app(scope, receive, send)

    return application


def with_unknown_visits(app: Any) -> Any:
    """Log one line when a client asks for the events of a visit that does not exist, instead of a traceback.

    Gradio reports it in the stream of events, and then raises an error although the response has begun.

    Args:
        app: An ASGI application.

    Returns:
        An ASGI application.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def note(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, note)
        except RuntimeError as error:
            if not (begun and isinstance(error.__cause__, HTTPException)):
                raise
            _log.warning("%s: %s", scope["path"], error.__cause__.detail)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application
