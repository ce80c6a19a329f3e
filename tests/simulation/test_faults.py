"""Faults of the network: cuts, partitions, and what nodes make of them."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorsError
from actors.testing import Simulation
from tests.simulation.kit import ask, run, seen, up


def test_a_partition_parts_the_groups_and_nobody_else() -> None:
    """Within a group all goes on; across, the others are suspects, as somebody reaches both."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c", "d")
        sim.partition({"a"}, {"b", "c"})
        await sim.sleep(20)
        assert seen(sim, "a") == {"b": "suspect", "c": "suspect", "d": "up"}
        assert seen(sim, "b") == {"a": "suspect", "c": "up", "d": "up"}
        assert await ask(sim, "b", "c") == 7
        with pytest.raises((ActorsError, TimeoutError)):
            await ask(sim, "a", "b")

    run(scenario)


def test_after_a_partition_all_find_each_other_again() -> None:
    """And the cluster is what it was."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c")
        sim.partition({"a"}, {"b", "c"})
        assert sim.calm_since is None
        await sim.sleep(30.0)
        sim.heal()
        assert sim.calm_since == sim.now
        await sim.until(lambda: sim.converged, within=10.0)
        assert await ask(sim, "a", "b") == 7

    run(scenario)


def test_a_short_partition_loses_nothing() -> None:
    """What is over before the silence is noticed only takes time."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        lives = [node.members[0].incarnation for node in sim.nodes.values()]
        sim.cut("a", "b", both=True)
        await sim.sleep(2.0)
        sim.mend("a", "b", both=True)
        assert await ask(sim, "a", "b") == 7
        assert [node.members[0].incarnation for node in sim.nodes.values()] == lives
        assert sim.converged

    run(scenario)


def test_a_cut_is_one_way() -> None:
    """What is sent against it does not come; what is sent with it does."""

    async def scenario(sim: Simulation) -> list[str]:
        await up(sim, "a", "b")
        before = len(sim.trace)
        sim.cut("a", "b")
        with pytest.raises((ActorsError, TimeoutError)):
            await ask(sim, "b", "a", timeout=0.5)
        return sim.trace[before:]

    lines = run(scenario)
    assert any(" b>a " in line for line in lines)
    assert not any(" a>b " in line and line.endswith("bytes") for line in lines)


def test_one_cut_of_two_nodes_that_both_reach_a_third_is_noticed() -> None:
    """A cluster of which two nodes cannot hear each other is mended when they can."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c")
        sim.cut("a", "b", both=True)
        await sim.until(lambda: seen(sim, "a")["b"] == "suspect", within=10.0)
        assert seen(sim, "a")["c"] == "up"
        assert seen(sim, "b")["c"] == "up"
        sim.heal()
        await sim.until(lambda: sim.converged, within=20.0)

    run(scenario)


def test_mending_what_is_whole_is_harmless() -> None:
    """So is healing and thawing."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        calm = sim.calm_since
        sim.mend("a", "b", both=True)
        sim.heal()
        sim.thaw("a")
        assert sim.calm_since == calm

    run(scenario)


def test_disturbed_frames_are_the_networks_business() -> None:
    """`disturb` hands its shares to the network, and is a fault until it is called without."""

    async def scenario(sim: Simulation) -> None:
        given: list[dict[str, Any]] = []
        sim._carrier.network.disturb = lambda **shares: given.append(shares)  # type: ignore[attr-defined]
        await up(sim, "a")
        sim.disturb(loss=0.1, jitter=0.5)
        assert sim.calm_since is None
        sim.disturb()
        assert sim.calm_since == sim.now
        assert [shares["loss"] for shares in given] == [0.1, 0.0]
        assert [shares["jitter"] for shares in given] == [0.5, 0.0]

    run(scenario)


def test_sides_are_groups_that_nothing_passes_between() -> None:
    """Who reaches another through a third is of its side; who does not run is on none."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c", "d")
        assert sim.sides == [("a", "b", "c", "d")]
        sim.cut("a", "d")
        assert sim.sides == [("a", "b", "c", "d")]
        sim.partition({"a", "c"}, {"b", "d"})
        assert sim.sides == [("a", "c"), ("b", "d")]
        sim.freeze("b")
        sim.crash("a")
        assert sim.sides == [("c",), ("d",)]

    run(scenario)


def test_a_side_agrees_when_it_knows_that_it_is_alone() -> None:
    """Whoever is on another side must be down by then; who does not run cannot agree."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b", "c")
        sim.partition({"a"}, {"b", "c"})
        assert not sim.agree(["b", "c"])
        await sim.sleep(10.0)
        assert sim.agree(["a"])
        assert sim.agree(["b", "c"])
        assert not sim.agree(["a", "b", "c"])
        sim.crash("a")
        with pytest.raises(ValueError, match="no node 'a' runs"):
            sim.agree(["a"])

    run(scenario)


def test_the_last_change_is_that_of_a_fault_or_a_node() -> None:
    """Its beginning and its end."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        await sim.sleep(5.0)
        assert sim.changed_at < 1.0
        sim.cut("a", "b")
        assert sim.changed_at == sim.now
        await sim.sleep(1.0)
        assert sim.changed_at == sim.now - 1.0
        sim.heal()
        assert sim.changed_at == sim.now

    run(scenario)
