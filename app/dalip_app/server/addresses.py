"""Bind the server to its address and port, and list the addresses under which others reach it."""

import os
import socket
from contextlib import suppress
from ipaddress import ip_address

from dalip.errors import ServerError, first_line

__all__ = ["addresses", "bind", "is_loopback", "lan_address"]

# Addresses that are reserved for documentation, so that no computer has them.
_UNUSED = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def is_loopback(host: str) -> bool:
    """Say whether only this computer can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """Take the address before the slow work starts, so that a port that is taken is known at once.

    Args:
        host: A name or address of this computer.
        port: 0 for any free one.

    Raises:
        ServerError: The address is taken, forbidden, or not of this computer.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        cause = error.strerror or first_line(error)
        raise ServerError("cannot-listen", source=f"{host}:{port}", cause=cause) from error
    return taken


def lan_address(family: int = socket.AF_INET) -> str:
    """Give the address by which other devices of the network reach this computer; empty where there is none.

    Args:
        family: `socket.AF_INET`, or `socket.AF_INET6`.
    """
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_UNUSED[socket.AddressFamily(family)], 9))  # chooses a way there, and sends nothing
        found = ip_address(probe.getsockname()[0])
        if not (found.is_loopback or found.is_unspecified or found.is_link_local):
            return str(found)
    return ""


def addresses(host: str) -> list[str]:
    """List the addresses at which a server answers: first the one for this computer, then those for others.

    Args:
        host: What it was told to listen on.
    """
    if host == "0.0.0.0":
        found = ["127.0.0.1", lan_address()]
    elif host == "::":
        found = ["::1", lan_address(socket.AF_INET6)]
    else:
        found = [host]
    return [address for address in found if address]
