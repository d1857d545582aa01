"""Accept connections, limit their number, and close those whose client is idle or too slow (slowloris).

uvicorn has no time limit for the headers and the body of a request, and asyncio's own `accept` logs a traceback
thousands of times a second when no file descriptor is left.
"""

import asyncio
import errno
import logging
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dalip_app.server.addresses import network_of
from dalip_app.server.api import problem
from dalip_app.server.limits import Limits

__all__ = ["Connection", "Connections", "socket_limit"]

_log = logging.getLogger("uvicorn.error")
_BACKLOG = 1024
_RETRY = 0.5  # seconds until the next `accept` after an error
_SOON = 0.01  # the same if a connection was closed for it
_QUIET = 60.0  # seconds for which further errors of `accept` are not logged
_SWEEP = 1.0  # seconds between two checks of all connections
_FILES = 4096  # open files that the process asks the system for
_RESERVED = 200  # open files for everything except connections
_SILENT = (h11.IDLE, h11.SEND_RESPONSE)  # states in which no response has begun
_FEW, _TINY = 5000, 64  # chunks after which a body with chunks of fewer bytes, on average, is rejected


def socket_limit(wanted: int) -> int:
    """Return how many connections the process can have open; raises its soft limit of open files first.

    Args:
        wanted: Maximum number of connections.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    enough = _FILES if hard == unlimited else min(_FILES, hard)
    if soft != unlimited and soft < enough:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
            soft = enough
    return wanted if soft == unlimited else min(wanted, max(soft - _RESERVED, soft // 2))


class _Parser(h11.Connection):
    """Rejects a body of very many tiny chunks, which would cost far more time than it has bytes."""

    _parts = _size = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._parts = self._size = 0
        elif isinstance(event, h11.Data):
            self._parts, self._size = self._parts + 1, self._size + len(event.data)
            if self._parts > _FEW and self._size < _TINY * self._parts:
                raise h11.RemoteProtocolError("the chunks of the request are too small")
        return event


class Connection(H11Protocol):
    """One connection; `check` closes it if the client is too slow."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        address: str,
        limits: Limits,
        forget: Callable[["Connection"], None],
    ) -> None:
        """Start with a socket whose TLS handshake may still be going on.

        Args:
            config: uvicorn's configuration.
            server_state: uvicorn's state, shared by all connections.
            app_state: State of the application.
            address: Address of the client, from `network_of`.
            limits: Time limits.
            forget: Called when the connection is closed.
        """
        super().__init__(config, server_state, app_state)
        self.conn = _Parser(h11.SERVER, limits.header_bytes)
        self.address = address
        self.since = time.monotonic()
        """Start of the current wait for the client."""
        self._limits, self._forget = limits, forget
        self._waited: Any = None
        self._received = self._before = 0
        self._unsent, self._unsent_since = 0, self.since

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn does so only without an error
        self._forget(self)

    def data_received(self, data: bytes) -> None:
        """Count the bytes, and handle them."""
        self._received += len(data)
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answer invalid HTTP, unless a response has begun; what the application answers later is not sent."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        if self.conn.our_state in _SILENT:
            super().send_400_response(msg)
        else:  # h11 would raise an error
            self.transport.abort()

    @property
    def idle(self) -> bool:
        """Whether no request has arrived, or its headers are not complete."""
        return self.transport is None or self.conn.their_state is h11.IDLE

    @property
    def receiving(self) -> bool:
        """Whether part of a request body is missing."""
        return self.transport is not None and self.conn.their_state is h11.SEND_BODY

    def check(self, now: float) -> None:
        """Close the connection if the client has had enough time.

        Args:
            now: `time.monotonic()`.
        """
        if self.transport is None:  # asyncio limits the time of the TLS handshake
            return
        waited = (self.idle, self.receiving, self.cycle)
        if waited != self._waited:
            if self._waited is not None:
                self.since = now
            self._waited, self._before = waited, self._received
        if self.receiving and self.flow.read_paused:
            self.since = now  # the server is the slow one
        allowed = self._limits.patience
        if self.receiving:
            allowed += (self._received - self._before) / self._limits.rate
        if (self.idle or self.receiving) and now - self.since > allowed:
            self.end()
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > self._limits.patience:
            self.transport.abort()

    def end(self) -> None:
        """Close the connection, with status 408 if part of a request has arrived."""
        started = self.receiving or bool(self.conn.trailing_data[0])
        if self.transport.is_closing() or self.conn.our_state not in _SILENT:
            self.transport.abort()
            return
        if started:
            self.transport.write(_raw(408, "the request was not completed in time"))
        self.transport.close()


class Connections:
    """All open connections of a server, and the loops that accept and check them."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[..., Connection],
        tls: ssl.SSLContext | None,
        limits: Limits,
        trusted: Callable[[str], bool],
    ) -> None:
        """Start with no connection.

        Args:
            listening: Socket from `bind`.
            make: Makes a connection from the arguments `address`, `limits` and `forget`.
            tls: Certificate for HTTPS; without it, HTTP is used.
            limits: Number and time limits.
            trusted: Whether an address is a proxy with any number of connections.
        """
        self._listening, self._make, self._tls = listening, make, tls
        self._limits, self._trusted = limits, trusted
        self._most = socket_limit(limits.sockets)
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._each: Counter[str] = Counter()

    async def accept(self) -> None:
        """Accept connections until the task is cancelled."""
        loop = asyncio.get_running_loop()
        self._listening.setblocking(False)
        self._listening.listen(_BACKLOG)
        quiet = 0.0
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                if error.errno == errno.ECONNABORTED:  # the client has gone
                    continue
                if time.monotonic() > quiet:
                    _log.warning("cannot accept connections: %s", error.strerror)
                    quiet = time.monotonic() + _QUIET
                await asyncio.sleep(_SOON if self._make_room() else _RETRY)
                continue
            address = network_of(peer[0])
            if self._has_room(address):
                connection = self._make(address=address, limits=self._limits, forget=self._forget)
                self._each[address] += 1
                self._open[connection] = loop.create_task(self._greet(connection, accepted))
            else:
                self._refuse(accepted)
            # `sock_accept` does not wait if there is a connection; closed ones must close first.
            await asyncio.sleep(0)

    async def watch(self) -> None:
        """Check all connections regularly until the task is cancelled."""
        while True:
            await asyncio.sleep(min(_SWEEP, self._limits.patience / 4))
            now = time.monotonic()
            for connection in list(self._open):
                connection.check(now)

    def close(self) -> None:
        """Close the listening socket, and the connections whose TLS handshake is going on."""
        self._listening.close()
        for task in list(self._open.values()):
            task.cancel()

    async def _greet(self, connection: Connection, accepted: socket.socket) -> None:
        patience = self._limits.patience if self._tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=patience
            )
        except OSError:  # no TLS, too slow, or gone
            self._forget(connection)
        except asyncio.CancelledError:
            self._forget(connection)
            raise

    def _forget(self, connection: Connection) -> None:
        if self._open.pop(connection, None):
            self._each[connection.address] -= 1
            if not self._each[connection.address]:
                del self._each[connection.address]

    def _has_room(self, address: str) -> bool:
        """Return whether a connection may be accepted; closes an idle one for it if necessary."""
        if self._each[address] >= self._limits.sockets_each and not self._trusted(address):
            return self._make_room(address)
        return len(self._open) < self._most or self._make_room()

    def _make_room(self, address: str | None = None) -> bool:
        """Close the connection that has been idle for the longest time.

        Args:
            address: Close only connections of this address; `None` for any.
        """
        mine = [one for one in self._open if address in (None, one.address)]
        waiting = [one for one in mine if one.idle] or [one for one in mine if one.receiving]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda one: one.since)
        task = self._open[oldest]
        self._forget(oldest)
        if oldest.transport is None:
            task.cancel()
        else:
            oldest.transport.abort()
        return True

    def _refuse(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._tls is None:
                accepted.send(_raw(503, "too many connections; try again soon"))
                accepted.shutdown(socket.SHUT_WR)


def _raw(status: int, message: str) -> bytes:
    """Return a whole HTTP response, for a connection without a request that the application could answer."""
    response = problem(status, message, {"Connection": "close", "Retry-After": "5"})
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
