"""Reading many photos in threads, in order, without holding many of them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.encoder.images import open_image
from dalip.encoder.manifest import ImageSettings
from dalip.encoder.preprocess import preprocess
from dalip.encoder.sessions import available_cpus
from dalip.errors import DalipError, ImageError

__all__ = ["PhotoSource", "read_ahead"]

Photo = Path | str | bytes | Image.Image
PhotoSource = Photo | Callable[[], Photo]
"""Where a photo is: a path, the bytes of an image file, an image, or a function that gives one of these."""

S = TypeVar("S", bound=PhotoSource)


def read_ahead(
    sources: Iterable[S], settings: ImageSettings, batch_size: int
) -> Iterator[tuple[S, NDArray[np.float32] | ImageError]]:
    """Read and prepare photos in threads, at most two batches and a photo for each thread ahead.

    Args:
        sources: Where the photos are; taken one by one as they are needed.
        settings: The `image` section of the encoder's manifest.
        batch_size: Photos that the caller takes at once.

    Yields:
        Each source, in order, with its pixels (3, size, size) float32, or with the error that says why not.
    """
    workers = available_cpus()
    ahead = 2 * batch_size + workers
    waiting: deque[tuple[S, Future[NDArray[np.float32] | ImageError]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dalip-photo")
    try:
        for source in sources:
            waiting.append((source, pool.submit(_prepare, source, settings)))
            if len(waiting) > ahead:
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
