"""Choose the image in a TIFF or DNG file: the full-size one if it can be read, otherwise the largest preview."""

import io
from typing import BinaryIO

from dalip.errors import ImageError
from dalip.photos.formats.containers import Contents
from dalip.photos.formats.pieces import Pieces
from dalip.photos.formats.tiff import Directory, directories

__all__ = ["read_tiff"]

_MOST_PARTS = 200_000  # strips or tiles
_PREVIEW_SIDE = 512  # pixels; a first image of at most this size may be an unmarked preview of a later one

_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT, _TILES = 273, 274, 277, 278, 322, 323, 324
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2  # values of the subfile tags
# Photometric interpretations that are pictures, not raw sensor values.
_SHOWN = frozenset({0, 1, 2, 3, 5, 6, 8})
_YCBCR = 6


def read_tiff(file: BinaryIO) -> Contents:
    """Find the image to read, what decoding it takes besides its pixels, and whether it is only a preview.

    Raises:
        ValueError: The directories are damaged, or there are more than 200,000 strips or tiles.
    """
    found = list(directories(file))
    if not found:
        raise ValueError("no image")
    first = found[0][1]
    offset, chosen = _chosen(found)
    contents = Contents(file)
    if offset != found[0][0]:
        file.seek(0)
        head = file.read(16)
        width, start = (8, 8) if head[2:4] in (b"+\0", b"\0+") else (4, 4)
        order = "little" if head[:2] == b"II" else "big"
        end = file.seek(0, io.SEEK_END)
        pointer = offset.to_bytes(width, order)  # type: ignore[arg-type]
        contents.stream = Pieces(file, [head[:start] + pointer, (start + width, end)])
    largest = max((image for _, image in _images(found)), key=_area, default=first)
    if 2 * _area(chosen) < _area(largest):
        width, height = _side(chosen, _WIDTH), _side(chosen, _HEIGHT)
        full = {"full_width": _side(largest, _WIDTH), "full_height": _side(largest, _HEIGHT)}
        contents.caution = ImageError("image-preview-only", width=width, height=height, **full)
    own, outer = (image.numbers.get(_ORIENTATION) for image in (chosen, first))
    # Pillow applies that of the image itself.
    contents.turned = outer if own is None and outer is not None and 1 <= outer <= 8 else 1
    if max(chosen.counts.get(_STRIPS, 0), chosen.counts.get(_TILES, 0)) > _MOST_PARTS:
        raise ValueError("too many strips or tiles")
    contents.size = _side(chosen, _WIDTH), _side(chosen, _HEIGHT)
    contents.fixed = 2 * chosen.size + (_area(chosen) * 4 if own not in (None, 1) else 0)
    if chosen.numbers.get(_COMPRESSION, 1) != 1:
        contents.fixed += _buffer_size(chosen) + file.seek(0, io.SEEK_END)  # libtiff keeps the file in memory
    return contents


def _chosen(found: list[tuple[int, Directory]]) -> tuple[int, Directory]:
    shown = [pair for pair in _images(found) if pair[1].numbers.get(_PHOTOMETRIC, 1) in _SHOWN]
    if not shown:
        return found[0]
    return max(shown, key=lambda pair: (_area(pair[1]), pair[0] == found[0][0]))


def _images(found: list[tuple[int, Directory]]) -> list[tuple[int, Directory]]:
    """List the versions of the first image: itself, those below it and, if it is a preview, those that follow."""
    first = found[0][1]
    rest = [pair for pair in found[1:] if not pair[1].numbers.get(_SUBFILE, 0) & _MASK]
    marked = first.numbers.get(_SUBFILE, 0) & _REDUCED or first.numbers.get(_OLD_SUBFILE) == _OLD_REDUCED
    return [
        found[0],
        *(
            (offset, image)
            for offset, image in rest
            if marked or offset in first.below or _is_preview_of(first, image)
        ),
    ]


def _is_preview_of(small: Directory, large: Directory) -> bool:
    """Return whether a small image and a much larger one have the same proportions."""
    sizes = [(_side(image, _WIDTH), _side(image, _HEIGHT)) for image in (small, large)]
    if min(min(size) for size in sizes) == 0 or max(sizes[0]) > _PREVIEW_SIDE:
        return False
    across, down = (sizes[1][i] / sizes[0][i] for i in (0, 1))
    return min(across, down) >= 2 and abs(across / down - 1) < 0.05


def _side(image: Directory, tag: int) -> int:
    return image.numbers.get(tag, 0)


def _area(image: Directory) -> int:
    return _side(image, _WIDTH) * _side(image, _HEIGHT)


def _buffer_size(image: Directory) -> int:
    """Return the bytes of one strip or tile, which libtiff decodes at once; those of the whole image if unknown."""
    numbers = image.numbers
    tiled = _TILES in image.counts
    width = numbers.get(_TILE_WIDTH, 0) if tiled else _side(image, _WIDTH)
    height = _side(image, _HEIGHT)
    rows = numbers.get(_TILE_HEIGHT, 0) if tiled else min(numbers.get(_ROWS, height), height)
    samples = 4 if numbers.get(_PHOTOMETRIC) == _YCBCR else numbers.get(_SAMPLES, 1)
    return width * rows * samples * max(numbers.get(_BITS, 1), 8) // 8
