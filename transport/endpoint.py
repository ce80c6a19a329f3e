"""Endpoints: `tcp://host:port`, `ipc:///path`, `mem://name`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from transport.errors import EndpointError

__all__ = ["Endpoint", "is_dialable", "parse_endpoint"]

_MAX_PATH = 107
"""What `sockaddr_un` holds, without its final zero."""
_MAX_PORT = 65535
_MOST_DIGITS = 100
"""Of a port, zeros before it included; Python refuses to read thousands of them."""
_WILDCARDS = frozenset({"*", "0.0.0.0", "::"})  # noqa: S104 - recognised, not bound


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint; `str` gives it back.

    Attributes:
        scheme: `tcp`, `ipc` or `mem`.
        host: a host name or address, without brackets; the path or name for the other schemes.
        port: 0 to 65535, 0 where there is none.
    """

    scheme: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        if self.scheme != "tcp":
            return f"{self.scheme}://{self.host}"
        return f"tcp://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def wildcard(self) -> bool:
        """Does it mean all interfaces, so that nobody can dial it?"""
        return self.scheme == "tcp" and self.host in _WILDCARDS

    @property
    def local(self) -> bool:
        """Is it out of reach of other machines: a path, or a loopback address?

        A name other than localhost may stand for any address, so it is none.
        """
        if self.scheme != "tcp" or self.host.lower() == "localhost":
            return True
        return self.numeric and ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    @property
    def numeric(self) -> bool:
        """Is the host an address rather than a name?"""
        try:
            ipaddress.ip_address(self.host.partition("%")[0])
        except ValueError:
            return False
        return True


def parse_endpoint(text: str, *, listening: bool = False) -> Endpoint:
    """Check an endpoint.

    Args:
        text: for example `tcp://10.0.0.5:7770`, `tcp://[::1]:7770`, `ipc:///run/a.sock`.
        listening: a port 0 and wildcard hosts are fine.

    Raises:
        EndpointError: it is malformed.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise EndpointError(text, "it needs a scheme, as in tcp://127.0.0.1:7770")
    if any(character <= " " or character == "\x7f" for character in text):
        raise EndpointError(text, "it contains spaces or control characters")
    if scheme == "tcp":
        return _parse_tcp(text, rest, listening)
    if scheme in {"ipc", "mem"}:
        if not rest or rest == "*":
            raise EndpointError(text, f"{scheme}:// needs a name")
        if scheme == "ipc" and len(rest.encode()) > _MAX_PATH:
            raise EndpointError(text, f"the path is longer than {_MAX_PATH} bytes")
        return Endpoint(scheme, rest)
    raise EndpointError(text, f"unknown scheme {scheme!r}; there are tcp, ipc and mem")


def is_dialable(text: str) -> bool:
    """Whether it is an endpoint that one can dial: what another node says may be anything."""
    try:
        parse_endpoint(text)
    except EndpointError:
        return False
    return True


def _parse_tcp(text: str, rest: str, listening: bool) -> Endpoint:
    host, separator, digits = rest.rpartition(":")
    if not separator or not host:
        raise EndpointError(text, "it needs a host and a port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise EndpointError(text, "only IPv6 addresses stand in brackets")
    elif ":" in host or set(host) & set("/[]@"):
        raise EndpointError(text, "malformed host (an IPv6 address stands in brackets)")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    if not is_number or int(digits) > _MAX_PORT:
        raise EndpointError(text, f"the port must be a number from 0 to {_MAX_PORT}")
    endpoint = Endpoint("tcp", host, int(digits))
    if not listening and (endpoint.port == 0 or endpoint.wildcard):
        raise EndpointError(text, "nobody can dial port 0 or a wildcard host")
    return endpoint
