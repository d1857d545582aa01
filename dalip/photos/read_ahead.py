"""Read many photos in threads, in order, with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from PIL import Image

from dalip.cpus import available_cpus

__all__ = ["PhotoSource", "map_ahead"]

Photo = Path | str | bytes | Image.Image
PhotoSource = Photo | Callable[[], Photo]
"""Where a photo is: a path, the bytes of an image file, an image, or a function that gives one of these."""

T = TypeVar("T")
R = TypeVar("R")


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
