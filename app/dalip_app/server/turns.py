"""Fair turns: of the requests that wait for a processor, the one whose client has used the least time goes first.

Used time is forgotten, and much faster while a client has no request here, as in schedulers that favour interactive
programs: someone who looks at an answer before sending the next photo goes before programs that send without a pause.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException

from dalip_app.server.addresses import network_of

__all__ = ["Turns"]

_HALF_LIFE = 30.0  # seconds in which half of the used time is forgotten
_AWAY = 1.0  # the same while the client has no request here
_REMEMBERED = 2000  # clients
_RETRY_AFTER = {"Retry-After": "2"}


@dataclass(eq=False)
class _Waiting:
    address: str
    connection: str
    called: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class _Client:
    """An address or a connection."""

    used: float = 0.0
    """Seconds, less those forgotten by `when`."""
    when: float = 0.0
    here: int = 0
    """Number of requests that wait or work."""

    def at(self, now: float) -> "_Client":
        """Forget used time until now."""
        self.used *= 0.5 ** ((now - self.when) / (_HALF_LIFE if self.here else _AWAY))
        self.when = now
        return self


class Turns:
    """Let a few requests work at once, and the others wait.

    First come the addresses that have used the least time, then the connections of an address. Someone with one photo
    therefore does not wait for all photos of someone with thousands.
    """

    def __init__(self, at_once: int, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no request.

        Args:
            at_once: Number of requests that work at once.
            most: Number of requests that may wait.
            clock: Returns the time in seconds.
        """
        self._free, self._most, self._clock = at_once, most, clock
        self._waiting: list[_Waiting] = []
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    @asynccontextmanager
    async def turn(self, scope: Any) -> AsyncIterator[None]:
        """Wait for a turn, which lasts until the block ends.

        Args:
            scope: ASGI scope of the request.

        Raises:
            HTTPException: Too many requests are waiting, status 429.
        """
        host, port = (scope.get("client") or ("", 0))[:2]
        address = network_of(host)
        new = _Waiting(address, f"{host} {port}")
        clients = [self._arrived(name) for name in (address, new.connection)]
        try:
            await self._wait(new)
            began = self._clock()
            try:
                yield
            finally:
                now = self._clock()
                for client in clients:
                    client.at(now).used += now - began
                self._end()
        finally:
            now = self._clock()
            for client in clients:
                client.at(now).here -= 1

    def _arrived(self, name: str) -> _Client:
        """Return a client with one more request, and forget those that were not here for the longest time."""
        client = self._clients.setdefault(name, _Client()).at(self._clock())
        client.here += 1
        self._clients.move_to_end(name)
        while len(self._clients) > _REMEMBERED:
            self._clients.popitem(last=False)
        return client

    async def _wait(self, new: _Waiting) -> None:
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._most:
            self._make_room(new)
        self._waiting.append(new)
        try:
            await new.called
        except asyncio.CancelledError:
            if new in self._waiting:
                self._waiting.remove(new)
            elif not new.called.cancelled() and not new.called.exception():  # its turn had just come
                self._end()
            raise

    def _make_room(self, new: _Waiting) -> None:
        """Send away the last request of the address with the most waiting requests.

        Raises:
            HTTPException: That is the address of the new request.
        """
        each = Counter(one.address for one in self._waiting)
        each[new.address] += 1
        busiest = max(each, key=lambda address: each[address])
        late = HTTPException(429, "too many requests are waiting; try again soon", _RETRY_AFTER)
        if each[new.address] == each[busiest]:
            raise late
        last = [one for one in self._waiting if one.address == busiest][-1]
        self._waiting.remove(last)
        last.called.set_exception(late)

    def _end(self) -> None:
        """Call the next request."""
        waiting = [one for one in self._waiting if not one.called.done()]
        if not waiting:
            self._free += 1
            return
        now = self._clock()  # the same for all, so that the connections of an address are compared
        chosen = min(
            waiting, key=lambda one: (self._time_of(one.address, now), self._time_of(one.connection, now))
        )
        self._waiting.remove(chosen)
        chosen.called.set_result(None)

    def _time_of(self, name: str, now: float) -> float:
        """Return the seconds that a client had used lately at a time."""
        client = self._clients.get(name)
        return client.at(now).used if client else 0.0
