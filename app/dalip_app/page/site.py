"""Everything that is served, put together: the page in each language, the HTTP API, and what guards them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi_offline import FastAPIOffline
from gradio.utils import get_upload_folder
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dalip import __version__
from dalip_app.page.journal_tab import add_export
from dalip_app.page.layout import make_page
from dalip_app.page.mount import in_their_language, mount_pages
from dalip_app.server.addresses import is_loopback
from dalip_app.server.api import add_api
from dalip_app.server.floras import Floras
from dalip_app.server.guard import Keys, guard
from dalip_app.server.indexing import Indexing
from dalip_app.server.library_photos import add_photo_routes
from dalip_app.server.uploads import add_uploads
from dalip_app.server.visits import Visits, journal_of
from dalip_index import Journal, Library

__all__ = ["make_site"]

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

    def begin(self) -> None:
        """Start in the background what need not be done before the first answer: the library is brought up to date."""
        if self.indexing:
            work = self.indexing.update if self.local else self.indexing.name
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """End what runs in the background."""
        if self.indexing:
            self.indexing.close()


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
        library: The user's photos; `None` where the page is public.
        journal: The user's observations; or those of each visit, where the page is public.
        host: Where it will listen. On a loopback address, requests that name another host are refused (a site
            could otherwise reach the page through the visitor's browser), and folders can be added; not so where the
            page is public, whose visitors come through a proxy there.
        keys: What opens it.
        embed_in: Another site that may show the page inside its own, as `https://example.org`.
    """
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
        add_photo_routes(app, library)
    add_export(app, journal_of(journal), uploads)
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
