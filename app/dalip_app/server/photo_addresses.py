"""Download photos whose addresses a client sends, without giving it access to the network of the server (SSRF)."""

import time
from collections.abc import Sequence
from contextlib import closing

import httpx
from anyio import to_thread
from starlette.exceptions import HTTPException

from dalip import __version__
from dalip.errors import DataError
from dalip.web_client import WEB_FAULTS, WebClient

__all__ = ["Download"]

_PORTS = {"http": 80, "https": 443}
_SECONDS = 20.0  # for all photos of a request
_HEADERS = {"User-Agent": f"DALIP/{__version__}", "Accept": "image/*", "Accept-Encoding": "identity"}
_NOT_PUBLIC = "the address is not on the public internet"


class Download:
    """Downloads photos from public addresses, not through a proxy; redirects are refused."""

    def __init__(self, *, private: bool = False, any_port: bool = False) -> None:
        """Set what may be downloaded.

        Args:
            private: Whether the server may connect to addresses that are not public.
            any_port: Whether it may connect to other ports than 80 and 443.
        """
        self._private, self._any_port = private, any_port

    async def photos(self, addresses: Sequence[str], most: int, seconds: float = _SECONDS) -> list[bytes]:
        """Download photos, one after the other.

        Args:
            addresses: `https:` or `http:` addresses.
            most: Maximum size of all photos together in bytes.
            seconds: Maximum time for all photos.

        Raises:
            HTTPException: A photo is not allowed, too large, too slow, or cannot be downloaded.
        """
        return await to_thread.run_sync(self._photos, addresses, most, seconds)

    def _photos(self, addresses: Sequence[str], most: int, seconds: float) -> list[bytes]:
        found: list[bytes] = []
        deadline = time.monotonic() + seconds
        with closing(WebClient(_HEADERS, seconds=seconds, private=self._private, proxies=False)) as client:
            for number, address in enumerate(addresses, 1):
                try:
                    found.append(self._photo(client, address, most - sum(map(len, found)), deadline))
                except DataError as error:
                    slow = error.kind == "download-slow"
                    reason = f"it was not downloaded within {seconds:g} s" if slow else _NOT_PUBLIC
                    raise _refused(number, reason) from None
                except ValueError as error:
                    raise _refused(number, str(error)) from None
                except (*WEB_FAULTS, httpx.InvalidURL, OSError):
                    raise _refused(number, "the address cannot be reached") from None
        return found

    def _photo(self, client: WebClient, address: str, most: int, deadline: float) -> bytes:
        """Download a photo.

        Raises:
            ValueError: It is not allowed or too large, or the other server refuses.
        """
        url = httpx.URL(address)
        if url.scheme not in _PORTS or not url.host or url.userinfo:
            raise ValueError("only http and https addresses without a login are allowed")
        if url.port not in (None, *_PORTS.values()) and not self._any_port:
            raise ValueError("only the ports 80 and 443 are allowed")
        with client.get(url, deadline) as answer:
            if 300 <= answer.status < 400:
                raise ValueError("the address redirects to another one; send that one")
            if answer.status != 200:
                raise ValueError(f"the other server answered with status {answer.status}")
            content = bytearray()
            for part in answer.iter_stream():
                content += part
                if len(content) > most:
                    raise ValueError("the photos are larger than 50 MB")
            return bytes(content)


def _refused(number: int, reason: str) -> HTTPException:
    return HTTPException(400, f"image {number}: {reason}")
