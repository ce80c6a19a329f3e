"""The addresses behind the name of a host: all of them, for a name may stand for many nodes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from transport.endpoint import Endpoint, parse_endpoint
from transport.journal import LOGGER

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_named", "resolved"]


def is_named(endpoint: str) -> bool:
    """Does it have a host whose addresses have to be looked up? (`localhost` is no such name.)

    Raises:
        EndpointError: it is malformed.
    """
    parsed = parse_endpoint(endpoint)
    return parsed.scheme == "tcp" and not parsed.numeric and parsed.host != "localhost"


async def resolved(endpoint: str) -> Sequence[str]:
    """Return the endpoints that a named one stands for at present; none where there are none.

    Of a host with both kinds of addresses those of IPv4 are taken.

    Raises:
        EndpointError: it is malformed.
    """
    parsed = parse_endpoint(endpoint)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            parsed.host, parsed.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        LOGGER.warning("%s stands for no address: %s", endpoint, error)
        return ()
    by_ipv4 = [entry for entry in found if entry[0] == socket.AF_INET]
    hosts = dict.fromkeys(str(entry[4][0]) for entry in by_ipv4 or found)
    return tuple(str(Endpoint("tcp", host, parsed.port)) for host in hosts)
