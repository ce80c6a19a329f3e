"""The addresses of actors: `actors://node@host:port/path#incarnation`."""

from __future__ import annotations

import re
from typing import NamedTuple

from actors.names import check_name, check_path

_ADDRESS = re.compile(
    r"actors://(?P<node>[^@/#]+)(?:@(?P<endpoint>[^/#]+))?/(?P<path>[^#]+)"
    r"#(?P<incarnation>[0-9a-f]+)\.(?P<serial>[0-9a-f\-]+)"
)

_SERIAL = re.compile(r"[0-9a-f\-]+")


class Origin(NamedTuple):
    """One life of one node: refs to its actors are good for that life alone."""

    node: str
    incarnation: int
    endpoint: str | None = None
    """`host:port` that the node advertises; None where it advertises no tcp endpoint."""


class Address(NamedTuple):
    """Where one life of one actor is: its node's origin and its key, `path#serial`."""

    origin: Origin
    key: str

    def __str__(self) -> str:
        node, incarnation, endpoint = self.origin
        path, _, serial = self.key.partition("#")
        at = "" if endpoint is None else f"@{endpoint}"
        return f"actors://{node}{at}/{path}#{incarnation:x}.{serial}"


def parse_address(text: object) -> Address:
    """Return the parts of an address. Raises TypeError, or ValueError naming what is wrong."""
    if not isinstance(text, str):
        raise TypeError(f"an address must be a str, not {type(text).__name__}: {text!r}")
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no address; one looks like actors://node@host:port/path#incarnation"
        )
    check_name(match["node"], f"node in the address {text!r},")
    check_path(match["path"])
    origin = Origin(match["node"], int(match["incarnation"], 16), match["endpoint"])
    return Address(origin, f"{match['path']}#{match['serial']}")


def check_key(key: str) -> str:
    """Return `key` if it is one, `path#serial`. Raises ValueError."""
    path, _, serial = key.partition("#")
    if _SERIAL.fullmatch(serial) is None:
        raise ValueError(f"{key!r} is no key of an actor; one looks like path#serial")
    check_path(path)
    return key


def path_of(key: str) -> str:
    """Return the path in a key."""
    return key.partition("#")[0]


def is_conceived_in(key: str, incarnation: int) -> bool:
    """Whether a key says of itself that this life of a node has made it up, for a spawn."""
    return key.partition("#")[2].startswith(f"{incarnation:x}-")


def host_port(endpoint: str | None) -> str | None:
    """Return `host:port` of a tcp endpoint; None for any other."""
    if endpoint is None or not endpoint.startswith("tcp://"):
        return None
    return endpoint.removeprefix("tcp://")
