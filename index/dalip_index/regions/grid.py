"""The grid of occurrence records: cells of a tenth of a degree, and those within a distance of a place."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL_DEGREES", "cell_of", "cells_near", "distance"]

CELL_DEGREES = 0.1
"""Size of a cell: 11 km from north to south. Many coordinates are no more exact than that, and the places of a country
have few enough cells for a small file."""

_PER_DEGREE = 10
_ROWS, _COLUMNS = 180 * _PER_DEGREE, 360 * _PER_DEGREE
_EARTH = 6371.0088  # km, the mean radius


def cell_of(latitude: float, longitude: float) -> int:
    """Return the number of the cell that contains a place.

    Args:
        latitude: In degrees, -90 to 90.
        longitude: In degrees, -180 to 180.
    """
    row = min(int((latitude + 90) * _PER_DEGREE), _ROWS - 1)
    return row * _COLUMNS + int((longitude + 180) * _PER_DEGREE) % _COLUMNS


def distance(
    latitude: float, longitude: float, latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return great-circle distances in km, on a sphere; all angles are in degrees.

    Source: the haversine formula (Sinnott, "Virtues of the haversine", 1984).
    """
    here, there = np.radians(latitude), np.radians(latitudes)
    chord: NDArray[np.float64] = (
        np.sin((there - here) / 2) ** 2
        + np.cos(here) * np.cos(there) * np.sin(np.radians(longitudes - longitude) / 2) ** 2
    )
    return 2 * _EARTH * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))


def cells_near(latitude: float, longitude: float, radius: float) -> list[tuple[int, int]]:
    """Find the cells whose centres are within a distance of a place, and the cell of the place itself.

    The distance to every cell between two latitudes is computed, so neither the poles nor the date line need special
    cases.

    Args:
        latitude: As `cell_of`.
        longitude: As `cell_of`.
        radius: In km.

    Returns:
        The first and the last cell of each run of consecutive numbers, ascending.
    """
    reach = np.degrees(radius / _EARTH)
    first = max(int((latitude - reach + 90) * _PER_DEGREE) - 1, 0)
    last = min(int((latitude + reach + 90) * _PER_DEGREE) + 1, _ROWS - 1)
    longitudes = (np.arange(_COLUMNS) + 0.5) / _PER_DEGREE - 180
    found = [np.array([cell_of(latitude, longitude)])]
    for row in range(first, last + 1):
        middle = np.full(_COLUMNS, (row + 0.5) / _PER_DEGREE - 90)
        near = distance(latitude, longitude, middle, longitudes) <= radius
        found.append(row * _COLUMNS + np.flatnonzero(near))
    cells = np.unique(np.concatenate(found))
    breaks = np.flatnonzero(np.diff(cells) > 1)
    starts, ends = cells[np.r_[0, breaks + 1]], cells[np.r_[breaks, len(cells) - 1]]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
