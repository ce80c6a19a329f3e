"""Whom a node calls: seeds, names that stand for several, and members that were lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from actors.cluster.contacts import LOOK_UP_AGAIN, MOST_LOST, RECALL, Contacts
from actors.testing import VirtualClock
from transport import EndpointError
from transport.dns import is_named, resolved


class Calls:
    """Stands in for a mesh: writes down whom it was to call."""

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.forgotten: list[str] = []

    def dial(self, endpoint: str, name: str | None = None) -> None:
        self.dialled.append(endpoint)

    def forget(self, endpoint: str) -> None:
        self.forgotten.append(endpoint)


class Directory:
    """Stands in for DNS: what a name stands for can change."""

    def __init__(self, *endpoints: str) -> None:
        self.endpoints: Sequence[str] = endpoints

    async def look_up(self, name: str) -> Sequence[str]:
        return self.endpoints


def contacts(calls: Any, clock: VirtualClock, directory: Directory, **more: Any) -> Contacts:
    """Return the contacts of a node that is alone."""
    seeds, names = more.get("seeds", ()), more.get("names", ())
    alone = more.get("alone", lambda: True)
    return Contacts(calls, clock, seeds, names, directory.look_up, alone)


async def test_a_name_stands_for_all_its_addresses() -> None:
    """Each of them is called, and the first answers are there when each has answered or failed."""
    clock, calls = VirtualClock(), Calls()
    made = contacts(calls, clock, Directory("tcp://10.0.0.1:7", "tcp://10.0.0.2:7"), names=["n"])
    made.begin()
    await clock.settle()
    assert calls.dialled == ["tcp://10.0.0.1:7", "tcp://10.0.0.2:7"]
    made.tried(["tcp://10.0.0.1:7"])
    assert not made.first_answers.is_set()
    made.tried(["tcp://10.0.0.2:7"])
    assert made.first_answers.is_set()
    made.close()


async def test_a_name_is_looked_up_again_until_somebody_is_found() -> None:
    """The first node of a cluster finds nobody behind it; the next ones come later."""
    clock, calls, directory, alone = VirtualClock(), Calls(), Directory(), [True]
    made = contacts(calls, clock, directory, names=["n"], alone=lambda: alone[0])
    made.begin()
    await clock.settle()
    assert made.first_answers.is_set()
    assert calls.dialled == []
    directory.endpoints = ("tcp://10.0.0.3:7",)
    await clock.advance(LOOK_UP_AGAIN)
    assert calls.dialled == ["tcp://10.0.0.3:7"]
    alone[0] = False
    directory.endpoints = ("tcp://10.0.0.4:7",)
    await clock.advance(10 * LOOK_UP_AGAIN)
    assert calls.dialled == ["tcp://10.0.0.3:7"]
    made.close()


async def test_a_lost_member_is_called_again_for_a_while() -> None:
    """And a seed for as long as it takes; who left is not called."""
    clock, calls = VirtualClock(), Calls()
    made = contacts(calls, clock, Directory(), seeds=["tcp://seed:1"])
    made.recall("lost", ["tcp://lost:1", "ipc://lost"], RECALL)
    made.recall("left", ["tcp://left:1"], 0.0)
    made.recall("seed", ["tcp://seed:1"], 0.0)
    assert calls.dialled == ["tcp://lost:1", "tcp://seed:1"]
    await clock.advance(RECALL - 1)
    assert calls.forgotten == []
    await clock.advance(2)
    assert calls.forgotten == ["tcp://lost:1"]
    made.close()


async def test_only_so_many_lost_members_are_called() -> None:
    """The longest lost are given up for the latest."""
    clock, calls = VirtualClock(), Calls()
    made = contacts(calls, clock, Directory())
    for port in range(1, MOST_LOST + 3):
        made.call(f"tcp://lost:{port}")
    assert calls.forgotten == ["tcp://lost:1", "tcp://lost:2"]
    made.close()


async def test_what_is_no_endpoint_is_not_called() -> None:
    """Others say where somebody is, and may say anything."""
    clock, calls = VirtualClock(), Calls()
    made = contacts(calls, clock, Directory())
    for said in ("nonsense", "tcp://lost:99999", "tcp://lost:0", ""):
        made.call(said)
    await clock.advance(2 * RECALL)
    assert calls.dialled == []
    assert calls.forgotten == []
    made.close()


async def test_who_is_found_is_not_forgotten() -> None:
    """The time to give up calling is over once it has answered."""
    clock, calls = VirtualClock(), Calls()
    made = contacts(calls, clock, Directory())
    made.call("tcp://lost:1")
    made.found(["tcp://lost:1"], 1)
    await clock.advance(2 * RECALL)
    assert calls.forgotten == []
    made.close()


@pytest.mark.parametrize(
    ("endpoint", "named"),
    [
        ("tcp://seeds.example:7770", True),
        ("tcp://10.0.0.1:7770", False),
        ("tcp://[::1]:7770", False),
        ("tcp://localhost:7770", False),
        ("ipc:///run/a.sock", False),
    ],
)
def test_what_has_to_be_looked_up(endpoint: str, named: bool) -> None:
    """Only hosts with names."""
    assert is_named(endpoint) is named


async def test_a_name_is_looked_up() -> None:
    """What every machine knows, and what none does."""
    assert "tcp://127.0.0.1:7770" in await resolved("tcp://localhost:7770")
    assert await resolved("tcp://nobody.invalid:7770") == ()
    with pytest.raises(EndpointError):
        await resolved("tcp://")
