"""The smaller routes of Pl@ntNet's v2 API: projects, species, languages, quota and status; others return errors.

Source: https://my.plantnet.org/doc/openapi for names and fields.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dalip_app.server.floras import Floras
from dalip_app.server.plantnet import QUOTA, ListedSpecies, listed_species, spoken

__all__ = ["flora_name", "list_routes"]

_ANY = "all"  # the first flora, whatever its name

# Floras of Pl@ntNet that clients ask for by name, in addition to all that begin with "k-".
_PLANTNETS = {
    *(_ANY, "best", "the-plant-list", "useful", "weeds", "weurope", "namerica", "canada", "africa", "crops"),
}
_PAGE = 10_000  # species in a page


class Status(BaseModel):
    """The server is working."""

    status: Literal["ok"] = "ok"


class Project(BaseModel):
    """A flora that can identify plants."""

    id: str
    title: str
    description: str
    speciesCount: int  # noqa: N815


class Used(BaseModel):
    """Requests of one kind on one day; they are neither counted nor limited."""

    count: int = 0
    total: int = QUOTA
    remaining: int = QUOTA


class Kinds(BaseModel):
    """Kinds of requests."""

    identify: Used = Used()


class Quota(BaseModel):
    """The quota of a day."""

    day: str
    quota: Kinds = Kinds()


class Page(BaseModel):
    """Which species to list."""

    lang: Annotated[str, Query(min_length=2, max_length=35)] = "en"
    prefix: str = ""
    """Beginning of the scientific name."""
    page: Annotated[int, Query(ge=1)] = 1
    pageSize: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE  # noqa: N815


def flora_name(floras: Floras, project: str) -> str:
    """Return the name of the flora that a client means.

    Args:
        floras: The floras.
        project: Name of a flora, `all`, or the name of a flora of Pl@ntNet, which stands for the first one.

    Raises:
        HTTPException: There is no such flora.
    """
    if project in floras.names:
        return project
    if project in _PLANTNETS or project.startswith("k-"):
        return floras.names[0]
    known = " or ".join(floras.names)
    raise HTTPException(404, f"there is no flora {project[:200]} here; use {_ANY} or {known}")


def list_routes(floras: Floras) -> APIRouter:
    """Return the routes, to be added after the identify route.

    Args:
        floras: The floras.
    """
    router = APIRouter()

    @router.get("/v2/_status")
    async def status() -> Status:
        """Report that the server is working."""
        return Status()

    @router.get("/v2/languages")
    async def languages() -> list[str]:
        """List the languages of the common names."""
        return sorted(frozenset[str]().union(*(floras(name).languages() for name in floras.names)))

    @router.get("/v2/quota/daily")
    async def quota() -> Quota:
        """Report that there is no limit for today."""
        return Quota(day=f"{datetime.now(UTC):%Y-%m-%d}")

    @router.get("/v2/projects")
    async def projects() -> list[Project]:
        """List the floras."""
        return [
            Project(
                id=name,
                title=name,
                description=f"The flora {name}.",
                speciesCount=len(floras(name).now().taxa),
            )
            for name in floras.names
        ]

    @router.get("/v2/species", response_model_exclude_none=True)
    def species(page: Annotated[Page, Query()]) -> list[ListedSpecies]:
        """List the taxa of the first flora."""
        return _species(floras, floras.names[0], page)

    @router.get("/v2/projects/{project}/species", response_model_exclude_none=True)
    def species_of(project: str, page: Annotated[Page, Query()]) -> list[ListedSpecies]:
        """List the taxa of a flora."""
        return _species(floras, flora_name(floras, project), page)

    @router.api_route("/v2/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
    async def nothing(rest: str) -> None:
        raise HTTPException(404, f"no such route: /v2/{rest[:200]}; see /docs for all routes")

    @router.api_route("/health/{rest:path}", include_in_schema=False)
    async def no_health(rest: str) -> None:
        raise HTTPException(404, "no such route; see /docs for all routes")

    return router


def _species(floras: Floras, name: str, page: Page) -> list[ListedSpecies]:
    flora, language = floras(name).now(), spoken(page.lang, floras(name).languages())
    first = (page.page - 1) * page.pageSize
    places = slice(first, first + page.pageSize)
    found = flora.name_index.starting(page.prefix, places) if page.prefix else flora.taxa[places]
    return [listed_species(taxon, language) for taxon in found]
