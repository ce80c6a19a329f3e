"""Invariants notice what they are there for, and nothing else."""

from __future__ import annotations

from collections import Counter

from actors.testing import MembershipConverges, Simulation
from tests.simulation import workload
from tests.simulation.kit import ask, failure, run, up


def test_a_ledger_that_does_not_add_up_is_noticed_at_once() -> None:
    """One message too many, and the node is named."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        await ask(sim, "a", "b")
        sim.node("b")._known().ledger.told += 1
        await ask(sim, "a", "b")

    error = failure(scenario)
    assert "the ledger of 'b' does not add up" in str(error)


def test_so_is_one_of_what_was_sent() -> None:
    """Both halves of the ledger count."""

    async def scenario(sim: Simulation) -> None:
        await up(sim, "a", "b")
        sim.node("a")._known().ledger.outbound += 1
        await ask(sim, "a", "b")

    assert "the ledger of 'a' does not add up" in str(failure(scenario))


def test_members_that_do_not_find_each_other_are_noticed() -> None:
    """After the bound, counted from the last fault or start."""

    async def scenario(sim: Simulation) -> None:
        sim.check(MembershipConverges(within=20.0))
        await sim.start("a", seeds=[])
        await sim.start("b", seeds=[])
        for _ in range(100):
            await sim.sleep(1.0)

    error = failure(scenario)
    assert 20.0 <= error.now <= 21.1
    assert "a sees nobody; b sees nobody" in str(error)


def test_members_may_be_of_any_opinion_while_there_are_faults() -> None:
    """A partition that lasts is no violation."""

    async def scenario(sim: Simulation) -> None:
        sim.check(MembershipConverges(within=5.0))
        await up(sim, "a", "b")
        sim.partition({"a"}, {"b"})
        await sim.sleep(60.0)
        assert not sim.converged
        sim.heal()
        await sim.sleep(60.0)
        assert sim.converged

    run(scenario)


def test_the_workload_does_what_it_is_for() -> None:
    """Stations write, are answered, hear of ends; singletons move; parcels arrive: all work."""
    counts: Counter[str] = Counter()
    for seed in range(15):
        counts += workload.play(seed).observer.counts
    assert counts["received"] > 100
    assert counts["answered"] > 50
    assert counts["ended"] > 5
    assert counts["slips"] > 20
    assert counts["singletons"] > 10
    assert counts["handled"] > 100
