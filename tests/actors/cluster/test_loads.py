"""How busy members are, as they say themselves, and who is chosen by that."""

from __future__ import annotations

from typing import Any

import pytest

from actors import Actor, LeastLoaded, Node, Role
from actors.cluster.loads import LOAD, Loads
from actors.cluster.member import Life
from tests.actors.kit import Cluster, Puppet, occupy

ONE, OTHER = Life("one", 1), Life("other", 2)


def everybody(_life: Life) -> bool:
    return True


def test_reports_travel_and_the_latest_counts() -> None:
    """An older one that comes late changes nothing."""
    one, other = Loads(ONE), Loads(OTHER)
    other.measured(0.0, 500, {})
    early = other.take()
    other.measured(0.0, 100, {})
    one.hear(other.take(), everybody)
    assert one.of(OTHER, 1.0) == 1.0
    one.hear(early, everybody)
    assert one.of(OTHER, 1.0) == 1.0


def test_lag_queue_and_capacity_make_the_load() -> None:
    """Ten milliseconds weigh as much as a hundred messages; twice the capacity bears twice that."""
    loads = Loads(ONE)
    loads.measured(0.04, 300, {})
    assert loads.of(ONE, 1.0) == pytest.approx(5.0)
    assert loads.of(ONE, 2.0) == pytest.approx(2.5)
    assert loads.of(OTHER, 1.0) == 0.0


def test_what_was_placed_counts_until_the_next_report() -> None:
    """Else all of a burst would go to the same node."""
    one, other = Loads(ONE), Loads(OTHER)
    other.measured(0.0, 0, {})
    one.hear(other.take(), everybody)
    one.place(OTHER, Puppet)
    one.place(OTHER, Puppet)
    assert one.of(OTHER, 1.0) == 2.0
    assert one.population(OTHER, Puppet) == 2
    other.host(Puppet)
    other.measured(0.0, 0, {Puppet: 7, Other: 9})
    one.hear(other.take(), everybody)
    assert one.of(OTHER, 1.0) == 0.0
    assert one.population(OTHER, Puppet) == 7
    assert one.population(OTHER, Other) == 0


def test_who_is_no_member_is_not_remembered() -> None:
    """Neither a stranger nor one that is gone."""
    one, other = Loads(ONE), Loads(OTHER)
    other.measured(0.0, 900, {})
    one.hear(other.take(), lambda _: False)
    assert one.of(OTHER, 1.0) == 0.0
    one.hear(other.take(), everybody)
    one.forget(OTHER)
    assert one.of(OTHER, 1.0) == 0.0


def test_a_message_carries_few_reports_and_all_have_their_turn() -> None:
    """Its size does not depend on the number of members."""
    loads = Loads(ONE)
    for number in range(30):
        each = Loads(Life(f"n{number}", number))
        each.measured(0.0, number, {})
        loads.hear(each.take(), everybody)
    seen = set()
    for _ in range(4):
        reports = loads.take()
        assert len(reports) == LOAD
        seen |= {report.name for report in reports}
    assert len(seen) == 31


async def test_the_least_loaded_node_gets_the_next_actor() -> None:
    """By the messages that wait there, as its node says; with a role only those that have it."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        busy, idle = await cluster.start("busy", "worker"), await cluster.start("idle", "worker")
        for node in (here, busy):
            puppet = node.spawn(Puppet)
            await occupy(puppet)
            for _ in range(1_000):
                puppet.tell("wait")
        await cluster.clock.advance(10)
        refs = [here.spawn(Puppet, at=LeastLoaded()) for _ in range(3)]
        assert {ref.node_name for ref in refs} == {"idle"}
        assert here.spawn(Puppet, at=LeastLoaded("worker")).node_name == "idle"
        await cluster.kill(idle)
        assert here.spawn(Puppet, at=LeastLoaded("worker")).node_name == "busy"


class Other(Actor):
    """Another class."""


async def test_a_role_places_where_the_fewest_of_that_class_are() -> None:
    """Whoever places them, a parent or the node; what has ended counts no more."""
    async with Cluster() as cluster:
        here = await cluster.start("here")
        for name in ("a", "b"):
            await cluster.start(name, "worker")
        first = [here.spawn(Puppet, at=Role("worker")) for _ in range(4)]
        assert sorted(ref.node_name for ref in first) == ["a", "a", "b", "b"]
        for ref in first:
            if ref.node_name == "a":
                await cluster.finish(ref.stop())
        await cluster.finish(here.spawn(Other, at=Role("worker")).stop())
        await cluster.clock.advance(5)
        second = [here.spawn(Puppet, at=Role("worker")) for _ in range(2)]
        assert [ref.node_name for ref in second] == ["a", "a"]


@pytest.mark.parametrize("capacity", [0, -1.0, float("inf"), float("nan"), True, "2"])
def test_a_capacity_is_checked(capacity: Any) -> None:
    """A positive number."""
    with pytest.raises((TypeError, ValueError), match="capacity"):
        Node("n", capacity=capacity)
