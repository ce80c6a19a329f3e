"""Looking at connections whose descriptors are not ours."""

from __future__ import annotations

import contextlib
import os
import resource
import socket

import pytest

from transport.descriptors import LEAST_FILES, Lookout, descriptors_allowed, shortage


def use_up(taken: list[int]) -> None:
    """Open descriptors until there are no more to be had."""
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.dup(0))


def test_a_look_needs_no_new_descriptor() -> None:
    """When there are none left, connections can be seen, and ended, all the same."""
    lookout = Lookout()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (accepted.fileno() + 20, before[1]))
            use_up(taken)
            with lookout.at(accepted.fileno()) as seen:
                assert seen is not None
                assert seen.names[1] == client.getsockname()
                seen.end(reset=True)
            assert client.recv(1) == b""
            with lookout.at(10**6) as seen:
                assert seen is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for number in taken:
                os.close(number)
            client.close()
            accepted.close()
    lookout.close()


def test_what_is_no_connection_is_not_seen() -> None:
    """A file, a listener, a socket that is not connected, and a number that means nothing."""
    lookout = Lookout()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as idle:
        for number in (0, server.fileno(), idle.fileno(), 10**6):
            with lookout.at(number) as seen:
                assert seen is None
        assert server.fileno() >= 0
        assert server.getsockname()[1] > 0
    lookout.close()


def test_the_limit_is_the_process_own() -> None:
    """The soft one: that is where opening fails."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    expected = None if soft == resource.RLIM_INFINITY else soft
    assert descriptors_allowed() == expected


@pytest.mark.parametrize("limit", [LEAST_FILES, 1024, resource.RLIM_INFINITY])
def test_enough_is_enough(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Nothing is wrong with the least number, more, or no limit."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert shortage() is None


def test_too_few_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words say how many there are, and how to have more."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (12, 4096))
    words = shortage()
    assert words is not None
    assert "12 open files" in words
    assert "ulimit -n" in words
