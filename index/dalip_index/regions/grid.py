"""The grid of occurrence records: cells of a tenth of a degree, and those within a distance of a place."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL_DEGREES", "cell_of", "cells_near"]

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


def cells_near(latitude: float, longitude: float, radius: float) -> list[tuple[int, int]]:
    """Find the cells whose centres are within a distance of a place, and the cell of the place itself.

    Distances are great circles on a sphere, by the haversine formula. It gives the largest difference of longitude for
    each row of cells, so neither the poles nor the date line need special cases.

    Args:
        latitude: As `cell_of`.
        longitude: As `cell_of`.
        radius: In km, at most half the circumference of the Earth.

    Returns:
        The first and the last cell of each run of consecutive numbers, ascending.

    Source: Sinnott, "Virtues of the haversine", 1984.
    """
    latitudes, longitudes = ((np.arange(number) + 0.5) / _PER_DEGREE for number in (_ROWS, _COLUMNS))
    left = math.sin(radius / _EARTH / 2) ** 2 - _haversine(latitudes - 90 - latitude)
    rows = np.flatnonzero(left >= 0)
    across = np.cos(np.radians(latitudes[rows] - 90)) * math.cos(math.radians(latitude))
    most = left[rows] / across  # haversine of the difference of longitude
    near = np.zeros(_ROWS * _COLUMNS + 2, bool)  # with a margin on both sides
    near[1:-1].reshape(_ROWS, _COLUMNS)[rows] = _haversine(longitudes - 180 - longitude) <= most[:, None]
    near[1 + cell_of(latitude, longitude)] = True
    changes = np.flatnonzero(near[1:] != near[:-1])
    return list(zip(changes[::2].tolist(), (changes[1::2] - 1).tolist(), strict=True))


def _haversine(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sin(np.radians(degrees) / 2) ** 2
