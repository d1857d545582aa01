"""Reading many photos in threads, in order, without holding many of them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.encoder.manifest import ImageSettings
from dalip.encoder.preprocess import preprocess
from dalip.encoder.sessions import available_cpus
from dalip.errors import DalipError, ImageError
from dalip.photos.decode import open_image

__all__ = ["PhotoSource", "embed_ahead", "map_ahead"]

Photo = Path | str | bytes | Image.Image
PhotoSource = Photo | Callable[[], Photo]
"""Where a photo is: a path, the bytes of an image file, an image, or a function that gives one of these."""

S = TypeVar("S", bound=PhotoSource)
T = TypeVar("T")
R = TypeVar("R")


def embed_ahead(
    sources: Iterable[S],
    settings: ImageSettings,
    batch_size: int,
    embed: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> Iterator[tuple[S, NDArray[np.float32] | ImageError]]:
    """Run something on photos, which are read in threads meanwhile, at most a few batches ahead.

    Args:
        sources: Where the photos are; taken one by one as they are needed.
        settings: How they are prepared.
        batch_size: Photos to embed at once, 1 or more.
        embed: Takes pixels, float32 (n, 3, size, size), and gives a row a photo.

    Yields:
        Each source, in order, with its row, or with the error that says why it cannot be read.
    """
    photos = map_ahead(partial(_prepare, settings=settings), sources, 2 * batch_size)
    while batch := list(islice(photos, batch_size)):
        readable = [pixels for _, pixels in batch if not isinstance(pixels, ImageError)]
        rows = iter(embed(np.stack(readable)) if readable else ())
        for source, pixels in batch:
            yield source, pixels if isinstance(pixels, ImageError) else next(rows)


def map_ahead(function: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[tuple[T, R]]:
    """Run a function on items in threads, as many as there are processors, before its results are asked for.

    Args:
        function: Takes an item; what it raises is raised where its result would have come.
        items: Taken one by one as they are needed.
        ahead: How many results may wait, besides those that are being worked on.

    Yields:
        Each item, in order, with its result.
    """
    workers = available_cpus()
    waiting: deque[tuple[T, Future[R]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dalip-photo")
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > ahead + workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _prepare(source: PhotoSource, settings: ImageSettings) -> NDArray[np.float32] | ImageError:
    try:
        photo = source() if callable(source) else source
        image = photo if isinstance(photo, Image.Image) else open_image(photo, target=settings.size)
        return preprocess(image, settings)
    except ImageError as error:
        return error
    except DalipError as error:  # a record that cannot be read from its shard
        return ImageError(str(error))
