"""Embed many photos in order while threads read the next ones."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.encoder.manifest import ImageSettings
from dalip.encoder.preprocess import preprocess
from dalip.errors import DalipError, ImageError
from dalip.photos import PhotoSource, map_ahead, open_image

__all__ = ["embed_ahead"]

S = TypeVar("S", bound=PhotoSource)


def embed_ahead(
    sources: Iterable[S],
    settings: ImageSettings,
    batch_size: int,
    embed: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> Iterator[tuple[S, NDArray[np.float32] | ImageError]]:
    """Embed batches of photos while threads read the next ones, a few batches ahead at most.

    Args:
        sources: The photos; consumed one by one as they are needed.
        settings: How photos are preprocessed.
        batch_size: Photos per batch, 1 or more.
        embed: Takes pixels, float32 (n, 3, size, size), and returns one row per photo.

    Yields:
        Each source, in order, with its row, or with an error if it cannot be read.
    """
    photos = map_ahead(partial(_prepare, settings=settings), sources, 2 * batch_size)
    while batch := list(islice(photos, batch_size)):
        readable = [pixels for _, pixels in batch if not isinstance(pixels, ImageError)]
        rows = iter(embed(np.stack(readable)) if readable else ())
        for source, pixels in batch:
            yield source, pixels if isinstance(pixels, ImageError) else next(rows)


def _prepare(source: PhotoSource, settings: ImageSettings) -> NDArray[np.float32] | ImageError:
    try:
        photo = source() if callable(source) else source
        image = photo if isinstance(photo, Image.Image) else open_image(photo, target=settings.size)
        return preprocess(image, settings)
    except DalipError as error:  # a record that cannot be read from its shard raises another class
        return error.recast(ImageError).with_traceback(None)  # which would keep the photo in memory
