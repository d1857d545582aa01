"""Options for a region (--region, --near, --radius), and the flora that answers for it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalip_app.cli.options import is_list, load_flora, names_in
from dalip_app.cli.terminal import complain

if TYPE_CHECKING:
    from dalip_index import Flora, RegionTaxa

__all__ = [
    "DEFAULT_RADIUS",
    "NearOption",
    "RadiusOption",
    "RegionOption",
    "load_regional_flora",
    "read_region",
    "tell_of_region",
    "without_region",
]

DEFAULT_RADIUS = 100.0
"""In km. A circle of this radius has the size of Belgium, one of the smaller areas of the TDWG scheme."""

_ONLY = "region"  # the value of --only that stands for the taxa of the region
_HALFWAY = math.pi * 6371.0088  # km to the opposite point of the Earth

RegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="WHAT",
        help="Make plants that do not occur here less likely: the name or code of an area (see `dalip region`), or a "
        "list of taxa (a file). `--only region` leaves them out. Repeatable.",
        show_default=False,
    ),
]
NearOption = Annotated[
    str,
    typer.Option(
        "--near",
        metavar="LAT,LON",
        help="Make plants without occurrence records near this place less likely, in degrees, such as 40.4,-3.7. Add "
        "records with `dalip region add`.",
        show_default=False,
    ),
]
RadiusOption = Annotated[
    float, typer.Option("--radius", metavar="KM", min=1, max=20_000, help="Distance for --near.")
]


def without_region(only: Sequence[str] | None) -> list[str]:
    """Return the values of `--only` that are names or files."""
    return [what for what in only or () if what != _ONLY or is_list(what)]


def read_region(
    region: Sequence[str] | None,
    near: str,
    radius: float,
    only: Sequence[str] | None,
    data_dir: Path | None,
) -> "RegionTaxa | None":
    """Read the taxa of `--region` and `--near`; `None` without these options.

    Args:
        region: Names of areas, and files; the taxa of all of them are used.
        near: Latitude and longitude, separated by a comma; empty for no place.
        radius: In km.
        only: Values of `--only`. With `region`, answers may contain no other taxa.
        data_dir: The user's data folder.

    Raises:
        BadParameter: The options contradict each other, or the coordinates are wrong.
        DataError: A list cannot be read.
        RegionError: There is no such area, or there are no records near the place.
    """
    from dalip_index import Regions, RegionTaxa
    from dalip_index.places import data_dir_or_default

    strict = len(without_region(only)) < len(only or ())
    if region and near:
        raise typer.BadParameter("--region and --near cannot be combined; choose one")
    if not region and not near:
        if strict:
            raise typer.BadParameter("--only region needs a region; add --region or --near")
        return None
    regions = Regions(data_dir_or_default(data_dir))
    if near:
        found = [regions.near(*_coordinates(near), min(radius, _HALFWAY))]
    else:
        found = [
            RegionTaxa(Path(what).name, names_in([what])) if is_list(what) else regions.find(what)
            for what in dict.fromkeys(region or ())
        ]
    names = {name: synonyms for part in found for name, synonyms in part.names.items()}
    return RegionTaxa(", ".join(part.name for part in found), names, strict)


def _coordinates(near: str) -> tuple[float, float]:
    try:
        latitude, longitude = map(float, near.split(","))
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise typer.BadParameter(
            f"--near {near}: write latitude and longitude in degrees, such as 40.4,-3.7; the latitude is between -90 "
            "and 90, the longitude between -180 and 180"
        )
    return latitude, longitude


def load_regional_flora(
    folder: Path | None,
    encoder: Path | None,
    data_dir: Path | None,
    only: Sequence[str] | None,
    region: "RegionTaxa | None",
) -> "Flora":
    """Load a flora as `load_flora` does, to identify photos of a region.

    Args:
        folder: The flora.
        encoder: The encoder.
        data_dir: The user's data folder.
        only: Values of `--only`.
        region: As `read_region` returns it.

    Raises:
        DalipError: As `load_flora` and `in_region`.
    """
    from dalip_index import in_region

    flora = load_flora(folder, encoder, data_dir, without_region(only), for_photos=True)
    if region is None:
        return flora
    regional = in_region(flora, region)
    tell_of_region(regional)
    return regional


def tell_of_region(flora: "Flora") -> None:
    """Say on stderr how many taxa of a flora occur in its region, if it has one."""
    if flora.region and flora.before:
        number, every = int(flora.region.inside.sum()), len(flora.before.taxa)
        complain(f"{flora.region.name}: {number:,} of {every:,} taxa occur here")
