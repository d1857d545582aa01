"""A line about each request, without what a visitor sent."""

import sys
import time
from typing import Any

from dalip_app.messages.one_line import one_line

__all__ = ["access_log"]


def access_log(app: Any) -> Any:
    """Write the method, path, status and time of each request on stderr.

    What stands behind a question mark in an address may be a key, and is left out.

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
            line = one_line(f"{scope['method']} {scope['path']} {status} {took:.0f} ms")
            print(line, file=sys.stderr, flush=True)

    return application
