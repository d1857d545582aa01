"""Download photos from the web into a folder, a few at a time; a rerun resumes where it stopped."""

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path

import httpx

from dalip.datasets.photo_location import MAX_PHOTO_BYTES, FilePart, WebPhoto
from dalip.datasets.record import Record
from dalip.datasets.report import Report
from dalip.errors import DataError, first_line
from dalip.files import atomic_write
from dalip.progress import Progress, no_progress

__all__ = ["fetch", "without_web"]

_AT_ONCE = 4
_TRIES = 4
_LONGEST_WAIT = 120.0  # seconds
_TIMEOUT = httpx.Timeout(30.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP status codes for which a retry may succeed."""


def fetch(
    records: Sequence[Record],
    folder: Path,
    report: Report,
    progress: Progress = no_progress,
    *,
    first_wait: float = 1.0,
) -> list[Record]:
    """Download the photos that are on the web.

    Args:
        records: All records to pack; those with photos on disk are returned unchanged.
        folder: Stores each photo under a name derived from its address; existing files are not downloaded again.
        report: Receives each photo that cannot be downloaded.
        progress: Called with "photos fetched" after each address.
        first_wait: Seconds to wait before the first retry; the wait doubles with each retry.

    Returns:
        The records whose photos are on disk now, in the same order.

    Raises:
        DataError: The folder cannot be written to.
    """
    places = [record.location for record in records]
    addresses = list(dict.fromkeys(place.url for place in places if isinstance(place, WebPhoto)))
    if not addresses:
        return list(records)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError("download-folder", source=folder, cause=error.strerror) from error
    results: dict[str, Path | DataError] = {}
    headers = {"User-Agent": f"DALIP/{version('dalip')} (plant photos for a personal flora; dalip data pack)"}
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        with httpx.Client(
            headers=headers, timeout=_TIMEOUT, follow_redirects=True, max_redirects=5
        ) as client:
            waiting = [(url, pool.submit(_fetched, client, url, folder, first_wait)) for url in addresses]
            for done, (url, answer) in enumerate(waiting, 1):
                results[url] = answer.result()
                progress("photos fetched", done, len(addresses))
    finally:
        # After Ctrl-C, downloads that have not started are cancelled.
        pool.shutdown(cancel_futures=True)
    return [kept for record in records if (kept := _on_disk(record, results, report))]


def without_web(records: Sequence[Record], report: Report) -> list[Record]:
    """Skip the photos that would have to be downloaded, and report their number for each source."""
    on_web = [record for record in records if isinstance(record.location, WebPhoto)]
    left = Counter(record.where.rpartition(", line ")[0] or record.where for record in on_web)
    for source, count in left.items():
        report.skip(source, "photos-on-web", number=count)
    return [record for record in records if not isinstance(record.location, WebPhoto)]


def _on_disk(record: Record, results: dict[str, Path | DataError], report: Report) -> Record | None:
    if not isinstance(record.location, WebPhoto):
        return record
    result = results[record.location.url]
    if isinstance(result, DataError):
        report.skip_for(record.where, result.about(record.location.url[:200]))
        return None
    return replace(record, location=FilePart(result))


def _fetched(client: httpx.Client, url: str, folder: Path, first_wait: float) -> Path | DataError:
    """Download one photo and return its file, or the error."""
    path = folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    if path.is_file():
        return path
    wrong = DataError("download-empty")
    for attempt in range(_TRIES):
        wait = first_wait * 2**attempt
        try:
            with client.stream("GET", url) as answer:
                if answer.is_success:
                    return _keep(answer, path)
                wrong = DataError("download-answer", status=str(answer.status_code))
                if answer.status_code not in _AGAIN:
                    return wrong
                wait = max(wait, _asked_wait(answer.headers.get("Retry-After", "")))
        except DataError as error:
            return error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects, UnicodeError) as error:
            return DataError("download-address", cause=first_line(error))
        except httpx.HTTPError as error:
            wrong = DataError("download-failed", cause=first_line(error))
        except OSError as error:
            return DataError("download-not-kept", cause=error.strerror, folder=folder)
        if wait > _LONGEST_WAIT:
            return DataError("download-wait", seconds=round(wait))
        if attempt + 1 < _TRIES:
            time.sleep(wait)
    return wrong


def _keep(answer: httpx.Response, path: Path) -> Path:
    """Write a photo atomically.

    Raises:
        DataError: It is empty, too large to be a photo, or neither from http nor https.
    """
    if answer.url.scheme not in ("http", "https"):
        raise DataError("download-elsewhere")
    size = 0
    with atomic_write(path) as draft:
        with draft.open("wb") as file:
            for part in answer.iter_bytes(65536):
                size += len(part)
                if size > MAX_PHOTO_BYTES:
                    raise DataError("photo-file-too-large", million=MAX_PHOTO_BYTES // 10**6)
                file.write(part)
        if not size:
            raise DataError("download-empty")
    return path


def _asked_wait(said: str) -> float:
    """Return how many seconds a server asks to wait, from a number or a date."""
    try:
        return max(float(said), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
