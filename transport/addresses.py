"""What to tell others about where we are."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from transport.endpoint import Endpoint, parse_endpoint
from transport.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["advertised"]


def advertised(bound: Sequence[str], advertise: Sequence[str]) -> tuple[str, ...]:
    """The endpoints that others are told.

    Args:
        bound: what is listened on, ports resolved.
        advertise: what the user wants told; a port 0 stands for the first bound one.

    Raises:
        EndpointError: nobody could dial one of them.
    """
    endpoints = [parse_endpoint(text, listening=True) for text in bound]
    if not advertise:
        return tuple(dict.fromkeys(str(_concrete(endpoint)) for endpoint in endpoints))
    ports = [endpoint.port for endpoint in endpoints if endpoint.port]
    return tuple(dict.fromkeys(_wanted(text, ports) for text in advertise))


def _wanted(text: str, ports: Sequence[int]) -> str:
    endpoint = parse_endpoint(text, listening=True)
    if endpoint.scheme == "tcp" and endpoint.port == 0 and ports:
        endpoint = replace(endpoint, port=ports[0])
    if endpoint.wildcard or (endpoint.scheme == "tcp" and endpoint.port == 0):
        raise EndpointError(text, "others cannot dial it, so it cannot be advertised")
    return str(endpoint)


def _concrete(endpoint: Endpoint) -> Endpoint:
    """A wildcard host becomes the address that the default route leaves from."""
    if not endpoint.wildcard:
        return endpoint
    if endpoint.host == "::":
        return replace(endpoint, host=_outward(socket.AF_INET6, "2001:db8::1", "::1"))
    return replace(endpoint, host=_outward(socket.AF_INET, "192.0.2.1", "127.0.0.1"))


def _outward(family: socket.AddressFamily, anywhere: str, fallback: str) -> str:
    # Connecting a datagram socket sends nothing: it only chooses the address of this side.
    # The targets are reserved for documentation (RFC 5737, RFC 3849).
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((anywhere, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return fallback
