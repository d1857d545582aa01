"""Login and API key, and the wait after wrong ones: guesses are slowed for each address."""

import base64
import binascii
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs

from dalip.errors import ServerError
from dalip_app.server.addresses import network_of

__all__ = ["Guesses", "Keys"]

_FREE = 5  # wrong guesses before the first wait
_LONGEST = 60.0  # seconds
_FORGOTTEN = 900.0  # seconds
_ADDRESSES = 10_000


@dataclass(frozen=True)
class Keys:
    """Login and API key. If neither is set, page and API are open to everyone."""

    login: str = ""
    """NAME:PASSWORD, which browsers ask for."""
    api_key: str = ""
    """Key that programs send as the query parameter `api-key` or as a bearer token."""

    def __post_init__(self) -> None:
        """Reject a login without a name or a password.

        Raises:
            ServerError: The login does not have the form NAME:PASSWORD.
        """
        name, colon, password = self.login.partition(":")
        if self.login and not (name and colon and password):
            raise ServerError("login-malformed")

    def open(self, scope: Any) -> bool | None:
        """Return whether a request is authorised; `None` if it has no password or key and needs one.

        Args:
            scope: ASGI scope of an HTTP request or WebSocket.
        """
        if not (self.login or self.api_key):
            return True
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        kind, _, value = given.partition(" ")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        # Only the first one: a request with a thousand keys would be a thousand guesses.
        keys = [*query.get("api-key", [])[:1], value if kind.lower() == "bearer" else ""]
        right = [bool(self.api_key) and _same(key, self.api_key) for key in keys]
        right.append(bool(self.login) and kind.lower() == "basic" and _same(_decoded(value), self.login))
        return any(right) or (False if given or any(keys) else None)


class Guesses:
    """Wrong passwords and keys of each address, and how long it has to wait before the next one.

    The first five are free; then the wait doubles from one second to a minute. An address is forgotten 15 minutes after
    its last wrong guess, and at most 10,000 addresses are remembered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no guesses.

        Args:
            clock: Returns the time in seconds.
        """
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, scope: Any) -> int:
        """Return the whole seconds that the client of a request still has to wait; 0 if it may guess.

        Args:
            scope: ASGI scope of the request.
        """
        number, last = self._wrong.get(_client(scope), (0, 0.0))
        if number < _FREE or self._clock() - last > _FORGOTTEN:
            return 0
        ends = last + min(2.0 ** min(number - _FREE, 30), _LONGEST)
        return max(0, math.ceil(ends - self._clock()))

    def count(self, scope: Any) -> None:
        """Remember a wrong guess.

        Args:
            scope: ASGI scope of the request.
        """
        address, now = _client(scope), self._clock()
        number, last = self._wrong.pop(address, (0, now))
        self._wrong[address] = (1 if now - last > _FORGOTTEN else number + 1, now)
        if len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)


def _client(scope: Any) -> str:
    return network_of(str((scope.get("client") or ("",))[0])[:64])


def _same(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(), wanted.encode())


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
