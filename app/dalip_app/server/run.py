"""Run the server: report readiness, finish open requests on the first signal, stop immediately on the second."""

import asyncio
import logging
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from dalip.files import printable
from dalip_app.server.addresses import addresses, is_loopback, within
from dalip_app.server.connections import Connection, Connections
from dalip_app.server.limits import Limits

if TYPE_CHECKING:
    from dalip_app.server.certificate import Tls  # imports cryptography, which only HTTPS needs

__all__ = ["run_server"]

_LIMITS = Limits()
_EACH = 10  # lines of one kind in each minute
_MINUTE = 60.0  # seconds
_GRACE = 20  # seconds that open requests get to finish when the server stops


class _Server(uvicorn.Server):
    """Accepts connections itself, finishes open requests on the first signal and stops immediately on the second."""

    def __init__(
        self,
        config: uvicorn.Config,
        open_connections: Callable[[Callable[..., Connection]], Connections],
        on_ready: Callable[[], None],
        end_streams: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._open_connections = open_connections
        self._on_ready, self._end_streams = on_ready, end_streams

    async def main_loop(self) -> None:
        # `startup` would be too early: a signal during it stops the server without calling `shutdown`.
        connections = self._open_connections(self._connection)
        async with asyncio.TaskGroup() as group:  # ends the server if one of the loops fails
            loops = [group.create_task(connections.accept()), group.create_task(connections.watch())]
            await asyncio.sleep(0)  # `accept` listens now
            self._on_ready()
            await super().main_loop()
            for task in loops:
                task.cancel()
        connections.close()

    def _connection(self, **options: Any) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state, **options)

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
    proxies: str = "",
    limits: Limits = _LIMITS,
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
        proxies: Addresses and networks, separated by commas, of reverse proxies whose `X-Forwarded-For` is believed.
        limits: Number and time limits of connections.
    """
    config = uvicorn.Config(
        _logged(application) if log_requests else application,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        loop="asyncio",
        ws="none",  # no route uses WebSockets
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    port, scheme = listening.getsockname()[1], "https" if tls else "http"

    def announce() -> None:
        names = (f"[{name}]" if ":" in name else name for name in addresses(host))
        on_ready([f"{scheme}://{name}:{port}" for name in names])

    def open_connections(make: Callable[..., Connection]) -> Connections:
        def trusted(address: str) -> bool:
            return is_loopback(address) or within(address, proxies)

        return Connections(listening, make, config.ssl, limits, trusted)

    seldom = _Seldom()
    for writer in (logging.getLogger("asyncio"), *logging.getLogger("uvicorn").handlers):
        writer.addFilter(seldom)
    _Server(config, open_connections, announce, end_streams).run(sockets=[])


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


class _Seldom(logging.Filter):
    """Let each kind of message through at most ten times a minute, as one printable line."""

    def __init__(self) -> None:
        """Start with no message."""
        super().__init__()
        self._began = time.monotonic()
        self._seen: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record; its message is made printable.

        Args:
            record: Its kind is the place in the code that logged it.
        """
        now = time.monotonic()
        if now - self._began > _MINUTE:
            self._began = now
            self._seen.clear()
        kind = record.pathname, record.lineno
        self._seen[kind] += 1
        if self._seen[kind] > _EACH:
            return False
        message = record.getMessage().strip()
        if self._seen[kind] == _EACH:
            message += " (no more of these will be logged for a minute)"
        record.msg, record.args = printable(message), None
        if record.exc_info and not record.exc_text:
            lines = logging.Formatter().formatException(record.exc_info).splitlines()
            record.exc_text = "\n".join(map(printable, lines))
        return True
