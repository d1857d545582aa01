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
"""A photo: a path, the bytes of an image file, an image, or a function that returns one of these."""

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(function: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[tuple[T, R]]:
    """Run a function on items ahead of the consumer, in as many threads as there are processors.

    Args:
        function: Takes an item; an exception that it raises is raised in place of its result.
        items: Consumed one by one as they are needed.
        ahead: How many results may wait, in addition to those in progress.

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
