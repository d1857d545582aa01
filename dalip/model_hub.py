"""Model hub: look up, download and upload repositories on Hugging Face, or on a server like it (`HF_ENDPOINT`)."""

import hashlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dalip.disk import is_write_fault, write_fault
from dalip.errors import HubError, first_line
from dalip.files import hold_lock
from dalip.progress import Progress, no_progress

__all__ = ["Repository", "download", "licence_in", "look_up", "upload"]

_CONNECT_SECONDS = 3.0
"""How long a connection to the hub may take before it counts as unreachable, name resolution included."""

_ANSWER_SECONDS = 10.0
"""How long the hub may then take to answer."""

_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = 64
"""Length of the entity tag of a large file, which is its SHA-256."""

_OF_A_MODEL = (
    "manifest.json",
    "*.onnx",
    "*.onnx.data",
    "open_clip_*",
    "tokenizer.json",
    "config.json",
    "dalip.json",
)
"""Files of the models that `upload` may find in a repository."""

T = TypeVar("T")


@dataclass(frozen=True)
class Repository:
    """One revision of a repository."""

    name: str
    """`ORG/REPO`."""
    revision: str
    """Hash of the commit."""
    files: dict[str, int]
    """Size of each file in bytes, by its path in the repository."""
    licence: str
    """Identifier of the licence in the model card, such as `mit`; empty if there is none."""
    cached: bool
    """Whether the hub was not asked, so that only files downloaded before can be used."""


def look_up(name: str) -> Repository:
    """Look up the newest revision of a repository; if the hub cannot be reached, the one downloaded before.

    Args:
        name: `ORG/REPO`.

    Raises:
        HubError: There is no such repository, it is not accessible, or the hub cannot be reached and nothing was
            downloaded before.
    """
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        return _downloaded(name, "HF_HUB_OFFLINE is set")
    try:
        _within(_CONNECT_SECONDS, _connect)
        info = _api().model_info(name, files_metadata=True, timeout=_ANSWER_SECONDS)
    except Exception as error:  # the client and the system may raise anything
        refusal = _refusal(name, error)
        if refusal.kind != "hub-unreachable":
            raise refusal from error
        return _downloaded(name, str(refusal.facts["cause"]))
    return Repository(
        name,
        info.sha,
        {file.rfilename: file.size or 0 for file in info.siblings or ()},
        _licence(info.card_data.to_dict() if info.card_data else {}),
        cached=False,
    )


def download(repository: Repository, names: Iterable[str], progress: Progress = no_progress) -> Path:
    """Download files of a repository into the cache that other programs share (`HF_HOME`).

    A download that is interrupted resumes after the last 10 MB that the client has written. Files that are already
    there are not downloaded again.

    Args:
        repository: The repository.
        names: Paths in it.
        progress: Called with "download", the number of megabytes that are there, and the total.

    Returns:
        The folder that contains the files.

    Raises:
        HubError: A file cannot be downloaded.
    """
    from huggingface_hub import constants, hf_hub_download

    wanted = list(names)
    total = sum(repository.files[name] for name in wanted)
    done, folder = 0, Path()
    for name in wanted:

        def told(here: int, before: int = done) -> None:
            progress("download (MB)", (before + here) // 1_000_000, total // 1_000_000)

        try:
            if not repository.cached:
                _fetch(repository, name, told)
            path = hf_hub_download(
                repository.name, name, endpoint=_endpoint(), local_files_only=repository.cached
            )
        except HubError:
            raise
        except Exception as error:
            if is_write_fault(error):
                raise write_fault(Path(constants.HF_HUB_CACHE), error) from error
            if isinstance(error, OSError) and error.errno is not None and not hasattr(error, "response"):
                raise  # the disk, not the hub
            raise _refusal(f"{repository.name}: {name}", error, "hub-interrupted") from error
        done += repository.files[name]
        folder = Path(path).parents[len(Path(name).parts) - 1]
    return folder


def _fetch(repository: Repository, name: str, told: Callable[[int], None]) -> None:
    """Put a file into the client's cache.

    The client itself resumes a download only while its process lives, and deletes what it has when it gives up.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(repository.name, name, revision=repository.revision, endpoint=_endpoint())
    headers = build_hf_headers(library_name="dalip")
    known = get_hf_file_metadata(url, headers=headers, endpoint=_endpoint())
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository.name, repo_type="model")
    if not _ETAG.fullmatch(known.etag or ""):  # it becomes a file name
        raise HubError("hub-odd", source=f"{repository.name}: {name}", endpoint=_endpoint() or _HUB)
    blob = folder / "blobs" / str(known.etag)
    if blob.exists():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.dalip-part")
    with hold_lock(part.with_suffix(".dalip-lock"), lambda pid: HubError("hub-busy", source=name, pid=pid)):
        with part.open("ab") as file:
            if known.size is not None and file.tell() > known.size:
                file.truncate(0)
            if file.tell() != known.size:
                http_get(
                    url,
                    file,
                    resume_size=file.tell(),
                    headers=headers,
                    expected_size=known.size,
                    tqdm_class=_counter(told),
                )
        if len(blob.name) == _SHA256 and _sha256(part) != blob.name:
            part.unlink()
            raise HubError("hub-file-damaged", source=f"{repository.name}: {name}")
        part.replace(blob)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def upload(folder: Path, name: str, *, private: bool = False, message: str = "Upload the model") -> str:
    """Upload the files of a folder, as one commit, to a repository that is created if it does not exist.

    Args:
        folder: Its files are uploaded.
        name: `ORG/REPO`.
        private: Whether a new repository is visible only to its owners.
        message: The message of the commit.

    Returns:
        The address of the repository.

    Raises:
        HubError: The user is not logged in or may not write to the repository, or the hub cannot be reached.
    """
    try:
        api = _api()
        address = api.create_repo(name, private=private, exist_ok=True)
        # A repository has one model: what another format or version left there is deleted.
        api.upload_folder(
            repo_id=name, folder_path=folder, commit_message=message, delete_patterns=list(_OF_A_MODEL)
        )
    except Exception as error:
        raise _refusal(name, error, "hub-unreachable") from error
    return str(address)


def _downloaded(name: str, cause: str) -> Repository:
    """Return the revision of a repository that was downloaded before."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=["README.md"]))
    except (LocalEntryNotFoundError, HFValidationError):
        raise HubError("hub-unreachable", source=name, endpoint=_endpoint() or _HUB, cause=cause) from None
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
    return Repository(name, folder.name, files, licence_in(folder), cached=True)


def licence_in(folder: Path) -> str:
    """Return the licence that the model card in a folder states; empty if there is none."""
    from huggingface_hub import ModelCard

    try:
        return _licence(ModelCard.load(folder / "README.md").data.to_dict())
    except Exception:  # no card, or not YAML
        return ""


def _licence(card: dict[str, Any]) -> str:
    found = card.get("license_name") or card.get("license") or ""
    return found if isinstance(found, str) else ", ".join(map(str, found))


_HUB = "https://huggingface.co"


def _endpoint() -> str | None:
    """Return the address of another hub, if one is set."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _connect() -> None:
    """Open and close a connection to the hub or to the proxy for it.

    Raises:
        OSError: It cannot be reached.
    """
    from urllib.request import getproxies, proxy_bypass

    target = urlsplit(_endpoint() or _HUB)
    if not target.hostname or target.scheme not in ("http", "https"):
        raise OSError(f"'{_endpoint()}' is not an address such as {_HUB}")
    proxy = "" if proxy_bypass(target.hostname) else getproxies().get(target.scheme, "")
    place = urlsplit(proxy) if proxy else target
    port = place.port or (443 if place.scheme == "https" else 80)
    socket.create_connection((place.hostname or "", port), timeout=_CONNECT_SECONDS).close()


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint(), library_name="dalip")


def _refusal(source: str, error: Exception, otherwise: str = "hub-unreachable") -> HubError:
    """Turn an error of the client into ours."""
    from huggingface_hub import errors

    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    facts: dict[str, Any] = {"endpoint": _endpoint() or _HUB, "cause": first_line(error)}
    if isinstance(error, errors.HFValidationError):
        return HubError("hub-name-malformed", source=source)
    if isinstance(error, errors.GatedRepoError):
        return HubError("hub-gated", source=source, **facts)
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return HubError("hub-file-missing", source=source)
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return HubError("hub-not-found", source=source, status=status, **facts)
    if isinstance(error, errors.LocalEntryNotFoundError):
        return HubError("hub-not-downloaded", source=source, **facts)
    if isinstance(error, (ValueError, TypeError, KeyError, AttributeError, errors.FileMetadataError)):
        return HubError("hub-odd", source=source, **facts)
    return HubError("hub-failed" if status else otherwise, source=source, **facts)


class _Counter:
    """What the client uses as its progress bar: draws nothing, but reports the bytes of the file that are there."""

    told: Callable[[int], None]

    def __init__(self, *_: object, initial: int | None = 0, total: int | None = None, **__: object) -> None:
        self.n, self.total = initial or 0, total

    def update(self, n: float | None = 1) -> None:
        self.n += int(n or 0)
        self.told(self.n)

    def refresh(self, *_: object, **__: object) -> None: ...

    set_postfix_str = close = refresh

    def __enter__(self) -> "_Counter":
        return self

    def __exit__(self, *_: object) -> None: ...


def _counter(told: Callable[[int], None]) -> Any:
    """Return a class whose instances call `told` after each change."""
    return type("Counter", (_Counter,), {"told": staticmethod(told)})


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Call a function that may block for long, such as name resolution, and give up after some seconds.

    Raises:
        TimeoutError: It took longer.
        Exception: What the function raises.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return results[0]
