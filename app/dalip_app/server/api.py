"""The HTTP API, compatible with Pl@ntNet's v2 API: POST photos to /v2/identify/all.

Source: https://my.plantnet.org/doc/api/identify, and https://my.plantnet.org/doc/openapi for names and status codes.
"""

import logging
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dalip import __version__
from dalip.cpus import available_cpus
from dalip.disk import is_write_fault, write_fault
from dalip.errors import DalipError, ImageError
from dalip.photos import PhotoSource, caution_about, is_heavy, open_image
from dalip_app.messages.errors import describe
from dalip_app.server.api_lists import flora_name, list_routes
from dalip_app.server.floras import Floras
from dalip_app.server.photo_addresses import Download
from dalip_app.server.plantnet import Answer, AskedFor, Organ, plantnet_answer, spoken
from dalip_app.server.turns import Turns
from dalip_index import Flora, Identification

__all__ = ["MAX_PHOTOS", "MAX_UPLOAD", "add_api", "problem"]

MAX_UPLOAD = 50_000_000
"""Maximum size of a request in bytes, as in Pl@ntNet's API."""

MAX_PHOTOS = 5
"""Maximum number of photos of one plant, in the API and on the page."""
_log = logging.getLogger("uvicorn.error")
_WAITING = 32  # requests that may wait for a CPU; further ones get 429
_RETRY_AFTER = "2"  # seconds
_HELD = 40_000_000  # pixels of the decoded photos of a request; only very long and narrow ones have so many


class Problem(BaseModel):
    """An error."""

    statusCode: int  # noqa: N815
    error: str
    message: str


class Health(BaseModel):
    """Status of the server, and what it answers with."""

    status: Literal["ok"] = "ok"
    version: str
    taxa: int
    encoder: str


def add_api(app: FastAPI, floras: Floras, download: Download | None = None) -> None:
    """Add the routes below `/v2`, and `/health`.

    Args:
        app: The application.
        floras: The floras; in URLs the first one is also available as `all`.
        download: Downloads photos from addresses; `None` if clients may not send addresses.
    """
    router = APIRouter()
    turns = Turns(available_cpus(), _WAITING)
    problems: dict[int | str, dict[str, Any]]
    problems = {status: {"model": Problem} for status in (400, 401, 404, 413, 415, 429)}

    @router.get("/health")
    async def health() -> Health:
        """Report that the server is working."""
        taxa = len(floras().now().taxa)
        return Health(version=__version__, taxa=taxa, encoder=floras.encoder.manifest.name)

    async def identified(
        scope: Any, name: str, read: Callable[[], Awaitable[list[bytes]]], asked: AskedFor, wishes: Wishes
    ) -> Answer:
        """Identify photos, which are read only when their turn comes.

        Heavy photos are decoded between two turns, so that other requests do not wait for them.

        Raises:
            HTTPException: A photo cannot be read, or they show no plant.
        """
        flora = floras(name).now()
        number = len(flora.taxa) if wishes.detailed else wishes.nb_results
        async with turns.turn(scope):
            photos = await read()
            heavy, notes = await to_thread.run_sync(_look, flora, photos)
            if not heavy:
                answer = await to_thread.run_sync(_answer, flora, photos, number)
        if heavy:
            decoded = await to_thread.run_sync(_decoded, flora, photos)
            async with turns.turn(scope):
                answer = await to_thread.run_sync(_answer, flora, decoded, number)
        if answer.verdict == "not a plant" and not wishes.no_reject:
            raise HTTPException(404, "Species not found")
        language = spoken(wishes.lang, floras(name).languages())
        found = plantnet_answer(answer, asked, name, language, wishes.nb_results, detailed=wishes.detailed)
        return found.model_copy(update={"cautions": [*found.cautions, *notes]})

    @router.post("/v2/identify/{project}", responses=problems, response_model_exclude_none=True)
    async def identify(
        request: Request,
        project: str,
        wishes: Annotated[Wishes, Query()],
        images: Annotated[list[UploadFile], File(description="1 to 5 photos of one plant.")],
        organs: Annotated[
            list[Organ] | None, Form(description="One organ per photo, or none. Ignored.")
        ] = None,
    ) -> Answer:
        """Identify the plant in one to five photos."""
        name = flora_name(floras, project)
        asked = _asked(project, wishes, [image.filename or "" for image in images], organs)

        async def read() -> list[bytes]:
            return [await image.read() for image in images]

        return await identified(request.scope, name, read, asked, wishes)

    @router.get(
        "/v2/identify/{project}",
        responses=problems,
        response_model_exclude_none=True,
        include_in_schema=download is not None,
    )
    async def identify_addresses(
        request: Request,
        project: str,
        wishes: Annotated[Wishes, Query()],
        images: Annotated[list[str], Query(description="Addresses of 1 to 5 photos of one plant.")] = [],  # noqa: B006
        organs: Annotated[
            list[Organ] | None, Query(description="One organ per photo, or none. Ignored.")
        ] = None,
    ) -> Answer:
        """Identify the plant in one to five photos on the web, if the server allows it (`--fetch-photos`)."""
        name = flora_name(floras, project)
        if download is None:
            raise HTTPException(
                405,
                "send photos with POST; this server does not download photos from URLs",
                {"Allow": "POST"},
            )
        if not images:
            raise HTTPException(400, "images: no address was sent")
        asked = _asked(project, wishes, images, organs)
        photos = await download.photos(images, MAX_UPLOAD)

        async def read() -> list[bytes]:
            return photos

        return await identified(request.scope, name, read, asked, wishes)

    app.include_router(router)
    app.include_router(list_routes(floras))
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(OSError, _not_stored)
    app.add_exception_handler(DalipError, _not_stored)
    app.add_exception_handler(Exception, _failed)  # uvicorn logs it as well


class Wishes(BaseModel):
    """The query parameters of an identification; others are ignored."""

    lang: str = Field("en", min_length=2, max_length=35, description="Language of the common names.")
    nb_results: int = Field(10, alias="nb-results", ge=1)
    no_reject: bool = Field(
        False, alias="no-reject", description="Also answer if the photos do not show a plant."
    )
    related: bool = Field(False, alias="include-related-images", description="Adds an empty list.")
    detailed: bool = Field(False, description="Also give the scores of genera and families.")
    kind: str | None = Field(None, alias="type", max_length=20, description="Ignored.")


def _asked(project: str, wishes: Wishes, images: list[str], organs: Sequence[Organ] | None) -> AskedFor:
    """Return the query as the answer repeats it.

    Raises:
        HTTPException: There are too many photos, or another number of organs.
    """
    if len(images) > MAX_PHOTOS:
        raise HTTPException(400, f"{len(images)} images; send 1 to {MAX_PHOTOS}")
    if organs and len(organs) != len(images):
        raise HTTPException(
            400, f"{len(organs)} organs for {len(images)} images; send one per image, or none"
        )
    return AskedFor(
        project=project,
        images=images,
        organs=list(organs or ["auto"] * len(images)),
        includeRelatedImages=wishes.related,
        noReject=wishes.no_reject,
        type=wishes.kind,
    )


def _look(flora: Flora, photos: Sequence[bytes]) -> tuple[bool, list[str]]:
    """Return whether decoding one of the photos is heavy, and what to say about photos with only a preview."""
    try:
        notes = [describe(note, medium="api") for note in map(caution_about, photos) if note]
        return any(is_heavy(photo, flora.encoder.manifest.image.size) for photo in photos), notes
    except ImageError as error:  # the worker crashed, or took too long
        raise _unreadable(error) from error


def _decoded(flora: Flora, photos: Sequence[bytes]) -> list[Image.Image]:
    images: list[Image.Image] = []
    try:
        for photo in photos:
            images.append(open_image(photo, target=flora.encoder.manifest.image.size))
            if sum(image.width * image.height for image in images) > _HELD:
                raise ImageError("image-memory")
    except ImageError as error:
        raise _unreadable(error) from error
    return images


def _answer(flora: Flora, photos: Sequence[PhotoSource], top_k: int) -> Identification:
    answer, skipped = flora.identify_together(photos, top_k)
    if skipped or answer is None:
        raise _unreadable(*(photo.error for photo in skipped))
    return answer


def _unreadable(*errors: DalipError) -> HTTPException:
    words = "; ".join(describe(error, medium="api") for error in errors)
    if any(error.kind == "image-busy" for error in errors):
        return HTTPException(429, words, {"Retry-After": _RETRY_AFTER})
    return HTTPException(415, words)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):  # of FastAPI, which parses the request
        return await _not_stored(request, error.__cause__)
    return problem(error.status_code, str(error.detail), error.headers)


async def _wrong_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")


async def _not_stored(request: Request, error: Exception) -> JSONResponse:
    """Answer that the disk is full or read-only.

    Raises:
        Exception: The error, if it is another one.
    """
    cause = error if isinstance(error, OSError) else error.__cause__
    if not isinstance(cause, OSError) or not is_write_fault(cause):
        raise error
    fault = write_fault(Path(tempfile.gettempdir()), cause)
    _log.error("%s: a request could not be stored: %s", request.scope["path"], describe(fault))
    message = "the server cannot store the request, because its disk is full or read-only; try again later"
    return problem(507, message, {"Retry-After": "60"})


async def _failed(request: Request, error: Exception) -> JSONResponse:
    # uvicorn closes the connection afterwards
    return problem(500, "internal error; see the log of the server", {"Connection": "close"})


def problem(status: int, message: str, headers: Any = None) -> JSONResponse:
    """Return an error response in Pl@ntNet's format."""
    word = "Payload Too Large" if status == 413 else HTTPStatus(status).phrase  # as newer Pythons say
    content = Problem(statusCode=status, error=word, message=message)
    return JSONResponse(content.model_dump(), status, headers)
