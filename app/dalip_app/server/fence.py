"""What of Gradio's routes is open, and which requests to them are let through.

Gradio's own checks of paths are switched off for an application that is mounted in another one, and some of its routes
fetch addresses of other hosts or serve files by their paths. None of that is needed here.
"""

import json
from pathlib import Path
from typing import Any

from dalip_app.messages.language import LANGUAGES

__all__ = ["GRADIO", "UPLOAD", "is_closed", "reads_json", "refusal", "without_language"]

GRADIO = "/gradio_api/"
UPLOAD = "/gradio_api/upload"

_OPEN = {
    *("app_id", "call", "cancel", "heartbeat", "info", "openapi.json", "queue", "reset", "startup-events"),
    *("theme.css", "upload", "upload_progress"),
}
"""First parts of the paths that the page and `gradio_client` ask for."""


def without_language(path: str) -> str:
    """Give the path of a route as the English page has it, which lies at the root.

    Args:
        path: Decoded, as in the scope of ASGI.
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if slash and first in LANGUAGES else path


def is_closed(path: str) -> bool:
    """Say whether a path belongs to a route of Gradio's that nobody needs.

    Args:
        path: From `without_language`, like those below.
    """
    return path.startswith(GRADIO) and path.removeprefix(GRADIO).partition("/")[0] not in _OPEN


def reads_json(method: str, path: str) -> bool:
    """Say whether a request brings fields of the page."""
    return method == "POST" and path.startswith(GRADIO) and path.rstrip("/") != UPLOAD


def refusal(body: bytes, uploads: Path) -> str:
    """Say why fields of the page are refused; nothing where they are fine.

    Args:
        body: JSON, as it came.
        uploads: The folder where uploads lie: only files there may be named.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return "the request is no JSON that can be read"
    if not isinstance(content, dict):
        return "the request is no JSON object"
    left: list[Any] = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "path" in value and not _is_upload(value["path"], uploads):
                return "a file was named that was not uploaded here; upload it first"
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return ""


def _is_upload(path: Any, uploads: Path) -> bool:
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(uploads.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, links in a circle
        return False
