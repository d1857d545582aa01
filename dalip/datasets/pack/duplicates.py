"""Find near-duplicate photos: recompressed, resized, mirrored or slightly cropped.

A perceptual hash proposes pairs, and a comparison of their thumbnails decides. docs/packing.md has the measurements.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.pack.prepare_photo import THUMB_SIDE

__all__ = ["MIN_LIKENESS", "Groups", "Pair", "candidates", "likeness", "near_pairs"]

_MAX_DISTANCE = 96
"""Maximum Hamming distance, of 256 bits, at which the thumbnails of a pair are compared."""

MIN_LIKENESS = 0.8
"""Minimum similarity of two thumbnails, from -1 to 1, to count as near-duplicates."""

Floats = NDArray[np.floating[Any]]

_MAX_CANDIDATES = 5_000_000  # takes minutes to compare
_LEAST_DISTANCE = 31  # bits; recompressed and resized copies differ in at most 20
_SAMPLE = 3000
_MIN_UNCROPPED = 0.5  # correlation; nine of ten candidates fall below it and need no closer comparison
_BLOCK = 8192
_CROPS = (0.0, 0.025, 0.05)
"""Fractions of a side that the comparison may crop at each end; both ends together at most the largest of them."""


class Pair(NamedTuple):
    """Two near-duplicates, by index."""

    first: int
    second: int


class Pairs(NamedTuple):
    """Many pairs of possible near-duplicates, one per entry of each array."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    distance: NDArray[np.int32]
    """Hamming distance of their hashes, in bits."""

    def between(self, start: int, end: int) -> "Pairs":
        """Return a range of the pairs."""
        return Pairs(
            self.first[start:end], self.second[start:end], self.mirrored[start:end], self.distance[start:end]
        )

    def thumbs(self, thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the thumbnails of the first photos, mirrored where the pair is, and of the second photos."""
        first = thumbs[self.first]
        return np.where(self.mirrored[:, None, None], first[:, :, ::-1], first), thumbs[self.second]


class Groups:
    """Groups of things that belong together, directly or indirectly (union-find)."""

    def __init__(self) -> None:
        """Start with each thing in its own group."""
        self._above: dict[Hashable, Hashable] = {}

    def join(self, one: Hashable, other: Hashable) -> None:
        """Merge the groups of two things."""
        self._above[self.of(one)] = self.of(other)

    def of(self, thing: Hashable) -> Hashable:
        """Return the representative of a thing's group."""
        while (above := self._above.get(thing, thing)) != thing:
            self._above[thing] = self._above.get(above, above)
            thing = above
        return thing

    def listed(self, things: Iterable[Any]) -> dict[Hashable, list[Any]]:
        """Return the things by group, in the given order."""
        found: dict[Hashable, list[Any]] = {}
        for thing in things:
            found.setdefault(self.of(thing), []).append(thing)
        return found


def near_pairs(
    codes: NDArray[np.uint8],
    thumbs: NDArray[np.uint8],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    most: int = _MAX_CANDIDATES,
    sample: int = _SAMPLE,
) -> list[Pair]:
    """Find pairs of near-duplicates.

    Args:
        codes: Hashes, and those of the mirror images, 2 x photos x bytes.
        thumbs: Thumbnails, photos x side x side.
        progress: Called with the number of photos compared with the earlier ones, and the total.
        most: Approximate limit of the pairs whose thumbnails are compared; if more photos look alike, fewer copies are
            found.
        sample: Number of photos from which the number of pairs is estimated.

    Returns:
        The pairs, the later photo first.
    """
    found = []
    for pairs in candidates(codes, progress, max_distance=_affordable_distance(codes, most, sample)):
        for start in range(0, len(pairs.first), _BLOCK):
            part = pairs.between(start, start + _BLOCK)
            first, second = part.thumbs(thumbs)
            maybe = np.flatnonzero(_uncropped(first, second) >= _MIN_UNCROPPED)
            same = maybe[likeness(first[maybe], second[maybe]) >= MIN_LIKENESS]
            found += [
                Pair(*numbers)
                for numbers in zip(part.first[same].tolist(), part.second[same].tolist(), strict=True)
            ]
    return found


def _affordable_distance(codes: NDArray[np.uint8], most: int, size: int) -> int:
    """Return the hash distance at which the number of thumbnails to compare stays affordable.

    Herbarium sheets look far more alike than photos of flowers, and a herbarium of 300,000 sheets has many more pairs.
    """
    sample = codes[:, :size]
    at = np.zeros(_MAX_DISTANCE + 1)
    for pairs in candidates(sample):
        at += np.bincount(pairs.distance.astype(np.int64), minlength=len(at))
    expected = np.cumsum(at) * (codes.shape[1] / max(sample.shape[1], 1)) ** 2
    return max(_LEAST_DISTANCE, int(np.searchsorted(expected, most, side="right")) - 1)


def candidates(
    codes: NDArray[np.uint8],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    max_distance: int = _MAX_DISTANCE,
) -> Iterator[Pairs]:
    """Yield the pairs whose hashes differ in at most `max_distance` bits, each once, the later photo first."""
    import faiss

    plain, mirrored = (np.ascontiguousarray(code) for code in codes)
    index = faiss.IndexBinaryFlat(8 * plain.shape[1])
    for start in range(0, len(plain), _BLOCK):
        end = min(start + _BLOCK, len(plain))
        index.add(plain[start:end])  # later photos are then compared with these
        for turned, queries in ((False, plain), (True, mirrored)):
            limits, distances, seconds = index.range_search(queries[start:end], max_distance + 1)
            firsts = np.repeat(np.arange(start, end), (limits[1:] - limits[:-1]).astype(np.int64))
            earlier = seconds < firsts
            yield Pairs(firsts[earlier], seconds[earlier], np.full(earlier.sum(), turned), distances[earlier])
        progress(end, len(plain))


def likeness(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Floats:
    """Return the similarity of thumbnails, pair by pair, where one may be a crop of the other.

    Args:
        first: Pairs x side x side grey values.
        second: Same shape.

    Returns:
        The best correlation of their details over all crops, -1 to 1.
    """
    one, other = _details(first), _details(second)
    return np.maximum(_best_crop(one, other), _best_crop(other, one))


def _uncropped(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Floats:
    """Correlate thumbnails without cropping."""
    products: Floats = _normalised(first.astype(np.float32)) * _normalised(second.astype(np.float32))
    correlations: Floats = products.sum(axis=(1, 2))
    return correlations


def _details(thumbs: NDArray[np.uint8]) -> Floats:
    """Subtract the local mean, because all photos of a bright flower among dark leaves look alike without that."""
    values: Floats = thumbs.astype(np.float32)
    return np.subtract(values, _blur() @ values @ _blur().T, dtype=np.float32)


def _best_crop(whole: Floats, part: Floats) -> Floats:
    best = np.full(len(whole), -1, np.float32)
    target = _normalised(part)
    for rows in _croppers():
        cut = rows @ whole
        for columns in _croppers():
            cropped: Floats = cut @ columns.T
            match = _normalised(cropped) * target
            best = np.maximum(best, match.sum(axis=(1, 2)))
    return best


def _normalised(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=(1, 2), keepdims=True)
    length: Floats = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    normalised: Floats = centred / np.maximum(length, 1e-6)
    return normalised


@cache
def _blur() -> Floats:
    """Return the matrix that replaces each row by the mean of five rows."""
    rows = np.arange(THUMB_SIDE)
    near = np.abs(rows[:, None] - rows) <= 2
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


@cache
def _croppers() -> list[Floats]:
    """Return matrices that crop the first and last rows and stretch the rest to the full side."""
    made = []
    for before in _CROPS:
        for after in _CROPS:
            if before + after <= max(_CROPS):
                share = (np.arange(THUMB_SIDE) + 0.5) / THUMB_SIDE
                places = (before + share * (1 - before - after)) * THUMB_SIDE - 0.5
                weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(THUMB_SIDE)))
                made.append((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))
    return made
