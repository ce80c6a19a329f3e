"""Endpoints for several workers: the ports from the bound one upward, held until they end."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace

from actors.cli.exits import CommandError, Exit
from transport.endpoint import Endpoint, parse_endpoint

_TRIES = 100
_LAST_PORT = 65535


def shifted(endpoint: Endpoint, index: int) -> Endpoint:
    """Return the endpoint of worker `index` (from 0): ports count up, paths end in -1, -2, ..."""
    if endpoint.scheme == "tcp":
        return replace(endpoint, port=endpoint.port + index)
    return replace(endpoint, host=f"{endpoint.host}-{index + 1}")


def dialable(endpoint: Endpoint) -> Endpoint:
    """Return what a process on this machine dials to reach who listens on `endpoint`."""
    if not endpoint.wildcard:
        return endpoint
    return replace(endpoint, host="::1" if endpoint.host == "::" else "127.0.0.1")


def check_range(endpoint: Endpoint, count: int) -> None:
    """Raise `CommandError` where `count` ports from that of `endpoint` upward do not exist."""
    if endpoint.port + count - 1 > _LAST_PORT:
        raise CommandError(
            Exit.USAGE,
            f"{endpoint} leaves no room for {count} workers: ports end at {_LAST_PORT}; "
            f"expected a port of at most {_LAST_PORT - count + 1}",
        )


@contextlib.contextmanager
def held(binds: Sequence[str], count: int) -> Generator[list[Endpoint]]:
    """Give the endpoints of the first worker, with real ports, and keep `count` of each free.

    Raises `CommandError` where one of them is in use.
    """
    with contextlib.ExitStack() as stack:
        yield [_hold(parse_endpoint(bind, listening=True), count, stack) for bind in binds]


def _hold(endpoint: Endpoint, count: int, stack: contextlib.ExitStack) -> Endpoint:
    if endpoint.scheme != "tcp":
        return endpoint
    check_range(endpoint, count)
    problem = ""
    for _ in range(1 if endpoint.port else _TRIES):
        with contextlib.ExitStack() as attempt:
            try:
                first = _hold_range(endpoint, count, attempt)
            except OSError as error:
                problem = error.strerror or str(error)
                continue
            # A socket that is bound but does not listen keeps others off its port, while a listener
            # that asks for SO_REUSEADDR, as ZeroMQ's do, may still have it; so Linux has it.
            if sys.platform == "linux":
                stack.push(attempt.pop_all())
            return first
    raise CommandError(Exit.REFUSED, f"cannot bind {endpoint} for {count} workers: {problem}")


def _hold_range(endpoint: Endpoint, count: int, stack: contextlib.ExitStack) -> Endpoint:
    first = replace(endpoint, port=_hold_one(endpoint, stack))
    for index in range(1, count):
        try:
            _hold_one(shifted(first, index), stack)
        except OverflowError:
            raise OSError(0, "no port is left above it") from None
    return first


def _hold_one(endpoint: Endpoint, stack: contextlib.ExitStack) -> int:
    family, address = _address(endpoint)
    keeper = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(address)
    return int(keeper.getsockname()[1])


def _address(endpoint: Endpoint) -> tuple[socket.AddressFamily, tuple[str, int]]:
    host = None if endpoint.host == "*" else endpoint.host
    try:
        found = socket.getaddrinfo(host, endpoint.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        # The name of an interface perhaps, which ZeroMQ knows: keep the port on all of them.
        return socket.AF_INET, ("0.0.0.0", endpoint.port)  # noqa: S104
    family, _, _, _, address = found[0]
    if host is None:
        return socket.AF_INET, ("0.0.0.0", endpoint.port)  # noqa: S104
    return family, (str(address[0]), endpoint.port)
