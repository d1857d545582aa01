"""The smaller routes of Pl@ntNet's v2 API: projects, languages and status; unsupported routes return errors.

Source: https://my.plantnet.org/doc/openapi for names and fields.
"""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dalip_app.server.floras import Floras

__all__ = ["ANY", "list_routes"]

ANY = "all"
"""Alias of the first flora, whatever its name."""


class Status(BaseModel):
    """The server is working."""

    status: Literal["ok"] = "ok"


class Project(BaseModel):
    """A flora that can identify plants."""

    id: str
    title: str
    description: str
    speciesCount: int  # noqa: N815


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
        taxa = (taxon for name in floras.names for taxon in floras(name).now().taxa)
        names = (name.language for taxon in taxa for name in taxon.vernacular_names)
        return sorted({"en", *names})

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

    @router.get("/v2/identify/{project}", include_in_schema=False)
    async def by_address(project: str) -> None:
        raise HTTPException(
            405,
            "send photos with POST; this server does not download photos from URLs",
            {"Allow": "POST"},
        )

    @router.api_route("/v2/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
    async def nothing(rest: str) -> None:
        raise HTTPException(404, f"no such route: /v2/{rest}; see /docs for all routes")

    return router
