"""Distributions and occurrence records for `dalip region add`, in their published columns, then mutated."""

import random
from pathlib import Path

from dalip.datasets import Report
from dalip_index import Regions
from tests.fuzz.cases import Case, Kind, mutated, one_in
from tests.fuzz.tables import NAMES

__all__ = ["REGIONS"]

_NAMES = (*NAMES, *("Iris germanica", "Quercus robur") * 20)
_CODES = ("1", "2", "12", "SPA", "", "x" * 3000, "ÉÎ")
_NUMBERS = (
    *("40.4", "-3.7", "11.25", "1") * 4,
    "0",
    "90",
    "-180",
    "1e400",
    "nan",
    "-0.0",
    "91",
    "40,4",
    "",
    "٣",
    "1_0",
)
_FLAGS = ("0", "1", "", "x")


def _rows(rng: random.Random, separator: str, columns: dict[str, tuple[str, ...]]) -> bytes:
    lines = [separator.join(columns)]
    for _ in range(rng.choice((0, 3, 20, 60))):
        cells = [rng.choice(values) for values in columns.values()]
        lines.append(separator.join(cells[: rng.randrange(len(cells))] if one_in(rng, 20) else cells))
    content = "\n".join(lines).encode("utf-8", "replace")
    return mutated(rng, content) if one_in(rng, 3) else content


def _make(rng: random.Random) -> Case:
    identifiers = tuple(str(number) for number in range(9))
    if one_in(rng, 2):
        columns = dict.fromkeys(
            ("decimalLatitude", "decimalLongitude", "coordinateUncertaintyInMeters"), _NUMBERS
        )
        columns |= dict.fromkeys(("species", "scientificName"), _NAMES) | {
            "kingdom": ("Plantae", "Fungi", "")
        }
        return Case({"gbif.csv": _rows(rng, "\t", columns)})
    areas = ("continent_code_l1", "continent", "region_code_l2", "region", "area_code_l3", "area")
    columns = {"plant_name_id": identifiers} | dict.fromkeys(areas, _CODES)
    columns |= dict.fromkeys(("introduced", "extinct", "location_doubtful"), _FLAGS)
    names = {"plant_name_id": identifiers, "taxon_rank": ("Species", "Genus", "?"), "taxon_name": _NAMES}
    names |= {"accepted_plant_name_id": (*identifiers, "")}
    return Case(
        {"wcvp_distribution.csv": _rows(rng, "|", columns), "wcvp_names.csv": _rows(rng, "|", names)},
    )


def _use(path: Path) -> None:
    regions = Regions(path.parent / "data")
    regions.add(path, Report(lambda skipped: None))
    for area in regions.areas():
        regions.find(area.code)
    if not regions.areas():
        regions.near(40.4, -3.7, 20_000)


REGIONS = Kind("regions", _make, _use, 300)
