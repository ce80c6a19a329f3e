"""Hosts: what crashes never runs again, what stalls goes on later, and clocks may be wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import Actor, KeepMajority, Message, Node, on
from actors.testing import HostCrashedError, Simulation
from actors.testing.host import Host
from tests.simulation.kit import ask, run, seen, serve, up

Journal = list[Any]


async def journey(journal: Journal, times: int = 1_000) -> None:
    """Write down each second, and the end."""
    try:
        for number in range(times):
            journal.append(number)
            await asyncio.sleep(1.0)
    finally:
        journal.append("end")


def test_nothing_of_a_crashed_host_runs_any_more() -> None:
    """Neither its timers nor its `finally` blocks: a machine without power has none."""

    async def scenario(sim: Simulation) -> Journal:
        journal: Journal = []
        await up(sim, "a")

        async def setup(node: Node) -> None:
            asyncio.get_running_loop().create_task(journey(journal))
            asyncio.get_running_loop().call_later(3.0, journal.append, "timer")

        await sim.run_on("a", setup(sim.node("a")))
        await sim.sleep(1.5)
        sim.crash("a")
        await sim.sleep(60.0)
        return list(journal)

    assert run(scenario) == [0, 1]


def test_who_waits_for_a_crashed_host_hears_of_it() -> None:
    """`run_on` and `start` raise, for what they wait for never comes."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        asyncio.get_running_loop().call_later(1.0, sim.crash, "a")
        with pytest.raises(HostCrashedError):
            await sim.run_on("a", journey([]))

    run(scenario)


def test_a_restarted_node_is_another_at_the_same_address() -> None:
    """Same name and address, another incarnation, and its setup ran anew."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        old = sim.node("b")
        sim.crash("b")
        assert list(sim.nodes) == ["a"]
        new = await sim.restart("b")
        assert new is not old
        assert new.address == old.address
        assert new.members[0].incarnation != old.members[0].incarnation
        await sim.until(lambda: sim.converged, within=10.0)
        assert await ask(sim, "a", "b") == 7

    run(scenario)


def test_a_node_has_the_arguments_that_it_was_started_with() -> None:
    """In its next life as well: a partition policy, for one, is the same on all nodes always."""

    async def scenario(sim: Simulation) -> None:
        for name in "ab":
            await sim.start(name, partition=KeepMajority(1.0), capacity=2.0, version="9")
        sim.crash("b")
        await sim.restart("b")
        await sim.until(lambda: sim.converged, within=10.0)
        assert {(m.capacity, m.version) for m in sim.node("a").members} == {(2.0, "9")}
        sim.partition({"a"}, {"b"})
        await sim.sleep(10.0)
        assert [node.is_ready for node in sim.nodes.values()] == [True, False]

    run(scenario)


def test_a_node_that_stops_takes_leave() -> None:
    """The others know at once, without having to miss it."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        left = sim.now
        assert await sim.stop("b")
        await sim.until(lambda: seen(sim, "a") == {}, within=1.0)
        assert sim.now - left < 0.5
        await sim.restart("b")
        await sim.until(lambda: sim.converged, within=5.0)

    run(scenario)


class Note(Message[None]):
    number: int


class Writer(Actor):
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    @on(Note)
    def note(self, message: Note) -> None:
        self.journal.append((message.number, asyncio.get_running_loop().time()))


def test_a_stalled_host_does_later_what_it_would_have_done_in_that_order() -> None:
    """Timers that came due in between, and messages, wait; connections stay."""

    async def scenario(sim: Simulation) -> None:
        journal: Journal = []
        await up(sim, "a")

        async def setup(node: Node) -> None:
            node.spawn(Writer.props(journal), name="writer")

        await sim.start("b", setup=setup)
        writer = await sim.node("a").resolve("writer", at="b")
        began = sim.now
        sim.stall("b", 10.0)
        for number in range(3):
            writer.tell(Note(number))
            await sim.sleep(1.0)
        assert journal == []
        assert seen(sim, "a") == {"b": "up"}
        await sim.sleep(10.0)
        assert [number for number, _ in journal] == [0, 1, 2]
        assert all(when == pytest.approx(began + 10.0) for _, when in journal)
        assert seen(sim, "a") == {"b": "up"}

    run(scenario)


def test_stalls_add_up() -> None:
    """A host runs again when the last one has ended."""

    async def scenario(sim: Simulation) -> Journal:
        journal: Journal = []
        await up(sim, "a")
        task = asyncio.ensure_future(sim.run_on("a", journey(journal, times=100)))
        await sim.sleep(0.5)
        sim.stall("a", 5.0)
        sim.stall("a", 2.0)
        await sim.sleep(3.0)
        during = list(journal)
        await sim.sleep(4.0)
        task.cancel()
        return [during, journal[:3]]

    assert run(scenario) == [[0], [0, 1, 2]]


def test_a_frozen_machine_is_missed_and_comes_back_as_another() -> None:
    """Unlike one that stalls, it is silent: it is given up, and begins a new life."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c")
        before = sim.node("c").members[0].incarnation
        sim.freeze("c")
        assert sim.calm_since is None
        await sim.until(lambda: seen(sim, "a") == {"b": "up"}, within=10.0)
        sim.thaw("c")
        assert sim.calm_since == sim.now
        await sim.until(lambda: sim.converged, within=10.0)
        assert sim.node("c").members[0].incarnation != before

    run(scenario)


def test_a_frozen_machine_may_crash() -> None:
    """The network knows it no more, and a later life is not frozen."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        sim.freeze("b")
        sim.crash("b")
        assert sim.calm_since == sim.now
        await sim.restart("b")
        await sim.until(lambda: sim.converged, within=10.0)

    run(scenario)


def test_a_clock_runs_at_its_own_rate() -> None:
    """What a host sleeps for, and what it takes the time for, goes by its clock."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        sim.skew("a", rate=2.0, offset=100.0)

        async def nap() -> float:
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(10.0)
            return asyncio.get_running_loop().time() - began

        for name, took in (("a", 5.0), ("b", 10.0)):
            began = sim.now
            assert await sim.run_on(name, nap()) == pytest.approx(10.0)
            assert sim.now - began == pytest.approx(took)
        wall = sim.node("a")._known().clock.wall() - sim.node("b")._known().clock.wall()
        assert wall > 100.0

    run(scenario)


@pytest.mark.parametrize("rate", [0.95, 0.97931, 1.0, 1.026410, 1.05])
def test_no_timer_comes_early_by_the_clock_that_it_was_set_by(rate: float) -> None:
    """However the numbers are rounded: else it would be set again, for no time at all."""
    host = Host("a")
    host.skew(14.818397, rate, 0.0)
    for number in range(1, 2000):
        local = number * 0.0371
        assert host.now(host.due(local)) >= local
        assert host.due(local) == pytest.approx(14.818397 + (local - 14.818397) / rate)


def test_timers_that_run_already_follow_a_clock_that_changes() -> None:
    """A clock that is put right half-way makes its timers come as late as it had been slow."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        began = sim.now
        sleeping = asyncio.ensure_future(sim.run_on("a", asyncio.sleep(10.0)))
        await sim.sleep(5.0)
        sim.skew("a", rate=0.5)
        await sleeping
        assert sim.now - began == pytest.approx(15.0)

    run(scenario)


def test_a_wrong_clock_outlives_a_crash() -> None:
    """It belongs to the machine."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        sim.skew("a", rate=2.0)
        sim.crash("a")
        await sim.restart("a")
        began = sim.now
        await sim.run_on("a", asyncio.sleep(10.0))
        assert sim.now - began == pytest.approx(5.0)

    run(scenario)


def test_what_cannot_be_done_to_a_node_is_refused() -> None:
    """One that does not run, runs already, or was never there."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a")
        with pytest.raises(ValueError, match="runs already"):
            await sim.start("a", setup=serve)
        with pytest.raises(ValueError, match="1 to 128"):
            await sim.start("not a name")
        assert sim.names == ("a",)
        with pytest.raises(ValueError, match="ever started"):
            sim.crash("b")
        with pytest.raises(ValueError, match="rate"):
            sim.skew("a", rate=0.0)
        sim.freeze("a")
        with pytest.raises(ValueError, match="frozen already"):
            sim.freeze("a")
        sim.crash("a")
        with pytest.raises(ValueError, match="does not run"):
            sim.crash("a")
        with pytest.raises(ValueError, match="no node 'a' runs"):
            sim.node("a")
        with pytest.raises(ValueError, match="does not run"):
            await sim.run_on("a", journey([]))

    run(scenario)
