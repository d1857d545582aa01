"""The HTTP API, compatible with Pl@ntNet's v2 API: POST photos to /v2/identify/all.

Source: https://my.plantnet.org/doc/api/identify, and https://my.plantnet.org/doc/openapi for names and status codes.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dalip import __version__
from dalip.cpus import available_cpus
from dalip.taxonomy import Taxon
from dalip_app.messages.errors import describe
from dalip_app.messages.words import cautions
from dalip_app.server.api_lists import ANY, list_routes
from dalip_app.server.floras import Floras
from dalip_index import Flora, Identification, Prediction

__all__ = ["MAX_PHOTOS", "MAX_UPLOAD", "add_api", "problem"]

MAX_UPLOAD = 50_000_000
"""Bytes of a request, as Pl@ntNet has it."""

MAX_PHOTOS = 5
"""Of one plant, in a request to the API or on the page."""
_WAITING = 32  # requests that may wait for a processor; further ones get 429
_RETRY_AFTER = "2"  # seconds

Organ = Literal["leaf", "flower", "fruit", "bark", "auto", "habit", "other", "branch", "scan", "drawing"]


class Name(BaseModel):
    """A scientific name; floras hold no authors, so that this part is empty."""

    scientificNameWithoutAuthor: str  # noqa: N815
    scientificNameAuthorship: str = ""  # noqa: N815
    scientificName: str  # noqa: N815


class Species(Name):
    """A taxon of the flora, which need not be a species."""

    genus: Name
    family: Name
    commonNames: list[str] = Field(description="In the language asked for.")  # noqa: N815
    taxonRank: str = Field(description="Not in Pl@ntNet's answers.")  # noqa: N815


class Gbif(BaseModel):
    """The taxon at GBIF; floras do not hold its number."""

    id: str | None = None


class Result(BaseModel):
    """One taxon that the photos may show."""

    score: float = Field(description="Probability; similarity where the flora is not calibrated.")
    species: Species
    gbif: Gbif = Gbif()


class AskedFor(BaseModel):
    """What was asked."""

    project: str
    images: list[str]
    organs: list[str]
    includeRelatedImages: bool = False  # noqa: N815
    noReject: bool  # noqa: N815


class Answer(BaseModel):
    """The names for the photos of one plant, best first."""

    query: AskedFor
    language: str
    bestMatch: str  # noqa: N815
    results: list[Result]
    predictedOrgans: list[dict[str, Any]] = Field(default=[], description="Organs are not told apart.")  # noqa: N815
    version: str
    remainingIdentificationRequests: int = Field(description="There is no limit; always the same.")  # noqa: N815
    verdict: str = Field(description="As of `dalip identify`; not in Pl@ntNet's answers, like the next.")
    cautions: list[str] = Field(description="Which of the likely plants are known to do harm.")


class Problem(BaseModel):
    """Why there is no answer."""

    statusCode: int  # noqa: N815
    error: str
    message: str


class Health(BaseModel):
    """That it works, and what it knows."""

    status: Literal["ok"] = "ok"
    version: str
    taxa: int
    encoder: str


def add_api(app: FastAPI, floras: Floras) -> None:
    """Add the routes below `/v2`, and `/health`.

    Args:
        app: The application.
        floras: What answers come from; in addresses the first is also called `all`.
    """
    router = APIRouter()
    working, waiting = asyncio.Semaphore(available_cpus()), 0

    @router.get("/health")
    async def health() -> Health:
        """Say that the server works."""
        taxa = len(floras().now().taxa)
        return Health(version=__version__, taxa=taxa, encoder=floras.encoder.manifest.name)

    @router.post(
        "/v2/identify/{project}",
        responses={status: {"model": Problem} for status in (400, 401, 404, 413, 415, 429)},
    )
    async def identify(
        project: str,
        images: Annotated[list[UploadFile], File(description="1 to 5 photos of one plant.")],
        organs: Annotated[
            list[Organ] | None, Form(description="One for each photo, or none; it changes no answer.")
        ] = None,
        lang: Annotated[str, Query(min_length=2, max_length=8)] = "en",
        nb_results: Annotated[int, Query(alias="nb-results", ge=1)] = 10,
        no_reject: Annotated[
            bool, Query(alias="no-reject", description="Answer for photos of no plant, too.")
        ] = False,
    ) -> Answer:
        """Name the plant in one to five photos."""
        nonlocal waiting
        if project not in (ANY, *floras.names):
            raise HTTPException(
                404, f"there is no flora {project} here; ask {ANY} or {' or '.join(floras.names)}"
            )
        live = floras(None if project == ANY else project)
        if len(images) > MAX_PHOTOS:
            raise HTTPException(400, f"{len(images)} images; send 1 to {MAX_PHOTOS}")
        if organs and len(organs) != len(images):
            raise HTTPException(
                400, f"{len(organs)} organs for {len(images)} images; send one for each, or none"
            )
        if waiting >= _WAITING:
            raise HTTPException(429, "too many requests wait; try again soon", {"Retry-After": _RETRY_AFTER})
        waiting += 1
        try:
            photos = [await image.read() for image in images]
            async with working:
                answer = await to_thread.run_sync(_answer, live.now(), photos, nb_results)
        finally:
            waiting -= 1
        if answer.verdict == "not a plant" and not no_reject:
            raise HTTPException(404, "Species not found")
        asked = AskedFor(
            project=project,
            images=[image.filename or "" for image in images],
            organs=list(organs or ["auto"] * len(images)),
            noReject=no_reject,
        )
        return _as_plantnet(answer, asked, lang)

    app.include_router(router)
    app.include_router(list_routes(floras))
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(Exception, _failed)  # uvicorn tells of it, too


def _answer(flora: Flora, photos: Sequence[bytes], top_k: int) -> Identification:
    answer, skipped = flora.identify_together(photos, top_k)
    if skipped or answer is None:
        raise HTTPException(415, "; ".join(describe(photo.error, medium="api") for photo in skipped))
    return answer


def _as_plantnet(answer: Identification, asked: AskedFor, language: str) -> Answer:
    return Answer(
        query=asked,
        language=language,
        bestMatch=answer.predictions[0].taxon.scientific_name,
        results=[_result(prediction, language) for prediction in answer.predictions],
        version=f"dalip {__version__}",
        remainingIdentificationRequests=1_000_000,
        verdict=answer.verdict,
        cautions=cautions(answer),
    )


def _result(prediction: Prediction, language: str) -> Result:
    taxon = prediction.taxon
    score = prediction.similarity if prediction.probability is None else prediction.probability
    return Result(score=round(min(max(score, 0.0), 1.0), 5), species=_species(taxon, language))


def _species(taxon: Taxon, language: str) -> Species:
    return Species(
        **_name(taxon.scientific_name).model_dump(),
        genus=_name(taxon.genus),
        family=_name(taxon.family),
        commonNames=[name.name for name in taxon.vernacular_names if name.language == language],
        taxonRank=taxon.taxon_rank,
    )


def _name(name: str) -> Name:
    return Name(scientificNameWithoutAuthor=name, scientificName=name)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), error.headers)


async def _wrong_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")


async def _failed(request: Request, error: Exception) -> JSONResponse:
    # uvicorn hangs up after it
    return problem(500, "this is a fault of the server, whose log says more", {"Connection": "close"})


def problem(status: int, message: str, headers: Any = None) -> JSONResponse:
    """Say why there is no answer, as Pl@ntNet does."""
    words = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 413: "Payload Too Large"}
    words |= {
        403: "Forbidden",
        405: "Method Not Allowed",
        408: "Request Timeout",
        500: "Internal Server Error",
    }
    words |= {415: "Unsupported Media Type", 429: "Too Many Requests"}
    content = Problem(statusCode=status, error=words.get(status, "Error"), message=message)
    return JSONResponse(content.model_dump(), status, headers)
