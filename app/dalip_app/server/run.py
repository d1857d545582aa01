"""Run the server: report readiness, finish open requests on the first signal, stop at once on the second."""

import logging
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from dalip_app.server.addresses import addresses

if TYPE_CHECKING:
    from dalip_app.server.certificate import Tls  # and with it cryptography, which only HTTPS needs

__all__ = ["run_server"]

_GRACE = 20  # seconds in which requests that run may end once the server is told to stop


class _Server(uvicorn.Server):
    """Stops at the first signal when what runs has ended, at the second at once."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], end_streams: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready, self._end_streams = on_ready, end_streams

    async def main_loop(self) -> None:
        # By now connections are accepted. In `startup` it would be too early: a signal that comes before its end stops
        # the server without `shutdown`.
        self._on_ready()
        await super().main_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            logging.disable()  # of each request that is cut off there would be a page
            raise SystemExit(1)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def run_server(
    application: Any,
    listening: socket.socket,
    host: str,
    on_ready: Callable[[list[str]], None],
    end_streams: Callable[[], None],
    *,
    tls: "Tls | None" = None,
    log_requests: bool = False,
) -> None:
    """Serve until a signal comes, which is raised again as its handler does in the end.

    Args:
        application: For ASGI.
        listening: From `bind`.
        host: What it was bound to.
        on_ready: Called once the server answers, with its addresses: first that for this computer. It must be quick,
            for no request is answered meanwhile.
        end_streams: Called when the server is to stop: ends the responses that would never end.
        tls: What to show over HTTPS; without it the page comes over HTTP.
        log_requests: Whether to write a line about each request on stderr.
    """
    config = uvicorn.Config(
        _logged(application) if log_requests else application,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    port, scheme = listening.getsockname()[1], "https" if tls else "http"

    def announce() -> None:
        names = (f"[{name}]" if ":" in name else name for name in addresses(host))
        on_ready([f"{scheme}://{name}:{port}" for name in names])

    _Server(config, announce, end_streams).run(sockets=[listening])


def _logged(app: Any) -> Any:
    """Write the method, path, status and time of each request on stderr.

    What stands behind a question mark in an address may be a key, and is left out. The path comes as it was sent,
    percent-encoded, so that it stays on its line.

    Args:
        app: An ASGI application.

    Returns:
        An ASGI application.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def note(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            took = 1000 * (time.perf_counter() - start)
            path = scope["raw_path"].decode("ascii", "backslashreplace")
            print(f"{scope['method']} {path} {status} {took:.0f} ms", file=sys.stderr, flush=True)

    return application
