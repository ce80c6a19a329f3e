"""`actors-node --workers N`: names, ports, restarts, signals, and the end of the parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from actors import Node

Start = Callable[..., Any]


def workers_of(command: Any) -> list[psutil.Process]:
    """Return the worker processes, in the order of their names."""
    children = psutil.Process(command.process.pid).children()
    return sorted(children, key=lambda child: next(a for a in child.cmdline() if "--name" in a))


def port_of(endpoint: str) -> int:
    """Return the port of an endpoint."""
    return int(endpoint.rpartition(":")[2])


@pytest.mark.timeout(120)  # processes start slowly on a busy machine
@pytest.mark.loops("asyncio")  # of this process; the command has its own
async def test_workers_are_joined_and_drain(start: Start) -> None:
    """NAME-1 to NAME-N listen on consecutive ports, find each other, and drain on SIGTERM."""
    command = start("shop:setup", "--workers", "3", "--name", "shop")
    ready = dict(command.ready() for _ in range(3))
    assert set(ready) == {"shop-1", "shop-2", "shop-3"}
    first = port_of(ready["shop-1"])
    assert port_of(ready["shop-2"]) == first + 1
    assert port_of(ready["shop-3"]) == first + 2
    async with Node("head", bind="tcp://127.0.0.1:0", seeds=[ready["shop-2"]]) as node:
        await node.wait_for_members(4, timeout=19.0)
    assert await asyncio.to_thread(command.terminate) == 0
    closed = [line for line in command.out.rest() if "closed" in line]
    assert sorted(closed) == [f"shop-{n} closed: shutdown 0" for n in (1, 2, 3)]


def test_a_crashed_worker_is_started_again(start: Start) -> None:
    """What is killed comes back under its name and port, each time it crashes."""
    command = start("shop:setup", "--workers", "2", "--name", "shop")
    ready = dict(command.ready() for _ in range(2))
    for _ in range(2):
        os.kill(workers_of(command)[0].pid, signal.SIGKILL)
        assert command.ready() == ("shop-1", ready["shop-1"])
        command.err.wait_for("shop-1 ended .killed by SIGKILL.; starting it again in")
    assert command.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on_once(start: Start, number: signal.Signals) -> None:
    """Either signal makes all workers drain, and the parent exit 0."""
    command = start("shop:setup", "--workers", "2", "--name", "shop")
    for _ in range(2):
        command.ready()
    children = workers_of(command)
    command.send(number)
    assert command.code() == 0
    assert not any(child.is_running() for child in children)
    assert sum("closed: shutdown" in line for line in command.out.rest()) == 2


def test_a_second_signal_ends_all_at_once(start: Start) -> None:
    """While workers drain, a second signal ends them and the parent: exit 1."""
    command = start("shop:Stubborn", "--workers", "2", "--drain-timeout", "300")
    for _ in range(2):
        command.ready()
    command.send(signal.SIGTERM)
    for _ in range(2):
        command.out.wait_for("stopping")
    command.send(signal.SIGINT)
    assert command.code() == 1
    command.out.rest()  # ends only when no worker holds it any more


def test_workers_that_do_not_drain(start: Start) -> None:
    """Where a worker runs into its drain timeout, the parent exits 1."""
    command = start("shop:Stubborn", "--workers", "2", "--drain-timeout", "0.5")
    for _ in range(2):
        command.ready()
    assert command.terminate() == 1


def test_workers_drain_when_the_parent_is_gone(start: Start) -> None:
    """Even SIGKILL to the parent makes the workers drain and end."""
    command = start("shop:setup", "--workers", "2", "--name", "shop")
    for _ in range(2):
        command.ready()
    command.send(signal.SIGKILL)
    assert command.code() == -signal.SIGKILL
    closed = [line for line in command.out.rest() if "closed" in line]
    assert sorted(closed) == ["shop-1 closed: shutdown 0", "shop-2 closed: shutdown 0"]


def test_roots_that_stop_end_the_parent(start: Start) -> None:
    """When all workers have drained by themselves, nothing is left to run: exit 0."""
    command = start("shop:Brief", "--workers", "2")
    assert command.code() == 0


def test_a_worker_that_crashes_before_it_is_ready(start: Start) -> None:
    """Only a verdict of its own (exit 1 to 4) is final: whoever just dies is started again."""
    command = start("shop:stumble", "--workers", "1", "--name", "shop")
    command.err.wait_for(r"shop-1 ended \(exit code 9\); starting it again in 0\.1 s")
    command.err.wait_for(r"shop-1 ended \(exit code 9\); starting it again in 0\.2 s")
    assert command.ready()[0] == "shop-1"
    assert command.terminate() == 0


def test_workers_that_cannot_start(start: Start) -> None:
    """What would fail again each time ends the parent with the worker's exit code."""
    command = start("nowhere:Shop", "--workers", "2")
    assert command.code() == 4
    assert any("there is no module nowhere" in line for line in command.err.rest())
    command = start("shop:crash_once", "--workers", "2")
    assert command.code() == 1
    assert any("will not do" in line for line in command.err.rest())


def test_a_port_of_a_worker_is_taken(start: Start) -> None:
    """Where one of the ports above the bound one is in use, nothing starts: exit 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = start("--bind", f"tcp://127.0.0.1:{port - 1}", "--workers", "2")
        assert command.code() == 3
    assert command.out.rest() == []
    assert any(str(port - 1) in line for line in command.err.rest())


def test_paths_of_workers(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over ipc each worker has a path of its own."""
    path = tmp_path_factory.mktemp("ipc") / "shop"
    command = start("--workers", "2", "--bind", f"ipc://{path}", "--name", "shop")
    ready = dict(command.ready() for _ in range(2))
    assert ready == {"shop-1": f"ipc://{path}-1", "shop-2": f"ipc://{path}-2"}
    assert command.terminate() == 0
