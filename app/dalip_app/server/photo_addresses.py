"""Download photos whose addresses a client sends, without giving it access to the network of the server (SSRF)."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx
from starlette.exceptions import HTTPException

from dalip import __version__

__all__ = ["Download", "is_public"]

_PORTS = {"http": 80, "https": 443}
_SECONDS = 20.0  # for all photos of a request
_HEADERS = {"User-Agent": f"DALIP/{__version__}", "Accept": "image/*", "Accept-Encoding": "identity"}
_NAT64 = ip_network("64:ff9b::/96")
_Address = IPv4Address | IPv6Address


def is_public(address: _Address) -> bool:
    """Return whether an address is on the public internet, also if it is an IPv4 address inside an IPv6 one."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


class Download:
    """Downloads photos from public addresses; redirects are refused."""

    def __init__(self, allowed: Callable[[_Address], bool] = is_public, *, any_port: bool = False) -> None:
        """Set what may be downloaded.

        Args:
            allowed: Whether the server may connect to an address.
            any_port: Whether it may connect to other ports than 80 and 443.
        """
        self._allowed, self._any_port = allowed, any_port

    async def photos(self, addresses: Sequence[str], most: int, seconds: float = _SECONDS) -> list[bytes]:
        """Download photos, one after the other.

        Args:
            addresses: `https:` or `http:` addresses.
            most: Maximum size of all photos together in bytes.
            seconds: Maximum time for all photos.

        Raises:
            HTTPException: A photo is not allowed, too large, too slow, or cannot be downloaded.
        """
        found: list[bytes] = []
        try:
            async with asyncio.timeout(seconds), _client() as client:
                for address in addresses:
                    found.append(await self._photo(client, address, most - sum(map(len, found))))
        except TimeoutError:
            raise _refused(len(found) + 1, f"it was not downloaded within {seconds:g} s") from None
        except ValueError as error:  # also malformed addresses
            raise _refused(len(found) + 1, str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise _refused(len(found) + 1, "the address cannot be reached") from None
        return found

    async def _photo(self, client: httpx.AsyncClient, address: str, most: int) -> bytes:
        """Download a photo.

        Raises:
            ValueError: It is not allowed or too large, or the other server refuses.
        """
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        if parts.scheme not in _PORTS or not host or parts.username is not None:
            raise ValueError("only http and https addresses without a login are allowed")
        if port not in _PORTS.values() and not self._any_port:
            raise ValueError("only the ports 80 and 443 are allowed")
        reached = await self._resolved(host, port)
        # The checked address itself is used, so that a second look-up cannot lead elsewhere (DNS rebinding).
        headers = _HEADERS | {"Host": parts.netloc}
        request = client.build_request(
            "GET", _at(parts, reached, port), headers=headers, extensions={"sni_hostname": host}
        )
        answer = await client.send(request, stream=True)
        try:
            if answer.is_redirect:
                raise ValueError("the address redirects to another one; send that one")
            if answer.status_code != 200:
                raise ValueError(f"the other server answered with status {answer.status_code}")
            content = bytearray()
            async for part in answer.aiter_raw():
                content += part
                if len(content) > most:
                    raise ValueError("the photos are larger than 50 MB")
            return bytes(content)
        finally:
            await answer.aclose()

    async def _resolved(self, host: str, port: int) -> _Address:
        """Return the address of a host.

        Raises:
            ValueError: One of its addresses is not allowed.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise ValueError("the host name is malformed") from None
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not addresses or not all(map(self._allowed, addresses)):
            raise ValueError("the address is not on the public internet")
        return addresses[0]


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=10, follow_redirects=False, trust_env=False)


def _at(parts: SplitResult, address: _Address, port: int) -> str:
    """Return the URL with the address in place of the host name."""
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    return urlunsplit((parts.scheme, f"{host}:{port}", parts.path or "/", parts.query, ""))


def _refused(number: int, reason: str) -> HTTPException:
    return HTTPException(400, f"image {number}: {reason}")
