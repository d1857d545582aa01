"""The complete site: the page in each language, the HTTP API, access control and security headers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi_offline import FastAPIOffline
from gradio.utils import get_upload_folder

from dalip import __version__
from dalip_app.page.journal_tab import add_export
from dalip_app.page.layout import make_page
from dalip_app.page.mount import in_their_language, mount_pages, with_unknown_visits
from dalip_app.server.addresses import is_loopback
from dalip_app.server.api import add_api
from dalip_app.server.floras import Floras
from dalip_app.server.guard import guard
from dalip_app.server.indexing import Indexing
from dalip_app.server.keys import Keys
from dalip_app.server.library_photos import add_photo_routes
from dalip_app.server.photo_addresses import Download
from dalip_app.server.uploads import add_uploads
from dalip_app.server.visits import Visits, journal_of
from dalip_index import Journal, Library

__all__ = ["make_site"]

# Browsers then block every request to other servers, whatever a dependency tries.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Site:
    """The complete site, ready to be served."""

    application: Any
    """The ASGI application."""
    end_streams: Callable[[], None]
    """Ends the connections that open pages keep alive."""
    indexing: Indexing | None
    """The job that updates the library."""
    local: bool
    """Whether only this computer can reach the site."""

    def begin(self) -> None:
        """Start updating the library in the background; the first answer does not wait for it."""
        if self.indexing:
            work = self.indexing.update if self.local else self.indexing.name
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Stop the background work."""
        if self.indexing:
            self.indexing.close()


def make_site(
    floras: Floras,
    library: Library | None,
    journal: Journal | Visits,
    host: str,
    keys: Keys,
    embed_in: str = "",
    *,
    download: Download | None = None,
) -> Site:
    """Put together the page, the API, and the API's documentation at `/docs`.

    Args:
        floras: The floras.
        library: The user's photos; `None` on a public page.
        journal: The user's observations; on a public page, the journals of all visits.
        host: Host to listen on. On a loopback address, folders can be added and requests with another Host header are
            rejected, because another website could otherwise reach the page through the visitor's browser. Neither
            applies to a public page, whose visitors may come through a reverse proxy on this computer.
        keys: The login and API key.
        embed_in: Website that may embed the page, for example `https://example.org`.
        download: Downloads photos whose addresses clients of the API send; `None` if they may not.
    """
    app = FastAPIOffline(
        redoc_url=None,
        title="DALIP",
        version=__version__,
        description="Identify plants in photos. Compatible with Pl@ntNet's v2 API. Never eat a plant based on an "
        "identification.",
        favicon_url="/favicon.ico",
        swagger_ui_parameters={"validatorUrl": None},  # the validator would send the URL to another host
    )
    uploads = Path(get_upload_folder())
    add_api(app, floras, download)
    add_uploads(app, uploads)
    local = is_loopback(host) and isinstance(journal, Journal)
    indexing = Indexing(library, floras()) if library is not None else None
    if library is not None:
        add_photo_routes(app, library)
    add_export(app, journal_of(journal), uploads)
    stop = mount_pages(app, lambda say: make_page(say, floras, indexing, journal, may_add_folders=local))
    hosts = {"127.0.0.1", "localhost", "::1", host} if local else set()
    visits = journal if isinstance(journal, Visits) else None
    inside = with_unknown_visits(in_their_language(app))
    guarded = guard(inside, keys, uploads, hosts=hosts, visits=visits)
    return Site(_with_headers(guarded, embed_in), stop, indexing, local)


def _with_headers(app: Any, embed_in: str) -> Any:
    headers = {
        b"content-security-policy": f"{_POLICY} {embed_in}".strip().encode(),
        b"referrer-policy": b"no-referrer",
        b"x-content-type-options": b"nosniff",
    }

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def send_more(message: Any) -> None:
            if message["type"] == "http.response.start":
                # Gradio allows other origins to read responses, with the visitor's login.
                own = [pair for pair in message.get("headers", ()) if not _is_cors(pair[0])]
                message["headers"] = [*own, *headers.items()]
            await send(message)

        await app(scope, receive, send_more)

    return application


def _is_cors(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")
