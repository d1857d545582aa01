"""Bind the server to its host and port, and list the addresses at which it can be reached."""

import os
import socket
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network

from dalip.errors import ServerError, first_line

__all__ = ["addresses", "bind", "is_loopback", "lan_address", "network_of", "within"]

# Reserved for documentation, so no computer has these addresses.
_UNUSED = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def is_loopback(host: str) -> bool:
    """Return whether only this computer can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def network_of(address: str) -> str:
    """Return what stands for one visitor: an IPv4 address, or the /64 network of an IPv6 address.

    Args:
        address: Address of a client; anything else is returned unchanged.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


def within(address: str, networks: str) -> bool:
    """Return whether an address belongs to one of some networks.

    Args:
        address: Address of a client.
        networks: Addresses and networks such as `10.0.0.0/8`, separated by commas; empty for none.

    Raises:
        ValueError: One of the networks is not an address or a network.
    """
    found = [ip_network(one.strip(), strict=False) for one in networks.split(",") if one.strip()]
    try:
        inside = ip_address(address)
    except ValueError:
        return False
    return any(inside in network for network in found)


def bind(host: str, port: int) -> socket.socket:
    """Bind the address before the slow start-up work, so that a port already in use is reported immediately.

    Args:
        host: A name or address of this computer.
        port: Port number; 0 for any free port.

    Raises:
        ServerError: The address is in use, not permitted, or does not belong to this computer.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        if os.name == "posix":  # on other systems this option would let two servers share a port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        cause = error.strerror or first_line(error)
        raise ServerError("cannot-listen", source=f"{host}:{port}", cause=cause) from error
    return taken


def lan_address(family: int = socket.AF_INET) -> str:
    """Return the address of this computer in the local network; an empty string if there is none.

    Args:
        family: `socket.AF_INET` or `socket.AF_INET6`.
    """
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_UNUSED[socket.AddressFamily(family)], 9))  # selects a route without sending anything
        found = ip_address(probe.getsockname()[0])
        if not (found.is_loopback or found.is_unspecified or found.is_link_local):
            return str(found)
    return ""


def addresses(host: str) -> list[str]:
    """List the addresses of a server: first the one for this computer, then those for other devices.

    Args:
        host: Host that the server listens on.
    """
    if host == "0.0.0.0":
        found = ["127.0.0.1", lan_address()]
    elif host == "::":
        found = ["::1", lan_address(socket.AF_INET6)]
    else:
        found = [host]
    return [address for address in found if address]
