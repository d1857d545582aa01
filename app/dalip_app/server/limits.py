"""Limits of connections and requests: their number, size and time."""

from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

from dalip_app.server.api import MAX_UPLOAD
from dalip_app.server.uploads import UPLOAD

__all__ = ["Intake", "Limits", "Room", "too_large"]

_API = "/v2/"


@dataclass(frozen=True)
class Limits:
    """Limits of connections and requests."""

    api_request: int = MAX_UPLOAD
    """Maximum size of an API request in bytes."""
    page_upload: int = 300_000_000
    """Maximum size of an upload from the page in bytes: five photos of the largest size."""
    fields: int = 1_000_000
    """Maximum size of a request without files in bytes."""
    held: int = 2_000_000_000
    """Maximum total size in bytes of stored uploads and requests being received."""
    url: int = 16_000
    """Maximum length of the path and query of a URL in bytes."""
    headers: int = 100
    """Maximum number of header fields in a request."""
    header_bytes: int = 32_000
    """Maximum total size of the header fields of a request in bytes."""
    depth: int = 50
    """Maximum depth of the JSON of a page event."""
    patience: float = 30
    """Seconds in which a client must complete the headers of a request, a TLS handshake, or an upload. An upload gets
    one more second for each `rate` bytes received. Also the seconds in which a client must take part of a response."""
    rate: int = 1000
    """Minimum speed of an upload in bytes per second, after `patience` seconds."""
    sockets: int = 1000
    """Maximum number of open connections; less if the process may not open that many files."""
    sockets_each: int = 500
    """Maximum number of open connections from one address, except from a trusted proxy."""

    def bytes_for(self, path: str) -> int:
        """Return the maximum size in bytes of a request to a path."""
        if path.startswith(_API):
            return self.api_request
        return self.page_upload if path.rstrip("/") == UPLOAD else self.fields


@dataclass
class Room:
    """Total size of all requests being received."""

    held: int
    """Maximum of this total and the stored uploads together, in bytes."""
    arriving: int = 0
    """Bytes received so far."""

    def check(self, lying: int = 0) -> None:
        """Reject a request if too many bytes are held.

        Args:
            lying: Total size of the stored uploads in bytes.

        Raises:
            HTTPException: The limit is exceeded.
        """
        if self.arriving + lying > self.held:
            raise HTTPException(
                429,
                "the upload storage is full; uploads are deleted within ten minutes, try again later",
                {"Retry-After": "60"},
            )


class Intake:
    """The body of one request, with a size limit; called like ASGI's `receive`."""

    def __init__(self, receive: Any, most: int, room: Room) -> None:
        """Start with an empty body.

        Args:
            receive: ASGI's `receive`.
            most: Maximum size of the request in bytes.
            room: Total that includes the received bytes until `end` is called.
        """
        self._receive, self._most, self._room = receive, most, room
        self._received, self._complete = 0, False

    async def __call__(self) -> Any:
        """Return the next message.

        Raises:
            HTTPException: The request is too large.
        """
        message = await self._receive()
        if self._complete:  # the next message is the disconnect
            return message
        self._complete = not message.get("more_body", False)
        new = len(message.get("body", b""))
        self._received += new
        self._room.arriving += new
        if self._received > self._most:
            raise HTTPException(413, too_large(self._most))
        self._room.check()
        return message

    def end(self) -> None:
        """Subtract the request from the total."""
        self._room.arriving -= self._received


def too_large(most: int) -> str:
    """Return the message for a request larger than `most` bytes."""
    return f"the request is larger than {most // 1_000_000} MB; send fewer or smaller photos"
