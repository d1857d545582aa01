"""Download photos from the web into a folder, a few at a time; a rerun resumes."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path

import httpx

from dalip.datasets.photo_location import MAX_PHOTO_BYTES, FilePart, Item, WebPhoto
from dalip.errors import DataError, first_line
from dalip.progress import Progress, no_progress

__all__ = ["fetch", "without_web"]

_AT_ONCE = 4
_TRIES = 4
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 120.0  # seconds
_TIMEOUT = httpx.Timeout(30.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""What a server answers that may answer better later."""


def fetch(
    items: Sequence[Item],
    folder: Path,
    fault: Callable[[str], None],
    progress: Progress = no_progress,
) -> list[Item]:
    """Fetch the photos that are on the web.

    Args:
        items: All that is packed; those that lie on the disk stay as they are.
        folder: Keeps each photo under a name made of its address; what is there is not fetched again.
        fault: Takes a line about each photo that cannot be had.
        progress: Hears what is done, of how many addresses, and how many there are.

    Returns:
        The items whose photos are on the disk now, in their order.

    Raises:
        DataError: The folder cannot be written to.
    """
    addresses = list(dict.fromkeys(i.place.url for i in items if isinstance(i.place, WebPhoto)))
    if not addresses:
        return list(items)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); name another folder") from error
    results: dict[str, Path | str] = {}
    headers = {
        "User-Agent": f"DALIP/{version('dalip')} (plant photos for a flora of one's own; dalip data pack)"
    }
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        with httpx.Client(
            headers=headers, timeout=_TIMEOUT, follow_redirects=True, max_redirects=5
        ) as client:
            waiting = [(url, pool.submit(_fetched, client, url, folder)) for url in addresses]
            for done, (url, answer) in enumerate(waiting, 1):
                results[url] = answer.result()
                progress("photos fetched", done, len(addresses))
    finally:
        # After Ctrl-C what was not begun is not fetched.
        pool.shutdown(cancel_futures=True)
    return [kept for item in items if (kept := _on_disk(item, results, fault))]


def without_web(items: Sequence[Item], fault: Callable[[str], None]) -> list[Item]:
    """Leave out the photos that would have to be fetched, and say how many each source has of them."""
    left = Counter(
        i.where.rpartition(", line ")[0] or i.where for i in items if isinstance(i.place, WebPhoto)
    )
    for source, count in left.items():
        fault(
            f"{source}: {count} photos are on the web; fetch them with --download, or name their folder with --photos"
        )
    return [item for item in items if not isinstance(item.place, WebPhoto)]


def _on_disk(item: Item, results: dict[str, Path | str], fault: Callable[[str], None]) -> Item | None:
    if not isinstance(item.place, WebPhoto):
        return item
    result = results[item.place.url]
    if isinstance(result, str):
        fault(f"{item.where}: {item.place.url[:200]} {result}")
        return None
    return replace(item, place=FilePart(result))


def _fetched(client: httpx.Client, url: str, folder: Path) -> Path | str:
    """Fetch one photo; give its file, or what is wrong in words that follow its address."""
    path = folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    if path.is_file():
        return path
    wrong = ""
    for attempt in range(_TRIES):
        wait = _FIRST_WAIT * 2**attempt
        try:
            with client.stream("GET", url) as answer:
                if answer.is_success:
                    return _keep(answer, path)
                wrong = f"answers {answer.status_code}; look whether the address is right"
                if answer.status_code not in _AGAIN:
                    return wrong
                wait = max(wait, _asked_wait(answer.headers.get("Retry-After", "")))
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects, UnicodeError) as error:
            return f"cannot be fetched ({first_line(error)}); correct the address"
        except httpx.HTTPError as error:
            wrong = f"cannot be fetched ({first_line(error)}); run the command again later"
        except OSError as error:
            return f"cannot be kept ({error.strerror}); make room in {folder}"
        if wait > _LONGEST_WAIT:
            return f"asks to wait for {wait:.0f} seconds; run the command again later"
        if attempt + 1 < _TRIES:
            time.sleep(wait)
    return wrong


def _keep(answer: httpx.Response, path: Path) -> Path | str:
    """Write a photo under a draft's name first, so that what bears the right one is whole."""
    if answer.url.scheme not in ("http", "https"):
        return "leads away from the web; correct the address"
    draft = path.with_suffix(".part")
    size = 0
    try:
        with draft.open("wb") as file:
            for part in answer.iter_bytes(65536):
                size += len(part)
                if size > MAX_PHOTO_BYTES:
                    return f"has over {MAX_PHOTO_BYTES // 10**6} MB, more than any photo"
                file.write(part)
        if not size:
            return "is empty; correct the address"
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _asked_wait(said: str) -> float:
    """Read how many seconds a server asks to wait: a number, or a date."""
    try:
        return max(float(said), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
