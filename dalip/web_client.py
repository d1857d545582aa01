"""`WebClient`: fetch from the web, from public addresses only, with a limit on the total time of each request."""

import ipaddress
import socket
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from dalip.errors import DataError, first_line
from dalip.files import printable

__all__ = ["WEB_FAULTS", "WebClient"]

WEB_FAULTS = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)
"""Failures of a request that may succeed later."""

_IDLE = 30.0
"""Seconds to wait for a connection, or for the next bytes."""

_EMBEDDED = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of this network lead to the IPv4 address in their last 32 bits (NAT64, RFC 6052)."""

_NOT_PUBLIC = (
    ipaddress.ip_network("168.63.129.16/32"),  # internal services of Azure; the address looks public
    ipaddress.ip_network("192.88.99.0/24"),  # relays to IPv6 (RFC 7526)
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 inside a network (RFC 8215)
    ipaddress.ip_network("::/96"),  # old form of IPv4 addresses in IPv6
)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WebClient:
    """Sends GET requests, without following redirects; threads may share it."""

    def __init__(
        self, headers: Mapping[str, str], *, seconds: float, private: bool = False, proxies: bool = True
    ) -> None:
        """Prepare connections.

        Args:
            headers: Sent with each request.
            seconds: How long a photo may take, for messages.
            private: Whether addresses that are not public may be reached: this computer, local networks, multicast.
            proxies: Whether to use the proxies that the environment names.
        """
        self._headers = [*headers.items()]
        self._private, self._uses_proxies = private, proxies
        self.stopped = threading.Event()
        """Set it to end all requests soon."""
        self._clock = _Clock(self.stopped, seconds)
        self._tls = httpx.create_ssl_context()
        self._direct = httpcore.ConnectionPool(
            ssl_context=self._tls, max_connections=None, network_backend=_Network(self._clock, private)
        )
        self._proxies: dict[str, httpcore.HTTPProxy] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        for pool in (self._direct, *self._proxies.values()):
            pool.close()

    @contextmanager
    def get(self, url: httpx.URL, deadline: float) -> Iterator[httpcore.Response]:
        """Send a request, and close the connection at the end of the block unless the answer was read completely.

        Args:
            url: http or https.
            deadline: When the answer must have been read, as `time.monotonic`.

        Raises:
            DataError: The address is not public, the time is over, or the proxy is unsuitable. The rest of the block
                raises it too, if it reads for too long.
        """
        self._clock.deadline = deadline
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        waits = dict.fromkeys(("connect", "read", "write", "pool"), _IDLE)
        with self._pool_for(url).stream(
            "GET", target, headers=self._headers, extensions={"timeout": waits}
        ) as answer:
            yield answer

    def _pool_for(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxies = urllib.request.getproxies() if self._uses_proxies else {}
        proxy = proxies.get(url.scheme) or proxies.get("all")
        if not proxy or urllib.request.proxy_bypass(f"{url.host}:{url.port}" if url.port else url.host):
            return self._direct
        # The proxy connects, so what is checked here is only what this computer knows about the host.
        with suppress(OSError):
            _addresses(url.host, 0, self._private)
        with self._lock:
            if proxy not in self._proxies:
                self._proxies[proxy] = self._through(proxy)
            return self._proxies[proxy]

    def _through(self, proxy: str) -> httpcore.HTTPProxy:
        try:
            address = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
        except (ValueError, httpx.InvalidURL) as error:
            raise DataError("download-proxy", cause=first_line(error)) from error
        if address.url.scheme not in ("http", "https"):
            raise DataError("download-proxy", cause=printable(address.url.scheme))
        return httpcore.HTTPProxy(
            proxy_url=httpcore.URL(
                scheme=address.url.raw_scheme, host=address.url.raw_host, port=address.url.port, target=b"/"
            ),
            proxy_auth=address.raw_auth,
            ssl_context=self._tls,
            max_connections=None,
            network_backend=_Network(self._clock, private=True),
        )


class _Clock(threading.local):
    """When the request of this thread must be complete."""

    def __init__(self, stopped: threading.Event, seconds: float) -> None:  # called again in each thread
        self._stopped, self._seconds, self.deadline = stopped, seconds, float("inf")

    @contextmanager
    def step(self, idle: float | None) -> Iterator[float]:
        """Give the next step the seconds that it may take.

        Raises:
            DataError: The time is over.
        """
        try:
            yield min(self._left(), _IDLE if idle is None else idle)
        finally:
            self._left()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0 or self._stopped.is_set():
            raise DataError("download-slow", seconds=round(self._seconds))
        return left


class _Network(httpcore.NetworkBackend):
    """Connects to the address that was checked, so that a second answer of the name server cannot change it."""

    def __init__(self, clock: _Clock, private: bool) -> None:
        self._clock, self._private = clock, private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers."""
        try:
            addresses = _addresses(host, port, self._private)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error.strerror or error}") from error
        failure: Exception = httpcore.ConnectError(host)
        for address in addresses:
            try:
                with self._clock.step(timeout) as limit:
                    stream = self._plain.connect_tcp(address, port, limit, local_address, socket_options)
                return _Stream(stream, self._clock)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection on which no step lasts longer than the request may."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived."""
        with self._clock.step(timeout) as limit:
            return self._stream.read(max_bytes, limit)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""
        with self._clock.step(timeout) as limit:
            self._stream.write(buffer, limit)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt the connection."""
        with self._clock.step(timeout) as limit:
            return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """Return a fact about the connection."""
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, private: bool) -> list[str]:
    """Look up the addresses of a host.

    Raises:
        OSError: The host is unknown.
        DataError: One of its addresses is not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(first_line(error)) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not (private or _is_public(ipaddress.ip_address(address.partition("%")[0]))):
            raise DataError("download-private", host=printable(host), address=address)
    return addresses


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _EMBEDDED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return _is_public(inner)
        if address.teredo or address.is_site_local:
            return False
    inside = any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    return address.is_global and not (address.is_multicast or address.is_reserved or inside)
