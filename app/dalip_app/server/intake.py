"""How much requests bring, counted as it comes: not every client says it before."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

__all__ = ["Intake", "Room", "too_large"]

PATIENCE = 30
"""Seconds in which the next part of a request must come."""

MAX_HELD = 2_000_000_000
"""Bytes of everything that visitors sent and that is there yet."""


@dataclass
class Room:
    """What all requests that are being received take together."""

    arriving: int = 0
    """In bytes."""

    def check(self, lying: int = 0) -> None:
        """Refuse more where there is too much.

        Args:
            lying: Bytes that have come and are kept.

        Raises:
            HTTPException: There is no room.
        """
        if self.arriving + lying > MAX_HELD:
            raise HTTPException(
                429, "as many uploads are kept as may be; they go within ten minutes", {"Retry-After": "60"}
            )


class Intake:
    """The content of one request, to be called as ASGI's `receive`."""

    def __init__(self, receive: Any, most: int, room: Room) -> None:
        """Start with nothing.

        Args:
            receive: ASGI's.
            most: Bytes that the request may bring.
            room: Where they are counted, too, until `end`.
        """
        self._receive, self._most, self._room = receive, most, room
        self._received, self._complete = 0, False

    async def __call__(self) -> Any:
        """Give the next message.

        Raises:
            HTTPException: The request brings too much, or does not go on.
        """
        if self._complete:  # what comes now is that the visitor has gone
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE)
        except TimeoutError:
            raise HTTPException(408, "the request did not come to its end", {"Connection": "close"}) from None
        self._complete = not message.get("more_body", False)
        new = len(message.get("body", b""))
        self._received += new
        self._room.arriving += new
        if self._received > self._most:
            raise HTTPException(413, too_large(self._most))
        self._room.check()
        return message

    def end(self) -> None:
        """Free the room that it took."""
        self._room.arriving -= self._received


def too_large(most: int) -> str:
    """Say that a request is larger than so many bytes."""
    return f"the request is larger than {most // 1_000_000} MB; send fewer or smaller photos"
