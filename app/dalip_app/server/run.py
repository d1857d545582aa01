"""Run the server: report readiness, finish open requests on the first signal, stop immediately on the second."""

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
    from dalip_app.server.certificate import Tls  # imports cryptography, which only HTTPS needs

__all__ = ["run_server"]

_GRACE = 20  # seconds that open requests get to finish when the server stops


class _Server(uvicorn.Server):
    """Finishes open requests on the first signal and stops immediately on the second."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], end_streams: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready, self._end_streams = on_ready, end_streams

    async def main_loop(self) -> None:
        # Connections are accepted by now. `startup` would be too early: a signal during it stops the server without
        # calling `shutdown`.
        self._on_ready()
        await super().main_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            logging.disable()  # otherwise each aborted request would log a traceback
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
    """Serve until a signal arrives; afterwards the signal is raised again for its original handler.

    Args:
        application: The ASGI application.
        listening: Socket from `bind`.
        host: Host that the socket is bound to.
        on_ready: Called once the server accepts connections, with its URLs, the one for this computer first. It must be
            fast, because no request is answered in the meantime.
        end_streams: Called on shutdown to end responses that would otherwise never end.
        tls: Certificate for HTTPS; without it, HTTP is used.
        log_requests: Whether to log each request to stderr.
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
    """Log the method, path, status and duration of each request to stderr.

    The query string is omitted, because it may contain an API key. The path is logged percent-encoded, as sent, so that
    it cannot break the line.

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
