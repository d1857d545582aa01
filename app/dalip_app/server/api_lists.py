"""The smaller routes of Pl@ntNet's v2 API: projects, status, and refusals of what is not offered.

Source: https://my.plantnet.org/doc/openapi for names and fields.
"""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from dalip_app.server.floras import Floras

__all__ = ["ANY", "list_routes"]

ANY = "all"
"""Stands for the first flora that is served, whatever it is called."""


class Status(BaseModel):
    """That it works."""

    status: Literal["ok"] = "ok"


class Project(BaseModel):
    """A flora that can be asked for names."""

    id: str
    title: str
    description: str
    speciesCount: int  # noqa: N815


def list_routes(floras: Floras) -> APIRouter:
    """Give the routes; they come after the one that identifies.

    Args:
        floras: What answers come from.
    """
    router = APIRouter()

    @router.get("/v2/_status")
    async def status() -> Status:
        """Say that the server works."""
        return Status()

    @router.get("/v2/languages")
    async def languages() -> list[str]:
        """List the languages in which plants have common names here."""
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
            "send photos by POST: photos at other addresses are not fetched, for nothing is asked of others here",
            {"Allow": "POST"},
        )

    @router.api_route("/v2/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
    async def nothing(rest: str) -> None:
        raise HTTPException(404, f"there is no route /v2/{rest}; /docs lists those that there are")

    return router
