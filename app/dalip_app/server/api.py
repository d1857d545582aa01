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
from dalip.photos import HEAVY_PLACES, caution_about
from dalip.taxonomy import Taxon
from dalip_app.messages.errors import describe
from dalip_app.messages.words import cautions
from dalip_app.server.api_lists import ANY, list_routes
from dalip_app.server.floras import Floras
from dalip_index import Flora, Identification, Prediction

__all__ = ["MAX_PHOTOS", "MAX_UPLOAD", "add_api", "problem"]

MAX_UPLOAD = 50_000_000
"""Maximum size of a request in bytes, as in Pl@ntNet's API."""

MAX_PHOTOS = 5
"""Maximum number of photos of one plant, in the API and on the page."""
_WAITING = 32  # requests that may wait for a CPU; further ones get 429
_RETRY_AFTER = "2"  # seconds

Organ = Literal["leaf", "flower", "fruit", "bark", "auto", "habit", "other", "branch", "scan", "drawing"]


class Name(BaseModel):
    """A scientific name, with and without its author; genera and families have none."""

    scientificNameWithoutAuthor: str  # noqa: N815
    scientificNameAuthorship: str = ""  # noqa: N815
    scientificName: str  # noqa: N815


class Species(Name):
    """A taxon of the flora, not necessarily a species."""

    genus: Name
    family: Name
    commonNames: list[str] = Field(description="Common names in the requested language.")  # noqa: N815
    taxonRank: str = Field(description="Rank of the taxon. Not in Pl@ntNet's API.")  # noqa: N815


class Gbif(BaseModel):
    """The taxon at GBIF; always empty, because floras do not contain GBIF ids."""

    id: str | None = None


class Result(BaseModel):
    """A candidate taxon with its score."""

    score: float = Field(description="Probability, or similarity if the flora is not calibrated.")
    species: Species
    gbif: Gbif = Gbif()


class AskedFor(BaseModel):
    """The query."""

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
    predictedOrgans: list[dict[str, Any]] = Field(default=[], description="Always empty.")  # noqa: N815
    version: str
    remainingIdentificationRequests: int = Field(description="Constant; there is no limit.")  # noqa: N815
    verdict: str = Field(description="Verdict, as in `dalip identify`. Not in Pl@ntNet's API.")
    cautions: list[str] = Field(
        description="Warnings about likely plants that are known to be harmful, and about photos of which only a "
        "preview can be read. Not in Pl@ntNet's API."
    )


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


def add_api(app: FastAPI, floras: Floras) -> None:
    """Add the routes below `/v2`, and `/health`.

    Args:
        app: The application.
        floras: The floras; in URLs the first one is also available as `all`.
    """
    router = APIRouter()
    working, waiting = asyncio.Semaphore(available_cpus() + HEAVY_PLACES), 0

    @router.get("/health")
    async def health() -> Health:
        """Report that the server is working."""
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
            list[Organ] | None, Form(description="One organ per photo, or none. Ignored.")
        ] = None,
        lang: Annotated[str, Query(min_length=2, max_length=8)] = "en",
        nb_results: Annotated[int, Query(alias="nb-results", ge=1)] = 10,
        no_reject: Annotated[
            bool, Query(alias="no-reject", description="Also answer if the photos do not show a plant.")
        ] = False,
    ) -> Answer:
        """Identify the plant in one to five photos."""
        nonlocal waiting
        if project not in (ANY, *floras.names):
            raise HTTPException(
                404, f"there is no flora {project} here; use {ANY} or {' or '.join(floras.names)}"
            )
        live = floras(None if project == ANY else project)
        if len(images) > MAX_PHOTOS:
            raise HTTPException(400, f"{len(images)} images; send 1 to {MAX_PHOTOS}")
        if organs and len(organs) != len(images):
            raise HTTPException(
                400, f"{len(organs)} organs for {len(images)} images; send one per image, or none"
            )
        if waiting >= _WAITING:
            raise HTTPException(
                429, "too many requests are waiting; try again soon", {"Retry-After": _RETRY_AFTER}
            )
        waiting += 1
        try:
            photos = [await image.read() for image in images]
            async with working:
                answer = await to_thread.run_sync(_answer, live.now(), photos, nb_results)
                notes = [describe(note, medium="api") for note in map(caution_about, photos) if note]
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
        found = _as_plantnet(answer, asked, lang)
        return found.model_copy(update={"cautions": [*found.cautions, *notes]})

    app.include_router(router)
    app.include_router(list_routes(floras))
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(Exception, _failed)  # uvicorn logs it as well


def _answer(flora: Flora, photos: Sequence[bytes], top_k: int) -> Identification:
    answer, skipped = flora.identify_together(photos, top_k)
    if any(photo.error.kind == "image-busy" for photo in skipped):
        raise HTTPException(429, describe(skipped[0].error, medium="api"), {"Retry-After": _RETRY_AFTER})
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
        **_name(taxon.scientific_name, taxon.scientific_name_authorship).model_dump(),
        genus=_name(taxon.genus),
        family=_name(taxon.family),
        commonNames=[name.name for name in taxon.vernacular_names if name.language == language],
        taxonRank=taxon.taxon_rank,
    )


def _name(name: str, author: str = "") -> Name:
    whole = f"{name} {author}".strip()
    return Name(scientificNameWithoutAuthor=name, scientificNameAuthorship=author, scientificName=whole)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), error.headers)


async def _wrong_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")


async def _failed(request: Request, error: Exception) -> JSONResponse:
    # uvicorn closes the connection afterwards
    return problem(500, "internal error; see the log of the server", {"Connection": "close"})


def problem(status: int, message: str, headers: Any = None) -> JSONResponse:
    """Return an error response in Pl@ntNet's format."""
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
