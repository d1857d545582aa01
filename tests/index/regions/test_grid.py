"""The grid of occurrence records: cells, and those within a distance."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalip_index.regions.grid import CELL_DEGREES, cell_of, cells_near

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
EARTH = 6371.0088


def by_vectors(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance, computed in another way: by the chord between two unit vectors."""
    vectors = []
    for latitude, longitude in (one, other):
        phi, theta = math.radians(latitude), math.radians(longitude)
        vectors.append((math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)))
    return 2 * EARTH * math.asin(min(math.dist(*vectors) / 2, 1.0))


def test_known_distances() -> None:
    assert by_vectors((0, 0), (0, 1)) == pytest.approx(111.195, abs=0.01)
    assert by_vectors((52.52, 13.405), (48.8566, 2.3522)) == pytest.approx(878, abs=2)  # Berlin to Paris


def middle(cell: int) -> tuple[float, float]:
    row, column = divmod(cell, 3600)
    return (row + 0.5) * CELL_DEGREES - 90, (column + 0.5) * CELL_DEGREES - 180


@given(latitudes, longitudes)
def test_a_place_is_in_its_cell(latitude: float, longitude: float) -> None:
    cell = cell_of(latitude, longitude)
    assert 0 <= cell < 1800 * 3600
    north, east = middle(cell)
    assert abs(north - latitude) <= CELL_DEGREES / 2 + 1e-9
    across = abs(east - longitude) % 360
    assert min(across, 360 - across) <= CELL_DEGREES / 2 + 1e-9


@given(latitudes, longitudes, st.floats(1, 400), latitudes, longitudes)
def test_cells_near_are_those_whose_centre_is_near(
    latitude: float, longitude: float, radius: float, other: float, across: float
) -> None:
    runs = cells_near(latitude, longitude, radius)
    assert all(first <= last for first, last in runs)
    assert all(after[0] - before[1] > 1 for before, after in pairwise(runs))
    near_by = latitude + (other / 90) * 4, longitude + (across / 180) * 4
    for place in ((other, across), near_by, (latitude, longitude)):
        if abs(place[0]) > 90:
            continue
        cell = cell_of(place[0], (place[1] + 180) % 360 - 180)
        away = by_vectors((latitude, longitude), middle(cell))
        found = any(first <= cell <= last for first, last in runs)
        own = cell == cell_of(latitude, longitude)
        if abs(away - radius) > 1e-3:
            assert found == (away <= radius or own)


def test_everywhere_is_within_half_the_circumference() -> None:
    assert cells_near(12, 34, math.pi * EARTH) == [(0, 1800 * 3600 - 1)]
