"""Uploads for the page and for `gradio_client`, in place of Gradio's own route.

That one would take a thousand files of any size together, leave the parts of an upload that breaks off, and keep the
names that visitors' files have, which end up in messages.
"""

import re
import shutil
from pathlib import Path
from secrets import token_hex

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from dalip_app.messages.language import LANGUAGES
from dalip_app.server.fence import UPLOAD

__all__ = ["MAX_FILE", "MAX_FILES", "add_uploads"]

MAX_FILE = 60_000_000
"""Bytes of one file."""

MAX_FILES = 50
"""In one request."""

_FIELDS = 20  # that are no files; none is looked at


def add_uploads(app: FastAPI, folder: Path) -> None:
    """Add the routes; they must come before Gradio is mounted.

    Args:
        app: The application.
        folder: Where uploads lie.
    """

    async def progress() -> Response:
        # The page asks how far an upload has come, and shows that it runs meanwhile.
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    async def upload(request: Request) -> list[str]:
        async with request.form(max_files=MAX_FILES, max_fields=_FIELDS) as form:
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
            if not files:
                raise HTTPException(400, "files: nothing was sent")
            if any((file.size or 0) > MAX_FILE for file in files):
                raise HTTPException(
                    413, f"a file is larger than {MAX_FILE // 1_000_000} MB; send a smaller one"
                )
            return [await to_thread.run_sync(_keep, file, folder) for file in files]

    for place in ("", *(f"/{code}" for code in LANGUAGES)):
        app.add_api_route(f"{place}{UPLOAD}_progress", progress, include_in_schema=False)
        for end in ("", "/"):
            app.add_api_route(f"{place}{UPLOAD}{end}", upload, methods=["POST"], include_in_schema=False)


def _keep(file: UploadFile, folder: Path) -> str:
    """Write a file under a name that nobody can guess; of its own name only the ending is kept."""
    suffix = re.search(r"\.[a-z0-9]{1,8}$", (file.filename or "").lower())
    place = folder / token_hex(16)
    place.mkdir(parents=True)
    path = place / f"upload{suffix[0] if suffix else ''}"
    with path.open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
    return str(path)
