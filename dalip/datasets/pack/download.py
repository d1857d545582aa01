"""Download photos from the web into a folder, a few at a time; a rerun resumes where it stopped."""

import hashlib
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from itertools import chain, zip_longest
from pathlib import Path

import httpcore
import httpx

from dalip.datasets.photo_location import MAX_PHOTO_BYTES, FilePart, WebPhoto
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.errors import DataError, first_line
from dalip.files import atomic_write
from dalip.progress import Progress, no_progress
from dalip.web_client import WEB_FAULTS, WebClient

__all__ = ["DownloadSettings", "fetch", "without_web"]

_AT_ONCE, _AT_ONCE_A_HOST = 8, 4
_TRIES = 4
_LONGEST_WAIT = 120.0  # seconds
_REDIRECTS = 5
_HOST_FAULTS = 10
"""After so many photos in a row that a host did not deliver in time, its other photos are not tried."""

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP status codes for which a retry may succeed."""

_HEADERS = {
    "User-Agent": f"DALIP/{version('dalip')} (plant photos for a personal flora; dalip data pack)",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",  # photos are compressed already
}
_TEXTS = ("text/", "application/json", "application/xml", "application/xhtml")
_STEP = 65536


@dataclass(frozen=True)
class DownloadSettings:
    """What `fetch` may do, and for how long."""

    other_hosts: bool = False
    """Whether redirects to other hosts are followed; those to the same host are always followed."""
    private_addresses: bool = False
    """Whether addresses of this computer and of local networks may be reached."""
    seconds: float = 300.0
    """The longest time for one photo, with all redirects, retries and waits."""
    max_bytes: int = MAX_PHOTO_BYTES
    """Largest photo in bytes, after decompression."""
    first_wait: float = 1.0
    """Seconds to wait before the first retry; the wait doubles with each retry."""


def fetch(
    records: Sequence[Record],
    folder: Path,
    report: Report,
    progress: Progress = no_progress,
    settings: DownloadSettings = DownloadSettings(),
) -> list[Record]:
    """Download the photos that are on the web.

    Args:
        records: All records to pack; those with photos on disk are returned unchanged.
        folder: Stores each photo under a name derived from its address; existing files are not downloaded again.
        report: Receives each photo that cannot be downloaded.
        progress: Called with "photos fetched" after each address.
        settings: Limits.

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
    pool = ThreadPoolExecutor(_AT_ONCE)
    web = WebClient(_HEADERS, seconds=settings.seconds, private=settings.private_addresses)
    with closing(web) as client:
        download = _Download(client, folder, settings)
        try:
            waiting = [(url, pool.submit(download.fetch, url)) for url in _mixed(addresses)]
            for done, (url, answer) in enumerate(waiting, 1):
                results[url] = answer.result()
                progress("photos fetched", done, len(addresses))
        finally:
            # After Ctrl-C, downloads that have not started are cancelled, and the others stop waiting.
            client.stopped.set()
            pool.shutdown(cancel_futures=True)
    return [kept for record in records if (kept := _on_disk(record, results, report))]


def without_web(records: Sequence[Record], report: Report) -> list[Record]:
    """Skip the photos that would have to be downloaded, and report their number for each source."""
    on_web = [record for record in records if isinstance(record.location, WebPhoto)]
    left = Counter(record.where.rpartition(", line ")[0] or record.where for record in on_web)
    for source, count in left.items():
        report.skip(source, "photos-on-web", number=count)
    return [record for record in records if not isinstance(record.location, WebPhoto)]


def _on_disk(record: Record, results: Mapping[str, Path | DataError], report: Report) -> Record | None:
    if not isinstance(record.location, WebPhoto):
        return record
    result = results[record.location.url]
    if isinstance(result, DataError):
        report.skip_for(record.where, result.about(record.location.url[:200]))
        return None
    return replace(record, location=FilePart(result))


def _mixed(addresses: Sequence[str]) -> list[str]:
    """Order addresses so that those of one host do not follow each other, if there are others."""
    hosts: dict[str, list[str]] = defaultdict(list)
    for address in addresses:
        hosts[WebPhoto(address).origin].append(address)
    return [address for address in chain.from_iterable(zip_longest(*hosts.values())) if address]


class _Again(Exception):  # noqa: N818
    """A download that may succeed later."""

    def __init__(self, error: DataError, wait: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.wait = error, wait


@dataclass
class _Host:
    """What is known about a host."""

    turn: threading.Semaphore = field(default_factory=partial(threading.Semaphore, _AT_ONCE_A_HOST))
    faults: int = 0
    """Photos in a row for which there was no answer."""


class _Download:
    """Downloads single photos; shared by threads."""

    def __init__(self, client: WebClient, folder: Path, settings: DownloadSettings) -> None:
        self._client, self._folder, self._settings = client, folder, settings
        self._hosts: dict[str, _Host] = defaultdict(_Host)
        self._lock = threading.Lock()

    def fetch(self, url: str) -> Path | DataError:
        """Download one photo and return its file, or the error."""
        path = self._folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        if path.is_file():
            return path
        with self._lock:
            host = self._hosts[WebPhoto(url).origin]
        with host.turn:
            if host.faults >= _HOST_FAULTS:
                return DataError("download-host", number=_HOST_FAULTS)
            result = self._tried(url, path)
        silent = isinstance(result, DataError) and result.kind in ("download-slow", "download-failed")
        host.faults = host.faults + 1 if silent else 0
        return result

    def _tried(self, url: str, path: Path) -> Path | DataError:
        try:
            return self._retried(url, path)
        except DataError as error:
            return error
        except (httpcore.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
            return DataError("download-address", cause=first_line(error))
        except OSError as error:
            return DataError("download-not-kept", cause=error.strerror, folder=self._folder)

    def _retried(self, url: str, path: Path) -> Path:
        deadline = time.monotonic() + self._settings.seconds
        for attempt in range(_TRIES):
            try:
                return self._followed(httpx.URL(url), path, deadline)
            except _Again as again:
                wait = max(self._settings.first_wait * 2**attempt, again.wait)
                if wait > min(_LONGEST_WAIT, deadline - time.monotonic()):
                    if again.wait:
                        raise DataError("download-wait", seconds=round(wait)) from again
                    raise again.error from again
                if attempt + 1 == _TRIES or self._client.stopped.wait(wait):
                    raise again.error from again
        raise AssertionError

    def _followed(self, url: httpx.URL, path: Path, deadline: float) -> Path:
        """Follow redirects to the photo, as far as they are allowed.

        Raises:
            DataError: There are too many, or one leads elsewhere.
            _Again: The server may answer later.
        """
        for _ in range(_REDIRECTS + 1):
            if url.scheme not in ("http", "https") or not url.host:
                raise DataError("download-elsewhere")
            try:
                with self._client.get(url, deadline) as answer:
                    headers = {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in answer.headers
                    }
                    if answer.status == 200:
                        return _keep(answer, headers, path, self._settings.max_bytes)
            except WEB_FAULTS as error:
                raise _Again(DataError("download-failed", cause=first_line(error))) from error
            if answer.status in (301, 302, 303, 307, 308) and "location" in headers:
                url = self._next(url, headers["location"])
                continue
            wrong = DataError("download-answer", status=str(answer.status))
            if answer.status in _AGAIN:
                raise _Again(wrong, _asked_wait(headers.get("retry-after", "")))
            raise wrong
        raise DataError("download-redirects", most=_REDIRECTS)

    def _next(self, url: httpx.URL, location: str) -> httpx.URL:
        following = url.join(location)
        if following.scheme not in ("http", "https"):
            raise DataError("download-elsewhere")
        same = (following.scheme, following.host, following.port) == (url.scheme, url.host, url.port)
        safer = (url.scheme, url.port, following.scheme, following.port) == ("http", None, "https", None)
        if not (same or (safer and following.host == url.host) or self._settings.other_hosts):
            raise DataError("download-redirected", address=shown(str(following)))
        return following


def _keep(answer: httpcore.Response, headers: Mapping[str, str], path: Path, most: int) -> Path:
    """Write a photo atomically.

    Raises:
        DataError: It is empty, too large to be a photo, a text, or compressed in an unknown way.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(_TEXTS):
        raise DataError("download-not-photo", content=shown(kind))
    size = 0
    with atomic_write(path) as draft:
        with draft.open("wb") as file:
            for part in _decoded(answer, headers.get("content-encoding", "").strip().lower()):
                if not size and part.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{"):
                    raise DataError("download-not-photo", content=kind or "text")
                size += len(part)
                if size > most:
                    raise DataError("photo-file-too-large", million=most // 10**6)
                file.write(part)
        if not size:
            raise DataError("download-empty")
    return path


def _decoded(answer: httpcore.Response, encoding: str) -> Iterator[bytes]:
    """Yield the content in small parts, decompressed if the server compressed it although it was asked not to."""
    if encoding in ("", "identity"):
        yield from answer.iter_stream()
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise DataError("download-encoding", encoding=shown(encoding))
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, judging by the first bytes
    try:
        for part in answer.iter_stream():
            while part:
                if unpacker.eof:
                    raise zlib.error
                yield unpacker.decompress(part, _STEP)
                part = unpacker.unconsumed_tail or unpacker.unused_data
        while not unpacker.eof:
            if not (rest := unpacker.decompress(b"", _STEP)):
                raise zlib.error
            yield rest
    except zlib.error as error:
        raise DataError("download-encoding", encoding=shown(encoding)) from error


def _asked_wait(said: str) -> float:
    """Return how many seconds a server asks to wait, from a number or a date."""
    try:
        return min(max(float(said), 0.0), 1e9)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
