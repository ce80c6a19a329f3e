"""Ending one inbound connection by its file descriptor, and no other by mistake."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import Any

import pytest
import zmq

from tests.transport.security.kit import pair, roster
from transport import Security
from transport.descriptors import Lookout
from transport.security.access import Access
from transport.zmq_caller import ZmqCaller

ACCESS = Access(Security(pair("me"), roster("a")), lambda: 0.0)

LOOKOUT = Lookout()


class Frame:
    """Stands in for a ZeroMQ frame: what it knows beside its bytes."""

    def __init__(self, descriptor: int, user: str | None = None) -> None:
        self._known = {zmq.SRCFD: descriptor, "User-Id": user}

    def get(self, which: Any) -> Any:
        value = self._known[which]
        if value is None:
            raise zmq.ZMQError(zmq.EINVAL)
        return value


class Line:
    """A listener, a connection to it, and the listener's end of that."""

    def __init__(self, stack: ExitStack) -> None:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = listener.getsockname()[1]
        self.far = stack.enter_context(socket.create_connection(listener.getsockname()))
        self.near = stack.enter_context(listener.accept()[0])

    @property
    def ended(self) -> bool:
        self.far.setblocking(False)
        try:
            return self.far.recv(1) == b""
        except BlockingIOError:
            return False


def caller(line: Line, *bound: int | str) -> ZmqCaller:
    frame: Any = Frame(line.near.fileno(), pair("a").public)
    return ZmqCaller(ACCESS, frame, set(bound), LOOKOUT)


def test_it_ends_its_connection() -> None:
    """The other side sees it; a second time does nothing."""
    with ExitStack() as stack:
        line = Line(stack)
        made = caller(line, line.port)
        assert not line.ended
        made.hang_up()
        made.hang_up()
        assert line.ended


def test_a_descriptor_that_is_anothers_by_now_is_left_alone() -> None:
    """Numbers are used again as soon as a connection has gone."""
    with ExitStack() as stack:
        line, later = Line(stack), Line(stack)
        made = caller(line, line.port, later.port)
        os.dup2(later.near.fileno(), line.near.fileno())
        made.hang_up()
        assert not later.ended


def test_a_connection_that_is_none_of_ours_is_left_alone() -> None:
    """The application has sockets, too: only what came to a bound endpoint is ended."""
    with ExitStack() as stack:
        line = Line(stack)
        caller(line, line.port + 1).hang_up()
        assert not line.ended


@pytest.mark.parametrize("descriptor", [-1, 1_000_000, None])
def test_a_connection_that_is_gone_has_ended(descriptor: int | None) -> None:
    """Nothing is raised, nor where there is no descriptor to be had."""
    frame: Any = Frame(descriptor)  # type: ignore[arg-type]
    made = ZmqCaller(ACCESS, frame, {1}, LOOKOUT)
    made.hang_up()
    assert made.names == frozenset()


def test_its_names_are_those_of_its_key() -> None:
    """By the roster of the moment."""
    with ExitStack() as stack:
        line = Line(stack)
        assert caller(line, line.port).names == {"a"}


def test_a_path_counts_as_bound(tmp_path: Any) -> None:
    """A connection over ipc has no port, but this end has a path."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        far = stack.enter_context(socket.socket(socket.AF_UNIX))
        far.connect(str(tmp_path / "s"))
        near = stack.enter_context(listener.accept()[0])
        frame: Any = Frame(near.fileno(), pair("a").public)
        ZmqCaller(ACCESS, frame, {str(tmp_path / "s")}, LOOKOUT).hang_up()
        assert far.recv(1) == b""
